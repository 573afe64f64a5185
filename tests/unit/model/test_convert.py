# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a container image becomes an appc manifest, and nothing more than that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podwright.errors import ImageError
from podwright.model.convert import Origin, convert
from podwright.model.image import ImageManifest
from podwright.model.ociconfig import parse_config

HEX = "0123456789abcdef" * 4
LABELS = (("version", "1.0"), ("os", "linux"), ("arch", "amd64"))
ORIGIN = Origin("r.io/a/b:1.0", f"sha256:{HEX}", f"sha256:{HEX}", "r.io", "a/b", "1.0")


def made(config: dict[str, Any], **fields: Any) -> ImageManifest:
    document = {
        "os": "linux",
        "architecture": "amd64",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{HEX}"]},
        **fields,
    }
    parsed = parse_config(json.dumps(document).encode(), 1, "r.io/a/b:1.0")
    return convert(parsed, "r.io/a/b", LABELS, ORIGIN)


def test_everything_of_the_table() -> None:
    image = made(
        {
            "Entrypoint": ["/bin/server", "--loud"],
            "Cmd": ["--port", "80"],
            "Env": ["PATH=/bin", "EMPTY=", "DROPPED", "PATH=/usr/bin", "X=a=b\nc"],
            "User": "web:staff",
            "WorkingDir": "/srv//www/",
            "ExposedPorts": {"80/tcp": {}, "443": {}, "53/udp": {}, "9000-9002": {}, "7/sctp": {}},
            "Volumes": {"/var/lib/x": {}, "/var/lib-x": {}, "/Data": {}},
            "Labels": {"coreos.com/rkt/stage1/run": "/bin/evil", "maintainer": "me"},
            "StopSignal": "SIGQUIT",
            "Healthcheck": {"Test": ["CMD", "true"]},
        },
        created="2026-01-02T03:04:05.123456789Z",
        author="Me <me@example.com>",
    )
    app = image.app
    assert app is not None
    assert (image.name, image.labels) == ("r.io/a/b", LABELS)
    assert app.exec == ("/bin/server", "--loud", "--port", "80")
    assert app.environment == (("PATH", "/usr/bin"), ("EMPTY", ""), ("X", "a=b\nc"))
    assert (app.user, app.group, app.working_directory) == ("web", "staff", "/srv/www")
    assert [(port.name, port.protocol, port.port, port.count) for port in app.ports] == [
        ("443", "tcp", 443, 1),
        ("53-udp", "udp", 53, 1),
        ("7-sctp", "sctp", 7, 1),
        ("80-tcp", "tcp", 80, 1),
        ("9000-9002", "tcp", 9000, 3),
    ]
    assert [(point.name, point.path) for point in app.mount_points] == [
        ("volume-data", "/Data"),
        ("volume-var-lib-x", "/var/lib-x"),
        ("volume-var-lib-x-1", "/var/lib/x"),
    ]
    annotations = dict(image.annotations)
    assert annotations["created"] == "2026-01-02T03:04:05.123456789Z"
    assert annotations["authors"] == "Me <me@example.com>"
    assert annotations["appc.io/docker/entrypoint"] == '["/bin/server","--loud"]'
    assert annotations["appc.io/docker/stopsignal"] == "SIGQUIT"
    assert set(annotations) <= {"created", "authors"} | {
        name for name in annotations if name.startswith("appc.io/docker/")
    }
    assert image.raw["app"]["userLabels"]["coreos.com/rkt/stage1/run"] == "/bin/evil"
    assert app.isolators_json == () and app.handlers == ()


def test_an_image_may_say_nothing_at_all() -> None:
    app = made({}).app
    assert app is not None
    assert (app.exec, app.user, app.group, app.working_directory) == ((), "0", "0", "/")


@pytest.mark.threat("T36")
@pytest.mark.parametrize(
    ("user", "becomes"),
    [("", "0:0"), ("1000", "1000:1000"), ("1000:0", "1000:0"), ("web", "web:web"), ("a:5", "a:5"),
     ("2147483647", "2147483647:2147483647")],
)  # fmt: skip
def test_users_are_names_or_plain_numbers(user: str, becomes: str) -> None:
    app = made({"User": user}).app
    assert app is not None and f"{app.user}:{app.group}" == becomes


@pytest.mark.threat("T36")
@pytest.mark.parametrize(
    "user",
    ["0x0", "-1", " 0", "2147483648", "4294967296", "+0", "00", "1000:", ":0", ":", "a:b:c", "a b", "/etc/passwd",
     "\u0660", "root\n", "x" * 40],
)  # fmt: skip
def test_other_users_are_refused(user: str) -> None:
    with pytest.raises(ImageError) as caught:
        made({"User": user})
    assert "is not USER or USER:GROUP" in caught.value.sentence()


@pytest.mark.threat("T35")
@pytest.mark.parametrize(
    "path", ["/proc/self/fd/7", "//proc/1", "/./proc", "..", "/a/../..", "rel/ative", "/sys", "/dev/fd/7", "/a\nb"]
)  # fmt: skip
def test_a_working_directory_is_inside_the_image(path: str) -> None:
    with pytest.raises(ImageError):
        made({"WorkingDir": path})


@pytest.mark.threat("T37")
@pytest.mark.parametrize(
    "entries",
    [["A B=1"], ["=1"], ["A\n=1"], ["1A=1"], ["A=" + "x" * 131072],
     [f"V{n}=" + "x" * 100_000 for n in range(11)], [f"V{n}=x" for n in range(4097)], ["A=\0"], "PATH=/bin", [1]],
)  # fmt: skip
def test_an_environment_that_cannot_be_is_refused(entries: Any) -> None:
    with pytest.raises(ImageError):
        made({"Env": entries})


@pytest.mark.threat("T38")
@pytest.mark.parametrize(
    "path",
    ["", "/", "/.", "..", "/a/..", "relative", "/proc", "/proc/sys", "/sys/fs", "/dev", "/a\0b"],
)
def test_a_volume_is_a_place_inside_the_image(path: str) -> None:
    with pytest.raises(ImageError):
        made({"Volumes": {path: {}}})


@pytest.mark.parametrize(
    "port", ["", "x", "0", "65536", "80-", "90-80", "80/TCP", "80/tcp/x", " 80", "-80"]
)
def test_what_is_no_port_is_refused(port: str) -> None:
    with pytest.raises(ImageError):
        made({"ExposedPorts": {port: {}}})


@pytest.mark.threat("T38")
def test_fields_that_look_like_host_directives_do_nothing() -> None:
    plain = made({"Cmd": ["x"]})
    loaded = made(
        {"Cmd": ["x"], "Hooks": {"prestart": [{"path": "/bin/evil"}]}, "Mounts": [{"source": "/"}]},
        hooks={"prestart": []}, mounts=[{"source": "/", "destination": "/host"}],
        annotations={"run.oci.hooks": "/bin/evil"},
    )  # fmt: skip
    assert loaded.raw == plain.raw
