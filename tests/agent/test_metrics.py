# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of real pods, read by the parsers of those who collect them."""

from __future__ import annotations

import http.client
import json
import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.agent.metadata_bed import host_with_image
from tests.conftest import Keys
from tests.support import tiny_image
from tests.support.network_lab import PATIENCE, SLEEP, Host, Pod

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
BUSY = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done;"
Point = tuple[dict[str, str], float]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Host]:
    with host_with_image(tmp_path_factory.mktemp("metrics"), lab.key) as made:
        yield made


@pytest.fixture(scope="module")
def pod(host: Host) -> Pod:
    return host.run("a", f"{BUSY} echo done; {SLEEP}", app=("--memory=64M",))


def parse(text: str) -> dict[str, list[Point]]:
    """Sample name -> its points."""
    found: dict[str, list[Point]] = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for one in family.samples:
            found.setdefault(one.name, []).append((one.labels, one.value))
    return found


def metrics(host: Host, *options: str) -> dict[str, list[Point]]:
    return parse(host.agent.ok("metrics", *options))


def of(found: dict[str, list[Point]], name: str, **labels: str) -> float | None:
    """The only point of a metric with these labels."""
    points = [
        number for known, number in found.get(f"podwright_{name}", ())
        if labels.items() <= known.items()
    ]  # fmt: skip
    assert len(points) < 2, (name, points)
    return points[0] if points else None


def test_a_running_pod_is_told_in_numbers(host: Host, pod: Pod) -> None:
    assert pod.process.stdout is not None
    assert pod.process.stdout.readline() == "done\n"
    host.agent.ok("status", "--wait-ready=60s", pod.uuid)
    found = metrics(host)
    assert of(found, "pod_ready", uuid=pod.uuid) == 1
    (app,) = json.loads(host.agent.ok("status", "--format=json", pod.uuid))["app_names"]
    assert of(found, "pods", state="running") == 1
    assert of(found, "pods", state="exited") is not None
    assert of(found, "apps", state="running") == 1
    assert of(found, "images") == 1
    assert (of(found, "image_store_bytes") or 0) > 0
    for kind in ("pod", "app"):
        assert (of(found, f"{kind}_cpu_seconds_total", uuid=pod.uuid) or 0) > 0, kind
        assert (of(found, f"{kind}_memory_bytes", uuid=pod.uuid) or 0) > 0, kind
        assert (of(found, f"{kind}_pids", uuid=pod.uuid) or 0) >= 1, kind
    assert of(found, "app_memory_limit_bytes", uuid=pod.uuid, app=app) == 64_000_000
    assert of(found, "app_running", app=app) == 1
    assert of(found, "app_restarts_total", app=app) == 0
    assert of(found, "app_last_exit_code", app=app) is None
    assert of(found, "pod_network_receive_bytes_total", ifname="eth0") is not None
    started = of(found, "pod_start_time_seconds", uuid=pod.uuid)
    assert started is not None and started > 1_600_000_000
    assert all(number == 0 for _, number in found["podwright_unreadable"])


def test_a_pod_that_has_ended_says_how(host: Host) -> None:
    result = host.agent(
        "run", "--net=none", tiny_image.NAME, "--exec=/bin/sh", "--", "-c", "exit 7"
    )
    assert result.exit == 7
    found = metrics(host)
    codes = [number for _, number in found["podwright_app_last_exit_code"]]
    assert 7 in codes
    assert (of(found, "pods", state="exited") or 0) >= 1


def test_a_named_pod_that_does_not_run_is_seen(host: Host) -> None:
    wanted = {"name": "gone", "image": tiny_image.NAME, "exec": "/bin/sh", "args": ["-c", SLEEP]}
    wanted |= {"net": "none", "restart": "no"}
    host.agent.apply({"pods": [wanted]})
    assert of(metrics(host), "named_pod_running", pod="gone") == 1
    assert of(metrics(host), "pod_pids", pod="gone") is not None
    host.agent.ok("stop", "gone")
    host.agent.ok("status", "--wait=60s", "gone")
    assert of(metrics(host), "named_pod_running", pod="gone") == 0
    host.agent.apply({"pods": [{"name": "gone", "state": "absent"}]})
    assert of(metrics(host), "named_pod_running", pod="gone") is None


def test_refusals_are_counted_by_reason_and_cleaning_too(host: Host) -> None:
    host.agent.ok("metrics")  # from now on
    before = metrics(host)
    unsigned = host.agent.local / "unsigned.aci"
    unsigned.write_bytes(tiny_image.build().read_bytes())
    host.agent.refused("fetch", unsigned)
    host.agent("apply", stdin=json.dumps({"pods": [{"name": "x", "image": str(unsigned)}]}))
    host.agent.refused("run", "--bad-option")
    found = metrics(host)
    new = {
        (labels["stage"], labels["reason"]): number - (of(before, "refusals_total", **labels) or 0)
        for labels, number in found["podwright_refusals_total"]
    }
    assert {key for key, number in new.items() if number} == {("verify", "no-signature")}
    assert new["verify", "no-signature"] == 2
    host.agent.ok("gc", "--mark-only")
    assert of(metrics(host), "gc_last_run_time_seconds") is not None


def test_a_key_that_expires_is_seen_weeks_before(host: Host, lab: Keys) -> None:
    assert "podwright_key_expiry_days" not in metrics(host)
    key = lab.lab.generate("Soon <soon@example.com>", expire="20d")
    host.agent.trust(key, "example.com/soon")
    found = metrics(host)
    days = of(found, "key_expiry_days", prefix="example.com/soon")
    assert days is not None and 18 < days <= 20
    place = host.agent.local / "trustedkeys/prefix.d/example.com/soon" / key.fingerprint.lower()
    place.unlink()


def test_a_damaged_part_is_said_to_be_missing_and_the_others_are_there(host: Host) -> None:
    odd = host.agent.local / "trustedkeys/root.d/odd"
    odd.parent.mkdir(parents=True, exist_ok=True)
    odd.write_text("")
    result = host.agent("metrics").check()
    odd.unlink()
    found = parse(result.stdout)
    assert of(found, "unreadable", part="keys") == 1
    assert of(found, "unreadable", part="pods") == 0
    assert of(found, "images") == 1
    assert "odd" in result.stderr


def test_promtool_has_nothing_to_say(host: Host, pod: Pod) -> None:
    text = host.agent.ok("metrics", "--format=prometheus")
    assert pod.uuid in text
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class TestTextfile:
    def test_is_written_for_node_exporter(self, host: Host, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        path = tmp_path / "podwright.prom"
        for _ in range(2):
            assert host.agent.ok("metrics", f"--textfile={path}") == ""
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert "# TYPE podwright_pods gauge" in path.read_text()
        assert os.listdir(tmp_path) == ["podwright.prom"]

    @pytest.mark.parametrize("planted", ["link", "fifo", "directory", "dangling"])
    def test_follows_nothing_that_was_planted(
        self, host: Host, tmp_path: Path, planted: str
    ) -> None:
        tmp_path.chmod(0o755)
        path, victim = tmp_path / "podwright.prom", tmp_path / "victim"
        victim.write_text("mine")
        if planted == "fifo":
            os.mkfifo(path)
        elif planted == "directory":
            path.mkdir()
        else:
            path.symlink_to(victim if planted == "link" else tmp_path / "nowhere")
        assert "is no file of ours" in host.agent.refused("metrics", f"--textfile={path}")
        assert victim.read_text() == "mine"
        assert not (tmp_path / "nowhere").exists()

    def test_not_where_others_write(self, host: Host, tmp_path: Path) -> None:
        tmp_path.chmod(0o1777)
        said = host.agent.refused("metrics", f"--textfile={tmp_path}/podwright.prom")
        assert "others can write to" in said
        (tmp_path / "to").symlink_to("/")
        tmp_path.chmod(0o755)
        said = host.agent.refused("metrics", f"--textfile={tmp_path}/to/podwright.prom")
        assert "no link" in said
        assert ".prom" in host.agent.refused("metrics", f"--textfile={tmp_path}/passwd")


class Scraper:
    """Asks an endpoint on the host's loopback."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def ask(self, method: str, path: str, **headers: str) -> tuple[int, str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", 18113, timeout=PATIENCE)
        connection.sock = self.connect()
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, str(answer.headers["Content-Type"]), answer.read().decode()
        finally:
            connection.close()

    def let_in(self) -> int:
        """Ask until there are few enough others."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.ask("GET", "/metrics")[0]
            except (ConnectionResetError, http.client.RemoteDisconnected):
                assert time.monotonic() < deadline

    def connect(self) -> socket.socket:
        return self.host.socket(lambda: socket.create_connection(("127.0.0.1", 18113), PATIENCE))

    def raw(self, data: bytes) -> bytes:
        answer = b""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(65536):
                    answer += piece
            except (BrokenPipeError, ConnectionResetError):
                pass  # it does not take more of that
        return answer


def test_the_endpoint_answers_one_question_only(host: Host, pod: Pod) -> None:
    process = host.base.popen([*host.agent.command, "metrics", "--serve"])
    assert process.stderr is not None
    assert "127.0.0.1:18113" in process.stderr.readline()
    scraper = Scraper(host)
    try:
        status, kind, text = scraper.ask("GET", "/metrics")
        assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert pod.uuid in text
        status, kind, text = scraper.ask(
            "GET", "/metrics?x=1", Accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1"
        )
        assert (status, kind) == (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        assert of(parse(text), "pods", state="running") == 1
        assert scraper.ask("POST", "/metrics")[0] == 405
        assert scraper.ask("GET", "/")[0] == scraper.ask("GET", "/metrics/../etc")[0] == 404
        assert b" 400 " in scraper.raw(b"\x16\x03\x01\x02\x00garbage\r\n\r\n")
        assert b" 431 " in scraper.raw(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 100_000)
        assert b" 413 " in scraper.raw(b"GET /metrics HTTP/1.1\r\nContent-Length: 99\r\n\r\n")
        held = [scraper.connect() for _ in range(30)]  # who says nothing keeps nobody out for ever
        for one in held:
            one.close()
        assert scraper.let_in() == 200
    finally:
        host.says("sh", "-c", "kill -TERM $(pgrep -f '[m]etrics --serve')")
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_a_socket_of_systemd_starts_it_and_it_ends_when_nobody_asks(host: Host) -> None:
    command = ["systemd-socket-activate", "--listen=127.0.0.1:18113", *host.agent.command]
    process = host.base.popen([*command, "metrics", "--serve", "--idle=1s"])
    assert process.stderr is not None
    assert "Listening on" in process.stderr.readline()
    assert Scraper(host).ask("GET", "/metrics")[0] == 200
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_only_who_listens_says_where(host: Host) -> None:
    assert "need --serve" in host.agent.refused("metrics", "--listen=127.0.0.1:1")
    assert "ADDRESS:PORT" in host.agent.refused("metrics", "--serve", "--listen=nowhere")
    assert "exclude" in host.agent.refused("metrics", "--serve", "--textfile=/x.prom")


def test_the_alerts_are_what_they_say() -> None:
    for command in (["check", "rules", "podwright.rules.yml"],
                    ["test", "rules", "podwright.rules.test.yml"]):  # fmt: skip
        done = subprocess.run(
            ["promtool", *command], cwd=EXAMPLES, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done
