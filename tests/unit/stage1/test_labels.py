# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which label and profile a pod is given, against a root directory as a host with SELinux has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import LaunchError, UsageError
from podwright.host import mcs, selinux
from podwright.stage0 import labelcheck
from podwright.stage1.contract import Launch
from podwright.stage1.namespaces import labelled, labels
from podwright.stage1.namespaces.plan import compile_pod
from podwright.values import replace
from tests.unit.host.test_selinux import DEBIAN, host
from tests.unit.stage1.test_plan import launch

CONTEXT = {"user": "u", "role": "r", "type": "t", "level": "s0:c5,c6"}


def pod(tmp_path: Path, *apps: dict[str, Any], **options: Any) -> Launch:
    directory = tmp_path / "pod"
    directory.mkdir()
    plain = launch(*(apps or ({},)), **options)
    return replace(plain, pod_dir=str(directory), net_dir=str(tmp_path / "run/net"))


def attach(given: Launch, root: str) -> labels.Labels:
    return labels.attach(given, compile_pod(given), root)


def isolator(value: Any, name: str = labels.SELINUX, **more: Any) -> dict[str, Any]:
    return {"isolators": [{"name": name, "value": value, **more}]}


def test_a_pod_gets_a_pair_of_its_own_for_processes_and_files(tmp_path: Path) -> None:
    root = host(tmp_path / "host")
    given = attach(pod(tmp_path, {}, {}), root)
    (level,) = mcs.in_use(str(tmp_path / "run"))
    assert given.plan.label is not None
    assert given.plan.label.process == f"system_u:system_r:container_t:{level}"
    assert given.plan.label.file == f"system_u:object_r:container_file_t:{level}"
    assert given.plan.label.ro_file == "system_u:object_r:container_ro_file_t:s0"
    for app in given.plan.apps:
        process = given.plan.label.process
        assert app.attributes == (("keycreate", process), ("exec", process))
    written = json.loads((tmp_path / "pod/selinux").read_text())
    assert written == {
        "process": given.plan.label.process,
        "file": given.plan.label.file,
        "apps": dict.fromkeys(("a0", "a1"), given.plan.label.process),
        "shared": "system_u:object_r:container_file_t:s0",
    }
    given.release()
    assert mcs.in_use(str(tmp_path / "run")) == {}


def test_volumes_are_labelled_as_asked(tmp_path: Path) -> None:
    kinds = [
        {"name": "plain", "kind": "host", "source": "/srv/1"},
        {"name": "private", "kind": "host", "source": "/srv/2", "relabel": "private"},
        {"name": "shared", "kind": "host", "source": "/srv/3", "relabel": "shared"},
        {"name": "empty", "kind": "empty"},
    ]
    mounts = [{"volume": volume["name"], "path": f"/{volume['name']}"} for volume in kinds]
    given = attach(pod(tmp_path, {"mounts": mounts}, volumes=kinds), host(tmp_path / "host"))
    assert given.plan.label is not None
    found = {bind.where: bind.label for bind in given.plan.apps[0].binds}
    assert found == {
        "/plain": "",
        "/private": given.plan.label.file,
        "/shared": "system_u:object_r:container_file_t:s0",
        "/empty": given.plan.label.file,
    }
    given.release()


def test_nothing_is_given_where_it_is_off(tmp_path: Path) -> None:
    given = attach(pod(tmp_path), str(tmp_path / "none"))
    assert (given.plan.label, given.reports, given.plan.apps[0].attributes) == (None, [], ())
    assert not (tmp_path / "pod/selinux").exists()


def test_off_is_off_on_a_host_that_has_it(tmp_path: Path) -> None:
    given = attach(pod(tmp_path, selinux="off"), host(tmp_path / "host"))
    assert (given.plan.label, given.reports) == (None, [])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("enforce", [None, "0"])
def test_require_refuses_where_nothing_would_be_denied(tmp_path: Path, enforce: str | None) -> None:
    root = host(tmp_path / "host", enforce=enforce) if enforce else str(tmp_path / "none")
    with pytest.raises(LaunchError, match="selinux: require: SELinux is"):
        attach(pod(tmp_path, selinux="require"), root)


def test_require_is_content_where_it_is_enforcing(tmp_path: Path) -> None:
    """The control of the refusals."""
    given = attach(pod(tmp_path, selinux="require"), host(tmp_path / "host"))
    assert given.plan.label is not None
    given.release()


def test_a_policy_without_containers_is_reported_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = host(tmp_path / "host")
    monkeypatch.setattr(selinux, "_knows", lambda _context, _root: False)
    (tmp_path / "host" / DEBIAN).unlink()
    asked = pod(tmp_path)
    given = attach(asked, root)
    assert given.plan.label is None
    assert given.reports[0].startswith("no SELinux label: the SELinux policy names no contexts")
    with pytest.raises(selinux.PolicyError):
        attach(replace(asked, selinux="require"), root)


def test_a_policy_without_levels_is_reported(tmp_path: Path) -> None:
    root = host(tmp_path / "host")
    (tmp_path / "host/sys/fs/selinux/mls").write_text("0")
    given = attach(pod(tmp_path), root)
    assert given.plan.label is not None
    assert given.plan.label.process == "system_u:system_r:container_t"
    assert "no levels" in given.reports[0]


def test_a_pod_of_flavour_fly_has_no_label_unless_its_operator_says_one(tmp_path: Path) -> None:
    root = host(tmp_path / "host")
    fly = replace(pod(tmp_path, isolator(CONTEXT)), stage1="fly")
    given = attach(fly, root)
    assert dict(given.plan.apps[0].attributes)["exec"] == "u:r:t:s0:c5,c6"
    assert given.plan.label is not None
    assert given.plan.label.file == "system_u:object_r:container_file_t:s0:c5,c6"
    manifest = launch({}).manifest
    given.release()
    plain = attach(replace(fly, manifest=manifest), root)
    assert plain.plan.label is None
    assert plain.reports == ["no SELinux label: a fly pod runs as the host itself does"]


def test_a_context_that_an_operator_says_is_not_dropped_by_selinux_off(tmp_path: Path) -> None:
    asked = replace(pod(tmp_path, isolator(CONTEXT)), selinux="off")
    with pytest.raises(LaunchError, match="cannot be enforced: the pod says selinux: off"):
        attach(asked, host(tmp_path / "host"))


def test_an_operator_can_say_the_context_of_an_app(tmp_path: Path) -> None:
    given = attach(pod(tmp_path, isolator(CONTEXT), {}), host(tmp_path / "host"))
    first, second = given.plan.apps
    assert dict(first.attributes)["exec"] == "u:r:t:s0:c5,c6"
    assert dict(second.attributes)["exec"] == "system_u:system_r:container_t:s0:c5,c6"
    assert given.plan.label is not None
    assert given.plan.label.file == "system_u:object_r:container_file_t:s0:c5,c6"
    assert given.slot is not None
    assert list(mcs.in_use(str(tmp_path / "run"))) == ["s0:c5,c6"]
    given.release()


def test_two_levels_in_one_pod_are_refused(tmp_path: Path) -> None:
    other = isolator({**CONTEXT, "level": "s0:c7,c8"})
    with pytest.raises(LaunchError, match="one SELinux level"):
        attach(pod(tmp_path, isolator(CONTEXT), other), host(tmp_path / "host"))


@pytest.mark.parametrize(
    "asked, name",
    [(isolator(CONTEXT), labels.SELINUX), (isolator("web", labels.APPARMOR), labels.APPARMOR)],
)
def test_isolators_are_refused_where_they_cannot_be_had(
    tmp_path: Path, asked: dict[str, Any], name: str
) -> None:
    with pytest.raises(LaunchError, match=f"app a0: its isolator {name} cannot be enforced"):
        attach(pod(tmp_path, asked), str(tmp_path / "none"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value, name", [(CONTEXT, labels.SELINUX), ("web", labels.APPARMOR)])
def test_optional_isolators_are_reported(tmp_path: Path, value: Any, name: str) -> None:
    asked = pod(tmp_path, isolator(value, name, optional=True))
    root = str(tmp_path / "none")
    assert attach(asked, root).plan.apps[0].attributes == ()
    (told,) = labels.refuse(asked.manifest, "auto", "namespaces", root)
    assert told.startswith(f"app a0: its isolator {name} is not enforced: ")


def test_a_loaded_apparmor_profile_is_given(tmp_path: Path) -> None:
    for name, text in (
        ("sys/module/apparmor/parameters/enabled", "Y\n"),
        ("sys/kernel/security/apparmor/profiles", "web (enforce)\n"),
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    given = attach(pod(tmp_path, isolator("web", labels.APPARMOR)), str(tmp_path))
    assert given.plan.apps[0].attributes == (("apparmor/exec", "exec web"),)


@pytest.mark.threat("T66")
def test_the_hosts_own_directories_are_not_relabelled() -> None:
    with pytest.raises(LaunchError, match=r"volume data: /usr/\.\./etc is /etc of the host"):
        labelled.check_source("data", "/usr/../etc")


@pytest.mark.threat("T66")
@pytest.mark.parametrize("name", ["security", "lib"])
def test_what_is_below_the_hosts_own_directories_is_not_relabelled(
    name: str, tmp_path: Path
) -> None:
    """The directory of PAM's modules could be made every pod's."""
    link = tmp_path / name
    link.symlink_to("/usr/lib/python3")
    with pytest.raises(LaunchError, match="is in /usr of the host and is not relabelled"):
        labelled.check_source("data", str(link))


@pytest.mark.parametrize(
    "level, pairs, told",
    [("s0-s0:c8,c9", ["s0:c8,c9"], False), ("s0", [], True), ("s0:c1.c5", [], True)],
)
def test_the_pair_of_a_range_is_held_and_a_level_without_a_pair_is_reported(
    tmp_path: Path, level: str, pairs: list[str], told: bool
) -> None:
    asked = pod(tmp_path, isolator({**CONTEXT, "level": level}))
    given = attach(asked, host(tmp_path / "host"))
    assert list(mcs.in_use(str(tmp_path / "run"))) == pairs
    assert [f"SELinux level {level}" in text for text in given.reports] == [True] * told
    given.release()


def test_another_directory_may_be_relabelled(tmp_path: Path) -> None:
    """The control of the refusal."""
    labelled.check_source("data", str(tmp_path))


def test_verify_knows_which_paths_hold_relabelled_volumes() -> None:
    kinds = [
        {"name": "plain", "kind": "host", "source": "/srv/1"},
        {"name": "own", "kind": "host", "source": "/srv/2", "relabel": "private"},
        {"name": "all", "kind": "host", "source": "/srv/3", "relabel": "shared"},
    ]
    first = [{"volume": "own", "path": "/a"}, {"volume": "own", "path": "/b"}]
    second = [{"volume": "all", "path": "/a"}, {"volume": "plain", "path": "/b"}]
    manifest = launch({"mounts": first}, {"mounts": second}, volumes=kinds).manifest
    contexts = {"private": "P", "shared": "S"}
    assert labelcheck._relabelled(manifest, contexts) == {"/a": "P S"}


@pytest.mark.parametrize(
    "options, context",
    [
        ('overlay rw,context="u:r:t:s0:c1,c2",lowerdir=/x', "u:r:t:s0:c1,c2"),
        ("tmpfs rw,context=u:r:t:s0,size=64k", "u:r:t:s0"),
        ("tmpfs rw,seclabel,size=64k", "none"),
        ("tmpfs rw,rootcontext=u:r:t:s0", "none"),
        ("overlay rw,lowerdir=/context=u", "none"),
    ],
)
def test_the_context_is_read_out_of_mount_options(options: str, context: str) -> None:
    assert labelcheck.context_of(options) == context


def test_a_mode_that_is_not_known_is_refused() -> None:
    from podwright.model.spec import parse_desired

    raw = {"version": 1, "pods": [{"name": "web", "image": "example.com/web", "selinux": "on"}]}
    with pytest.raises(UsageError, match=r"pods\[0\].selinux"):
        parse_desired(raw)
