# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that nothing would enforce are refused before anything changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import NetworkError
from podwright.net import rulecheck

IPAM = {"type": "host-local", "subnet": "10.9.0.0/24"}


@pytest.mark.parametrize(
    ("plugins", "why"),
    [
        ([{"type": "macvlan", "master": "eth0", "ipam": IPAM}], "do not pass the host's firewall"),
        ([{"type": "host-device", "device": "eth7"}], "do not pass the host's firewall"),
        ([{"type": "calico"}], "are the business of the plugin calico"),
        ([{"type": "ptp", "ipam": IPAM}, {"type": "firewall"}], "business of the plugin firewall"),
        ([{"type": "bridge", "ipam": {"type": "dhcp"}}], "its addresses become known too late"),
    ],
)
def test_refused(tmp_path: Path, plugins: list[dict[str, Any]], why: str) -> None:
    conf = {"cniVersion": "1.0.0", "name": "back", "plugins": plugins}
    (tmp_path / "10-back.conflist").write_text(json.dumps(conf))
    with pytest.raises(NetworkError) as caught:
        rulecheck.check("default,back", (str(tmp_path),))
    assert caught.value.message.startswith("network back: rules of a pod cannot be enforced on it")
    assert why in caught.value.message
    rulecheck.check("default", (str(tmp_path),))


def test_networks_of_our_own_that_the_firewall_sees_are_fine(tmp_path: Path) -> None:
    conf = {"cniVersion": "1.0.0", "name": "back", "plugins": [{"type": "ptp", "ipam": IPAM}]}
    (tmp_path / "10-back.conflist").write_text(json.dumps(conf))
    rulecheck.check("back,default,default-restricted", (str(tmp_path),))
