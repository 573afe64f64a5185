# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chromium without a screen, driven over WebDriver (https://www.w3.org/TR/webdriver2/) with the standard library only.

with Browser(tmp_path) as browser:
    browser.open(page)
    browser.run("return document.title")
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.patience import patient, until

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--disable-default-apps", "--hide-scrollbars=false", "--force-color-profile=srgb"),
)  # fmt: skip
SCHEMES_OF_PAGES = ("file:", "data:", "about:", "blob:", "chrome:", "devtools:")


class Browser:
    """One browser with a home of its own, which is removed with it."""

    def __init__(
        self, scratch: Path, width: int = 1280, height: int = 900, dark: bool = False
    ) -> None:
        self._home = scratch / "chromium"
        self._home.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self._base = f"http://127.0.0.1:{port}"
        self._log = (scratch / "chromedriver.log").open("w")
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=self._log, stderr=self._log, cwd=scratch
        )
        try:
            until(self._is_up, "chromedriver answers")
            flags = [*FLAGS, f"--user-data-dir={self._home}", f"--window-size={width},{height}"]
            flags += ["--force-dark-mode"] if dark else []
            wanted = {
                "browserName": "chrome",
                "goog:chromeOptions": {"args": flags},
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }
            made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self._base += f"/session/{made['sessionId']}"
            self.resize(width, height)
            if dark:
                self.cdp(
                    "Emulation.setEmulatedMedia",
                    features=[{"name": "prefers-color-scheme", "value": "dark"}],
                )
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        try:
            self._ask("DELETE", "", None)
        finally:
            self._end()

    def _end(self) -> None:
        self._driver.terminate()
        self._driver.wait(timeout=patient(30))
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _is_up(self) -> bool:
        try:
            return bool(self._ask("GET", "/status", None)["ready"])
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=patient(60)) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(json.load(error)["value"]["message"]) from None

    def cdp(self, command: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width: int, height: int) -> None:
        """The size of what a page sees, which may be narrower than a window can be."""
        mobile = width < 600
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    def open(self, page: Path | str) -> None:
        """Load a page, a file or an address."""
        self._ask("POST", "/url", {"url": page.as_uri() if isinstance(page, Path) else page})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that a script's `return` gives."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def keys(self, text: str) -> None:
        """Type on the keyboard, wherever the focus is; keys without characters as WebDriver numbers them."""
        steps = [{"type": kind, "value": char} for char in text for kind in ("keyDown", "keyUp")]
        self._ask(
            "POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": steps}]}
        )

    def picture(self, path: Path) -> None:
        """Save what is seen as PNG."""
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot", None)))

    def printed(self) -> bytes:
        """The page as PDF, as it would be printed."""
        return base64.b64decode(self._ask("POST", "/print", {}))

    def said(self) -> list[str]:
        """What is in the console since the last call: errors and warnings of pages and of policies."""
        return [entry["message"] for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def requested(self) -> list[str]:
        """The addresses that pages have asked for on a network since the last call."""
        entries = self._ask("POST", "/se/log", {"type": "performance"})
        events = [json.loads(entry["message"])["message"] for entry in entries]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        urls = [one["request"]["url"] for one in sent]
        return [url for url in urls if not url.startswith(SCHEMES_OF_PAGES)]
