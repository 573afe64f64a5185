# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks quickstart and uninstall with a real redis, on a host without systemd."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Keys
from tests.modules.playbook_site import Site
from tests.support import aci, redis_image, webserver
from tests.support.webserver import ImageServer

NAME = "example.com/redis"
LEFT = """\
ls -d /etc/podwright* /usr/bin/podwright* /usr/lib/podwright* /var/lib/podwright* /run/podwright* 2>/dev/null || true
grep podwright /proc/self/mounts /etc/group || true
ls /sys/class/net | grep -v '^lo$' || true
nft list ruleset
ps -eo args | grep -v '^/bin/sh -euc' | grep -i -e [p]odwright -e [r]edis || true
"""


def test_redis_is_up_kept_shown_and_gone(
    site: Site, https_server: ImageServer, lab: Keys, tmp_path: Path
) -> None:
    version = redis_image.redis_version()
    image = redis_image.build(NAME, version)
    signature = lab.key.sign(image, tmp_path / "redis.aci.asc")
    webserver.publish(https_server.root, NAME, image, version, aci.host_arch(), signature)
    key = tmp_path / "key.asc"
    key.write_text(lab.key.armoured)
    variables = {
        "quickstart_ca_file": str(https_server.files.ca),
        "quickstart_key_file": str(key),
        "quickstart_key_fingerprint": lab.key.fingerprint,
        "quickstart_image": f"{NAME}:{version}",
        "quickstart_image_prefix": NAME,
    }
    before = site.shell(LEFT)
    first = site.playbook("quickstart", **variables)
    assert first.exit == 0, first.stdout + first.stderr
    shown = next(line for line in first.stdout.splitlines() if f"{NAME}:{version}" in line)
    for word in ("redis ", "running", "6379", "namespaces", lab.key.fingerprint[:12].lower()):
        assert word in shown.lower()
    assert site.shell("redis-cli -h 127.0.0.1 ping") == "PONG\n"
    assert site.changed("quickstart", **variables) == 0
    assert site.changed("quickstart", "--check", **variables) == 0
    unnamed = site.host.popen(["podwright", "run", "--net=none", f"{NAME}:{version}"])
    both = "[ $(podwright list --no-legend | grep -c running) = 2 ]"
    site.shell(f"for turn in $(seq 100); do {both} && break; sleep 0.1; done; {both}")
    site.changed("uninstall", podwright_agent_remove_data=True)
    unnamed.communicate(timeout=10)
    assert site.shell(LEFT) == before
