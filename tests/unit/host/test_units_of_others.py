# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that are not ours are neither written nor removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils import agent_units

from podwright.errors import HostError, UsageError
from podwright.host import systemd
from podwright.model import names
from podwright.model.spec import parse_desired

OURS = systemd.OURS.format(name="web") + "changes are overwritten\n[Unit]\n"


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for index, attribute in enumerate(("UNIT_DIR", "OTHER_DIRS")):
        directory = tmp_path / attribute
        directory.mkdir()
        monkeypatch.setattr(systemd, attribute, (str(directory), (str(directory),))[index])
    return tmp_path / "UNIT_DIR"


def test_units_of_ours_are_no_obstacle(units: Path) -> None:
    systemd.check_ours("web")
    (units / "podwright-web.service").write_text(OURS)
    (units / "podwright-web.socket").write_text(OURS)
    systemd.check_ours("web")
    assert systemd.read_unit("web") == OURS


@pytest.mark.threat("T81")
@pytest.mark.parametrize("kind", ["service", "socket"])
@pytest.mark.parametrize("text", ["[Unit]\n", systemd.OURS.format(name="webb"), "\xe9\n"])
def test_a_unit_that_the_operator_wrote_is_refused(units: Path, kind: str, text: str) -> None:
    path = units / f"podwright-web.{kind}"
    path.write_text(text, encoding="latin-1")
    for removes in (False, True):
        with pytest.raises(HostError, match=f"podwright-web.{kind} is not ours"):
            systemd.check_ours("web", removes=removes)
    assert systemd.read_files("web") == ""
    settings = parse_settings()
    with pytest.raises(HostError, match="is not ours"):
        systemd.write_files("web", settings, ["/usr/bin/podwright"])
    assert path.read_text(encoding="latin-1") == text


def parse_settings() -> dict[str, object]:
    from podwright.reconcile import canonical

    return canonical.settings(parse_desired({"pods": [{"name": "web", "image": "a"}]}).pods[0])


@pytest.mark.threat("T81")
def test_a_link_to_what_looks_like_ours_is_not_ours(units: Path) -> None:
    (units / "elsewhere").write_text(OURS)
    os.symlink("elsewhere", units / "podwright-web.service")
    with pytest.raises(HostError, match="is not ours"):
        systemd.check_ours("web")


@pytest.mark.threat("T81")
def test_a_unit_of_a_package_is_not_shadowed(units: Path) -> None:
    path = units.parent / "OTHER_DIRS/podwright-web.service"
    path.write_text("[Unit]\n")
    with pytest.raises(HostError, match=f"is not ours .{path}"):
        systemd.check_ours("web")
    systemd.check_ours("web", removes=True)


@pytest.mark.threat("T81")
def test_a_masked_unit_stays_masked(units: Path) -> None:
    os.symlink("/dev/null", units / "podwright-web.service")
    with pytest.raises(HostError, match=r"podwright-web.service is masked") as caught:
        systemd.check_ours("web")
    assert caught.value.hint == "systemctl unmask podwright-web.service"
    systemd.check_ours("web", removes=True)


@pytest.mark.threat("T81", "T92")
def test_a_unit_with_bytes_that_are_no_text_is_still_ours(units: Path) -> None:
    (units / "podwright-web.service").write_bytes(OURS.encode() + b"# caf\xe9\n")
    systemd.check_ours("web")
    assert systemd.read_unit("web") == OURS + "# caf\\xe9\n"


@pytest.mark.threat("T81")
def test_no_pod_has_the_name_of_a_unit_that_comes_with_the_agent() -> None:
    shipped = {Path(path).stem for path in agent_units.FILES if "/systemd/" in path}
    assert {f"podwright-{name}" for name in names.RESERVED} == shipped
    for name in names.RESERVED:
        with pytest.raises(UsageError, match=f"podwright's own is called podwright-{name}"):
            parse_desired({"pods": [{"name": name, "image": "a"}]})
        assert parse_desired({"pods": [{"name": name, "state": "absent"}]}).pods[0].name == name


@pytest.mark.threat("T83")
@pytest.mark.parametrize("call", ["write", "remove"])
def test_halves_of_calls_that_were_killed_go_and_what_is_not_the_pods_stays(
    units: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(systemd, "systemctl", lambda *_, check=True: 0)
    others = {
        "podwright-webb.service.7.new",
        "podwright-web.service.d",
        "podwright-web.service.x.new",
    }
    for name in (*others, "podwright-web.service.12345.new", "podwright-web.socket.6.new"):
        (units / name).write_text(OURS)
    if call == "write":
        systemd.write_files("web", parse_settings(), ["/usr/bin/podwright"])
        (units / "podwright-web.service").unlink()
    else:
        systemd.remove_unit("web")
    assert {path.name for path in units.iterdir()} == others
