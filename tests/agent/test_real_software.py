# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real software under the defaults, by its own health checks; each with what fails when a default is taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agent.software_bed import Software, software_on
from tests.agent.test_probe_verbs import wait_until
from tests.conftest import Keys

POSTGRES = "/usr/lib/postgresql/15/bin"
START_POSTGRES = f"{POSTGRES}/initdb -D data >/dev/null && exec {POSTGRES}/postgres -D data -k /tmp"
ASK_POSTGRES = (
    "create table if not exists n (i int primary key); insert into n values (41) on conflict do nothing;"
    " select i + 1 from n"
)
START_NGINX = "exec nginx -g 'daemon off;'"
ASK_NGINX = "busybox wget -qO- http://127.0.0.1/"


@pytest.fixture(scope="module")
def software(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Software]:
    with software_on(tmp_path_factory.mktemp("software"), lab.key) as bed:
        yield bed


def caps(*names: str) -> list[dict[str, Any]]:
    """An isolator that takes capabilities away."""
    return [{"name": "os/linux/capabilities-remove-set", "value": {"set": list(names)}}]


def test_redis_keeps_values_as_its_own_user(software: Software) -> None:
    fields = {"user": "redis", "group": "redis", "working_dir": "/var/lib/redis"}
    check = (
        "test $(redis-cli ping) = PONG && redis-cli set k v && test $(redis-cli get k) = v"
        " && redis-cli bgsave && until test -s dump.rdb; do sleep 0.05; done"
    )
    with software.pod("exec redis-server --bind 127.0.0.1", check, **fields) as part:
        assert part["error"] is None, software.log()
        assert part["ready"] is True


def test_nginx_serves_the_low_port_with_workers_of_another_user(software: Software) -> None:
    workers = (
        "for p in /proc/[0-9]*; do case $(cat $p/comm) in nginx) grep Uid: $p/status;; esac; done"
        " | busybox awk '{print $2}' | sort | uniq -c | busybox xargs echo"
    )
    check = f'{ASK_NGINX} && test "$({workers})" = "1 0 2 33"'
    with software.pod(START_NGINX, check) as part:
        assert part["error"] is None, software.log()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("CAP_NET_BIND_SERVICE", "bind() to 0.0.0.0:80 failed (13: Permission denied)"),
        ("CAP_SETUID", "setuid(33) failed (1: Operation not permitted)"),
        ("CAP_SETGID", "setgid(33) failed (1: Operation not permitted)"),
        ("CAP_CHOWN", "chown"),
    ],
)
def test_nginx_needs_each_of_its_capabilities(software: Software, name: str, says: str) -> None:
    with software.pod(START_NGINX, ASK_NGINX, isolators=caps(name), ready={
        "exec": ["/bin/sh", "-c", ASK_NGINX], "timeout": 2,
    }) as part:  # fmt: skip
        assert part["error"]["reason"] == "not-ready"
        assert says in software.log()


def test_nginx_is_ready_as_long_as_it_answers(software: Software) -> None:
    asks = {"http": {"port": 80, "path": "/"}, "interval": 0.1, "timeout": 1}
    alive = {"tcp": 80, "interval": 0.1, "timeout": 10}
    rules = {"readiness": {**asks, "failure_threshold": 1}, "liveness": alive}
    stop = "for p in /proc/[0-9]*; do case $(cat $p/comm) in nginx) echo ${p#/proc/};; esac; done"

    def ready(wanted: str) -> bool:
        found = json.loads(software.agent.ok("status", "--format=json", "software"))
        return found["ready"] is (wanted == "yes")

    def send(signal: str) -> None:
        script = f"kill -{signal} $({stop})"
        software.agent.ok("enter", "software", "/bin/sh", "-c", script)

    with software.pod(START_NGINX, "true", ready=None, **rules) as part:
        assert part["error"] is None, software.log()
        assert part["ready"] is True
        send("STOP")
        wait_until(lambda: ready("no"), "not ready")
        told = software.agent.ok("status", "software")
        assert "readiness: http 80/: nothing answered within 1 s" in told
        send("CONT")
        wait_until(lambda: ready("yes"), "ready again")


def test_postgresql_is_made_and_answers(software: Software) -> None:
    fields = {"user": "postgres", "group": "postgres", "working_dir": "/var/lib/postgresql"}
    check = f"test \"$({POSTGRES}/psql -h /tmp -tAc '{ASK_POSTGRES}' postgres | tail -n1)\" = 42"
    with software.pod(START_POSTGRES, check, **fields) as part:
        assert part["error"] is None, software.log()


def test_postgresql_refuses_root_by_itself(software: Software) -> None:
    ended = software.run(f"cd /tmp; {START_POSTGRES}")
    assert ended.exit != 0
    assert "cannot be run as root" in ended.stderr


PYTHON = """
import asyncio, ctypes, hashlib, json, mmap, multiprocessing, os, queue, random, select, selectors, signal, socket
import sqlite3, ssl, struct, subprocess, tempfile, threading, time, uuid

lines = queue.Queue()
threads = [threading.Thread(target=lines.put, args=(n,)) for n in range(32)]
[t.start() for t in threads]; [t.join() for t in threads]
assert sorted(lines.get() for _ in range(32)) == list(range(32)), "threads"

async def echo():
    async def serve(reader, writer):
        writer.write(await reader.readline()); await writer.drain(); writer.close()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\\n"); assert await reader.readline() == b"hello\\n", "asyncio"
    child = await asyncio.create_subprocess_exec("/bin/cat", stdin=-1, stdout=-1)
    assert (await child.communicate(b"x"))[0] == b"x", "asyncio subprocess"
asyncio.run(echo())

for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    left, right = socket.socketpair() if family == socket.AF_UNIX else (None, socket.socket(family, socket.SOCK_DGRAM))
    right.close()
assert subprocess.run(["sh", "-c", "exit 7"]).returncode == 7, "subprocess"
with multiprocessing.Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2], "multiprocessing"
with tempfile.TemporaryDirectory() as scratch:
    base = sqlite3.connect(scratch + "/db")
    base.execute("pragma journal_mode=wal")
    base.execute("create table t (n)"); base.executemany("insert into t values (?)", [(n,) for n in range(1000)])
    base.commit(); assert base.execute("select sum(n) from t").fetchone() == (499500,), "sqlite"
    with open(scratch + "/map", "w+b") as file:
        file.truncate(4096); mmap.mmap(file.fileno(), 4096)[0:2] = b"ok"; file.seek(0); assert file.read(2) == b"ok"
for family, kind, to in ((socket.AF_INET, 1, "127.0.0.1"), (socket.AF_INET6, 58, "::1")):
    ping = socket.socket(family, socket.SOCK_DGRAM, kind)
    ping.sendto(bytes([8 if kind == 1 else 128, 0, 0, 0, 0, 0, 0, 1]), (to, 0))
    assert ping.recv(64)[0] == (0 if kind == 1 else 129), "ping"
got = []
signal.signal(signal.SIGALRM, lambda *_: got.append(1)); signal.setitimer(signal.ITIMER_REAL, 0.01); signal.pause()
assert got and os.getrandom(8) and uuid.uuid4() and hashlib.sha512(b"x").hexdigest(), "signals"
poll = select.epoll(); poll.close(); ssl.create_default_context()
assert os.sched_getaffinity(0) and os.memfd_create("x") > 2 and os.pidfd_open(os.getpid()) > 2
print("all well")
"""


def test_python_has_threads_sockets_processes_and_a_data_base(software: Software) -> None:
    script = f"exec python3 - <<'END'\n{PYTHON}\nEND"
    assert software.says(script) == "all well\n"
    assert software.says(script, "--user=1234", "--group=1234") == "all well\n"


def test_python_notices_that_a_call_is_taken_away(software: Software) -> None:
    ended = software.run(
        f"exec python3 - <<'END'\n{PYTHON}\nEND", "--seccomp=mode=remove,errno=EPERM,epoll_create1"
    )
    assert ended.exit == 1
    assert "Operation not permitted" in ended.stderr


BUSYBOX = """
set -ex
b() { busybox "$@"; }
cd /tmp && mkdir w && cd w
echo hello > a; test "$(b cat a | b sed s/l/L/g | b tr o 0)" = heLL0
b tar -cf t a && b gzip t && rm a && b zcat t.gz | b tar -xf -; test "$(b md5sum < a)" = "$(md5sum < a)"
test "$(b seq 1 10 | b awk '{s+=$1} END {print s}')" = 55
test "$(b expr 6 \\* 7)" = 42; test "$(echo '6*7' | b bc)" = 42
b ln -s a l && test "$(b readlink l)" = a; b mkfifo p; b chmod 640 a; b chown 7:8 a
test "$(b stat -c %u:%g:%a a)" = 7:8:640
b httpd -p 127.0.0.1:8080 -h /tmp/w; test "$(b wget -qO- http://127.0.0.1:8080/a)" = hello
b ps | b grep -q sh; b id | b grep -q 'uid=0(root)'; b df / >/dev/null
test "$(echo hi | b su -s /bin/sh www-data -c 'id -u')" = 33
b nc -l -p 9 0<>p > got & until echo over | b nc 127.0.0.1 9 2>/dev/null; do :; done; wait $!; test "$(cat got)" = over
b find . -name a | b xargs wc -c >/dev/null; b diff a a; b bzip2 a && b bzcat a.bz2 | b grep -q hello
kill -0 $$; b timeout 5 true; nice -n 5 true; b date +%s >/dev/null; b hostname >/dev/null
echo all well
"""


def test_busybox_does_what_it_is_for(software: Software) -> None:
    assert software.says(BUSYBOX) == "all well\n"


def test_a_ping_by_raw_packets_needs_its_capability(software: Software) -> None:
    """Debian's busybox knows no other way; programs that use ICMP sockets need none."""
    ping = "busybox ping -c1 -q 127.0.0.1"
    assert "permission denied" in software.run(ping).stderr
    assert "1 packets received" in software.says(ping, "--caps-retain=CAP_NET_RAW")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("CAP_CHOWN", "touch /tmp/a && chown 7 /tmp/a"),
        ("CAP_FOWNER", "touch /tmp/a && chown 7 /tmp/a && chmod 600 /tmp/a"),
        ("CAP_DAC_OVERRIDE", "touch /tmp/a && chmod 0 /tmp/a && chown 7 /tmp/a && cat /tmp/a"),
        ("CAP_SETUID", "busybox su -s /bin/sh www-data -c true"),
        ("CAP_SETGID", "busybox su -s /bin/sh www-data -c true"),
        ("CAP_KILL", "python3 -c 'import os,signal,subprocess as s; p=s.Popen([\"sleep\",\"9\"],user=7);p.kill()'"),
        ("CAP_NET_BIND_SERVICE", "python3 -c 'import socket; socket.create_server((\"127.0.0.1\",80))'"),
        ("CAP_FSETID", "touch /tmp/a && chown 0:7 /tmp/a && chmod 2755 /tmp/a && test -g /tmp/a"),
        ("CAP_SETPCAP", "python3 -c 'import ctypes; assert ctypes.CDLL(None).prctl(24, 0) == 0'"),
    ],
)  # fmt: skip
def test_every_default_capability_is_of_use(software: Software, name: str, command: str) -> None:
    """What works by default and not without it: nothing is in the default that could be left out."""
    software.says(command)
    assert software.run(command, f"--caps-remove={name}").exit != 0
