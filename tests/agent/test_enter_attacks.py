# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An app that lies in wait for `enter`: for the agent's program (T63), its tools (T76), the caller's terminal (T78)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.agent.enter_bed import LIVE, House
from tests.agent.launch_bed import USR, Bed, isolator, python, sh
from tests.support import system_image
from tests.support.private_host import PrivateHost

DRIVER = Path(__file__).with_name("enter_driver.py")
ENTERS = int(os.environ.get("PODWRIGHT_ENTERS", "300"))
"""How often a pod is entered while an app of it lies in wait."""

HUNTER = r"""
import json, os, sys
def name(p):
    with open(f"/proc/{p}/comm") as f: return f.read().strip()
def tries(p):
    yield "exe", lambda: os.readlink(f"/proc/{p}/exe")
    yield "open exe", lambda: os.close(os.open(f"/proc/{p}/exe", os.O_RDONLY))
    yield "root", lambda: os.listdir(f"/proc/{p}/root/")
    yield "cwd", lambda: os.readlink(f"/proc/{p}/cwd")
    yield "mem", lambda: os.close(os.open(f"/proc/{p}/mem", os.O_RDWR))
    yield "maps", lambda: open(f"/proc/{p}/maps").read(1)
    yield "environ", lambda: open(f"/proc/{p}/environ").read(1)
    yield "fd", lambda: [os.readlink(f"/proc/{p}/fd/{n}") for n in os.listdir(f"/proc/{p}/fd")]
    yield "mount namespace", lambda: os.close(os.open(f"/proc/{p}/ns/mnt", os.O_RDONLY))
def agents(p, before):
    # In an exec the program is there an instant before its name is.
    if before != "podwright-init" or name(p) != before: return False
    try:
        return "python" in os.readlink(f"/proc/{p}/exe")
    except PermissionError:
        return True
seen, leaks, others = set(), set(), 0
open("/dev/shm/up", "w").close()
while not os.path.exists("/dev/shm/stop"):
    for p in os.listdir("/proc"):
        if not p.isdigit() or int(p) == os.getpid(): continue
        try:
            before = name(p)
        except OSError:
            continue
        if before == "podwright-init": seen.add(p)
        for what, attempt in tries(p):
            try:
                attempt()
                if agents(p, before): leaks.add(f"{what} of {p}")
                else: others += 1
            except OSError:
                pass
with open("/dev/shm/result", "w") as f:
    json.dump({"children": len(seen - {"1"}), "leaks": sorted(leaks)[:20], "others": others}, f)
while True:
    import time; time.sleep(1)
"""
PTRACE = isolator(
    "os/linux/capabilities-retain-set", {"set": ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]}
)


@pytest.fixture
def house(private_host: PrivateHost, tmp_path: Path) -> House:
    return House(Bed(private_host, tmp_path))


def hunt(house: House, times: int, section: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Let an app hunt while its pod is entered again and again; what it found."""
    hunter = python("app", HUNTER, tree=house.bed.python_tree(), **section)
    with house.start(hunter, volumes=[USR], **options) as pod:
        drive = ["/usr/bin/python3", "-IS", str(DRIVER), str(pod.pod_dir), "app"]
        house.bed.host.run([*drive, str(times), "/bin/true"], timeout=200).check()
        house.says(pod, "touch /dev/shm/stop; until [ -s /dev/shm/result ]; do sleep 0.05; done")
        found = json.loads(house.says(pod, "cat /dev/shm/result"))
    assert isinstance(found, dict)
    return found


@pytest.mark.threat("T63")
@pytest.mark.parametrize(
    ("section", "options"),
    [
        ({}, {"private_users": "true"}),
        ({}, {"private_users": ""}),
        ({"isolators": [PTRACE]}, {"private_users": "true"}),
    ],
    ids=["own users", "the host's users", "own users, may trace"],
)
def test_the_agents_program_and_memory_are_out_of_reach(
    house: House, section: dict[str, Any], options: dict[str, Any]
) -> None:
    """The control: the app meets the agent's children, and reads of other processes what it may."""
    found = hunt(house, ENTERS, section, **options)
    assert found["children"] > 0, found
    assert found["others"] > 0, found
    assert found["leaks"] == []


@pytest.mark.threat("T63")
def test_a_program_that_is_proc_self_exe_is_the_images_own(house: House) -> None:
    tree = house.bed.tree({"bin/self": "#!/proc/self/exe\n"})
    (tree / "bin/self").chmod(0o755)
    with house.start(sh("app", LIVE, tree=tree)) as pod:
        script = house.enter(pod, "/bin/self")
        itself = house.enter(pod, "/proc/self/exe", "-c", "print(1)")
    assert (script.exit, script.stdout) == (203, "")
    assert (itself.exit, itself.stdout) == (203, "")


REWRITE = """
import errno, os
def tell(path):
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as err:
        return errno.errorcode[err.errno]
    return "opened"
own, ran = os.stat("/usr/bin/python3"), os.stat("/proc/self/exe")
kept = os.open("/proc/self/exe", os.O_RDONLY)
told = [tell("/proc/self/exe")]
if os.fork() == 0:  # by somebody who runs another program
    again = f"test -e /proc/self/fd/{kept} && : >> /proc/self/fd/{kept} && echo opened"
    os.set_inheritable(kept, True)
    os.execv("/bin/sh", ["sh", "-c", again])
os.wait()
print((own.st_dev, own.st_ino) != (ran.st_dev, ran.st_ino), *told, tell("/tmp/code"))
"""


@pytest.mark.threat("T63")
@pytest.mark.parametrize("users", ["true", ""], ids=["own users", "the host's users"])
def test_a_script_whose_interpreter_is_proc_self_exe_writes_no_program_of_the_host(
    house: House, users: str
) -> None:
    """With a dynamic linker in the image, the host's Python runs: that of PID 1, which keeps it from being written."""
    script = "#!/proc/self/exe /tmp/code\n"
    with house.start(sh("app", LIVE, tree=system_image.rootfs()), private_users=users) as pod:
        for name, text in (("code", REWRITE), ("script", script)):
            house.enter(
                pod, "sh", "-c", f"cat > /tmp/{name}; chmod 755 /tmp/{name}", stdin=text
            ).check()
        done = house.enter(pod, "/tmp/script")
    refused = "EACCES" if users else "ETXTBSY"
    assert done.stdout.split() == ["True", refused, "opened"], done


EVIL = '#!/bin/busybox sh\necho {name} ran >> /dev/shm/ran\necho {name} ran >> {outside}\nexec /bin/busybox sh "$@"\n'


@pytest.mark.threat("T76")
def test_nothing_of_the_image_runs_or_is_loaded_outside(house: House) -> None:
    """Its linker, name service, tools and shell lie in wait; what is traced is the agent with all its children."""
    outside = house.bed.base / "outside"
    outside.mkdir(mode=0o777)
    programs = ["bin/bash", "usr/bin/nsenter", "usr/bin/python3", "sbin/ldconfig", "usr/bin/env"]
    files = {name: EVIL.format(name=name, outside=outside / "ran") for name in programs}
    data = [
        "etc/ld.so.preload",
        "etc/nsswitch.conf",
        "etc/ld.so.cache",
        "usr/lib/locale/locale-archive",
    ]
    libraries = ["lib64/ld-linux-x86-64.so.2", "lib/libnss_evil.so.2", "lib/libc.so.6"]
    files |= dict.fromkeys(libraries, "evil") | dict.fromkeys(data, "passwd: evil\n")
    tree = house.bed.tree(files)
    for name in (*programs, *libraries):
        (tree / name).chmod(0o755)
    trace = house.bed.base / "trace"
    wrap = ["strace", "-f", "-qq", "-y", "-e", "trace=execve,openat,openat2,mmap", "-o", str(trace)]
    with house.start(sh("app", LIVE, tree=tree)) as pod:
        with house.begin(pod, wrap=wrap) as process:
            process.communicate("exit 0\n")
        ran = house.says(pod, "cat /dev/shm/ran").split()
    assert process.returncode == 0
    assert ran == ["bin/bash", "ran"]  # in the pod, where it belongs
    assert list(outside.iterdir()) == []
    lines = trace.read_text().splitlines()
    assert any("execve(" in line for line in lines)
    touched = [line for line in lines if str(tree) in line or "stage1/rootfs" in line]
    assert touched == []


@pytest.mark.threat("T76")
def test_names_are_looked_up_in_the_image_by_nobody_but_us(house: House) -> None:
    """A passwd that would make everybody root changes nothing: users were resolved when the pod began."""
    tree = house.bed.tree({"etc/passwd": "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"})
    with house.start(sh("app", LIVE, tree=tree, user="app", group="1000")) as pod:
        house.enter(
            pod,
            *("sh", "-c", "echo app:x:0:0::/:/bin/sh > /etc/passwd"),
            options=["--privileged"],
        ).check()
        assert house.says(pod, "id -u") == "1000\n"


INJECT = 'import fcntl; [fcntl.ioctl(0, 0x5412, bytes([c])) for c in b"echo in\\x27\\x27jected\\n"]'


@pytest.mark.threat("T78")
def test_an_entered_process_has_a_terminal_of_its_own(house: House) -> None:
    script = "tty; for n in 0 1 2; do readlink /proc/$$/fd/$n; done; echo x > /dev/tty; ls /dev/pts"
    with house.start(sh("app", LIVE)) as pod:
        seen = house.at_terminal(pod, [], "sh", "-c", script).stdout.split()
    assert seen == [*["/dev/pts/0"] * 4, "x", "0", "ptmx"]


@pytest.mark.threat("T78")
def test_what_it_types_into_its_terminal_is_not_typed_into_ours(house: House) -> None:
    """The control: the same program at our own terminal types for us."""
    lifted = ["capabilities", "seccomp", "paths"]
    hunter = python(
        "app",
        "import time; open('/dev/shm/up','w'); time.sleep(1000)",
        tree=house.bed.python_tree(),
    )
    inject = ["/usr/bin/python3", "-IS", "-c", INJECT]
    around = ["bash", "-c", '"$@"; echo done; bash -i', "bash"]
    with house.start(hunter, volumes=[USR], insecure=lifted, private_users="") as pod:
        user = [("done", "exit\n")]
        inside = house.at_terminal(pod, user, *inject, wrap=around, options=["--privileged"])
        words = house.command(pod, "true")
        steps = json.dumps(user)
        terminal = ["/usr/bin/python3", str(Path(__file__).with_name("launch_terminal.py")), steps]
        ours = house.bed.host.run([*terminal, *around, *inject])
    assert words
    assert "\ninjected" in ours.stdout.replace("\r", ""), ours.stdout
    assert "\ninjected" not in inside.stdout.replace("\r", ""), inside.stdout


@pytest.mark.threat("T78")
def test_errors_show_hostile_bytes_as_escapes(house: House) -> None:
    hostile = "\x1b]0;owned\x07\u202e\x9b31m"
    with house.start(sh("app", LIVE)) as pod:
        texts = [
            house.enter(pod, f"/bin/{hostile}").stderr,
            house.enter(pod, hostile).stderr,
            house.agent.refused("enter", hostile, "true"),
        ]
        with house.begin(pod, "sh", "-c", "sleep 7777", hostile) as process:
            pod.wait_until(lambda: any("7777" in one for one in house.processes(pod)), "started")
            house.bed.host.run(["kill", "-KILL", str(pod.init()["pid"])]).check()
            texts.append(process.communicate()[1])
    for text in texts:
        assert text.rstrip("\n").isprintable(), text
