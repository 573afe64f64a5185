# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd and hostile surroundings of the agent: who may touch its store, gpg's configuration, descriptors, disks, locks.

T42, T50, T52, T87, T88.
"""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import tiny_image as tiny
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.gpglab import GpgLab
from tests.support.paths import CHECKOUT
from tests.support.private_host import Result

NOBODY = 65534
LIFTED = "--insecure-options=image"
LAUNCHER = CHECKOUT / "tests/support/errno_launcher.py"
Build = Callable[..., Path]


def shell(agent: Agent, script: str, *command: str | Path, **options: object) -> Result:
    """Run the agent from a shell script that ends with `exec "$@"`."""
    whole = ["/bin/sh", "-c", script, "sh", *agent.command, *map(str, command)]
    return agent.host.run(whole, **options)  # type: ignore[arg-type]


def one_line(result: Result) -> str:
    """The one line of a refusal; no traceback, nothing on standard output."""
    assert result.exit == AGENT_ERROR, result
    assert result.stdout == "", result
    (line,) = result.stderr.splitlines()
    assert line.startswith("podwright: "), line
    assert "internal error" not in line, line
    return line


def stored(agent: Agent) -> list[str]:
    """The IDs of the images that are in the store."""
    return [image["id"] for image in json.loads(agent.ok("image", "list", "--format=json"))]


def nothing_left(agent: Agent) -> bool:
    """Whether a fetch that failed has left nothing that another one does not use again."""
    places = (*agent.data.glob("tmp/*"), *agent.data.glob("cas/tree/*"))
    return not [path for path in places if not path.name.startswith("partial-")]


@pytest.mark.threat("T42")
@pytest.mark.parametrize("umask", ["0000", "0777"])
def test_the_umask_decides_nothing(agent: Agent, signed_image: Build, umask: str) -> None:
    image = signed_image()
    shell(agent, f'umask {umask}; exec "$@"', LIFTED, "fetch", image).check()
    for path in (
        agent.data,
        *agent.data.rglob("cas"),
        agent.data / "tmp",
        *agent.data.glob("cas/*"),
    ):
        assert stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0, path
        assert stat.S_IMODE(path.lstat().st_mode) & 0o700 == 0o700, path
    ran = shell(
        agent, f'umask {umask}; exec "$@"', LIFTED, "run", "--net=none", image, "--exec=/bin/true"
    )
    assert ran.exit == 0, ran


def make_store(agent: Agent) -> None:
    """Have an empty store."""
    agent("fetch", "/no/such/image.aci")
    agent(LIFTED, "fetch", "https://127.0.0.1:9/x.aci")
    assert (agent.data / "cas/tree").is_dir()


@pytest.mark.threat("T42")
@pytest.mark.parametrize("name", ["cas", "cas/image", "cas/tree", "cas/ref", "tmp", "locks"])
@pytest.mark.parametrize("how", ["link", "owner", "group", "others"])
def test_a_directory_of_the_store_that_is_not_ours_alone_is_refused(
    agent: Agent, signed_image: Build, tmp_path: Path, name: str, how: str
) -> None:
    make_store(agent)
    path = agent.data / name
    before = sorted(os.listdir(path))
    if how == "link":
        path.rename(tmp_path / "aside")
        path.symlink_to(tmp_path / "aside")
    elif how == "owner":
        os.chown(path, NOBODY, 0)
    else:
        path.chmod(0o770 if how == "group" else 0o701)
    line = one_line(agent(LIFTED, "fetch", signed_image()))
    assert str(path) in line
    if how == "link":
        assert sorted(os.listdir(tmp_path / "aside")) == before


@pytest.mark.threat("T42")
def test_links_planted_under_names_that_can_be_guessed_are_not_followed(
    agent: Agent, published: Build, lab: Keys, tmp_path: Path
) -> None:
    """Lock files, partial downloads and their notes have the same names at every fetch."""
    agent.trust(lab.key, "example.com")
    published()
    agent.ok("fetch", f"{tiny.NAME}:1.0")
    agent.ok("image", "rm", tiny.NAME)
    canary = tmp_path / "canary"
    names = [path for path in agent.data.rglob("*") if path.is_file() and "locks" in path.parts]
    assert names
    for path in names:
        canary.write_text("as it was")
        path.unlink()
        path.symlink_to(canary)
        result = agent("fetch", f"{tiny.NAME}:1.0")
        assert canary.read_text() == "as it was", path
        assert result.exit == 0 or one_line(result)
        path.unlink()
    agent.ok("fetch", f"{tiny.NAME}:1.0")


ATTACK = """\
import os, sys
places, canary = sys.argv[1:-1], sys.argv[-1]
print("at it", flush=True)
for turn in range(200000):
    for place in places:
        for attempt in (
            lambda: os.listdir(place),
            lambda: os.mkdir(f"{place}/x"),
            lambda: os.symlink(canary, f"{place}/version"),
            lambda: os.open(f"{place}/record.json", os.O_WRONLY | os.O_CREAT),
            lambda: os.rename(place, f"{place}.old"),
            lambda: os.chmod(place, 0o777),
        ):
            try:
                attempt()
            except OSError:
                continue
            print(f"could at {place}", flush=True)
            sys.exit(1)
"""


@pytest.mark.threat("T42")
def test_another_user_gets_nowhere_while_images_are_fetched(
    agent: Agent, published: Build, lab: Keys, tmp_path: Path
) -> None:
    for directory in (tmp_path, *tmp_path.parents[:-2], agent.data.parent):
        directory.chmod(0o711)
    agent.trust(lab.key, "example.com")
    published()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    places = [
        agent.data,
        *(agent.data / name for name in ("cas", "cas/image", "cas/tree", "tmp", "locks")),
    ]
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    attack = ["/usr/bin/python3", "-ISc", ATTACK, *map(str, places), str(tmp_path / "canary")]
    with agent.host.popen([*drop, *attack]) as attacker:
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == "at it\n"
        try:
            for _ in range(3):
                env = {"TMPDIR": str(temporary)}
                agent("fetch", f"{tiny.NAME}:1.0", env=env).check()
                agent.ok("image", "rm", tiny.NAME)
            assert attacker.poll() is None, attacker.stdout.read()
        finally:
            os.killpg(attacker.pid, signal.SIGKILL)
        assert attacker.stdout.read() == ""
    assert list(temporary.iterdir()) == []


@pytest.mark.threat("T50")
@pytest.mark.parametrize(
    "name",
    ["-x.aci", "--output=canary.aci", "a b.aci", "a:b.aci", "a'\"$(touch canary).aci", "--.aci"],
)
def test_names_of_images_and_signatures_are_no_options(
    agent: Agent, signed_image: Build, lab: Keys, tmp_path: Path, name: str
) -> None:
    agent.trust(lab.key, "example.com")
    odd = tmp_path / "odd"
    odd.mkdir()
    image = signed_image().rename(odd / name)
    signature = lab.key.sign(image, odd / f"{name}.asc")
    before = sorted(os.listdir(odd))
    agent("fetch", f"./{name}", directory=odd).check()
    agent.ok("image", "rm", tiny.NAME)
    elsewhere = signature.rename(odd / f"sig{name}")
    agent("fetch", str(image), f"--signature={elsewhere}", directory=odd).check()
    key = odd / f"key{name}"
    key.write_text(lab.stranger.armoured)
    add = ("trust", "--prefix=example.com/x", "--skip-fingerprint-review", str(key))
    agent(*add, directory=odd).check()
    assert len(os.listdir(odd)) == len(before) + 1


@pytest.mark.threat("T50")
@pytest.mark.parametrize("name", ["a\nb.aci", "a\x1b[31mb.aci"])
def test_names_that_a_terminal_would_obey_are_shown_escaped(
    agent: Agent, signed_image: Build, tmp_path: Path, name: str
) -> None:
    image = signed_image().rename(tmp_path / name)
    result = agent("fetch", str(image))
    assert "\x1b" not in result.stderr
    one_line(result)


@pytest.fixture
def hostile_home(lab: Keys, tmp_path: Path) -> Iterator[Path]:
    """A home whose gpg trusts the stranger, fetches keys, and logs to a canary."""
    with GpgLab() as home:
        home.generate("Planted <planted@example.com>")
        place = tmp_path / "home/.gnupg"
        place.parent.mkdir()
        place.symlink_to(home.home)
        (tmp_path / "stranger.asc").write_text(lab.stranger.armoured)
        home.gpg("--import", str(tmp_path / "stranger.asc"))
        (home.home / "gpg.conf").write_text(
            f"auto-key-retrieve\nkeyserver hkps://evil.example.com\ntrust-model always\n"
            f"trusted-key {lab.stranger.fingerprint}\nkeyring {home.home}/pubring.kbx\n"
            f"log-file {tmp_path}/canary\nallow-weak-digest-algos\nverify-options show-photos\n"
            f"photo-viewer touch {tmp_path}/canary\n"
        )
        subprocess.run(["gpgconf", "--homedir", str(home.home), "--kill", "all"], check=True)
        yield place.parent


@pytest.mark.threat("T52")
@pytest.mark.parametrize("where", ["HOME", "GNUPGHOME", "neither"])
def test_gpgs_own_configuration_decides_nothing(
    agent: Agent, published: Build, lab: Keys, hostile_home: Path, tmp_path: Path, where: str
) -> None:
    agent.trust(lab.key, "example.com")
    published(version="1.0")
    published(version="2.0", key=lab.stranger)
    home = hostile_home / ".gnupg"
    before = {path.name: path.stat().st_mtime_ns for path in home.iterdir()}
    setting = {
        "HOME": f"export HOME={hostile_home}",
        "GNUPGHOME": f"unset HOME; export GNUPGHOME={home}",
    }
    script = f'{setting.get(where, "unset HOME GNUPGHOME")}; exec "$@"'
    shell(agent, script, "fetch", f"{tiny.NAME}:1.0").check()
    line = one_line(shell(agent, script, "fetch", f"{tiny.NAME}:2.0"))
    assert "trusted" in line
    assert {path.name: path.stat().st_mtime_ns for path in home.iterdir()} == before
    assert not (tmp_path / "canary").exists()
    running = agent.host.run(["ps", "-e", "-o", "comm="]).stdout.split()
    assert not {"gpg", "gpg-agent", "dirmngr", "keyboxd"} & set(running), running


@pytest.mark.threat("T87")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors_become_no_file_of_the_store(
    agent: Agent, published: Build, lab: Keys, closed: str
) -> None:
    agent.trust(lab.key, "example.com")
    published()
    shell(agent, f'exec {closed}; exec "$@"', "fetch", f"{tiny.NAME}:1.0").check()
    (image_id,) = stored(agent)
    verified = agent("image", "verify", image_id)
    assert verified.exit == 0, verified


@pytest.mark.threat("T87")
def test_too_few_descriptors_are_said_in_one_line_and_enough_of_them_work(
    agent: Agent, published: Build, lab: Keys
) -> None:
    agent.trust(lab.key, "example.com")
    published()
    worked = False
    for limit in (5, 7, 9, 12, 16, 64):
        result = shell(agent, f'ulimit -n {limit}; exec "$@"', "fetch", f"{tiny.NAME}:1.0")
        worked = result.exit == 0
        if not worked:
            assert "Traceback" not in result.stderr, result
            assert len(result.stderr.splitlines()) <= 1 or limit < 6, result
            agent.ok("gc")
            assert nothing_left(agent)
            assert stored(agent) == []
    assert worked


@pytest.mark.threat("T87")
@pytest.mark.parametrize(
    "script",
    [
        'mkdir "$0.d" && cd "$0.d" && rmdir "$0.d"; exec "$@"',
        'unset HOME PATH; exec "$@"',
        'export HOME=/nonexistent XDG_RUNTIME_DIR=/nonexistent; exec "$@"',
        'export LANG=C LC_ALL=C; exec "$@"',
        'export LANG=xx_YY.nonsense LC_ALL=xx_YY.nonsense; exec "$@"',
    ],
)
def test_the_callers_surroundings_decide_nothing(
    agent: Agent, published: Build, lab: Keys, tmp_path: Path, script: str
) -> None:
    agent.trust(lab.key, "example.com")
    published()
    whole = script.replace("$0", f"{tmp_path}/gone")
    shell(agent, whole, "fetch", f"{tiny.NAME}:1.0").check()
    ran = shell(agent, whole, "run", "--net=none", f"{tiny.NAME}:1.0", "--exec=/bin/true")
    assert ran.exit == 0, ran


@pytest.mark.threat("T87")
@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8"])
def test_names_beyond_ascii_work_in_any_locale(
    agent: Agent, signed_image: Build, tmp_path: Path, locale: str
) -> None:
    image = signed_image().rename(tmp_path / "bild-äöü-画像.aci")
    script = f'export LANG={locale} LC_ALL={locale}; exec "$@"'
    shell(agent, script, LIFTED, "fetch", image).check()
    assert "画像" in (
        agent.data / "cas/image" / stored(agent)[0] / "record.json"
    ).read_text() or stored(agent)


@pytest.mark.threat("T87")
def test_a_store_that_cannot_be_written_is_read_and_refuses_in_one_line(
    agent: Agent, published: Build, lab: Keys
) -> None:
    agent.trust(lab.key, "example.com")
    published()
    agent.ok("fetch", f"{tiny.NAME}:1.0")
    before = stored(agent)
    for command in (["mount", "--bind"], ["mount", "-o", "remount,bind,ro"]):
        agent.host.run([*command, str(agent.data), str(agent.data)][: len(command) + 2]).check()
    assert stored(agent) == before
    published(version="2.0")
    assert "ead-only" in one_line(agent("fetch", f"{tiny.NAME}:2.0"))
    assert "ead-only" in one_line(
        agent("run", "--net=none", f"{tiny.NAME}:1.0", "--exec=/bin/true")
    )


@pytest.mark.threat("T87")
def test_a_run_directory_that_cannot_be_written_keeps_nobody_from_fetching(
    agent: Agent, published: Build, lab: Keys
) -> None:
    agent.trust(lab.key, "example.com")
    published()
    agent.host.run(["mount", "-o", "remount,ro", "/run"]).check()
    agent.ok("fetch", f"{tiny.NAME}:1.0")
    ran = agent("run", "--net=none", f"{tiny.NAME}:1.0", "--exec=/bin/true")
    assert ran.exit == 0 or one_line(ran)


@pytest.mark.threat("T87")
@pytest.mark.parametrize(
    "calls",
    [
        "fsync",
        "syncfs",
        "rename,renameat,renameat2",
        "getdents64",
        "read:262144",
        "write",
        "mkdir,mkdirat",
        "ftruncate",
    ],
)
def test_a_failing_disk_is_said_in_one_line_and_nothing_is_stored(
    agent: Agent, signed_image: Build, lab: Keys, calls: str
) -> None:
    agent.trust(lab.key, "example.com")
    image = signed_image()
    make_store(agent)
    launch = ["/usr/bin/python3", "-I", str(LAUNCHER), "EIO", calls]
    program = ["agent", *agent.command[3:]] if calls == "getdents64" else agent.command
    result = agent.host.run([*launch, *program, "fetch", str(image)])
    if calls == "write":
        assert result.exit != 0  # it cannot even say so
    else:
        one_line(result)
    assert stored(agent) == []
    agent.ok("fetch", image)
    assert agent("image", "verify", *stored(agent)).exit == 0


HOLD = """\
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from podwright.host.lock import HostLock
with HostLock(sys.argv[2], "holding on"):
    print("held", flush=True)
    signal.pause()
"""


@pytest.mark.threat("T88")
def test_a_stopped_holder_is_named_after_a_bounded_wait(tmp_path: Path) -> None:
    from podwright.errors import LockedError
    from podwright.host.lock import HostLock

    path = f"{tmp_path}/lock"
    command = [sys.executable, "-c", HOLD, str(CHECKOUT / "agent"), path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            holder.send_signal(signal.SIGSTOP)
            with pytest.raises(LockedError, match=rf"held by pid {holder.pid} \(holding on\)"):
                HostLock(path, "waiting", 0.2).__enter__()
        finally:
            holder.kill()
    with HostLock(path, "afterwards", 5.0):
        pass


@pytest.mark.threat("T88")
def test_a_confined_child_does_not_hold_the_locks_of_its_parent(tmp_path: Path) -> None:
    import time

    from podwright.host.lock import HostLock
    from podwright.kernel import confine

    path = f"{tmp_path}/lock"
    with HostLock(path, "before") as held:
        child = confine.spawn(lambda: time.sleep(60))
        assert held.fd is not None
    with child, HostLock(path, "while the child lives", 20.0):
        assert os.path.isdir(f"/proc/{child.pid}")


@pytest.mark.threat("T88")
def test_pairs_of_commands_at_once_end_and_leave_a_store_in_order(
    agent: Agent, published: Build, lab: Keys
) -> None:
    agent.trust(lab.key, "example.com")
    published(version="1.0")
    published(version="2.0")
    commands: list[tuple[str, ...]] = [
        ("gc", "--grace-period=0s"),
        ("image", "gc", "--grace-period=0s"),
        ("image", "rm", tiny.NAME),
        ("image", "list"),
        ("fetch", f"{tiny.NAME}:1.0"),
        ("fetch", f"{tiny.NAME}:2.0"),
        ("run", "--net=none", f"{tiny.NAME}:1.0", "--exec=/bin/true"),
    ]
    pairs = [(commands[0], commands[0]), (commands[1], commands[1])]
    dice = random.Random(88)
    pairs += [(dice.choice(commands), dice.choice(commands)) for _ in range(10)]
    for pair in pairs:
        started = [agent.host.popen([*agent.command, *command]) for command in pair]
        for command, process in zip(pair, started):
            _, said = process.communicate(timeout=120)
            assert process.returncode in (0, AGENT_ERROR), (pair, command, said)
            assert "internal error" not in said, (pair, command, said)
    agent.ok("fetch", f"{tiny.NAME}:1.0")
    assert agent("image", "verify", *stored(agent)).exit == 0
    assert nothing_left(agent) or stored(agent)


WORK = """\
import random, sys
sys.path.insert(0, sys.argv[1])
from podwright.host.lock import HostLock
dice = random.Random(int(sys.argv[3]))
for _ in range(5000):
    first, second = sorted(dice.sample(range(4), 2))
    with HostLock(f"{sys.argv[2]}/{first}", "one", 60.0, shared=dice.random() < 0.3):
        with HostLock(f"{sys.argv[2]}/{second}", "two", 60.0, shared=dice.random() < 0.3):
            pass
"""


@pytest.mark.threat("T88")
def test_ten_thousand_random_pairs_of_locks_never_wait_for_each_other(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORK, str(CHECKOUT / "agent"), str(tmp_path)]
    started = [
        subprocess.Popen([*command, str(seed)], stderr=subprocess.PIPE, text=True)
        for seed in (1, 2)
    ]
    for process in started:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
