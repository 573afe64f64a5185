# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command lines of `app sandbox` and `app add` ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright.cli import apps, options, sandboxes, verbs
from podwright.cli.context import build
from podwright.errors import PodwrightError, UsageError
from podwright.model.image import Port
from podwright.model.pod import HostPort


def sandbox(tmp_path: Path, *words: str) -> object:
    globals_ = options.Arguments()
    globals_.flags = {"dir": [str(tmp_path)], "local-config": [str(tmp_path)]}
    globals_.flags["system-config"] = [str(tmp_path)]
    verb = verbs.find_sub(verbs.find_exact("app"), "sandbox")
    return sandboxes.spec(options.parse(list(words), verb, globals_), build(globals_))


def add(*words: str) -> apps.MultiArguments:
    verb = verbs.find_sub(verbs.find_exact("app"), "add")
    return apps.parse(list(words), verb, options.Arguments())


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("web:tcp:80:127.0.0.1:8080", HostPort("web", 8080, "127.0.0.1", Port("web", "tcp", 80))),
        ("dns:udp:53::53", HostPort("dns", 53, "", Port("dns", "udp", 53))),
        ("web:tcp:80:8080", HostPort("web", 8080, "", Port("web", "tcp", 80))),
        (
            "web:tcp:80:[2001:db8::1]:8080",
            HostPort("web", 8080, "2001:db8::1", Port("web", "tcp", 80)),
        ),
        ("80-tcp:8080", HostPort("80-tcp", 8080)),
    ],
)
def test_both_spellings_of_a_port_work(tmp_path: Path, text: str, port: HostPort) -> None:
    spec = sandbox(tmp_path, f"--port={text}", "--net=default")
    assert getattr(spec, "ports") == (port,)  # noqa: B009
    assert getattr(spec, "mutable") and getattr(spec, "apps") == ()  # noqa: B009


@pytest.mark.parametrize(
    "word",
    [
        *("--port=web:tcp:0:8080", "--port=web:tcp:80:host:8080", "--port=web:tcp:80:1.2.3.4:x"),
        *("--port=web:tcp:80", "--port=WEB:tcp:80:8080", "--port=web:icmp:80:8080"),
        *("--annotation=podwright.io/name=x", "--annotation=x", "--user-label==x"),
        *("--annotation=coreos.com/rkt/stage1/mutable=false", "--stage1-name=fly", "--volume=x"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(PodwrightError):
        sandbox(tmp_path, word)


def test_flags_may_stand_before_the_image() -> None:
    pod, image, own, extra = sandboxes.added(
        add("POD", "--name=a", "IMAGE", "--user=1", "--", "x", "--y")
    )
    assert (pod, image, extra) == ("POD", "IMAGE", ["x", "--y"])
    assert own.flags == {"name": ["a"], "user": ["1"]}


@pytest.mark.parametrize("words", [("POD",), ("POD", "IMAGE", "OTHER")])
def test_one_image_is_added_to_one_pod(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="app add needs a pod and one image"):
        sandboxes.added(add(*words))
