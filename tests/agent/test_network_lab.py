# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real nginx and redis in pods, asked by curl and redis-cli from everywhere: hosts, other pods, outside."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.agent.reachability_bed import BACK, SECOND
from tests.conftest import Keys
from tests.support.network_lab import (
    NGINX,
    REDIS,
    SLEEP,
    SOFTWARE,
    Host,
    Lab,
    Place,
    Pod,
    wait_until,
)
from tests.support.network_services import Services, ask, denied

ANSWER = "pid "
"""How nginx of the image begins."""
START_REDIS = "exec redis-server --bind '* -::*' --protected-mode no --save ''"
DUAL = NGINX.replace(
    "exec", "busybox sed -i 's/listen 80;/listen 80; listen [::]:80;/' /etc/nginx/nginx.conf; exec"
)


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab"), lab.key, software=True) as made:
        for host in (made.one, made.two):
            host.network(BACK)
            host.network(SECOND)
        yield made


@pytest.fixture
def host(bed: Lab) -> Iterator[Host]:
    """The first host; its pods end with the test."""
    known = len(bed.one.pods)
    yield bed.one
    for pod in bed.one.pods[known:]:
        if pod.process.poll() is None:
            pod.stop()
    bed.one.agent.ok("gc", "--grace-period=0s")


def nginx(host: Host, *options: str, name: str = "web") -> Pod:
    """A pod with nginx that answers both families."""
    pod = host.run(name, DUAL, *options, image=SOFTWARE)
    pod.await_listener(80)
    return pod


def test_a_port_is_published_by_its_number_whatever_the_image_declares(
    bed: Lab, host: Host
) -> None:
    nginx(host, "--port=80:8090", "--port=80/tcp:8091")
    for port in (8090, 8091):
        assert ANSWER in bed.outside.curl(host.address(), port)


def test_a_pod_with_ipv6_alone_becomes_ready_and_publishes_by_number(bed: Lab, host: Host) -> None:
    ipam = {"type": "host-local", "subnet": "fd79::/64", "routes": [{"dst": "::/0"}]}
    host.network({"name": "six", "type": "ptp", "ipam": ipam})
    pod = {
        "name": "six",
        "apps": [{"image": SOFTWARE, "exec": "/bin/sh", "args": ["-c", DUAL]}],
        "net": "six",
        "ready": {"tcp": 80},
        "ports": [{"pod_port": 80, "host_port": 8093, "host_ip": "::"}],
    }
    try:
        assert host.agent.apply({"pods": [pod]})["changed"]
        assert not host.agent.apply({"pods": [pod]})["changed"]
        assert ANSWER in host.curl(host.address(6), 8093)
    finally:
        host.agent.apply({"pods": [{"name": "six", "state": "absent"}]})


@pytest.mark.parametrize("net", ["default", "back", "second", "back,default"])
def test_nginx_is_reached_from_everywhere_by_its_published_port(
    bed: Lab, host: Host, net: str
) -> None:
    web = nginx(host, f"--net={net}", "--port=http:8080")
    same = host.run("same", SLEEP, f"--net={net}")
    other = host.run("other", SLEEP, f"--net={'second' if net == 'default' else 'default'}")
    far = bed.two.run("far", SLEEP)
    everybody: list[Place] = [host, same, other, bed.outside, bed.two, far]
    for family in (4, 6):
        address = host.address(family)
        for place in everybody:
            assert place.curl(address, 8080).startswith(ANSWER), (place.name, family)
        assert web.curl(address, 8080).startswith(ANSWER), "the pod asks its own published port"
        for place in (host, same):
            assert place.curl(web.address(family), 80).startswith(ANSWER)
        for place in (other, bed.outside, bed.two, far):
            assert place.no_curl(web.address(family), 80), (place.name, "past the published port")
    assert host.curl("127.0.0.1", 8080).startswith(ANSWER)
    far.stop()
    web.stop()
    assert all(place.no_curl(host.address(4), 8080) for place in (host, bed.outside))


def test_redis_keeps_what_clients_of_every_place_say(bed: Lab, host: Host) -> None:
    store = host.run("store", START_REDIS, "--port=redis:6400", image=SOFTWARE)
    store.await_listener(6379)
    client = host.run("client", SLEEP)
    for family in (4, 6):
        address = host.address(family)
        for place in (host, client, bed.outside, bed.two):
            assert place.redis(address, 6400, "incr", f"v{family}") != ""
        assert host.redis(store.address(family), 6379, "get", f"v{family}") == "4"
    assert host.redis("127.0.0.1", 6400, "ping") == "PONG"


def test_a_pod_of_the_image_from_a_registry_of_another_host_serves_it(bed: Lab, host: Host) -> None:
    """The real redis image with its declared port, on the second host, asked from pods of the first."""
    bed.two.agent.ok("fetch", "--pull-policy=never", REDIS)
    command = ["run", "--port=6379-tcp:6379", REDIS]
    process = bed.two.base.popen([*bed.two.agent.command, *command])
    try:
        client = host.run("client", SLEEP)

        def answers() -> bool:
            return client.status("redis-cli", "-h", bed.two.address(4), "ping") == 0

        wait_until(answers, "redis does not answer")
        assert client.redis(bed.two.address(4), 6379, "ping") == "PONG"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_port_published_on_one_address_is_only_there(bed: Lab, host: Host) -> None:
    one, other = host.address(4), "192.0.2.101"
    host.says("ip", "address", "add", f"{other}/24", "dev", "uplink")
    nginx(host, f"--port=http:{one}:8080", f"--port=http:[{host.address(6)}]:8081",
          "--port=http:127.0.0.1:8082")  # fmt: skip
    assert bed.outside.curl(one, 8080).startswith(ANSWER)
    assert bed.outside.no_curl(other, 8080)
    assert bed.outside.curl(host.address(6), 8081).startswith(ANSWER)
    assert bed.outside.no_curl(one, 8081)
    assert host.curl("127.0.0.1", 8082).startswith(ANSWER)
    assert bed.outside.no_curl(one, 8082)
    host.says("ip", "address", "del", f"{other}/24", "dev", "uplink")


def test_ranges_and_datagrams_are_published(bed: Lab, host: Host) -> None:
    pod = host.run("many", SLEEP, "--port=7020-tcp:9000-9002", "--port=7011-udp:9000")
    with Services() as services:
        for address in ("0.0.0.0", "::"):
            for port in (7020, 7021, 7022):
                services.tcp(pod, address, port, f"range {port}")
            services.udp(pod, address, 7011, "datagrams")
        for family in (4, 6):
            address = host.address(family)
            for place in (bed.outside, host, bed.two):
                for index in range(3):
                    said = ask(place, "tcp", address, 9000 + index)
                    assert said.startswith(f"range {7020 + index} "), (place.name, said)
                assert ask(place, "udp", address, 9000).startswith("datagrams ")
            assert denied(bed.outside, "tcp", address, 9003)
        assert ask(bed.outside, "tcp", host.address(4), 9000).endswith(bed.outside.address(4)), (
            "the pod sees who asks"
        )


def test_a_restricted_pod_serves_and_asks_only_its_host(bed: Lab, host: Host) -> None:
    web = nginx(host, "--net=default-restricted", "--port=http:8080")
    assert host.curl(web.address(4), 80).startswith(ANSWER)
    assert host.curl(web.address(6), 80).startswith(ANSWER)
    with Services() as services:
        services.tcp(host, "0.0.0.0", 7002, "host")
        services.tcp(bed.outside, "0.0.0.0", 7020, "outside")
        assert ask(web, "tcp", "172.31.0.1", 7002).startswith("host ")
        assert denied(web, "tcp", bed.outside.address(4), 7020)


@pytest.mark.parametrize("how", ["stop", "kill -9"])
def test_the_end_of_a_pod_takes_its_ports_away(bed: Lab, host: Host, how: str) -> None:
    web = nginx(host, "--port=http:8080")
    assert bed.outside.curl(host.address(4), 8080).startswith(ANSWER)
    (web.stop if how == "stop" else web.kill)()
    for family in (4, 6):
        assert bed.outside.no_curl(host.address(family), 8080)
    again = nginx(host, "--port=http:8080", name="again")
    assert again.uuid != web.uuid
    assert bed.outside.curl(host.address(4), 8080).startswith(ANSWER)


def test_pods_of_two_hosts_with_the_same_addresses_do_not_disturb_each_other(
    bed: Lab, host: Host
) -> None:
    here, there = host.run("here", SLEEP), bed.two.run("there", SLEEP, "--port=7010-tcp:8000")
    with Services() as services:
        services.tcp(there, "0.0.0.0", 7010, "there")
        assert ask(here, "tcp", bed.two.address(4), 8000) == f"there {host.address(4)}"
    there.stop()
