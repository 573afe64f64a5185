# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for behaviour tests. All are lazy: a pure unit test pays for none of them.

`private_host`   a throw-away host of namespaces: own network, processes, mounts, /run, cgroups, /etc/hosts, in which
                 `example.com`, `images.example.com` and `evil.example.com` are 127.0.0.1. `.run([...])` runs a command
                 there, `.popen`, `.listen`, `.connect` as named. Processes of pods have its PID numbers, so look at
                 them with `.run`. Paths are the machine's, so `tmp_path` is the same inside and outside.
`agent`          the agent on `private_host`: `agent("list")` → `.exit .stdout .stderr`; `agent.ok(...)` → stdout;
                 `agent.refused(...)` → the one line it refused with; `agent.apply({...})` → its JSON answer;
                 `agent.trust(key, "example.com")`; `agent.data`, `agent.local`: its directories.
`lab`            gpg keys for the session: `lab.key` (the one tests trust) and `lab.stranger` (never trusted);
                 `key.sign(path)`, `key.armoured`, `key.fingerprint`.
`tiny_image`     the builder of small busybox images: `tiny_image(version="1.1", app=aci.app([...]))` → path, cached.
`signed_image`   the same, copied to `tmp_path` and signed with `lab.key`: `x.aci` with `x.aci.asc` beside it.
`https_server`   an empty image server for `example.com` at 127.0.0.1:443 of the host, whose CA the agent accepts:
                 `https_server.root`, `.requests`, `.answers` (see tests.support.webserver), and `publish(...)` below.
`published`      `published(version="1.1", app=…, name=…, key=lab.key | None)` builds, signs and serves
                 an image for discovery.
`registry`       a real container registry on the host, with TLS and log-in, whose CA the agent accepts:
                 `registry.push_layout(layout.path, "app/web:1.0")` (see tests.support.registry and .ocilayout).

A skip that is not in tests/allowed-skips.txt fails the run (tests.support.skips). `@pytest.mark.threat("T01")` says
which row of the threat catalogue a test automates (tests.support.threats).
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import aci, cgroups, scratch, skips, thorough, threats, webserver
from tests.support import tiny_image as tiny
from tests.support.agent import Agent
from tests.support.gpglab import GpgLab, Key
from tests.support.private_host import PrivateHost
from tests.support.registry import Registry
from tests.support.webserver import ImageServer

ALLOWED_SKIPS = Path(__file__).with_name("allowed-skips.txt")
HOST_NAMES = ("example.com", "images.example.com", "evil.example.com", "registry.example.com")


@dataclasses.dataclass(frozen=True)
class Keys:
    """The session's keys and their lab."""

    lab: GpgLab
    key: Key
    stranger: Key


@pytest.fixture(scope="session")
def lab() -> Iterator[Keys]:
    """Two signing keys in a throw-away gpg home: `key` and `stranger`."""
    with GpgLab() as home:
        key = home.generate("Images <images@example.com>")
        yield Keys(home, key, home.generate("Stranger <stranger@example.org>"))


@pytest.fixture(scope="session")
def tiny_image() -> Callable[..., Path]:
    """See `tests.support.tiny_image.build`."""
    return tiny.build


@pytest.fixture
def signed_image(lab: Keys, tmp_path: Path) -> Callable[..., Path]:
    """Build a small image and sign it, as files."""

    def make(**options: Any) -> Path:
        cached = tiny.build(**options)
        image = tmp_path / "images" / cached.name
        image.parent.mkdir(exist_ok=True)
        shutil.copyfile(cached, image)
        lab.key.sign(image)
        return image

    return make


@pytest.fixture
def private_host(tmp_path: Path) -> Iterator[PrivateHost]:
    """A fresh host of namespaces for this test."""
    if os.geteuid() != 0:
        pytest.fail(
            "behaviour tests make namespaces and need root: run them as root, or `make unit` for the others"
        )
    scratch = tmp_path / "private-host"
    scratch.mkdir()
    with PrivateHost(scratch, dict.fromkeys(HOST_NAMES, "127.0.0.1")) as host:
        yield host


@pytest.fixture
def agent(private_host: PrivateHost, tmp_path: Path) -> Agent:
    """The agent from this checkout, with empty directories."""
    return Agent(private_host, tmp_path / "agent")


@pytest.fixture
def https_server(private_host: PrivateHost, agent: Agent, tmp_path: Path) -> Iterator[ImageServer]:
    """An empty image server on the private host."""
    root = tmp_path / "www"
    root.mkdir()
    server = ImageServer(root, HOST_NAMES)
    server.serve_on(private_host.listen())
    agent.accept_certificates_of(server)
    yield server
    server.close()


@pytest.fixture
def registry(private_host: PrivateHost, agent: Agent, tmp_path: Path) -> Iterator[Registry]:
    """An empty container registry that wants a log-in."""
    with Registry(private_host, tmp_path) as server:
        agent.accept_authority(server.host, server.files)
        yield server


@pytest.fixture
def published(
    https_server: ImageServer, signed_image: Callable[..., Path], lab: Keys
) -> Callable[..., Path]:
    """Build, sign and serve a small image; returns the served file. `key=None` serves it without a signature."""

    def publish(
        version: str = "1.0",
        name: str = tiny.NAME,
        key: Key | None = lab.key,
        app: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Path:
        image = signed_image(name=name, version=version, app=app, **options)
        signature = key.sign(image) if key is not None else None
        return webserver.publish(
            https_server.root, name, image, version, aci.host_arch(), signature
        )

    return publish


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    threats.add_option(parser)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Attach the threat rows that tests are marked with; leave out what a sample does not have."""
    threats.select(config, items)
    thorough.select(config, items)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table of threats when it was asked for."""
    threats.summarise(terminalreporter, config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Clear away what earlier runs left, once, before workers start, and say where this one writes."""
    threats.configure(config)
    if hasattr(config, "workerinput"):
        return
    if os.geteuid() == 0:
        cgroups.sweep("pwtest")
    scratch.sweep()
    if config.option.basetemp is None:
        config.option.basetemp = str(scratch.directory())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that would otherwise pass, when it skipped a test that may not be skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if hasattr(session.config, "workerinput") or reporter is None:
        return
    skipped = [report.nodeid for report in reporter.stats.get("skipped", [])]
    offenders = skips.unexpected(skipped, skips.allowed(ALLOWED_SKIPS))
    for test in offenders:
        reporter.write_line(f"skipped, but not in tests/allowed-skips.txt: {test}", red=True)
    if offenders and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if session.config.getoption("threats") and not threats.complete(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if session.exitstatus == pytest.ExitCode.OK:
        scratch.remove(scratch.directory())
