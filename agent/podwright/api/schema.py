# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages of api.proto as classes, made when the service starts: nothing is generated or shipped twice.

Only what that file uses is understood: proto3, a declaration per line.
"""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.host import distpackages
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTO = f"{os.path.dirname(__file__)}/api.proto"
PLAIN = {
    "int64": "TYPE_INT64",
    "int32": "TYPE_INT32",
    "sint32": "TYPE_SINT32",
    "bool": "TYPE_BOOL",
    "string": "TYPE_STRING",
    "bytes": "TYPE_BYTES",
}


@value
class Method:
    """A call: what it takes and answers; `stream`: any number of answers."""

    name: str
    takes: str
    answers: str
    stream: bool


@value
class Schema:
    """Message classes by name, numbers of enums by name of the value, the calls of the service."""

    service: str
    messages: dict[str, Any]
    numbers: dict[str, int]
    methods: tuple[Method, ...]


def load() -> Schema:
    """Make the classes. Raises HostError when the libraries are not there."""
    distpackages.enable()
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool
    except ImportError as err:
        raise missing(err) from None
    with open(PROTO, encoding="utf-8") as text:
        file, methods = parse(text.read(), descriptor_pb2)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    messages = {one.name: _class(pool, f"{file.package}.{one.name}") for one in file.message_type}
    numbers = {one.name: one.number for enum in file.enum_type for one in enum.value}
    (service,) = file.service
    return Schema(f"{file.package}.{service.name}", messages, numbers, tuple(methods))


def missing(err: ImportError) -> HostError:
    """That the libraries are not there."""
    return HostError(
        f"the API service needs gRPC's and Protocol Buffers' libraries for Python ({err.name})",
        "install python3-grpcio and python3-protobuf, or set podwright_agent_api_service in the role",
        reason="no-grpc",
    )


def _class(pool: Any, name: str) -> Any:
    from google.protobuf import message_factory

    found = pool.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(found)
    return message_factory.MessageFactory(pool).GetPrototype(found)  # before 4.22


def parse(text: str, pb: Any) -> tuple[Any, list[Method]]:
    """The file's descriptor, and the calls of its service."""
    file = pb.FileDescriptorProto(name="podwright/api.proto", syntax="proto3")
    methods: list[Method] = []
    kinds: dict[str, str] = {}
    holder: Any = None
    lines = [line.split("//")[0].strip() for line in text.splitlines()]
    for words in (line.rstrip(";").split() for line in lines):
        if words[:1] in (["enum"], ["message"]):
            kinds[words[1]] = words[0]
    for line in lines:
        words = line.rstrip(";").replace("(", " ").replace(")", " ").split()
        if not words or words[0] in ("syntax", "}"):
            continue
        if words[0] == "package":
            file.package = words[1]
        elif words[0] in ("enum", "message", "service"):
            into = {"enum": file.enum_type, "message": file.message_type, "service": file.service}
            holder = into[words[0]].add(name=words[1])
        elif words[0] == "rpc":
            methods.append(_method(words, holder, file.package))
        elif "repeated" in words or len(words) == 4:
            _field(words, holder, kinds, file.package)
        else:
            holder.value.add(name=words[0], number=int(words[2]))
    return file, methods


def _method(words: list[str], holder: Any, package: str) -> Method:
    stream = "stream" in words
    one = Method(words[1], words[2], words[5 if stream else 4], stream)
    method = holder.method.add(
        name=one.name,
        input_type=f".{package}.{one.takes}",
        output_type=f".{package}.{one.answers}",
    )
    if stream:
        method.server_streaming = True
    return one


def _field(words: list[str], holder: Any, kinds: dict[str, str], package: str) -> None:
    repeated = words[0] == "repeated"
    kind, name, _, number = words[1:] if repeated else words
    field = holder.field.add(name=name, number=int(number))
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if kind in PLAIN:
        field.type = getattr(field, PLAIN[kind])
    else:
        field.type = field.TYPE_ENUM if kinds[kind] == "enum" else field.TYPE_MESSAGE
        field.type_name = f".{package}.{kind}"
