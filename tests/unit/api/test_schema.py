# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our reading of api.proto is protoc's, and names and numbers are those that rkt's clients know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from google.protobuf import descriptor_pb2

from podwright.api import schema

KNOWN = """
GetInfoResponse info=1
ListPodsRequest filters=1 detail=2
ListPodsResponse pods=1
InspectPodRequest id=1
InspectPodResponse pod=1
ListImagesRequest filters=1 detail=2
ListImagesResponse images=1
InspectImageRequest id=1
InspectImageResponse image=1
ListenEventsRequest filter=1
ListenEventsResponse events=1
GetLogsRequest pod_id=1 app_name=2 lines=3 follow=4 since_time=5 until_time=6
GetLogsResponse lines=1
Pod id=1 pid=2 state=3 apps=4 networks=5 manifest=6 annotations=7 cgroup=8 created_at=9 started_at=10 gc_marked_at=11
App name=1 image=2 state=3 exit_code=4 annotations=5
Image base_format=1 id=2 name=3 version=4 import_timestamp=5 manifest=6 size=7 annotations=8 labels=9
Network name=1 ipv4=2 ipv6=3
KeyValue Key=1 value=2
PodFilter ids=1 states=2 app_names=3 image_ids=4 network_names=5 annotations=6 cgroups=7 pod_sub_cgroups=8
ImageFilter ids=1 prefixes=2 base_names=3 keywords=4 labels=5 imported_after=6 imported_before=7
ImageFilter annotations=8 full_names=9
Info rkt_version=1 appc_version=2 api_version=3 global_flags=4
Event type=1 id=2 from=3 time=4 data=5
EventFilter types=1 ids=2 names=3 since_time=4 until_time=5
"""


def test_we_read_it_as_protoc_does(tmp_path: Path) -> None:
    out = tmp_path / "descriptor"
    proto = Path(schema.PROTO)
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={proto.parent}"]
    subprocess.run([*command, f"--descriptor_set_out={out}", proto.name], check=True)
    (theirs,) = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file
    ours, methods = schema.parse(proto.read_text(), descriptor_pb2)
    for file in (ours, theirs):
        file.name = ""
        for message in file.message_type:
            for field in message.field:
                field.ClearField("json_name")
        for service in file.service:
            for method in service.method:
                method.ClearField("options")
    assert ours == theirs
    assert [one.name for one in methods if one.stream] == ["ListenEvents", "GetLogs"]


def test_the_numbers_are_those_that_clients_know() -> None:
    ours, _ = schema.parse(Path(schema.PROTO).read_text(), descriptor_pb2)
    found = {
        one.name: " ".join(f"{field.name}={field.number}" for field in one.field)
        for one in ours.message_type
    }
    for line in KNOWN.strip().splitlines():
        name, _, fields = line.partition(" ")
        assert fields in found[name], name
    assert (ours.package, ours.service[0].name) == ("v1alpha", "PublicAPI")
