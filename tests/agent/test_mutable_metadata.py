# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metadata service knows the apps that a pod has now (behaviour.md B12, B13)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent.metadata_bed import Service, host_with_image
from tests.agent.mutable_bed import Sandbox
from tests.conftest import Keys
from tests.support import tiny_image
from tests.support.network_lab import Host


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Host]:
    with host_with_image(tmp_path_factory.mktemp("mutable-metadata"), lab.key) as made:
        yield made


def test_an_added_app_can_ask_who_it_is(host: Host) -> None:
    ask = 'wget -qO- "$AC_METADATA_URL/acMetadata/v1/{}" || echo none'
    with Service(host), Sandbox(host.agent, "--net=default", "--mds-register") as box:
        box.start(tiny_image.NAME, "one")
        assert box.says("one", ask.format("pod/uuid")) == box.uuid
        assert box.says("one", ask.format("apps/one/image/id")).startswith("sha512-")
        box.start(tiny_image.NAME, "two")
        assert box.says("one", ask.format("apps/two/image/id")).startswith("sha512-")
        box.ok("stop", "--app=two")
        box.ok("rm", "--app=two")
        assert box.says("one", ask.format("apps/two/image/id")).endswith("none\n")
        assert box.says("one", ask.format("apps/one/image/id")).startswith("sha512-")
