# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods of a stage1 image of somebody's: the example of docs/examples/stage1-chroot, driven as its README says, and
one that writes down what it is told (tests/agent/stage1_recorder.py).
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent
from tests.support.paths import CHECKOUT

Build = Callable[..., Path]
PATIENCE = 60.0
PREFIX = "coreos.com/rkt/stage1/"
RECORDER = Path(__file__).with_name("stage1_recorder.py")
EXAMPLE = CHECKOUT / "docs" / "examples" / "stage1-chroot"


@pytest.fixture
def stage1(agent: Agent, lab: Keys, tmp_path: Path) -> Path:
    """The example as an image, signed with a key that the agent trusts."""
    agent.trust(lab.key, "example.com")
    made = tmp_path / "stage1-chroot.aci"
    agent.ok("image", "build", EXAMPLE, made, "--owner=0:0")
    lab.key.sign(made)
    return made


def shell(script: str) -> dict[str, object]:
    """An app that runs a script."""
    return aci.app(["/bin/sh", "-c", script])


@pytest.fixture
def image(stage1: Path, signed_image: Build) -> Path:
    """An image whose app runs until it is asked to end."""
    return signed_image()


class Running:
    """A pod that runs in the background, ended with the host."""

    def __init__(
        self, agent: Agent, tmp_path: Path, *arguments: str | Path, verb: tuple[str, ...] = ("run",)
    ) -> None:
        self.agent = agent
        self.file = tmp_path / "uuid"
        command = [*agent.command, *verb, "--net=none", f"--uuid-file-save={self.file}"]
        self.process = agent.host.popen([*command, *map(str, arguments)])

    @property
    def uuid(self) -> str:
        return self.file.read_text().strip()

    @property
    def path(self) -> Path:
        """Of its directory, wherever that lies now."""
        return next(self.agent.data.glob(f"pods/*/{self.uuid}"))

    def wait(self, holds: Callable[[], object], what: str) -> None:
        """Until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"{what}: never; {self.ended(0)}"
            assert self.process.poll() is None or holds(), f"{what}: {self.ended()}"
            time.sleep(0.02)

    def ready(self) -> Running:
        """Wait until it is."""
        self.wait(self.file.exists, "UUID file")
        done = self.agent("status", "--wait-ready=60s", self.uuid)
        assert done.exit == 0, (done, self.ended(0))
        return self

    def wait_gone(self, work: Callable[[], object]) -> None:
        """Until nothing of it is left."""
        deadline = time.monotonic() + PATIENCE
        while list(self.agent.data.glob(f"pods/*/{self.uuid}")):
            assert time.monotonic() < deadline, "never gone"
            work()

    def ended(self, timeout: float = PATIENCE) -> tuple[int, str, str]:
        """How it ended."""
        if not timeout:
            self.process.kill()
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err

    def status(self) -> dict[str, Any]:
        """What `status` says."""
        found: dict[str, Any] = json.loads(self.agent.ok("status", "--format=json", self.uuid))
        return found


@pytest.mark.parametrize("status", [0, 7])
def test_run_returns_the_status_of_the_app(
    agent: Agent, stage1: Path, signed_image: Build, status: int
) -> None:
    image = signed_image(app=shell(f"echo hello from $$ in $(hostname); exit {status}"))
    command = ["run", f"--stage1-path={stage1}", "--net=none", "--hostname=box", str(image)]
    result = agent(*command)
    assert (result.exit, result.stdout) == (status, "hello from 2 in box\n")


def test_a_running_pod_is_listed_entered_and_stopped(
    agent: Agent, stage1: Path, image: Path, tmp_path: Path
) -> None:
    pod = Running(agent, tmp_path, f"--stage1-path={stage1}", image).ready()
    status = pod.status()
    assert (status["state"], status["ready"], status["apps"][0]["state"]) == (
        "running",
        True,
        "running",
    )
    assert status["pid"] == int((pod.path / "pid").read_text())
    assert pod.uuid[:8] in agent.ok("list")
    entered = agent("enter", pod.uuid, "/bin/sh", "-c", "echo $AC_APP_NAME in $(hostname); exit 5")
    assert (entered.exit, entered.stdout) == (5, f"tiny in rkt-{pod.uuid}\n")
    bare = agent("enter", pod.uuid, "sh", "-c", "hostname")
    assert (bare.exit, bare.stdout) == (0, f"rkt-{pod.uuid}\n"), bare
    missing = agent("enter", pod.uuid, "/bin/nosuch")  # a traceback, once
    assert missing.exit == 203 and "'/bin/nosuch': No such file" in missing.stderr, missing
    assert "Traceback" not in missing.stderr
    assert agent.ok("stop", pod.uuid) == f'"{pod.uuid}"\n'
    assert pod.ended()[0] == 0
    status = pod.status()
    assert (status["state"], status["exit_reason"]) == ("exited", "stopped")
    assert status["apps"][0]["exit_code"] == 0
    agent.ok("rm", pod.uuid)
    assert list(agent.data.glob(f"pods/*/{pod.uuid}")) == []


def points(*more: str, version: int | None = None, **changes: str | None) -> dict[str, str]:
    """The annotations of a stage1 image; None leaves one out."""
    said: dict[str, str | None] = {name: f"/{name}" for name in ("run", "enter", "gc", *more)}
    said.update(changes)
    if version is not None:
        said["interface-version"] = str(version)
    return {f"{PREFIX}{name}": text for name, text in said.items() if text is not None}


@pytest.fixture
def recorder(agent: Agent, lab: Keys, tmp_path: Path) -> Build:
    """Builds a stage1 image that writes down what it is told and does what a script says."""
    agent.trust(lab.key, "example.com")

    def build(said: dict[str, str], script: dict[str, Any], **own: Any) -> Path:
        root = tmp_path / "recorder"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        shutil.copyfile(RECORDER, root / "recorder")
        (root / "recorder").chmod(0o755)
        for name, path in said.items():
            place = root / path.lstrip("/")
            if name != f"{PREFIX}interface-version" and path.count("/") < 3 and ".." not in path:
                place.parent.mkdir(exist_ok=True)
                place.symlink_to("recorder" if place.parent == root else "../recorder")
        (root / "script").write_text(json.dumps(script))
        for name, target in own.get("links", {}).items():
            (root / name).unlink(missing_ok=True)
            (root / name).symlink_to(target)
        for name in own.get("directories", ()):
            (root / name).unlink(missing_ok=True)
            (root / name).mkdir()
        listed = [
            {"name": name, "value": text} for name, text in {**said, **own.get("also", {})}.items()
        ]
        content = aci.image_manifest("example.com/recorder", "1.0", None, annotations=listed)
        made = tmp_path / "recorder.aci"
        aci.build(root, content, made)
        lab.key.sign(made)
        return made

    return build


def told(agent: Agent, point: str = "run") -> dict[str, Any]:
    """What the only pod's stage1 has written down."""
    (path,) = agent.data.glob(f"pods/*/*/told-{point}")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_run_is_executed_as_the_contract_says(
    agent: Agent, recorder: Build, signed_image: Build, version: int
) -> None:
    made = recorder(points(version=version), {"run": {"status": 0, "apps": {"tiny": 0}}})
    image = signed_image(app=shell("exit 1"))
    environment = {"RKT_FANCY": "1", "CANARY": "leaked", "LD_PRELOAD": "", "RKT_LOCK_FD": "77"}
    debug = ["--debug"] if version == 3 else []
    command: list[str | Path] = [*debug, "run", f"--stage1-path={made}", "--net=none", image]
    result = agent(*command, env=environment)
    assert (result.exit, result.stdout) == (0, "from the stage1\n"), result
    found = told(agent)
    (pod,) = agent.data.glob("pods/run/*")
    expected = [*debug, "--net=none", f"--local-config={agent.local}"]
    expected += [f"--hostname=rkt-{pod.name}"] if version >= 2 else []
    expected += ["--dns-conf-mode=resolv=default,hosts=default"] if version >= 4 else []
    expected += ["--ipc=auto"] if version >= 6 else []
    assert found["argv"] == [*expected, pod.name]
    assert (found["cwd"], found["program"]) == (str(pod), f"{pod}/stage1/rootfs/run")
    assert found["locked"] and found["session"] and found["mode"] == "overlay"
    variables = found["environment"]
    assert variables.pop("RKT_FANCY") == "1" and variables.pop("RKT_LOCK_FD") != "77"
    known = {"PATH", "RKT_SELINUX_CONTEXT", "RKT_SELINUX_MOUNT_CONTEXT"}
    assert known <= set(variables) <= known | {"LANG", "TERM", "TZ", "LC_CTYPE"}
    others = {each for each in found["descriptors"] if each not in "012"}
    assert len(others) <= 2 and any(path == str(pod) for path in found["descriptors"].values())
    assert "bin" in found["apps"]["tiny"] and {"rkt", "opt"} <= set(found["own"])
    assert {"pod", "appsinfo", "stage1", "stage1TreeStoreID", "overlay-prepared"} <= set(
        found["files"]
    )
    reported = f"interface version {version} has no --hostname" in result.stderr
    assert reported is (version < 2)
    manifest = json.loads((pod / "pod").read_text())
    assert {"name": "coreos.com/rkt/stage1/mutable", "value": "false"} in manifest["annotations"]
    assert json.loads((pod / "stage1/manifest").read_text())["name"] == "example.com/recorder"


@pytest.mark.parametrize(
    ("option", "needed"),
    [
        ("--hostname=web", 2),
        ("--insecure-options=seccomp", 3),
        ("--insecure-options=paths", 3),
        ("--dns=192.0.2.1", 4),
        ("--hosts-entry=192.0.2.1=peer", 4),
        ("--ipc=private", 6),
        ("--ipc=parent", 6),
    ],
)
def test_what_was_asked_for_and_cannot_be_said_is_refused(
    agent: Agent, recorder: Build, signed_image: Build, option: str, needed: int
) -> None:
    image = signed_image(app=shell("exit 0"))
    made = recorder(points(version=needed - 1), {})
    result = agent("run", f"--stage1-path={made}", "--net=none", option, image)
    assert result.exit == 254 and f"this needs {needed}" in result.stderr, result
    assert "leave it out, or use a newer stage1" in result.stderr
    assert not list(agent.data.glob("pods/*/*/told-run"))
    made = recorder(points(version=needed), {})
    agent.ok("run", f"--stage1-path={made}", "--net=none", option, image)
    assert told(agent)["argv"][-1]


def test_files_of_names_are_where_the_contract_has_them(
    agent: Agent, recorder: Build, signed_image: Build
) -> None:
    image = signed_image(app=shell("exit 0"))
    made = recorder(points(version=4), {})
    names = ["--dns=192.0.2.1", "--hosts-entry=192.0.2.7=peer"]
    agent.ok("run", f"--stage1-path={made}", "--net=none", *names, image)
    found = told(agent)
    assert "--dns-conf-mode=resolv=stage0,hosts=stage0" in found["argv"]
    assert "nameserver 192.0.2.1" in found["etc"]["rkt-resolv.conf"]
    assert "192.0.2.7" in found["etc"]["rkt-hosts"]


def test_without_overlay_the_roots_are_copies(
    agent: Agent, recorder: Build, signed_image: Build
) -> None:
    made = recorder(points(), {})
    agent.ok("run", f"--stage1-path={made}", "--net=none", "--no-overlay", signed_image())
    found = told(agent)
    assert found["mode"] == "copy" and "bin" in found["apps"]["tiny"]


def test_private_users_are_said_as_a_shift_and_own_the_files(
    agent: Agent, recorder: Build, signed_image: Build
) -> None:
    made = recorder(points(), {})
    agent.ok("run", f"--stage1-path={made}", "--net=none", "--private-users", signed_image())
    (said,) = (word for word in told(agent)["argv"] if word.startswith("--private-users="))
    first, count = map(int, said.partition("=")[2].split(":"))
    (pod,) = agent.data.glob("pods/run/*")
    root = pod / "stage1/rootfs/opt/stage2/tiny/rootfs"
    assert (count, (root / "bin").stat().st_uid) == (65536, first)
    assert (pod / "private-users-prepared").read_text() == f"{first}:{count}\n"
    assert (pod / "stage1/rootfs/rkt/status").stat().st_uid == first
    agent.ok("rm", pod.name)


@pytest.mark.parametrize(
    ("script", "status", "app"),
    [
        ({"status": 4}, 4, 4),
        ({"status": 0, "apps": {"tiny": 9}}, 9, 9),
        ({"status": 1, "apps": {"tiny": 9}}, 1, 9),
        ({"status": 0, "apps": {"tiny": ""}}, 0, 0),
    ],
)
def test_the_end_is_what_run_and_the_status_files_say(
    agent: Agent,
    recorder: Build,
    signed_image: Build,
    script: dict[str, Any],
    status: int,
    app: int,
) -> None:
    made = recorder(points(), {"run": script})
    result = agent("run", f"--stage1-path={made}", "--net=none", signed_image())
    assert result.exit == status, result
    (pod,) = agent.data.glob("pods/run/*")
    said = json.loads(agent.ok("status", "--format=json", pod.name))
    assert (said["exit_status"], said["apps"][0]["exit_code"]) == (status, app)


@pytest.mark.parametrize(
    "said", ["256", "-1", "6" * 60, "x" * 1000, "\u00b2", "0x1", {"fifo": True}]
)
def test_a_status_that_is_none_is_no_success_and_no_traceback(
    agent: Agent, recorder: Build, signed_image: Build, said: Any
) -> None:
    made = recorder(points(), {"run": {"status": 0, "apps": {"tiny": said}}})
    result = agent("run", f"--stage1-path={made}", "--net=none", signed_image())
    assert result.exit == 254 and "Traceback" not in result.stderr, result
    assert "app tiny: its status is unknown" in result.stderr
    (pod,) = agent.data.glob("pods/run/*")
    status = json.loads(agent.ok("status", "--format=json", pod.name))
    assert (status["exit_status"], status["exit_reason"]) == (254, "failed")
    (app,) = status["apps"]
    assert (app["state"], app["exit_code"], app["exit_reason"]) == ("exited", None, "unknown")
    agent.ok("rm", pod.name)


def test_a_pod_whose_launcher_is_killed_ends_with_it_and_leaves_nothing(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    made = recorder(points("stop"), {"run": {"wait": True, "pid": True, "stray": True}})
    pod = Running(agent, tmp_path, f"--stage1-path={made}", signed_image()).ready()
    launcher = json.loads((pod.path / "init").read_text())["launcher"]["pid"]
    agent.host.run(["kill", "-9", str(launcher)]).check()
    pod.process.wait(timeout=PATIENCE)
    agent.ok("gc", "--grace-period=0s")  # what holds the lock is ended, then it is an ended pod
    pod.wait_gone(lambda: agent.ok("gc", "--grace-period=0s"))
    pod.process.communicate(timeout=PATIENCE)
    assert "sleep 3600" not in agent.host.run(["ps", "-ef"]).stdout
    assert str(agent.data) not in agent.host.run(["cat", "/proc/mounts"]).stdout
    assert agent.ok("list", "--no-legend") == ""


@pytest.mark.parametrize("own", ["", "kill", 3, "nothing"])
def test_stop_force_ends_the_pod_whatever_its_stage1_does(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path, own: Any
) -> None:
    script = {"run": {"wait": True, "pid": True, "ignore": True, "stray": True}, "stop": own}
    script["stop"] = 0 if own == "nothing" else own
    made = recorder(points(*(["stop"] if own != "" else [])), script)
    pod = Running(agent, tmp_path, f"--stage1-path={made}", signed_image()).ready()
    agent.ok("stop", "--force", pod.uuid)
    assert pod.ended()[0] == 128 + 9
    assert pod.status()["exit_reason"] == "stopped"
    if own != "":
        assert told(agent, "stop")["argv"] == ["--force", pod.uuid]
    assert "sleep 3600" not in agent.host.run(["ps", "-ef"]).stdout


GOOD = {"netName": "mine", "ifName": "eth0", "ip": "192.0.2.9"}
BAD_PORT = {**GOOD, "ports": [{"protocol": "tcp", "hostPort": "80"}]}


@pytest.mark.parametrize(
    ("said", "good"),
    [
        ("fifo", 0),
        ("endless", 0),
        ("link", 0),
        ("", 0),
        ("{}", 0),
        ("[5,null]", 0),
        (json.dumps([GOOD]), 1),
        (
            json.dumps([GOOD, BAD_PORT, {**GOOD, "ip": 1}, {**GOOD, "addresses": "x"}, {"ip": ""}]),
            1,
        ),
    ],
)
def test_list_and_status_answer_whatever_a_pod_says_of_its_networks(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path, said: str, good: int
) -> None:
    agent.data.mkdir(exist_ok=True)
    (agent.data / "canary").write_text(json.dumps([GOOD]))
    made = recorder(points(), {"run": {"wait": True, "pid": True, "net-info": said}})
    pod = Running(agent, tmp_path, f"--stage1-path={made}", signed_image()).ready()
    status = pod.status()
    assert [one["netName"] for one in status["networks"]] == ["mine"] * good
    told = [text for text in status["reports"] if text.startswith("net-info.json")]
    assert len(told) == (said != json.dumps([GOOD]))
    assert ("mine:ip4=192.0.2.9" in agent.ok("list")) is bool(good)
    assert ("mine" in agent.ok("status", pod.uuid)) is bool(good)
    agent.ok("stop", "--force", pod.uuid)
    pod.ended()
    agent.ok("rm", pod.uuid)


def test_stop_without_an_entry_point_signals_the_pod(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    made = recorder(points(), {"run": {"wait": True, "ppid": True}})
    pod = Running(agent, tmp_path, f"--stage1-path={made}", signed_image()).ready()
    pod.wait(lambda: pod.status()["pid"], "pid")
    assert pod.status()["pid"] != int((pod.path / "ppid").read_text())
    agent.ok("stop", pod.uuid)  # the child of `ppid`, which nothing follows here: `run` goes on
    agent.ok("stop", "--force", pod.uuid)
    assert pod.ended()[0] == 128 + 9


def test_a_stop_that_fails_says_so_and_the_pod_runs_on(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    made = recorder(points("stop"), {"run": {"wait": True, "pid": True}, "stop": 3})
    pod = Running(agent, tmp_path, f"--stage1-path={made}", signed_image()).ready()
    result = agent("stop", pod.uuid)
    assert (
        result.exit == 254
        and "stop of stage1 example.com/recorder ended with status 3" in result.stderr
    )
    assert pod.status()["state"] == "running"
    agent.ok("stop", "--force", pod.uuid)
    pod.ended()


def test_a_signal_to_the_launcher_runs_the_entry_point_stop(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    made = recorder(
        points("stop"), {"run": {"wait": True, "pid": True, "ignore": True}, "stop": "kill"}
    )
    pod = Running(agent, tmp_path, f"--stage1-path={made}", signed_image()).ready()
    launcher = json.loads((pod.path / "init").read_text())["launcher"]["pid"]
    agent.host.run(["kill", str(launcher)]).check()
    assert pod.ended()[0] == 128 + 9
    assert told(agent, "stop")["argv"] == [pod.uuid]
    assert pod.status()["exit_reason"] == "stopped"


@pytest.mark.parametrize("version", [4, 5])
def test_gc_is_run_when_the_pod_is_removed(
    agent: Agent, recorder: Build, signed_image: Build, version: int, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    made = recorder(points(version=version), {"gc": 3})
    agent.ok("run", f"--stage1-path={made}", "--net=none", signed_image())
    (pod,) = agent.data.glob("pods/run/*")
    result = agent("rm", pod.name)
    assert result.exit == 254, result
    assert "gc of stage1 example.com/recorder ended with status 3" in result.stderr
    (left,) = agent.data.glob("pods/exited-garbage/*")
    found = told(agent, "gc")
    expected = [f"--local-config={agent.local}"] if version >= 5 else []
    assert (found["argv"], found["cwd"]) == ([*expected, pod.name], str(left))
    assert found["mode"] == "overlay" and "script" in found["own"]
    agent.ok("image", "rm", image_id(agent, "example.com/recorder"))
    result = agent("rm", pod.name).check()
    assert "its stage1 takes nothing back" in result.stderr
    assert not list(agent.data.glob("pods/*/*")) and not kept.exists()


@pytest.mark.threat("T80")
@pytest.mark.parametrize(
    "replaced", ["overlay/_stage1", "overlay/_stage1/upper", "overlay", "stage1/rootfs"]
)
def test_a_link_in_place_of_a_pod_s_directory_leads_gc_nowhere(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path, replaced: str
) -> None:
    canary = tmp_path / "canary"
    canary.mkdir(mode=0o711)
    made = recorder(points(), {})
    agent.ok("run", f"--stage1-path={made}", "--net=none", signed_image())
    (pod,) = agent.data.glob("pods/run/*")
    shutil.rmtree(pod / replaced)
    (pod / replaced).symlink_to(canary)
    before = canary.stat()
    result = agent("rm", pod.name)
    assert result.exit == 0 and "its stage1 takes nothing back" in result.stderr, result
    after = canary.stat()
    assert list(canary.iterdir()) == [] and not list(agent.data.glob("pods/*/*"))
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime_ns,
    )


@pytest.mark.threat("T80")
@pytest.mark.parametrize("replaced", ["overlay/_stage1/work", "overlay/tiny", "overlay"])
def test_a_link_in_place_of_a_pod_s_directory_leads_a_second_life_nowhere(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path, replaced: str
) -> None:
    canary = tmp_path / "canary"
    for name in ("kept", "work/kept", "tiny/work/kept"):
        (canary / name).mkdir(parents=True)
    made = recorder(points(), {})
    agent.ok("run", f"--stage1-path={made}", "--net=none", signed_image())
    (pod,) = agent.data.glob("pods/run/*")
    shutil.rmtree(pod / replaced)
    (pod / replaced).symlink_to(canary)
    assert agent("run-prepared", "--net=none", pod.name).exit == 254
    found = {str(each.relative_to(canary)) for each in canary.rglob("*")}
    assert found == {"kept", "work", "work/kept", "tiny", "tiny/work", "tiny/work/kept"}
    agent.ok("rm", pod.name)


def test_what_gc_and_stop_leave_running_is_ended(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    script = {"run": {"wait": True, "pid": True}, "gc": "leave", "stop": "leave"}
    made = recorder(points("stop"), script)
    pod = Running(agent, tmp_path, f"--stage1-path={made}", signed_image()).ready()
    agent("stop", pod.uuid, "--force").check()
    pod.ended()
    assert "sleep 3711" not in agent.host.run(["ps", "-ef"]).stdout
    agent.ok("rm", pod.uuid)
    assert not list(agent.data.glob("pods/*/*"))
    assert "sleep 3711" not in agent.host.run(["ps", "-ef"]).stdout


@pytest.mark.parametrize("own", ["hang", "leave and hang"])
def test_gc_that_hangs_is_ended(
    agent: Agent, recorder: Build, signed_image: Build, own: str
) -> None:
    made = recorder(points(), {"gc": own})
    agent.ok("run", f"--stage1-path={made}", "--net=none", signed_image())
    (pod,) = agent.data.glob("pods/run/*")
    (tree,) = agent.data.glob("cas/tree/*/rootfs/script")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from podwright.stage1.external import points\n"
    code += "points.GC_SECONDS = 0.5\ntry: points.collect(sys.argv[2], (sys.argv[3],), '')\n"
    code += "except points.HostError as err: print(err.sentence())"
    command = [
        "/usr/bin/python3",
        "-ISc",
        code,
        str(CHECKOUT / "agent"),
        str(pod),
        str(tree.parent),
    ]
    assert "took longer than 0.5 s and was ended" in agent.host.run(command).check().stdout
    assert told(agent, "gc")["argv"] == [pod.name]
    assert "sleep 3711" not in agent.host.run(["ps", "-ef"]).stdout


def image_id(agent: Agent, name: str) -> str:
    """Of the stored image of that name."""
    listed = json.loads(agent.ok("image", "list", "--format=json"))
    return next(str(each["id"]) for each in listed if each["name"].startswith(name))


@pytest.mark.threat("T76")
@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"links": {"run": "/usr/bin/true"}}, "No such file or directory"),
        ({"links": {"run": "../../../../../../../../usr/bin/true"}}, "No such file or directory"),
        ({"links": {"run": "/proc/self/exe"}}, "No such file or directory"),
        ({"links": {"gc": "nowhere"}}, "its entry point gc (/gc) cannot be used"),
        ({"links": {"enter": "script"}}, "it is no executable file"),
        ({"directories": ["run"]}, "it is no executable file"),
        ({"links": {"opt": "/tmp"}}, "no usable directory /opt/stage2"),
        ({"links": {"rkt": "../../.."}}, "no usable directory /rkt"),
    ],
)
def test_a_stage1_that_leads_out_of_its_image_is_not_run(
    agent: Agent, recorder: Build, signed_image: Build, own: dict[str, Any], sentence: str
) -> None:
    made = recorder(points(), {}, **own)
    result = agent("run", f"--stage1-path={made}", "--net=none", signed_image())
    assert result.exit == 254 and sentence in result.stderr, result
    assert not list(agent.data.glob("pods/*/*/told-*"))


@pytest.mark.threat("T76")
@pytest.mark.parametrize(
    "said",
    [
        points(run="../../bin/sh"),
        points(run="/../../bin/sh"),
        points(gc=None),
        points(version=7),
        points(version=0),
    ],
)
def test_a_manifest_that_breaks_the_contract_is_refused_before_anything_is_made(
    agent: Agent, recorder: Build, signed_image: Build, said: dict[str, str]
) -> None:
    made = recorder(said, {})
    line = agent.refused("run", f"--stage1-path={made}", "--net=none", signed_image())
    assert "stage1" in line and "example.com/recorder" in line
    assert not list(agent.data.glob("pods/*/*"))


@pytest.mark.threat("T76")
def test_an_entry_point_that_was_changed_since_is_not_executed(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    made = recorder(points(), {})
    agent.ok("run", f"--stage1-path={made}", "--net=none", "--no-overlay", signed_image())
    (pod,) = agent.data.glob("pods/run/*")
    with (pod / "stage1/rootfs/recorder").open("a") as file:
        file.write(f"\nopen({str(tmp_path / 'told-gc')!r}, 'w')\n")
    result = agent("rm", pod.name)
    assert result.exit == 0 and "is not what it was when the pod started" in result.stderr
    assert (
        "its stage1 takes nothing back" in result.stderr and agent.ok("list", "--no-legend") == ""
    )
    assert not list(tmp_path.glob("told-gc"))


DAMAGES: dict[str, tuple[str, bytes | None]] = {
    "no programs": ("stage1/programs", None),
    "empty programs": ("stage1/programs", b""),
    "programs that are a list": ("stage1/programs", b"[]"),
    "no manifest": ("stage1/manifest", None),
    "empty manifest": ("stage1/manifest", b""),
    "no runtime-config": ("runtime-config", None),
    "runtime-config that is a list": ("runtime-config", b"[]"),
    "runtime-config of numbers": ("runtime-config", b'{"stage1Image":1,"stage1":2,"insecure":3}'),
}


def damage(pod: Path, how: str) -> None:
    """As a power cut or a stage1 might."""
    name, content = DAMAGES[how]
    (pod / name).unlink()
    if content is not None:
        (pod / name).write_bytes(content)


@pytest.mark.parametrize("how", DAMAGES)
def test_a_pod_with_a_damaged_record_is_removed_all_the_same(
    agent: Agent, recorder: Build, signed_image: Build, how: str
) -> None:
    made = recorder(points(), {})
    agent.ok("run", f"--stage1-path={made}", "--net=none", signed_image())
    (pod,) = agent.data.glob("pods/run/*")
    damage(pod, how)
    result = agent("rm", pod.name)
    assert result.exit == 0, result
    assert f"pod {pod.name}: its stage1 takes nothing back" in result.stderr
    assert DAMAGES[how][0] in result.stderr and "Error:" not in result.stderr
    assert not list(agent.data.glob("pods/*/*"))


def test_a_damaged_pod_does_not_keep_gc_from_the_others(
    agent: Agent, recorder: Build, signed_image: Build
) -> None:
    made = recorder(points(), {})
    for _ in range(3):
        agent.ok("run", f"--stage1-path={made}", "--net=none", signed_image())
    first, second, _ = sorted(agent.data.glob("pods/run/*"))
    damage(first, "no runtime-config")
    damage(second, "empty manifest")
    done = json.loads(agent.ok("gc", "--grace-period=0s", "--format=json"))
    assert len(done["removed"]) == 3 and not list(agent.data.glob("pods/*/*"))
    assert [first.name in text for text in done["problems"]] == [True, False]


def test_a_named_pod_with_an_empty_record_is_absent_when_that_is_wanted(
    agent: Agent, recorder: Build, signed_image: Build
) -> None:
    made = recorder(points(), {"run": {"wait": True, "pid": True}})
    pod = {"name": "web", "image": str(signed_image()), "net": "none", "stage1": "image"}
    agent.apply({"version": 1, "pods": [{**pod, "stage1_image": {"path": str(made)}}]})
    (here,) = agent.data.glob("pods/run/*")
    damage(here, "empty manifest")
    agent.apply({"version": 1, "pods": [{"name": "web", "state": "absent"}]})
    assert agent.ok("list", "--no-legend") == ""


def test_an_unsigned_stage1_is_not_run(agent: Agent, recorder: Build, signed_image: Build) -> None:
    made = recorder(points(), {})
    made.with_name(f"{made.name}.asc").unlink()
    result = agent("run", f"--stage1-path={made}", "--net=none", signed_image())
    assert result.exit == 254 and "signature" in result.stderr
    assert not list(agent.data.glob("pods/*/*/told-*"))


def test_a_prepared_pod_is_run_by_its_stage1_and_run_again(
    agent: Agent, stage1: Path, signed_image: Build
) -> None:
    image = signed_image(app=shell("echo ran as $(hostname) >> /log; cat /log; exit 6"))
    uuid = agent.ok("prepare", "--quiet", f"--stage1-path={stage1}", image).strip()
    stage1.unlink()
    for lines in (1, 2):  # what the app wrote is still there in its second life
        result = agent("run-prepared", "--net=none", "--hostname=box", uuid)
        assert (result.exit, result.stdout) == (6, "ran as box\n" * lines), result
        assert "app-tiny=6" in agent.ok("status", uuid)


def test_a_named_pod_of_a_stage1_image_is_supervised_and_logged(
    agent: Agent, stage1: Path, signed_image: Build
) -> None:
    script = "echo one; echo two >&2; trap 'exit 0' TERM; sleep 3600 & wait"
    image = signed_image(app=shell(script))
    pod = {"name": "web", "image": str(image), "net": "host", "stage1": "image"}
    desired = {"version": 1, "pods": [{**pod, "stage1_image": {"path": str(stage1)}}]}
    assert agent.apply(desired)["changed"] is True
    again = agent.apply(desired)
    assert again["changed"] is False, json.dumps(again)
    status = json.loads(agent.ok("status", "--format=json", "web"))
    assert (status["state"], status["ready"], status["stage1"]) == ("running", True, "image")
    assert sorted(agent.ok("logs", "web").splitlines()) == ["one", "two"]
    entered = agent("enter", "web", "/bin/sh", "-c", "exit 4")
    assert entered.exit == 4
    agent.apply({"version": 1, "pods": [{"name": "web", "state": "absent"}]})
    assert agent.ok("list", "--no-legend") == ""


def test_volumes_of_the_contract_are_there_and_others_are_refused(
    agent: Agent, stage1: Path, signed_image: Build, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/file").write_text("content\n")
    image = signed_image(
        app=shell("cat /data/file; echo x > /data/new; touch /scratch/a && ls /scratch")
    )
    run = ["run", f"--stage1-path={stage1}", "--net=none"]
    run += [f"--volume=data,kind=host,source={tmp_path / 'data'},readOnly=true"]
    mounts = ["--mount=volume=data,target=/data", "--mount=volume=scratch,target=/scratch"]
    result = agent(*run, "--volume=scratch,kind=empty", image, *mounts)
    assert result.stdout == "content\na\n", result
    line = agent.refused(*run, "--volume=scratch,kind=tmpfs", image, *mounts)
    assert "volume scratch: volume-tmpfs" in line and "no word for it" in line


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("--restart=always", "restart"),
        ("--stdin=stream", "stdin"),
        ("--stop-signal=SIGINT", "stop-signal"),
    ],
)
def test_what_the_contract_has_no_word_for_needs_a_stage1_that_heeds_it(
    agent: Agent, recorder: Build, signed_image: Build, option: str, word: str
) -> None:
    made = recorder(points(), {})
    line = agent.refused("run", f"--stage1-path={made}", "--net=none", signed_image(), option)
    assert f"app tiny: {word}: the contract has no word for it" in line
    made = recorder(points(), {}, also={"podwright.io/stage1/features": f"other {word}"})
    agent.ok("run", f"--stage1-path={made}", "--net=none", signed_image(), option)


def test_a_sandbox_needs_all_entry_points_of_apps(
    agent: Agent, recorder: Build, signed_image: Build
) -> None:
    made = recorder(points("app/add", "app/start", "app/stop", version=5), {})
    result = agent("app", "sandbox", f"--stage1-path={made}", "--net=none")
    assert result.exit == 1 and "has no entry point 'app/rm'" in result.stderr, result
    assert not list(agent.data.glob("pods/*/*"))


def test_apps_come_and_go_by_the_entry_points_for_that(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    said = points("app/add", "app/start", "app/stop", "app/rm", version=6)
    made = recorder(said, {"run": {"wait": True, "pid": True}})
    image = signed_image(app=shell("sleep 3600"))
    pod = Running(agent, tmp_path, f"--stage1-path={made}", verb=("app", "sandbox")).ready()
    assert "--mutable" in told(agent)["argv"]
    assert agent.ok("app", "add", pod.uuid, image, "--name=late").splitlines()[-1] == "late"
    found = told(agent, "add")
    assert found["argv"] == ["--app=late", f"--uuid={pod.uuid}"]
    assert "bin" in found["apps"]["late"]
    variables = found["environment"]
    assert variables["RKT_STAGE1_ENTERCMD"] == f"{pod.path}/stage1/rootfs/enter"
    assert variables["RKT_STAGE1_ENTERAPP"] == "late"
    assert int(variables["RKT_STAGE1_ENTERPID"]) == pod.status()["pid"]
    assert (pod.path / "stage1/rootfs/rkt/env/late").read_text().startswith("AC_APP_NAME=late\n")
    agent.ok("app", "start", "--app=late", pod.uuid)
    assert told(agent, "start")["argv"] == ["--app=late"]
    assert pod.status()["apps"][0]["state"] == "running"
    agent.ok("app", "stop", "--app=late", pod.uuid)
    assert pod.status()["apps"][0]["state"] == "exited"
    agent.ok("app", "rm", "--app=late", pod.uuid)
    assert (told(agent, "stop")["argv"], told(agent, "rm")["argv"]) == (["--app=late"],) * 2
    assert pod.status()["apps"] == [] and not (pod.path / "overlay/late").exists()
    agent.ok("stop", pod.uuid)
    pod.ended()
    agent.ok("rm", pod.uuid)


def test_attach_is_the_entry_point_s_where_there_is_one(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    made = recorder(points("attach"), {"run": {"wait": True, "pid": True}, "attach": 6})
    pod = Running(agent, tmp_path, f"--stage1-path={made}", signed_image()).ready()
    assert agent("attach", "--mode=list", pod.uuid).exit == 6
    assert told(agent, "attach")["argv"] == ["--action=list", "--app=tiny"]
    assert agent("attach", "--mode=stdin,stdout", pod.uuid).exit == 6
    assert "--stdin=true" in told(agent, "attach")["argv"]
    assert agent("enter", pod.uuid, "id", "-u").exit == 0
    found = told(agent, "enter")
    assert found["argv"] == [f"--pid={pod.status()['pid']}", "--appname=tiny", "--", "id", "-u"]
    assert not [path for path in found["descriptors"].values() if path == str(pod.path)]
    agent.ok("stop", "--force", pod.uuid)
    pod.ended()


def left(agent: Agent) -> list[str]:
    """What is on the host of any pod."""
    found = [str(path) for path in agent.data.glob("pods/*/*")]
    mounts = agent.host.run(["cat", "/proc/mounts"]).stdout.splitlines()
    found += [line for line in mounts if str(agent.data) in line]
    groups = agent.host.run(["find", "/sys/fs/cgroup", "-name", "podwright-*"])
    return found + groups.stdout.split()


@pytest.mark.threat("T85")
def test_killed_or_failing_at_a_step_it_leaves_nothing_behind_after_gc(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    made = recorder(points(), {"run": {"apps": {"tiny": 0}, "pid": True}})
    agent.ok("fetch", made, signed_image())
    known = image_id(agent, "example.com/recorder")
    run = ["run", f"--stage1-hash={known}", "--net=none", "example.com/tiny"]
    counted = tmp_path / "steps"
    agent(*run, env={"PODWRIGHT_FAULT": f"count@{counted}"}).check()
    lines = [line.split() for line in counted.read_text().splitlines()]
    last = max(int(number) for _, number, pid in lines if pid == lines[0][2])
    assert last > 40  # what follows has something to try
    cells = [("kill", step) for step in range(3, last, max(1, last // 12))]
    cells += [(fault, step) for fault in ("ENOSPC", "EIO") for step in range(9, last, last // 3)]
    for fault, step in cells:
        agent(*run, env={"PODWRIGHT_FAULT": f"{fault}@{step}"})
        deadline = time.monotonic() + PATIENCE
        while left(agent) and time.monotonic() < deadline:
            agent.ok("gc", "--grace-period=0s", "--expire-prepared=0s")
        assert left(agent) == [], (fault, step)
    agent(*run).check()


def test_a_stage1_that_never_says_it_is_ready_can_say_that(
    agent: Agent, recorder: Build, signed_image: Build, tmp_path: Path
) -> None:
    script = {"run": {"wait": True, "pid": True, "ready": False}}
    made = recorder(points(), script, also={"podwright.io/stage1/readiness": "alive"})
    pod = Running(agent, tmp_path, f"--stage1-path={made}", signed_image()).ready()
    agent.ok("stop", pod.uuid)
    assert pod.ended()[0] == 128 + 15
    assert pod.status()["exit_reason"] == "stopped"


def test_a_named_pod_whose_stage1_never_says_that_it_is_ready_is_not(
    agent: Agent, recorder: Build, signed_image: Build
) -> None:
    made = recorder(points(), {"run": {"wait": True, "pid": True, "ready": False}})
    pod: dict[str, Any] = {"name": "web", "image": str(signed_image()), "net": "host"}
    pod |= {"stage1": "image"}
    pod |= {"stage1_image": {"path": str(made)}, "ready": {"timeout": 1}, "restart": "no"}
    result = agent("apply", stdin=json.dumps({"version": 1, "pods": [pod]}))
    assert result.exit == 254 and "pod web did not become ready" in result.stderr, result
