# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be said about a pod's unit, and what comes out of it."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.host import systemd, unitfiles
from podwright.model import unitspec
from podwright.model.spec import parse_desired
from podwright.reconcile import canonical


def desired(**fields: Any) -> Any:
    raw = {"name": "web", "image": "a", **fields}
    return parse_desired({"pods": [raw]}).pods[0]


@pytest.mark.threat("T81")
@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ({"after": ["a"]}, "unit.after: 'a' is not the name of a unit"),
        ({"after": ["a b.service"]}, "unit.after: 'a b.service' is not the name of a unit"),
        ({"wants": ["a.service\nExecStart=x"]}, "unit.wants: "),
        ({"requires": [".service"]}, "unit.requires: '.service' is not"),
        ({"part_of": ["%n.service"]}, "unit.part_of: '%n.service' is not"),
        ({"wanted_by": ["multi-user"]}, "unit.wanted_by: 'multi-user' is not"),
        ({"environment": {"A B": "x"}}, "unit.environment: 'A B' is not a variable"),
        ({"environment": {"A": "x\ny"}}, "unit.environment.A: has characters"),
        ({"settings": {"Socket": {}}}, "unit.settings.Socket: unknown field"),
        ({"settings": {"Service": []}}, "unit.settings.Service: must be an object"),
        ({"settings": {"Service": {"ExecStart": "x"}}}, "unit.settings.Service: 'ExecStart'"),
        ({"settings": {"Service": {"execstart": "x"}}}, "unit.settings.Service: 'execstart'"),
        ({"settings": {"Service": {"Nice\nUser": "x"}}}, "unit.settings.Service: "),
        ({"settings": {"Service": {"Type": "simple"}}}, "unit.settings.Service: 'Type'"),
        ({"settings": {"Service": {"ProtectSystem": True}}}, "unit.settings.Service: "),
        ({"settings": {"Service": {"Nice": "1\n"}}}, "unit.settings.Service.Nice: has char"),
        ({"settings": {"Service": {"Nice": "1\\"}}}, "unit.settings.Service.Nice: begins or"),
        ({"settings": {"Service": {"Nice": " 1"}}}, "unit.settings.Service.Nice: begins or"),
        ({"settings": {"Service": {"Slice": "%p.slice"}}}, "unit.settings.Service.Slice: has a %"),
        ({"settings": {"Service": {"RestartSec": "50%"}}}, "unit.settings.Service.RestartSec: has"),
        ({"settings": {"Service": {"MemoryMax": "%h"}}}, "unit.settings.Service.MemoryMax: has a"),
        ({"settings": {"Service": {"MemoryMax": {}}}}, "unit.settings.Service.MemoryMax: must be"),
        ({"exec_start": "x"}, "unit.exec_start: unknown field"),
    ],
)
def test_what_would_mean_something_else_is_refused(unit: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        desired(unit=unit)
    assert caught.value.message.startswith(f"pods[0].{message}")


def test_what_is_said_stands_in_the_unit_and_in_the_revision() -> None:
    unit = {
        "after": ["a@b.service"],
        "wanted_by": ["x.target", "y.target"],
        "environment": {"B": 'q"\\$%', "A": ""},
        "settings": {
            "Service": {"MemoryMax": "50%", "IOReadBandwidthMax": ["/ 1M", "/srv 2M"], "Nice": -5},
            "Unit": {"RefuseManualStop": True},
        },
    }
    spec = desired(unit=unit)
    settings = canonical.settings(spec)
    assert unitspec.load(settings["unit"]) == spec.unit
    text = systemd.unit_text("web", settings, ["/bin/podwright"])
    head, _, rest = text.partition("[Service]\n")
    service, _, install = rest.partition("[Install]\n")
    assert "After=a@b.service\n" in head and "RefuseManualStop=yes\n" in head
    assert 'Environment=A=\nEnvironment="B=q\\"\\\\$%%"\n' in service
    limits = "MemoryMax=50%\nIOReadBandwidthMax=/ 1M\nIOReadBandwidthMax=/srv 2M\nNice=-5\n"
    assert limits in service
    assert install == "WantedBy=x.target\nWantedBy=y.target\n"


def test_a_pod_without_a_word_about_its_unit_has_nothing_of_it_in_its_revision() -> None:
    settings = canonical.settings(desired())
    assert "unit" not in settings and "listens" not in settings
    text = systemd.unit_text("web", settings, ["/bin/podwright"])
    assert text.endswith("\n[Install]\nWantedBy=multi-user.target\n")
    assert systemd.files_text("web", settings, ["/bin/podwright"]) == text


def test_sockets_listen_where_ports_are_published() -> None:
    ports = [
        {"name": "http", "host_port": 80},
        {"name": "dns", "host_port": 53, "host_ip": "127.0.0.1"},
        {"name": "many", "host_port": 9000, "host_ip": "2001:db8::1", "count": 2},
        {"name": "other", "host_port": 1},
    ]
    spec = desired(ports=ports, sockets=["http", "dns/udp", "many"])
    text = unitfiles.socket_text("web", canonical.settings(spec))
    assert [line for line in text.splitlines() if line.startswith("Listen")] == [
        "ListenStream=80",
        "ListenDatagram=127.0.0.1:53",
        "ListenStream=[2001:db8::1]:9000",
        "ListenStream=[2001:db8::1]:9001",
    ]
    again = canonical.respec("web", canonical.runtime(spec, ["sha512-0"]), canonical.settings(spec))
    assert again.sockets == spec.sockets and again.unit == spec.unit


@pytest.mark.parametrize(
    ("sockets", "message"),
    [
        (["web"], "pods[0].sockets: web is not a published port of the pod"),
        (["http/sctp"], "pods[0].sockets: 'http/sctp' is neither tcp nor udp"),
        (["http", "http/tcp"], "pods[0].sockets: names must be unique"),
        (["HTTP"], "pods[0].sockets: 'HTTP' is not an AC name"),
    ],
)
def test_sockets_are_of_published_ports(sockets: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        desired(ports=[{"name": "http", "host_port": 80}], sockets=sockets)
    assert caught.value.message.startswith(message)


@pytest.mark.threat("T81")
@pytest.mark.parametrize(
    "install",
    [
        {"Also": ["ssh.service"]},
        {"Alias": "cron.service"},
        {"Alias": "../../x.service"},
        {"RequiredBy": "../../x.service"},
        {"UpheldBy": ["a.target b"]},
        {"DefaultInstance": "x"},
    ],
)
def test_what_removing_the_pod_would_take_from_other_units_is_refused(
    install: dict[str, Any],
) -> None:
    with pytest.raises(UsageError, match="Install"):
        desired(unit={"settings": {"Install": install}})
    desired(unit={"settings": {"Install": {"RequiredBy": "app.target other.target"}}})
