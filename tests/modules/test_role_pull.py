# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role has hosts follow a fleet, or not: settings, keys that count for no image, and nothing left of it."""

from __future__ import annotations

import json

from tests.conftest import Keys
from tests.modules.playbook_site import Site

LOOK = "find /etc/podwright/pull.d /etc/podwright/trustedkeys/pull.d -printf '%p %y %m %u:%g\\n' | sort"


def test_a_host_is_told_to_follow_a_fleet_and_then_not_to(site: Site, lab: Keys) -> None:
    key = {"key": lab.key.armoured, "fingerprint": lab.key.fingerprint}
    pull = {
        "url": "https://example.com/shop.json",
        "fleet": "acme/shop",
        "keys": [key],
        "groups": ["web", "eu"],
        "labels": {"zone": "a"},
        "minimum_serial": 7,
    }
    assert site.changed("install", "--check", podwright_agent_pull=pull) >= 1
    site.shell("test ! -e /etc/podwright/pull.d")
    site.changed("install", podwright_agent_pull=pull)
    before = site.shell(LOOK)
    own = f"/etc/podwright/trustedkeys/pull.d/acme/shop/{lab.key.fingerprint.lower()}"
    assert f"{own} f 644 root:root" in before, "whoever may trust keys for images may not do this"
    assert "/etc/podwright/trustedkeys/pull.d d 755 root:root" in before
    assert site.changed("install", podwright_agent_pull=pull) == 0
    assert site.changed("install", "--check", podwright_agent_pull=pull) == 0
    said = json.loads(site.shell("cat /etc/podwright/pull.d/ansible.json"))
    assert said["minimum_serial"] == 7 and "keys" not in said and "splay" not in said
    told = json.loads(site.shell("podwright pull --format=json 2>/dev/null || true"))
    assert told["fleet"] == "acme/shop" and told["error"]["stage"] == "fetch", (
        "it reads what the role wrote"
    )
    (listed,) = json.loads(site.shell("podwright trust list --prefix=pull:acme/shop --format=json"))
    assert listed["prefix"] == "pull:acme/shop" and listed["state"] == "trusted"
    assert site.changed("install", "--check") == 1
    assert site.changed("install") == 1
    site.shell("test ! -e /etc/podwright/pull.d/ansible.json")
    assert site.changed("install") == 0


def test_half_of_what_is_needed_is_refused(site: Site) -> None:
    for half in (
        {"url": "https://example.com/shop.json"},
        {"fleet": "acme/shop"},
        {"url": "http://example.com/shop.json", "fleet": "acme/shop"},
    ):
        done = site.playbook("install", podwright_agent_pull=half)
        assert (
            done.exit != 0
            and "needs url, where the bundle lies (https://HOST/PATH or oci:" in done.stdout
        ), done
        site.shell("test ! -e /usr/lib/podwright -a ! -e /etc/podwright")
