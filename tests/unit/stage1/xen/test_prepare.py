# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cannot be kept for a pod whose network is another domain's is refused, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import LaunchError
from podwright.model.pod import parse_pod
from podwright.stage1.xen.prepare import check_backend, check_labels

MANIFEST = {
    "acKind": "PodManifest",
    "acVersion": "0.8.11",
    "apps": [
        {
            "name": "web",
            "image": {"id": f"sha512-{'1' * 64}"},
            "app": {
                "exec": ["/web"],
                "user": "0",
                "group": "0",
                "ports": [{"name": "http", "port": 80, "protocol": "tcp"}],
            },
        }
    ],
}
PORTS = [{"name": "http", "hostPort": 8080}]
ALLOW = [{"name": "podwright.io/allow", "value": '[{"from": "10.0.0.0/8"}]'}]


def check(**fields: Any) -> None:
    """Look at a pod with these."""
    check_backend(parse_pod({**MANIFEST, **fields}), "netd")


@pytest.mark.parametrize(
    ("fields", "said"), [({"ports": PORTS}, "ports"), ({"annotations": ALLOW}, "allow")]
)
def test_what_the_firewall_of_dom0_would_do_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(LaunchError) as caught:
        check(**fields)
    assert caught.value.message.startswith(said)
    assert "netd" in caught.value.message


def test_a_pod_that_asks_for_neither_is_not() -> None:
    check(annotations=[{"name": "example.com/other", "value": "1"}])


def test_a_label_that_no_domain_starts_with_is_refused_in_words() -> None:
    """Where SELinux enforced, QEMU could open none of the pod's files, and nobody said why."""
    with pytest.raises(LaunchError, match="has no rules") as caught:
        check_labels(enforces=True)
    assert caught.value.hint
    check_labels(enforces=False)
