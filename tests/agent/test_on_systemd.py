# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods on a host that systemd runs: published examples, units, sockets, machines, credentials, timers.

One host for all of it. Each test leaves it without pods.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils import agent_units

from tests.agent.systemd_bed import Machine, machine_with
from tests.conftest import Keys
from tests.support.paths import CHECKOUT

REDIS = "--exec=/usr/bin/redis-server -- --bind 0.0.0.0 --protected-mode no"
MACHINED = "/usr/share/dbus-1/system-services/org.freedesktop.machine1.service"
IMAGE = "example.com/software:1.0"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Machine]:
    with machine_with(tmp_path_factory.mktemp("systemd") / "fleet", lab.key) as found:
        yield found


def machine_of(host: Machine, uuid: str) -> str:
    return f"rkt-{uuid}"


def running(host: Machine) -> list[dict[str, Any]]:
    """What `list` says of pods that run."""
    found: list[dict[str, Any]] = json.loads(host.said("podwright list --format=json"))
    return [pod for pod in found if pod["state"] == "running"]


def machines(host: Machine) -> list[str]:
    lines = host.said("machinectl list --no-legend --no-pager").splitlines()
    return [line.split()[0] for line in lines]


@pytest.mark.parametrize("users", ["", "--private-users"])
def test_a_published_example_under_systemd_run(host: Machine, users: str) -> None:
    """As in rkt's documentation: a transient unit of machine.slice, with a port and a volume."""
    host.said("rm -rf /var/data; mkdir /var/data; chown 101:101 /var/data")
    host.said(
        "systemd-run --quiet --unit=etcd --slice=machine podwright run --private-net"
        f" --port=client:6379 --volume data-dir,kind=host,source=/var/data {users}"
        " example.com/software,version=1.0 --exec=/usr/bin/redis-server"
        " --mount volume=data-dir,target=/data --user=101 --group=101 -- --dir /data"
        " --bind 0.0.0.0 --protected-mode no"
    )
    address = "$(hostname -I | cut -d' ' -f1)"
    host.wait(f"redis-cli -h {address} ping || :", lambda said: "PONG" in said)
    host.said(f"redis-cli -h {address} set key value; redis-cli -h {address} save")
    assert " 101 101 " in host.said("ls -ln /var/data/dump.rdb")
    status = host.said("systemctl status --no-pager etcd")
    assert "/machine.slice/etcd.service" in status and "redis-server" in status
    (pod,) = running(host)
    name = machine_of(host, pod["name"])
    host.wait("machinectl list --no-legend --no-pager", lambda said: name in said)
    shown = host.said(f"machinectl status --no-pager {name}")
    assert "Unit: etcd.service" in shown and "podwright; class container" in shown
    assert pod["networks"][0]["ip"] in shown
    host.wait("journalctl --sync; journalctl -u etcd", lambda said: "Ready to accept" in said)
    host.said("systemctl stop etcd")
    assert name not in machines(host)
    host.said("podwright gc --grace-period=0s")


UNITS = {
    "run": f"""
[Service]
Slice=machine.slice
ExecStart=/usr/bin/AGENT run --port=client:6379 {IMAGE} {REDIS}
KillMode=mixed
Restart=always
ExecStopPost=/usr/bin/AGENT gc --mark-only
""",
    "prepared": f"""
[Service]
Slice=machine.slice
ExecStartPre=/usr/bin/AGENT prepare --uuid-file-save=/run/redis.uuid --port=client:6379 {IMAGE} {REDIS}
ExecStart=/bin/sh -c 'exec AGENT run-prepared $(cat /run/redis.uuid)'
KillMode=mixed
Restart=always
ExecStopPost=/usr/bin/AGENT gc --mark-only
""",
}


@pytest.mark.parametrize(("kind", "name"), [("run", "podwright"), ("prepared", "rkt")])
def test_a_published_unit_file(host: Machine, kind: str, name: str) -> None:
    """It comes up, comes up again when it was killed, stops cleanly, and leaves nothing running."""
    host.said("ln -sf podwright /usr/bin/rkt; mkdir -p /etc/rkt; rm -rf /etc/rkt/trustedkeys")
    host.said("cp -a /etc/podwright/trustedkeys /etc/rkt/")
    host.write("/etc/systemd/system/redis.service", UNITS[kind].replace("AGENT", name))
    host.said("systemctl daemon-reload; systemctl start redis")
    address = "$(hostname -I | cut -d' ' -f1)"
    pong = f"redis-cli -h {address} ping || :"
    host.wait(pong, lambda said: "PONG" in said)
    (before,) = running(host)
    host.said("systemctl kill --kill-whom=main --signal=KILL redis")
    after = host.wait(
        "podwright list --format=json",
        lambda said: any(
            pod["state"] == "running" and pod["name"] != before["name"] for pod in json.loads(said)
        ),
    )
    assert after
    host.wait(pong, lambda said: "PONG" in said)
    host.said("systemctl stop redis")
    assert host.properties("redis", "Result")["Result"] == "success"
    assert running(host) == []
    host.said("rm /etc/systemd/system/redis.service /usr/bin/rkt; systemctl daemon-reload")
    host.said("podwright gc --grace-period=0s")


WEB = {
    "name": "web",
    "image": IMAGE,
    "exec": ["/usr/bin/gunicorn", "--worker-tmp-dir=/dev/shm", "wsgiref.simple_server:demo_app"],
    "notify": True,
    "ports": [{"name": "http", "host_port": 8080}],
    "sockets": ["http"],
}


def test_the_first_connection_starts_a_pod(host: Machine) -> None:
    """gunicorn, which reads LISTEN_FDS and says READY=1; nothing is published by the firewall."""
    wanted = {**WEB, "state": "prepared"}
    planned = host.apply(wanted, flags="--check")
    assert planned["pods"][0]["actions"] == ["prepare", "listen"]
    assert host.apply(wanted)["pods"][0]["error"] is None
    units = "podwright-web.socket podwright-web.service"
    assert host.run(f"systemctl is-active {units}").stdout.split() == ["active", "inactive"]
    assert host.apply(wanted)["changed"] is False
    assert "Hello world!" in host.said("curl -sSm 60 http://127.0.0.1:8080/")
    host.state("podwright-web.service")
    assert host.apply(wanted)["changed"] is False
    assert host.apply({**WEB, "state": "started", "enabled": False})["changed"] is False
    assert "dport 8080" not in host.said("nft list ruleset")
    shown = host.properties("podwright-web.service", "StatusText", "TriggeredBy")
    assert shown["TriggeredBy"] == "podwright-web.socket"
    (pod,) = running(host)
    said = host.said(f"podwright enter {pod['name']} /bin/ls /proc/1/fd || :")
    assert "255" not in said
    moved = {**WEB, "ports": [{"name": "http", "host_port": 8081}]}
    assert host.apply(moved)["pods"][0]["error"] is None
    assert "Hello world!" in host.said("curl -sSm 60 http://127.0.0.1:8081/")
    assert host.run("curl -sSm 60 http://127.0.0.1:8080/").exit != 0
    assert host.apply({**moved, "state": "stopped"})["pods"][0]["error"] is None
    assert host.run(f"systemctl is-active {units}").stdout.split() == ["inactive"] * 2
    assert host.apply({"name": "web", "state": "absent"})["changed"] is True
    assert host.said("ls /etc/systemd/system | grep podwright-web || :") == ""


@pytest.mark.threat("T81")
def test_what_is_said_about_a_unit_stands_in_it_and_drop_ins_are_kept(host: Machine) -> None:
    odd = 'http://proxy/%h$HOME "quoted" \\'
    unit = {
        "after": ["nss-lookup.target"],
        "wants": ["nss-lookup.target"],
        "part_of": ["machines.target"],
        "wanted_by": ["machines.target"],
        "environment": {"HTTPS_PROXY": odd},
        "settings": {
            "Unit": {"Documentation": "https://example.com/", "StartLimitBurst": 7},
            "Service": {"MemoryMax": "512M", "CPUQuota": "150%", "TasksMax": 200, "RestartSec": 3},
        },
    }
    pod = {"name": "web", "image": IMAGE, "exec": ["/bin/sleep", "1000"], "unit": unit}
    host.write("/etc/systemd/system/podwright-web.service.d/mine.conf", "[Service]\nNice=7\n")
    assert host.apply(pod)["pods"][0]["error"] is None
    assert host.apply(pod)["changed"] is False
    assert host.apply(pod, flags="--check --diff")["diff"] == {"before": {}, "after": {}}
    names = ("MemoryMax", "CPUQuotaPerSecUSec", "TasksMax", "RestartUSec", "Nice", "PartOf")
    shown = host.properties("podwright-web", *names, "WantedBy", "Environment", "After")
    assert shown["MemoryMax"] == str(512 << 20) and shown["CPUQuotaPerSecUSec"] == "1.500000s"
    assert shown["TasksMax"] == "200" and shown["RestartUSec"] == "3s" and shown["Nice"] == "7"
    assert shown["PartOf"] == shown["WantedBy"] == "machines.target"
    assert "nss-lookup.target" in shown["After"] and "network-online.target" in shown["After"]
    main = host.said("systemctl show -P MainPID podwright-web").strip()
    told = host.said(f"tr '\\0' '\\n' < /proc/{main}/environ").splitlines()
    assert f"HTTPS_PROXY={odd}" in told
    for bad in (
        {"settings": {"Service": {"ExecStart": "/bin/sh"}}},
        {"settings": {"Service": {"MemoryMax": "1G\nExecStartPre=/bin/sh"}}},
        {"settings": {"Unit": {"Description": "%n"}}},
        {"after": ["a.service\nExecStart=x"]},
        {"environment": {"A": "a\nB"}},
    ):
        answer = host.run("podwright apply", json.dumps({"pods": [{**pod, "unit": bad}]}).encode())
        assert answer.exit == 254, bad
    less = {**pod, "unit": {"settings": {"Service": {"MemoryMax": "256M"}}}}
    assert host.apply(less)["pods"][0]["actions"] == ["configure"]
    shown = host.properties("podwright-web", "MemoryMax", "WantedBy", "TasksMax", "Nice")
    assert shown["MemoryMax"] == str(256 << 20) and shown["WantedBy"] == "multi-user.target"
    assert shown["TasksMax"] != "200" and shown["Nice"] == "7"
    gone = host.apply({"name": "web", "state": "absent"})
    assert "/etc/systemd/system/podwright-web.service.d/mine.conf" in gone["warnings"][0]
    assert host.said("ls /etc/systemd/system | grep podwright-web") == "podwright-web.service.d\n"
    host.said("rm -r /etc/systemd/system/podwright-web.service.d; systemctl daemon-reload")


def test_systemd_hears_what_an_app_says_and_that_the_pod_is_alive(host: Machine) -> None:
    """redis says READY=1 and STATUS=; who stops PID 1 has the unit fail by its watchdog."""
    start = "systemd-run --quiet --unit=told -p Type=notify -p NotifyAccess=all"
    host.said(
        f"{start} -p WatchdogSec=8 podwright run --net=none {IMAGE} --notify"
        " --exec=/usr/bin/redis-server -- --supervised systemd"
    )
    assert host.properties("told", "ActiveState")["ActiveState"] == "active"
    status = "systemctl show -P StatusText told"  # said just after another one, it comes later
    host.wait(status, lambda said: said == "Ready to accept connections\n")
    (pod,) = running(host)
    # Its parent sleeps by then, as a program that says nothing.
    host.wait("ps -eo args | grep '[p]odwright-wait' || :", lambda said: "podwright-wait" in said)
    age = "systemctl show -P ActiveState told; systemctl show -P WatchdogTimestampMonotonic told"
    first = host.said(age).split()
    host.wait(age, lambda said: int(said.split()[1]) > int(first[1]) + 9000000)
    assert host.said("systemctl show -P ActiveState told").strip() == "active"
    host.said(f"kill -STOP {pod['pid']}")
    host.state("told", "failed")
    assert host.properties("told", "Result")["Result"] == "watchdog"
    host.said("systemctl reset-failed told || :; podwright gc --grace-period=0s")
    assert running(host) == []


def test_secrets_come_from_credentials_of_the_unit(host: Machine) -> None:
    host.said("mkdir -p /etc/credstore /etc/credstore.encrypted; chmod 700 /etc/credstore*")
    host.said("printf plain-c4nary > /etc/credstore/db")
    host.said(
        "printf hidden-c4nary | systemd-creds encrypt --with-key=host --name=api -"
        " /etc/credstore.encrypted/api"
    )
    names = ("db", "/etc/credstore.encrypted/api")
    secrets = [{"name": f"s{n}", "credential": name} for n, name in enumerate(names)]
    script = "cat /run/secrets/s0 /run/secrets/s1 > /dev/shm/seen; exec sleep 1000"
    pod = {"name": "web", "image": IMAGE, "exec": ["/bin/sh", "-c", script], "secrets": secrets}
    answer = host.apply({**pod, "net": "none"})
    assert answer["pods"][0]["error"] is None, answer
    assert host.said("podwright enter web /bin/cat /dev/shm/seen") == "plain-c4naryhidden-c4nary"
    assert "c4nary" not in host.said("systemctl cat podwright-web; podwright cat-manifest web")
    host.apply({"name": "web", "state": "absent"})
    host.said("rm -r /etc/credstore /etc/credstore.encrypted")


def test_a_kept_secret_is_opened_by_systemd_alone_for_the_pod_that_has_it(host: Machine) -> None:
    kept = "/var/lib/podwright/secrets/credstore.encrypted/key"

    def put(text: str) -> None:
        host.said(f"printf {text} | podwright secret put --encrypt=require key")

    put("first-c4nary")
    assert "encrypted" in host.said("podwright secret list")
    assert host.run("grep -r c4nary /var/lib/podwright/secrets").stdout == ""
    script = "cat /run/secrets/mine > /dev/shm/seen; exec sleep 1000"
    secrets = [{"name": "mine", "stored": "key"}]
    pod = {"name": "web", "image": IMAGE, "exec": ["/bin/sh", "-c", script], "secrets": secrets}
    pod["net"] = "none"
    host.apply(pod)
    assert host.said("podwright enter web /bin/cat /dev/shm/seen") == "first-c4nary"
    assert host.apply(pod)["changed"] is False
    # The unit has it from systemd at each start, also when nobody has applied anything since.
    host.said("systemctl restart podwright-web")
    assert host.said("podwright enter web /bin/cat /dev/shm/seen") == "first-c4nary"
    put("second-c4nary")
    assert host.apply(pod)["changed"] is True
    assert host.said("podwright enter web /bin/cat /dev/shm/seen") == "second-c4nary"
    # What another host encrypted, or somebody has changed, keeps the pod from starting.
    host.said(f"cp {kept} /root/kept; printf {'x' * 200} > {kept}; systemctl stop podwright-web")
    assert host.run("systemctl start podwright-web").exit != 0
    host.said(f"cp /root/kept {kept}; systemctl reset-failed podwright-web || :")
    host.said("systemctl start podwright-web")
    assert host.said("podwright enter web /bin/cat /dev/shm/seen") == "second-c4nary"
    host.apply({"name": "web", "state": "absent"})
    host.said("podwright secret rm key; rm /root/kept")


def shipped() -> dict[str, str]:
    """The units that the role installs, read without Ansible."""
    source = (CHECKOUT / "plugins/module_utils/agent_units.py").read_text()
    texts: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            assert isinstance(node.targets[0], ast.Name)
            texts[node.targets[0].id] = str(node.value.value)
    return texts


def test_ended_pods_are_cleaned_away_by_the_timer_that_is_shipped(host: Machine) -> None:
    texts = shipped()
    directory = "/etc/systemd/system"
    host.write(f"{directory}/podwright-gc.service", texts["GC_SERVICE"])
    host.write(f"{directory}/podwright-gc.timer", texts["GC_TIMER"])
    said = host.said("systemd-analyze verify /etc/systemd/system/podwright-gc.* 2>&1 || :")
    assert "podwright-gc" not in said, said
    host.said("systemctl daemon-reload; systemctl start podwright-gc.timer")
    assert "podwright-gc.service" in host.said("systemctl list-timers --no-pager")
    host.said(f"podwright run --net=none {IMAGE} --exec=/bin/true; systemctl start podwright-gc")
    assert host.properties("podwright-gc", "Result")["Result"] == "success"
    (pod,) = json.loads(host.said("podwright list --format=json"))  # younger than a day
    assert pod["state"].startswith("exited")
    host.said("podwright gc --grace-period=0s")
    host.said(f"systemctl stop podwright-gc.timer; rm {directory}/podwright-gc.*")
    host.said("systemctl daemon-reload")


def test_monitoring_asks_on_demand_who_can_write_nothing(host: Machine) -> None:
    names = [f"podwright-metrics.{kind}" for kind in ("socket", "service")]
    for name in names:
        path = f"/etc/systemd/system/{name}"
        host.write(path, agent_units.FILES[path])
    host.said("systemctl daemon-reload; systemctl start podwright-metrics.socket")
    host.said(f"systemd-run --quiet --unit=watched podwright run --net=none {IMAGE}"
              " --exec=/bin/sleep -- 1000")  # fmt: skip
    host.wait("podwright list", lambda said: "running" in said)
    found = host.said("curl -sS http://127.0.0.1:18113/metrics")
    for part in ("pods", "named-pods", "images", "keys", "counters"):
        assert f'podwright_unreadable{{part="{part}"}} 0' in found, found
    assert 'podwright_pods{state="running"} 1' in found
    assert "podwright_pod_cpu_seconds_total{" in found  # told by its processes
    assert 'podwright_refusals_total{stage="verify"' in found
    pid = host.properties("podwright-metrics.service", "MainPID")["MainPID"]
    assert "CapEff:\t00000000000000c0" in host.said(f"cat /proc/{pid}/status")
    assert host.run(f"nsenter -t {pid} -m touch /var/lib/podwright/x").exit != 0
    host.said("systemctl stop watched podwright-metrics.socket podwright-metrics.service")
    host.said("podwright gc --grace-period=0s; rm /etc/systemd/system/podwright-metrics.*")
    host.said("systemctl daemon-reload")


@pytest.mark.parametrize("missing", ["machined", "dbus"])
def test_pods_run_where_there_is_no_machined(host: Machine, missing: str) -> None:
    hide = {
        "machined": f"mv {MACHINED} /root/; systemctl stop systemd-machined",
        "dbus": "systemctl stop dbus.socket dbus.service systemd-machined",
    }
    show = {
        "machined": f"mv /root/{MACHINED.rpartition('/')[2]} {MACHINED}",
        "dbus": "systemctl start dbus.socket dbus.service",
    }
    host.said(hide[missing])
    try:
        pod = {"name": "web", "image": IMAGE, "exec": ["/bin/sleep", "1000"], "net": "none"}
        answer = host.apply(pod)
        assert answer["pods"][0]["error"] is None, answer
        reports = [text for text in answer["pods"][0]["reports"] if "machined" in text]
        assert bool(reports) == (missing == "dbus"), answer
        assert host.apply({"name": "web", "state": "absent"})["changed"] is True
    finally:
        host.said(show[missing])


def test_machines_are_not_registered_where_that_is_switched_off(host: Machine) -> None:
    pod = {"name": "web", "image": IMAGE, "exec": ["/bin/sleep", "1000"], "net": "none"}

    def uuid(state: str) -> str:
        (part,) = host.apply({**pod, "state": state})["pods"]
        assert part["error"] is None, part
        return f"rkt-{part['uuid']}"

    host.said("touch /etc/podwright/no-machined")
    assert uuid("started") not in machines(host)
    host.said("rm /etc/podwright/no-machined")
    known = uuid("restarted")
    assert known in machines(host)
    host.apply({"name": "web", "state": "absent"})
    assert known not in machines(host)


def test_what_an_app_leaves_behind_ends_before_its_next_life_without_any_controller(
    host: Machine,
) -> None:
    """In the group that systemd delegates to the unit; and the journal says why it was started again."""
    script = "sleep 777 & [ -e /tmp/2 ] && exec sleep 1000; touch /tmp/2; sleep 2; exit 1"
    exec_ = ["/bin/sh", "-c", script]
    app = {"name": "one", "image": IMAGE, "exec": exec_, "restart": "always"}
    answer = host.apply({"name": "lf", "apps": [app], "net": "none"})
    assert answer["pods"][0]["error"] is None, answer
    each = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null"
    seen = f"{each} | grep -x 'sleep [0-9]* ' || :"  # not the shell, whose script says both
    said = host.wait(seen, lambda said: "sleep 1000" in said and "sleep 777" in said)
    assert said.count("sleep 777") == 1
    why = "podwright: app one: failed: ended with 1; restart 1 in 1 s"
    host.wait("journalctl --sync; journalctl -u podwright-lf", lambda said: why in said)
    lines = host.said("podwright status lf").splitlines()
    assert "app-one.restarts=1" in lines
    assert not [line for line in lines if "daemons" in line]
    host.apply({"name": "lf", "state": "absent"})


def test_a_named_pod_that_is_killed_keeps_how_it_ended(host: Machine) -> None:
    """Its supervisor writes that down before its unit is stopped."""
    pod = {"name": "web", "image": IMAGE, "exec": ["/bin/sleep", "1000"], "net": "none"}
    assert host.apply(pod)["pods"][0]["error"] is None
    for _ in range(3):
        host.said("podwright restart web; podwright stop --force web")
        lines = host.said("podwright status web").splitlines()
        assert "reason=stopped" in lines and "finished=unknown" not in lines, lines
        assert "app-software.reason=stopped-by-pod" in lines, lines
    host.apply({**pod, "state": "absent"})


def test_machines_of_killed_supervisors_do_not_stay(host: Machine) -> None:
    """Nor do those of pods that nobody starts again, when gc has seen them."""
    pod = {"name": "web", "image": IMAGE, "exec": ["/bin/sleep", "1000"], "net": "none"}
    (first,) = host.apply(pod)["pods"]
    before = f"rkt-{first['uuid']}"
    assert before in machines(host)
    host.said("kill -9 $(systemctl show -P MainPID podwright-web)")
    host.wait("machinectl list --no-legend", lambda said: "rkt-" in said and before not in said)
    host.apply({**pod, "state": "absent"})
