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
UNIT = """# Written by podwright for pod {name}; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=podwright pod {name}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
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
{credentials}
[Install]
WantedBy=multi-user.target
"""


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
    return UNIT.format(
        name=name,
        command=" ".join(_quote(word) for word in command),
        restart=settings["restart"],
        start_timeout=int(settings.get("start_bound", settings["ready"]["timeout"])) + 30,
        stop_timeout=int(settings.get("stop_bound", settings["stop_timeout"])) + 20,
        credentials="".join(_credential(text) for text in settings.get("credentials", ())),
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


def _quote(word: str) -> str:
    """One argument of ExecStart that systemd reads back as it is, byte for byte."""
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
    try:
        with open(unit_path(name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def write_unit(name: str, text: str) -> None:
    """Write the unit and make systemd read it."""
    fs.write_atomic(unit_path(name), text.encode(), 0o644)
    systemctl("daemon-reload")


def remove_unit(name: str) -> None:
    """Disable and remove the unit; fine when there is none."""
    if os.path.exists(unit_path(name)):
        systemctl("disable", "--quiet", unit_name(name))
        fs.unlink(unit_path(name))
        systemctl("daemon-reload")
    systemctl("reset-failed", unit_name(name), check=False)
    # systemd (seen in 252) never removes this record of a unit with LogExtraFields itself.
    fs.unlink(f"/run/systemd/units/log-extra-fields:{unit_name(name)}")


def enabled(name: str) -> bool:
    """Whether the unit starts at boot."""
    return os.path.islink(f"{UNIT_DIR}/multi-user.target.wants/{unit_name(name)}")


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
