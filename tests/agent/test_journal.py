# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What apps write in the journal of a real systemd host, as journalctl finds it and `podwright logs` shows it.

One host for all of it. Each test leaves it without pods.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils import agent_units

from tests.agent.systemd_bed import Machine, machine_with
from tests.conftest import Keys

IMAGE = "example.com/software:1.0"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Machine]:
    """The host."""
    with machine_with(tmp_path_factory.mktemp("journal") / "fleet", lab.key) as found:
        yield found


def app(name: str, script: str, **more: Any) -> dict[str, Any]:
    """An app that runs a shell script."""
    return {"name": name, "image": IMAGE, "exec": ["/bin/sh", "-c", script], **more}


def pod(*apps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Pod web."""
    return {"name": "web", "net": "none", "ready": {"seconds": 0.01}, "apps": list(apps), **more}


def start(host: Machine, *apps: dict[str, Any]) -> None:
    """Have pod web run with these apps."""
    answer = host.apply(pod(*apps))
    assert "error" not in answer, answer


def remove(host: Machine) -> None:
    """Pod web goes, with what finds its logs."""
    assert "error" not in host.apply({"name": "web", "state": "absent"})
    assert host.said("ls /var/lib/podwright/logs") == ""


def entries(host: Machine, query: str, count: int) -> list[dict[str, Any]]:
    """So many entries of the journal, as soon as they are there."""
    command = f"journalctl --sync; journalctl -o json --no-pager {query} || :"
    said = host.wait(command, lambda said: len(said.splitlines()) >= count)
    found = [json.loads(line) for line in said.splitlines()]
    assert len(found) == count, found
    return found


def test_entries_name_pod_app_and_stream_and_belong_to_the_unit(host: Machine) -> None:
    """By unit, by identifier, by our fields; a reopened /dev/stdout loses nothing, whatever the user."""
    reopened = "echo plain; echo opened >/dev/stdout; echo problem >/dev/stderr; exec sleep 1000"
    forged = r"printf 'x\nPRIORITY=0\nSYSLOG_IDENTIFIER=evil\n'; exec sleep 1000"
    start(host, app("one", reopened, user="1000", group="1000"), app("two", forged))
    one = entries(host, "-u podwright-web -t one", 3)
    assert sorted(each["MESSAGE"] for each in one) == ["opened", "plain", "problem"]
    ways = {each["MESSAGE"]: (each["PRIORITY"], each["PODWRIGHT_STREAM"]) for each in one}
    assert ways == {"plain": ("6", "stdout"), "opened": ("6", "stdout"), "problem": ("5", "stderr")}
    uuid = host.said("podwright list --no-legend --full").split()[0]
    for each in one:
        assert (each["PODWRIGHT_POD"], each["PODWRIGHT_APP"]) == ("web", "one")
        assert each["PODWRIGHT_UUID"] == uuid
        assert each["_SYSTEMD_UNIT"] == "podwright-web.service"
    two = entries(host, "PODWRIGHT_POD=web PODWRIGHT_APP=two", 3)
    assert {(each["PRIORITY"], each["SYSLOG_IDENTIFIER"]) for each in two} == {("6", "two")}
    lines = host.said("podwright logs web").splitlines()
    assert sorted(lines)[:3] == ["[one] opened", "[one] plain", "[one] problem"]
    assert host.said("podwright logs --stream=stderr --format=json web | wc -l") == "1\n"
    remove(host)


def test_the_log_of_a_pod_that_has_ended_and_of_the_instance_before(host: Machine) -> None:
    """The last line before the end is there, too, and a follower ends with the pod."""
    start(host, app("one", "echo first; exec sleep 1000"))
    entries(host, "PODWRIGHT_POD=web PODWRIGHT_APP=one -g first", 1)
    trap = "trap 'echo last; exit 0' TERM; echo second; while :; do sleep 0.1; done"
    start(host, app("one", trap))
    entries(host, "PODWRIGHT_POD=web PODWRIGHT_APP=one -g second", 1)
    host.said(
        "systemd-run --quiet --unit=follow -p StandardOutput=file:/run/followed podwright logs -f web"
    )
    host.wait("cat /run/followed", lambda said: "second" in said)
    host.apply({"name": "web", "state": "stopped"})
    host.state("follow", "inactive")
    assert host.said("cat /run/followed") == "second\nlast\n"
    assert host.said("podwright logs web") == "second\nlast\n"
    assert host.said("podwright logs -n 1 web") == "last\n"
    assert host.said("podwright logs --previous web") == "first\n"
    remove(host)


@pytest.mark.parametrize("users", ["true", "false"])
def test_a_pod_of_systemd_run_and_every_byte_of_it(host: Machine, users: str) -> None:
    """A line of 50,000 bytes, one that is no text, an empty one, and one without an end."""
    script = r"head -c 50000 /dev/zero | tr \\0 a; echo; printf \\377\\001b\\n\\nrest"
    host.said(
        f"systemd-run --quiet --wait --unit=once podwright run --net=none --private-users={users}"
        f" --uuid-file-save=/run/uuid {IMAGE} --exec=/bin/sh -- -c '{script}'"
    )
    said = host.said("podwright logs --format=cat --uuid-file=/run/uuid | sha256sum")
    wanted = b"a" * 50000 + b"\n\xff\x01b\n\nrest\n"
    assert said.split()[0] == hashlib.sha256(wanted).hexdigest()
    uuid = host.said("cat /run/uuid").strip()
    found = entries(host, f"PODWRIGHT_UUID={uuid} _SYSTEMD_UNIT=once.service", 7)
    assert {each["SYSLOG_IDENTIFIER"] for each in found} == {"software"}
    host.said("podwright rm --uuid-file=/run/uuid; systemctl reset-failed once || :")


ENDS = """
app=$(pgrep -P $(cat /var/lib/podwright/pods/run/%s/pid))
journal=$(systemctl show -P MainPID systemd-journald)
trap "kill -CONT $journal" EXIT
kill -STOP $journal
echo go > /proc/$app/root/tmp/go
while kill -0 $app 2>/dev/null; do :; done
"""
WAITS = "mkfifo -m 666 /tmp/go; echo waits; read line < /tmp/go; echo $line; echo problem >&2"


def test_logs_of_a_pod_that_ended_before_the_journal_looked(host: Machine) -> None:
    """The journal finds out whose an entry is when it reads it; then it still has to be possible."""
    host.said(
        "systemd-run --quiet --unit=once podwright run --net=none"
        f" --uuid-file-save=/run/uuid {IMAGE} --exec=/bin/sh -- -c '{WAITS}'"
    )
    uuid = host.wait("cat /run/uuid || :", bool).strip()
    host.wait(f"podwright logs {uuid}", lambda said: said == "waits\n")
    host.said(ENDS % uuid)
    host.state("once", "inactive")
    lines = host.said(f"podwright logs {uuid}").splitlines()
    assert sorted(lines) == ["go", "problem", "waits"]
    host.said(f"podwright rm {uuid}")


@pytest.mark.threat("T78")
def test_entries_that_somebody_else_forged_are_not_shown(host: Machine) -> None:
    """Everybody may write our fields; the unit is what the journal has found out itself."""
    start(host, app("one", "echo true; exec sleep 1000"))
    uuid = host.said("podwright list --no-legend --full").split()[0]
    fields = f"MESSAGE=forged\nPODWRIGHT_UUID={uuid}\nPODWRIGHT_APP=one\nPODWRIGHT_STREAM=stdout\n"
    host.said("logger --journald", fields.encode())
    entries(host, "MESSAGE=forged", 1)
    host.wait("podwright logs web", lambda said: "true" in said)
    assert host.said("podwright logs web") == "true\n"
    remove(host)


def test_output_that_the_unit_sends_elsewhere_goes_there(host: Machine) -> None:
    """Only what is the journal's goes to the journal: standard output to a file stays there."""
    host.said(
        "systemd-run --quiet --wait --unit=apart -p StandardOutput=file:/run/out"
        " -p StandardError=journal podwright run"
        f" --net=none --uuid-file-save=/run/uuid {IMAGE} --exec=/bin/sh -- -c 'echo a; echo b >&2'"
    )
    assert host.said("cat /run/out") == "a\n"
    assert host.said("podwright logs --uuid-file=/run/uuid") == "b\n"
    host.said("podwright rm --uuid-file=/run/uuid")


JOURNALS = "/var/log/journal"
UNIT = "/etc/systemd/system/podwright-journal.service"
TALKING = """
trap 'echo last; exit 0' TERM
echo first
until [ -e /tmp/go ]; do sleep 0.1; done
echo second >&2
while :; do sleep 0.1; done
"""


@pytest.fixture
def machines(host: Machine) -> Iterator[None]:
    """The service that keeps journals of machines is installed."""
    host.write(UNIT, agent_units.FILES[UNIT])
    said = host.said(f"systemd-analyze verify {UNIT} 2>&1 || :; systemctl daemon-reload")
    assert "podwright-journal" not in said, said
    yield
    host.said(f"rm {UNIT}; systemctl daemon-reload")


def machine(host: Machine, name: str, flags: str = "") -> str:
    """A pod that talks runs in unit `name`; its UUID, as soon as it has said something."""
    host.write(f"/root/{name}.sh", TALKING)
    host.said(
        f"systemd-run --quiet --unit={name} -p KillMode=mixed podwright run --net=none {flags}"
        f" --uuid-file-save=/root/{name}.uuid {IMAGE}"
        f' --name={name} --exec=/bin/sh -- -c "$(cat /root/{name}.sh)"'
    )
    found = host.wait(f"cat /root/{name}.uuid || :", bool).strip()
    host.wait(f"podwright logs {found} || :", lambda said: "first" in said)
    return found


def copied(host: Machine, query: str, count: int) -> list[str]:
    """So many lines of a machine's journal, as soon as they are there."""
    command = f"journalctl -q --no-pager -o json {query} || :"
    said = host.wait(command, lambda said: len(said.splitlines()) >= count)
    lines = [json.loads(line) for line in said.splitlines()]
    assert {line["_MACHINE_ID"] for line in lines} == {lines[0]["PODWRIGHT_UUID"].replace("-", "")}
    return [line["MESSAGE"] for line in lines]


def test_journalctl_shows_a_machine_its_own_lines_and_none_is_lost_or_doubled(
    host: Machine, machines: None
) -> None:
    """While it runs by its name, afterwards by its machine ID; also when the service is killed."""
    one, two = machine(host, "one"), machine(host, "two", "--private-users=false")
    for name, uuid in (("one", one), ("two", two)):
        host.wait(f"journalctl -q --no-pager -M rkt-{uuid} || :", bool)
        assert copied(host, f"-M rkt-{uuid} -t {name}", 1) == ["first"]
        assert copied(host, f"-M rkt-{uuid}", 1) == ["first"]
        assert host.run(f"podwright enter {uuid} /bin/ls /var/log/journal").exit != 0
        mounts = host.said(f"cat /proc/$(cat /var/lib/podwright/pods/run/{uuid}/pid)/mountinfo")
        (mount,) = [line.split() for line in mounts.splitlines() if JOURNALS in line]
        assert mount[4] == f"{JOURNALS}/{uuid.replace('-', '')}"
        assert mount[5].split(",")[0] == "ro"
    host.said("systemctl kill --kill-whom=all --signal=KILL podwright-journal")
    host.said("rm -f /run/podwright/journals/state")  # then it compares with what is there
    for uuid in (one, two):
        host.said(f"podwright enter {uuid} /bin/touch /tmp/go")
        assert copied(host, f"-M rkt-{uuid}", 2) == ["first", "second"]
    host.said("systemctl stop one")
    assert copied(host, f"-m _MACHINE_ID={one.replace('-', '')}", 3) == ["first", "second", "last"]
    assert copied(host, f"-M rkt-{two}", 2) == ["first", "second"]
    host.said("systemctl stop two")
    host.state("podwright-journal", "inactive")
    for uuid in (one, two):
        found = copied(host, f"-m _MACHINE_ID={uuid.replace('-', '')}", 3)
        assert found == ["first", "second", "last"]
    assert host.properties("podwright-journal", "Result")["Result"] == "success"
    assert host.said("ls -d /run/podwright/journals || :") == ""
    before = host.said(f"ls -A {JOURNALS}").split()
    host.said("podwright gc --grace-period=0s")
    gone = set(before) - set(host.said(f"ls -A {JOURNALS}").split())
    assert gone == {uuid.replace("-", "") for uuid in (one, two)}


def test_machines_have_no_journal_where_that_is_switched_off(host: Machine, machines: None) -> None:
    before = host.said(f"ls -A {JOURNALS}")
    host.said("touch /etc/podwright/no-machine-journals")
    one = machine(host, "one")
    host.wait("machinectl list --no-legend --no-pager", lambda said: one in said)
    assert host.said(f"ls -A {JOURNALS}") == before
    host.said("systemctl stop one; rm /etc/podwright/no-machine-journals")
    assert host.said("systemctl is-active podwright-journal || :").strip() == "inactive"
    host.said("podwright gc --grace-period=0s")
