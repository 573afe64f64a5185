# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile image manifests, as bytes (threats.md T27, T35 to T38): each is refused, and nothing of its image kept."""

from __future__ import annotations

import json
from typing import Any

NAMED = {"name": "data", "path": "/data"}
PORT = {"name": "http", "protocol": "tcp", "port": 80}
GOOD: dict[str, Any] = {
    "acKind": "ImageManifest",
    "acVersion": "0.8.11",
    "name": "example.com/hostile",
    "labels": [{"name": "version", "value": "1"}, {"name": "os", "value": "linux"}],
    "app": {"exec": ["/bin/x"], "user": "0", "group": "0", "workingDirectory": "/"},
}
TEXT = json.dumps(GOOD)


def image(**fields: Any) -> bytes:
    """The good manifest with other fields; ... leaves one out."""
    whole = {key: value for key, value in {**GOOD, **fields}.items() if value is not ...}
    return json.dumps(whole).encode()


def app(**fields: Any) -> bytes:
    """The good manifest with other fields in its app."""
    return image(
        app={key: value for key, value in {**GOOD["app"], **fields}.items() if value is not ...}
    )


def raw(old: str, new: str) -> bytes:
    """The good manifest's text with a part replaced."""
    assert old in TEXT, old
    return TEXT.replace(old, new, 1).encode("utf-8", "surrogatepass")


def _labels(*pairs: tuple[Any, Any]) -> bytes:
    return image(labels=[{"name": name, "value": value} for name, value in pairs])


def _environment(*pairs: tuple[Any, Any]) -> bytes:
    return app(environment=[{"name": name, "value": value} for name, value in pairs])


T27 = {
    "nothing": b"",
    "not JSON": b"acKind: ImageManifest",
    "a list": b"[]",
    "a string": b'"ImageManifest"',
    "null": b"null",
    "cut short": TEXT.encode()[:-1],
    "two documents": TEXT.encode() * 2,
    "byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "invalid UTF-8": TEXT.encode().replace(b"hostile", b"host\xffile"),
    "lone surrogate": raw("hostile", r"host\ud800ile"),
    "raw surrogate": raw("hostile", "host\ud800ile"),
    "NUL in a string": raw('"/bin/x"', '"/bin/x\0"'),
    "key twice": raw('"name":', '"name": "example.com/good", "name":'),
    "key twice, deep": raw('"user":', '"user": "1000", "user":'),
    "key twice, escaped": raw('"name":', r'"n\u0061me": "example.com/good", "name":'),
    "NaN": raw('"0.8.11"', "NaN"),
    "infinity": raw('"0.8.11"', "1e999"),
    "5000 digits": raw('"0.8.11"', "1" * 5000),
    "nested lists": b"[" * 200_000,
    "nested and closed": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "nested in a field": raw('"0.8.11"', "[" * 1000 + "]" * 1000),
    "comment": raw("{", "{ /* x */ "),
    "trailing comma": raw('"workingDirectory": "/"', '"workingDirectory": "/",'),
    "single quotes": TEXT.replace('"', "'").encode(),
    "4 MiB and one": TEXT.encode() + b" " * (4 * 1024 * 1024 + 1 - len(TEXT)),
    "too many objects": raw("{", '{"x": [' + "[]," * 10 + "[]" + "],") + b"]",
    "number for a name": image(name=5),
    "list for a name": image(name=["example.com/a"]),
    "object for labels": image(labels={"os": "linux"}),
    "string for an app": image(app="x"),
    "number for a label": _labels(("version", 1)),
    "boolean for a port": app(ports=[{**PORT, "port": True}]),
    "fraction for a port": app(ports=[{**PORT, "port": 80.5}]),
    "huge port": app(ports=[{**PORT, "port": 2**64}]),
    "negative port": app(ports=[{**PORT, "port": -1}]),
    "other kind": image(acKind="PodManifest"),
    "no kind": image(acKind=...),
    "later version": image(acVersion="1.0.0"),
    "version of words": image(acVersion="0.x.y"),
}
NAMES = {
    "no name": image(name=...),
    "upper case": image(name="Example.com/x"),
    "dots": image(name="example.com/../x"),
    "absolute": image(name="/example.com"),
    "newline": image(name="example.com/x\n"),
    "escape": image(name="example.com/\x1b[2J"),
    "right to left": image(name="example.com/\u202egnp"),
    "percent": image(name="example.com/%2e%2e"),
    "empty": image(name=""),
    "label called name": _labels(("name", "x")),
    "label twice": _labels(("os", "linux"), ("os", "windows")),
    "label with a slash at its end": _labels(("os/", "x")),
}
T35 = {
    "relative": app(workingDirectory="proc/self/fd/7"),
    "dots": app(workingDirectory="/../../etc"),
    "dots inside": app(workingDirectory="/a/../../etc"),
    "NUL": app(workingDirectory="/a\0b"),
    "long": app(workingDirectory="/" + "d" * 5000),
    "a list": app(workingDirectory=["/"]),
}
T36 = {
    "number": app(user=0),
    "empty": app(user=""),
    "no user": app(user=...),
    "no group": app(group=...),
    "NUL": app(user="0\0"),
    "supplementary group -1": app(supplementaryGIDs=[-1]),
    "supplementary group 2^32 - 1": app(supplementaryGIDs=[2**32 - 1]),
    "supplementary group as text": app(supplementaryGIDs=["0"]),
    "supplementary group true": app(supplementaryGIDs=[True]),
}
T37 = {
    "name with =": _environment(("A=B", "x")),
    "empty name": _environment(("", "x")),
    "name with NUL": _environment(("A\0B", "x")),
    "name with a newline": _environment(("A\nLD_PRELOAD", "x")),
    "value with NUL": _environment(("A", "x\0LD_PRELOAD=/evil.so")),
    "twice": _environment(("PATH", "/bin"), ("PATH", "/evil")),
    "number": _environment(("A", 1)),
    "text": app(environment="PATH=/bin"),
}
T38 = {
    "mount at nothing": app(mountPoints=[{**NAMED, "path": ""}]),
    "mount above": app(mountPoints=[{**NAMED, "path": "/../etc"}]),
    "mount relative": app(mountPoints=[{**NAMED, "path": "etc"}]),
    "mount with NUL": app(mountPoints=[{**NAMED, "path": "/a\0b"}]),
    "mount twice": app(mountPoints=[NAMED, NAMED]),
    "mount name": app(mountPoints=[{**NAMED, "name": "../x"}]),
    "unknown handler": app(eventHandlers=[{"name": "prestart", "exec": ["/x"]}]),
    "handler twice": app(eventHandlers=[{"name": "pre-start", "exec": ["/x"]}] * 2),
    "handler of text": app(eventHandlers=[{"name": "pre-start", "exec": "/x"}]),
    "handlers as an object": app(eventHandlers={"pre-start": ["/x"]}),
    "unknown isolator": app(isolators=[{"name": "os/linux/host-root", "value": {"set": ["/"]}}]),
    "isolator without value": app(isolators=[{"name": "os/linux/capabilities-retain-set"}]),
    "isolator of garbage": app(isolators=[{"name": "resource/memory", "value": {"limit": "all"}}]),
    "port name": app(ports=[{**PORT, "name": "../x"}]),
    "port range": app(ports=[{**PORT, "port": 65535, "count": 2}]),
    "port protocol": app(ports=[{**PORT, "protocol": "raw"}]),
    "dependency of text": image(dependencies=["example.com/x"]),
    "dependency on a bad name": image(dependencies=[{"imageName": "../x"}]),
    "dependency on a bad ID": image(
        dependencies=[{"imageName": "example.com/x", "imageID": "../../x"}]
    ),
    "whitelist of numbers": image(pathWhitelist=[1]),
}
HOSTILE = {"T27": {**T27, **NAMES}, "T35": T35, "T36": T36, "T37": T37, "T38": T38}
"""Row → name → manifest."""
