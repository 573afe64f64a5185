# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""list and status (behaviour.md B10), on pod directories that no pod ever ran in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from podwright import jsonio
from podwright.host.paths import Layout
from podwright.main import main
from podwright.model.image import App, MountPoint
from podwright.model.pod import HostPort, PodApp, PodManifest, dump_pod
from podwright.model.volume import Mount, Volume
from podwright.stage0 import pods

UUID = "6733c088-a507-4694-aabf-a0bf93f1fd6b"
IMAGE = "sha512-" + "0a" * 32
MANIFEST = PodManifest(
    apps=(
        PodApp(
            "web",
            IMAGE,
            "example.com/web",
            (("version", "1.0"),),
            App(("/web",), "0", "0", mount_points=(MountPoint("conf", "/conf", True),)),
            mounts=(Mount("conf", "/conf"), Mount("data", "/data")),
        ),
        PodApp("side", IMAGE, "example.com/side", (), App(("/side",), "0", "0")),
    ),
    volumes=(Volume("conf", "host", "/etc"), Volume("data", "empty")),
    ports=(HostPort("http", 8080),),
    user_labels=(("tier", "front"),),
)
NETWORKS = [{"netName": "default", "ip": "172.16.28.2"}]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(data=f"{tmp_path}/data")
    pods.ensure_directories(found)
    return found


def put(layout: Layout, directory: str = pods.RUN, **files: str) -> Path:
    """A pod directory; keyword arguments are files (underscores for hyphens)."""
    path = Path(layout.pods, directory, UUID)
    path.mkdir()
    files.setdefault("pod", jsonio.dumps(dump_pod(MANIFEST)))
    files.setdefault("pod_created", "2026-01-02T03:04:05.000Z")
    files.setdefault("net_info.json", jsonio.dumps(NETWORKS))
    for name, text in files.items():
        (path / name.replace("_", "-")).write_text(text)
    return path


def ended(**fields: Any) -> str:
    """The record of a pod's end."""
    record = {"finished": "2026-01-02T03:05:00.000Z", "status": 3, "reason": "failed", "error": ""}
    return jsonio.dumps({**record, "apps": {"web": 3, "side": 143}, **fields})


class Command:
    """One command line on the data directory."""

    def __init__(self, layout: Layout, capsys: pytest.CaptureFixture[str], *argv: str) -> None:
        self.exit = main([f"--dir={layout.data}", *argv])
        self.stdout, self.stderr = capsys.readouterr()


def test_an_ended_pod(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    put(layout, exited=ended(), started_at="2026-01-02T03:04:06.000Z")
    assert Command(layout, capsys, "status", "6733").stdout == (
        "state=exited\n"
        f"uuid={UUID}\n"
        "created=2026-01-02T03:04:05.000Z\n"
        "started=2026-01-02T03:04:06.000Z\n"
        "exited=true\n"
        "finished=2026-01-02T03:05:00.000Z\n"
        "reason=failed\n"
        "selinux=off (not enabled on this host)\n"
        "private-users=off\n"
        "app-web.image=example.com/web:1.0 (sha512-0a0a0a0a0a0a)\napp-web=3\n"
        "app-side.image=example.com/side (sha512-0a0a0a0a0a0a)\napp-side=143\n"
    )


def test_a_virtual_machine(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    runtime = {"stage1": "kvm", "net": "none", "stage1Image": IMAGE, "stage1Name": "a.b/c:1"}
    machine = {
        "accelerator": "kvm",
        "runner": "libvirt",
        "kind": "q35",
        "cpus": 2,
        "memory": 640,
        "boot": 1.234,
        "steps": {"kernel": 0.5, "guest": 0.25, "app": 1, "other": 2},
        "kernel": "6.1\x1b[31m\n",
        "more": "x",
    }
    put(layout, runtime_config=jsonio.dumps(runtime), machine=jsonio.dumps(machine))
    shown = Command(layout, capsys, "status", "6733").stdout.splitlines()
    assert shown[3:11] == [
        "stage1=kvm",
        "net=none",
        "stage1-image=a.b/c:1 (sha512-0a0a0a0a0a0a)",
        "machine=q35 libvirt",
        "accelerator=kvm",
        "vcpus=2",
        "guest-memory=640Mi",
        "guest-kernel=6.1\\x1b[31m\\x0a",
    ]
    assert shown[11] == "boot-overhead=1.23s (kernel 0.50s, guest 0.25s; apps began after 1.00s)"
    seen = json.loads(Command(layout, capsys, "status", UUID, "--format=json").stdout)
    assert seen["stage1_image"] == {"id": IMAGE, "name": "a.b/c:1"}
    del machine["more"], machine["steps"]
    steps = {"kernel": 0.5, "guest": 0.25, "app": 1}
    assert seen["machine"] == {**machine, "steps": steps}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cpus": "2", "boot": "x", "steps": [1]}'])
def test_what_is_damaged_of_a_machine_is_left_out(
    layout: Layout, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    put(layout, machine=text)
    done = Command(layout, capsys, "status", "6733", "--format=json")
    assert json.loads(done.stdout)["machine"] == {}


def test_a_running_pod(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(layout, pid="4711", runtime_config='{"name": "front", "net": "default"}')
    (path / "stage1/rootfs/rkt/status").mkdir(parents=True)
    (path / "stage1/rootfs/rkt/supervisor-status").symlink_to("ready")
    (path / "stage1/rootfs/rkt/status/side").write_text("0\n")
    pod = pods.get(layout, UUID)
    assert pod is not None
    held = pods.lock(layout, pod)
    try:
        shown = Command(layout, capsys, "status", UUID, "--wait-ready").stdout
        seen = json.loads(Command(layout, capsys, "status", UUID, "--format=json").stdout)
    finally:
        held.close()
    assert shown.splitlines() == [
        "name=front",
        "state=running",
        f"uuid={UUID}",
        "created=2026-01-02T03:04:05.000Z",
        "net=default",
        "networks=default:ip4=172.16.28.2",
        "pid=4711",
        "ready=true",
        "exited=false",
        "selinux=off (not enabled on this host)",
        "app-web.image=example.com/web:1.0 (sha512-0a0a0a0a0a0a)",
        "app-web.state=running",
        "app-side.image=example.com/side (sha512-0a0a0a0a0a0a)",
        "app-side.state=exited",
        "app-side=0",
    ]
    assert (seen["name"], seen["pod_name"], seen["state"]) == (UUID, "front", "running")
    assert (seen["pid"], seen["ready"], seen["app_names"]) == (4711, True, ["web", "side"])
    assert seen["networks"] == NETWORKS
    assert seen["ports"] == [{"name": "http", "host_port": 8080, "host_ip": "", "count": 1}]
    assert seen["user_labels"] == {"tier": "front"}
    web, side = seen["apps"]
    assert (web["state"], web["exit_code"], side["state"], side["exit_code"]) == (
        *("running", None),
        *("exited", 0),
    )
    assert (web["image_id"], web["image_name"], web["image_version"]) == (
        IMAGE,
        "example.com/web",
        "1.0",
    )
    assert web["mounts"] == [
        {
            "name": "conf",
            "container_path": "/conf",
            "host_path": "/etc",
            "read_only": True,
        },
        {
            "name": "data",
            "container_path": "/data",
            "host_path": f"{path}/sharedVolumes/data",
            "read_only": False,
        },
    ]


def test_a_pod_that_ended_is_not_ready_and_has_no_address(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(layout, pid="1", exited=ended())
    (path / "stage1/rootfs/rkt").mkdir(parents=True)
    (path / "stage1/rootfs/rkt/supervisor-status").symlink_to("ready")
    seen = json.loads(Command(layout, capsys, "status", UUID, "--format=json").stdout)
    assert (seen["ready"], seen["pid"], seen["networks"]) == (False, None, [])
    result = Command(layout, capsys, "status", UUID, "--wait-ready")
    assert (result.exit, result.stdout) == (254, "")
    assert "ended before it was ready" in result.stderr


@pytest.mark.parametrize(
    "directory, flag, complaint",
    [
        ("run", "--wait", ""),
        ("run", "--wait=5s", ""),
        ("prepared", "--wait=false", ""),
        ("prepared", "--wait-ready=false", ""),
        ("prepared", "--wait=1ms", "has not ended after 1ms"),
        ("prepared", "--wait-ready=1ms", "is not ready after 1ms"),
        ("prepared", "--wait=soon", "the time to wait: 'soon' is not a duration"),
    ],
)
def test_waiting(
    layout: Layout,
    capsys: pytest.CaptureFixture[str],
    directory: str,
    flag: str,
    complaint: str,
) -> None:
    put(layout, directory)
    result = Command(layout, capsys, "status", UUID, flag)
    if complaint:
        assert (result.exit, result.stdout) == (254, "")
        assert complaint in result.stderr
    else:
        assert (result.exit, result.stderr) == (0, "")
        assert result.stdout.startswith("state=")


DAMAGED = {
    "manifest missing": {"pod": ""},
    "manifest cut": {"pod": '{"acKind": '},
    "manifest of another kind": {"pod": "[]"},
    "runtime-config of another kind": {"runtime_config": "[1]"},
    "end of another kind": {"exited": '"x"'},
    "apps of another kind": {"exited": '{"apps": [1]}'},
    "networks of another kind": {"net_info.json": "{}"},
}


@pytest.mark.parametrize("files", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_pod_is_shown_as_far_as_it_can_be_read(
    layout: Layout, capsys: pytest.CaptureFixture[str], files: dict[str, str]
) -> None:
    put(layout, **files)
    for line in ("list", "list --full", "list --format=json", f"status {UUID}"):
        result = Command(layout, capsys, *line.split())
        assert (result.exit, result.stderr) == (0, "")
        assert "exited" in result.stdout
    (seen,) = json.loads(Command(layout, capsys, "list", "--format=json").stdout)
    assert bool(seen.get("error")) is ("pod" in files)


def test_list(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    assert Command(layout, capsys, "list", "--no-legend").stdout == ""
    assert Command(layout, capsys, "list", "--format=json").stdout == "[]\n"
    put(layout, exited=ended(), runtime_config='{"name": "front"}')
    titles, web, side = (
        line.split("\t") for line in Command(layout, capsys, "list").stdout.splitlines()
    )
    assert [title.strip() for title in titles] == [
        *("UUID", "POD", "APP", "IMAGE NAME", "STATE", "CREATED", "STARTED", "NETWORKS"),
        *("APP STATE", "READY"),
    ]
    assert [cell.strip() for cell in web[:5]] == [
        *(UUID[:8], "front", "web", "example.com/web:1.0", "exited")
    ]
    assert web[-1].strip() == "exited 3"
    assert [cell.strip() for cell in side] == [
        *("", "", "side", "example.com/side", "", "", "", "", "exited 143")
    ]
    full = Command(layout, capsys, "list", "--full", "--no-legend").stdout.splitlines()
    cells = [cell.strip() for cell in full[0].split("\t")]
    assert (cells[0], cells[4], cells[6]) == (UUID, IMAGE, "2026-01-02T03:04:05.000Z")


def test_what_each_of_several_apps_does_is_told(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    records = {
        "web": {"status": 0, "over": True, "reason": "exited"},
        "side": {"status": None, "restarts": 2, "started": "2026-01-02T03:04:07.000Z"},
    }
    put(layout, pid="4711", apps=jsonio.dumps(records))
    pod = pods.get(layout, UUID)
    assert pod is not None
    held = pods.lock(layout, pod)
    try:
        _, web, side = Command(layout, capsys, "list").stdout.splitlines()
    finally:
        held.close()
    assert web.split("\t")[4].strip() == "running", "the pod"
    assert web.split("\t")[-1].strip() == "exited 0"
    assert [cell.strip() for cell in side.split("\t")[-2:]] == ["running, 2 restarts", "yes"]


def test_protection_that_a_pod_does_not_have_is_told(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was known when it was prepared, and what was found when it started."""
    config = jsonio.dumps({"name": "front", "reports": ["no users of its own"]})
    put(layout, exited=ended(), runtime_config=config, reports='["no limit"]')
    lines = Command(layout, capsys, "status", UUID).stdout.splitlines()
    assert [line for line in lines if line.startswith("report=")] == [
        "report=no users of its own",
        "report=no limit",
    ]
    seen = json.loads(Command(layout, capsys, "status", UUID, "--format=json").stdout)
    assert seen["reports"] == ["no users of its own", "no limit"]


def test_hostile_text_does_not_reach_the_terminal(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    put(layout, exited=ended(error="\x1b[2J\nstate=running"), pod_created="\x1b[2J")
    for line in ("list", "list --full", f"status {UUID}"):
        shown = Command(layout, capsys, *line.split()).stdout
        assert "\x1b" not in shown
        assert "\nstate=running" not in shown


def test_a_uuid_file_names_the_pod(
    layout: Layout, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    put(layout)
    (tmp_path / "uuid").write_text(f"{UUID}\n")
    for verb in ("status", "cat-manifest"):
        result = Command(layout, capsys, verb, f"--uuid-file={tmp_path}/uuid")
        assert (result.exit, result.stderr) == (0, "")
    assert Command(layout, capsys, "cat-manifest", f"--uuid-file={tmp_path}/none").exit == 254
    result = Command(layout, capsys, "status", f"--uuid-file={tmp_path}/none")
    assert (result.exit, result.stdout) == (1, "")
    assert result.stderr.startswith(f"podwright: --uuid-file: {tmp_path}/none cannot be read")


def test_cat_manifest(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    put(layout)
    pretty = Command(layout, capsys, "cat-manifest", UUID).stdout
    plain = Command(layout, capsys, "cat-manifest", UUID, "--pretty-print=false").stdout
    assert pretty.count("\n") > 20 and plain.count("\n") == 1
    assert json.loads(pretty) == json.loads(plain) == dump_pod(MANIFEST)


@pytest.mark.parametrize("verb", ["status", "cat-manifest"])
def test_a_pod_that_does_not_exist(
    layout: Layout, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    result = Command(layout, capsys, verb, "web")
    assert (result.exit, result.stdout) == (254, "")
    assert result.stderr == ("podwright: no pod is called 'web'; podwright list shows the pods\n")
    assert not os.listdir(f"{layout.pods}/run")


NAMED_ONLY = {
    "format": 1,
    "revision": 1,
    "created": "2026-01-02T03:04:05.000Z",
    "runtime": {"apps": [{"name": "web", "image_id": IMAGE}]},
    "settings": {},
    "images": {"web": "example.com/web:1.0"},
    "uuid": UUID,
}


def run(layout: Layout, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """A command's status, output and errors."""
    result = Command(layout, capsys, *words)
    return result.exit, result.stdout, result.stderr


def put_name(layout: Layout) -> None:
    """A named pod, stopped, whose last instance was collected."""
    directory = Path(layout.named, "web")
    (directory / "revisions").mkdir(parents=True)
    (directory / "revisions/1.json").write_text(json.dumps(NAMED_ONLY))
    (directory / "current").symlink_to("revisions/1.json")
    (directory / "instance").write_text(UUID)


def test_a_named_pod_without_an_instance_is_stopped_and_not_unknown(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    put_name(layout)
    assert run(layout, capsys, "status", "web") == (0, "name=web\nstate=stopped\n", "")
    assert run(layout, capsys, "status", "--wait", "web")[0] == 0
    status, _, said = run(layout, capsys, "status", "--wait-ready", "web")
    assert (status, said) == (254, "podwright: pod web is stopped; start it: podwright start web\n")
    _, shown, _ = run(layout, capsys, "status", "--format=json", "web")
    found = json.loads(shown)
    assert (found["pod_name"], found["state"], found["app_names"]) == ("web", "stopped", ["web"])
    _, shown, _ = run(layout, capsys, "list", "--no-legend")
    assert [cell.strip() for cell in shown.split("\t")][:5] == [
        *("-", "web", "web", "example.com/web:1.0", "stopped")
    ]
    assert run(layout, capsys, "list", "--format=json")[1] == "[]\n"
    status, _, said = run(layout, capsys, "cat-manifest", "web")
    assert "pod web has no instance now, only its revisions; start it: podwright start web" in said


def test_who_asks_by_name_is_answered_by_name(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    put_name(layout)
    put(layout, runtime_config=json.dumps({"name": "web"}))
    held = pods.lock(layout, pods.find(layout, "web"))
    for verb, said in (
        ("rm", "pod web is running; stop it first: podwright stop web"),
        (
            "run-prepared",
            "pod web is running, not prepared or ended; stop it first: podwright stop",
        ),
        ("status --wait=0.01s", "pod web has not ended after 0.01s; podwright logs shows"),
    ):
        assert said in run(layout, capsys, *verb.split(), "web")[2]
    target = Path(layout.data, "x.aci")
    assert (
        "pod web is running; stop it first: podwright stop web"
        in (run(layout, capsys, "export", "web", str(target))[2])
    )
    said = run(layout, capsys, "export", "web")[2]
    assert (
        said == "podwright: export needs a file to write; podwright export UUID-OR-NAME FILE.aci\n"
    )
    held.close()


def test_the_log_of_an_aborted_pod_says_what_can_be_done(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    put(layout, pods.PREPARE)
    said = run(layout, capsys, "logs", UUID)[2]
    assert f"it was not started yet; its preparation failed; remove it: podwright rm {UUID}" in said
    assert f"remove it: podwright rm {UUID}, and" in run(layout, capsys, "run-prepared", UUID)[2]
