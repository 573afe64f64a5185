# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which ports of the host a pod may publish."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright.errors import NetworkError
from podwright.metadata.records import reserve
from podwright.net.check import refuse_taken
from podwright.net.values import Holding, NetRequest, PortMap

PORT = 18112


@pytest.mark.threat("T75")
def test_the_metadata_services_port_is_free_when_no_pod_knows_it(tmp_path: Path) -> None:
    net_dir, metadata = f"{tmp_path}/net", tmp_path / "metadata"
    (metadata / "pods").mkdir(parents=True)
    port = PortMap("tcp", "127.0.0.1", PORT, 80)
    request = NetRequest("n", "new", "default", (port,), net_dir, "/run")
    known = Holding("k", "known", "", (), "b", "/run", ())
    refuse_taken(request, [known])
    reserve(str(metadata), net_dir, {PORT})
    refuse_taken(request, [known])
    (metadata / "pods" / "k").touch()
    with pytest.raises(NetworkError, match="the metadata service, of which pod known asks there"):
        refuse_taken(request, [known])
    reserve(str(metadata), net_dir, {PORT + 1})
    with pytest.raises(NetworkError, match="the metadata service"):
        refuse_taken(request, [known])
    refuse_taken(request, [])
    (metadata / "pods" / "k").unlink()
    reserve(str(metadata), net_dir, {PORT + 1})
    refuse_taken(request, [known])
