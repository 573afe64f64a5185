# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of the API service in a process of its own: generated code, JSON lines in, JSON lines out.

Arguments: the directory of the generated code, and where the service listens. Each line on standard input is
[METHOD, REQUEST, SECONDS]; each answer of a stream is a line, and {"end": STATUS} ends a call.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import grpc
from google.protobuf import json_format

STREAMS = ("GetLogs", "ListenEvents")


def main(generated: str, target: str) -> None:
    """Answer until there is no more input."""
    sys.path.insert(0, generated)
    import api_pb2  # type: ignore[import-not-found]
    import api_pb2_grpc  # type: ignore[import-not-found]

    with grpc.insecure_channel(target, (("grpc.enable_http_proxy", 0),)) as channel:
        stub = api_pb2_grpc.PublicAPIStub(channel)
        for line in sys.stdin:
            method, request, seconds = json.loads(line)
            message = json_format.ParseDict(request, getattr(api_pb2, f"{method}Request")())
            try:
                answer = getattr(stub, method)(message, timeout=seconds, wait_for_ready=True)
                for one in answer if method in STREAMS else [answer]:
                    _say(json_format.MessageToDict(one, preserving_proto_field_name=True))
                _say({"end": "OK"})
            except grpc.RpcError as err:
                _say({"end": err.code().name, "details": err.details()})


def _say(found: dict[str, Any]) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
