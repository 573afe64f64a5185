# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd on the host: a unit per named pod, driven through systemctl; readiness by sd_notify."""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.kernel import fs
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

UNIT_DIR = "/etc/systemd/system"
OTHER_DIRS = ("/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
OURS = "# Written by podwright for pod {name}; "
"""How each unit file of a pod begins."""
UNIT = """# Written by podwright for pod {name}; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=podwright pod {name}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=60
StartLimitBurst=5
{more_unit}
[Service]
Type=notify
NotifyAccess=all
ExecStart={command} supervise {name}
KillMode=mixed
Delegate=yes
Slice=machine.slice
Restart={restart}
RestartSec=1
TimeoutStartSec={start_timeout}
TimeoutStopSec={stop_timeout}
SyslogIdentifier=podwright-{name}
SyslogLevelPrefix=no
LogExtraFields=PODWRIGHT_POD={name}
{credentials}{more_service}
[Install]
{install}"""


def running() -> bool:
    """Whether systemd is the init of this host (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def unit_name(name: str) -> str:
    """The unit of a pod."""
    return f"podwright-{name}.service"


def unit_path(name: str) -> str:
    """The unit's file."""
    return f"{UNIT_DIR}/{unit_name(name)}"


def unit_text(name: str, settings: dict[str, Any], command: list[str]) -> str:
    """The unit's content. Pod names are DNS labels, so nothing needs quoting but the command."""
    more = {"Unit": "", "Service": "", "Install": "WantedBy=multi-user.target\n"}
    if settings.get("unit") or settings.get("listens"):
        from podwright.host import unitfiles

        more = unitfiles.sections(name, settings)
    return UNIT.format(
        name=name,
        command=" ".join(quote(word) for word in command),
        restart=settings["restart"],
        start_timeout=int(settings.get("start_bound", settings["ready"]["timeout"])) + 30,
        stop_timeout=int(settings.get("stop_bound", settings["stop_timeout"])) + 20,
        credentials="".join(_credential(text) for text in settings.get("credentials", ())),
        more_unit=more["Unit"],
        more_service=more["Service"],
        install=more["Install"],
    )


def _credential(text: str) -> str:
    """The line that passes a credential (systemd.exec(5)): a name, or the path of one in a store.

    Made of letters, digits and `-_./` only, see `model.secret`.
    """
    if not text.startswith("/"):
        return f"LoadCredential={text}\n"
    store, _, name = text.rpartition("/")
    kind = "LoadCredentialEncrypted" if store.endswith("/credstore.encrypted") else "LoadCredential"
    return f"{kind}={name}:{text}\n"


def quote(word: str) -> str:
    """One word of ExecStart or Environment that systemd reads back as it is, byte for byte."""
    plain = "".join(_literal(char) for char in word)
    quoted = plain != word or word in ("", ";") or " " in word or "'" in word
    return f'"{plain}"' if quoted else plain


def _literal(char: str) -> str:
    if char in '\\"':
        return f"\\{char}"
    if char in "%$":
        return char * 2
    if char.isprintable():
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))


def read_unit(name: str) -> str:
    """The unit as it is on disk, or ""."""
    return read_ours(unit_path(name), name)


def read_ours(path: str, name: str) -> str:
    """A file that we wrote for a pod; "" where there is none, or somebody else's."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with open(fd, encoding="utf-8", errors="backslashreplace") as file:
        text = file.read() if os.path.isfile(f"/proc/self/fd/{fd}") else ""
    return text if text.startswith(OURS.format(name=name)) else ""


def others(name: str) -> list[str]:
    """What is in the places of a pod's unit files, and not ours."""
    return [
        f"{directory}/{unit}"
        for unit in (unit_name(name), f"podwright-{name}.socket")
        for directory in (UNIT_DIR, *OTHER_DIRS)
        if os.path.lexists(f"{directory}/{unit}") and not read_ours(f"{directory}/{unit}", name)
    ]


def is_mask(path: str) -> bool:
    """Whether a unit file says that the unit is not to be (systemctl mask)."""
    try:
        return os.path.samefile(path, "/dev/null") or os.stat(path).st_size == 0
    except OSError:
        return False


def check_ours(name: str, *, removes: bool = False) -> None:
    """Refuse to touch units that somebody else has made, or masked. Raises HostError.

    removes  a mask is no obstacle then, and stays
    """
    for path in others(name):
        unit = os.path.basename(path)
        if removes and (is_mask(path) or not path.startswith(f"{UNIT_DIR}/")):
            continue
        masked = is_mask(path)
        raise HostError(
            f"pod {name}: {unit} is {'masked' if masked else 'not ours'} ({path})",
            f"systemctl unmask {unit}" if masked else "rename or remove it, or rename the pod",
            object=name,
            reason="unit-masked" if masked else "unit-not-ours",
        )


def files_text(name: str, settings: dict[str, Any], command: list[str]) -> str:
    """All that is to be in the pod's unit files, to compare with `read_files`."""
    text = unit_text(name, settings, command)
    if settings.get("listens"):
        from podwright.host import unitfiles

        text += unitfiles.socket_text(name, settings)
    return text


def read_files(name: str) -> str:
    """All that is in the pod's unit files, or ""."""
    text = read_unit(name)
    if os.path.exists(f"{UNIT_DIR}/podwright-{name}.socket"):
        from podwright.host import unitfiles

        text += unitfiles.read_socket(name)
    return text


def write_files(name: str, settings: dict[str, Any], command: list[str]) -> None:
    """Write the pod's unit files, where they differ, and make systemd read them."""
    text = unit_text(name, settings, command)
    if files_text(name, settings, command) == read_files(name):
        return
    check_ours(name)
    if settings.get("listens") or os.path.exists(f"{UNIT_DIR}/podwright-{name}.socket"):
        from podwright.host import unitfiles

        wanted = unitfiles.socket_text(name, settings)
        if wanted != unitfiles.read_socket(name):
            unitfiles.write_socket(name, wanted)
    clear_unfinished(name)
    again = enabled(name) and _install(text) != _install(read_unit(name))
    fs.write_atomic(unit_path(name), text.encode(), 0o644)
    systemctl("daemon-reload")
    if again:
        systemctl("reenable", "--quiet", unit_name(name))


def clear_unfinished(name: str) -> None:
    """Remove halves of the pod's unit files, of calls that were killed. systemd reads none of them."""
    ours = (unit_name(name), f"podwright-{name}.socket")
    fs.remove_unfinished(UNIT_DIR, lambda target: target in ours)


def _install(text: str) -> str:
    """What a unit says about who wants it."""
    return text.partition("\n[Install]\n")[2]


def remove_unit(name: str) -> None:
    """Disable and remove the unit; fine when there is none. What is not ours stays."""
    if read_unit(name):
        systemctl("disable", "--quiet", unit_name(name))
        if read_ours(f"{UNIT_DIR}/podwright-{name}.socket", name):
            from podwright.host import unitfiles

            unitfiles.write_socket(name, "")
        fs.unlink(unit_path(name))
        systemctl("daemon-reload")
    clear_unfinished(name)
    systemctl("reset-failed", unit_name(name), check=False)
    # systemd (seen in 252) never removes this record of a unit with LogExtraFields itself.
    fs.unlink(f"/run/systemd/units/log-extra-fields:{unit_name(name)}")


def enabled(name: str) -> bool:
    """Whether the unit starts at boot."""
    if os.path.islink(f"{UNIT_DIR}/multi-user.target.wants/{unit_name(name)}"):
        return True
    try:
        found = os.listdir(UNIT_DIR)
    except FileNotFoundError:
        return False
    kinds = (".wants", ".requires", ".upholds")
    return any(
        os.path.islink(f"{UNIT_DIR}/{one}/{unit_name(name)}")
        for one in found
        if one.endswith(kinds)
    )


def systemctl(*args: str, check: bool = True) -> int:
    """Run systemctl and wait; returns its status. Raises HostError with what it said."""
    from podwright.kernel.step import step

    step("systemctl")
    status, said = _ask(args)
    if check and status != 0:
        raise HostError(
            f"systemctl {' '.join(args)} failed: {safe(said.replace(chr(10), '; '), 400)}",
            "journalctl -u shows more",
            object=args[-1],
        )
    return status


def main_pid(name: str) -> int:
    """The main process of a pod's unit; 0 when it has none."""
    said = _ask(("show", "--property=MainPID", "--value", unit_name(name)))[1]
    return int(said) if said.isdigit() else 0


class ActiveStates:
    """ActiveState of all our loaded units, asked for at once and only when somebody wants to know.

    `active`, `activating` (also while it waits for its next start), `deactivating`, `failed`;
    `systemctl is-active` would not tell a unit that restarts from a stopped one.
    """

    def __init__(self) -> None:
        self._states: Optional[dict[str, str]] = None

    def of(self, name: str) -> str:
        """The state of a pod's unit; `inactive` when it is not loaded."""
        if self._states is None:
            query = ("show", "--property=Id", "--property=ActiveState", unit_name("*"))
            self._states = parse_states(_ask(query)[1])
        return self._states.get(unit_name(name), "inactive")


def parse_states(text: str) -> dict[str, str]:
    """Blocks of `Id=` and `ActiveState=` lines, as `systemctl show` prints them, by unit."""
    blocks = (
        dict(line.split("=", 1) for line in block.splitlines()) for block in text.split("\n\n")
    )
    return {block["Id"]: block["ActiveState"] for block in blocks if "Id" in block}


def _ask(args: tuple[str, ...]) -> tuple[int, str]:
    """Run systemctl: its status and what it said."""
    import subprocess

    done = subprocess.run(
        ["/usr/bin/systemctl", *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def notify(text: str) -> None:
    """Tell the supervising systemd something (sd_notify(3)); nothing when nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    import _socket

    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(text.encode())
    except OSError:
        pass  # nobody listens any more: that must not end a pod that is ready
    finally:
        sock.close()
