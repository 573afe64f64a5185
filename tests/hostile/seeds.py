# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fuzz begins with: good inputs of every kind, by the name of what reads them (see `readers`)."""

from __future__ import annotations

import json
from typing import Any

from tests.hostile import manifests, openpgp
from tests.hostile.legal import LEGAL, ONLY
from tests.hostile.tarwriter import Writer
from tests.support import ocilayout

DIGEST = "sha256:" + "a" * 64
ARCHIVES = (
    "directory after its files", "GNU long name and link", "PAX everything", "chain of hard links", "file capability",
    "user attributes", "sparse, old GNU", "sparse, PAX 0.1", "sparse, PAX 1.0", "sticky and setgid directories",
    "absolute links", "pipe",
)  # fmt: skip


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def archives(form: str) -> list[bytes]:
    """Plain archives with a bit of everything, in all dialects."""
    made = [LEGAL[name](Writer("ustar", form)) for name in ARCHIVES]
    made += [make(Writer("ustar", form)) for make in ONLY[form].values()]
    for dialect in ("ustar", "gnu", "pax"):
        w = Writer(dialect, form)
        members = [
            w.dir(b"d"), w.file(b"d/f", b"content" * 99, uid=5), w.symlink(b"d/l", b"../d/f"),
            w.hardlink(b"h", w.top + b"d/f"), w.file(b"d/.wh.x", b""), w.member(w.top + b"dev/null", b"3"),
        ]  # fmt: skip
        made.append(w.archive(*members))
    # Large ones only cost time: damage to content is not what we are after.
    return [data for data in made if len(data) < 200_000]


def _descriptor(media: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media, "digest": DIGEST, "size": 1234, **more}


OCI_MANIFEST = {
    "schemaVersion": 2,
    "mediaType": ocilayout.MANIFEST,
    "config": _descriptor(ocilayout.CONFIG),
    "layers": [_descriptor(f"{ocilayout.LAYER}+gzip", digest="sha256:" + "b" * 64)],
    "annotations": {"org.opencontainers.image.title": "x"},
}
DOCKER = "application/vnd.docker."
DOCKER_MANIFEST = {
    "schemaVersion": 2,
    "mediaType": f"{DOCKER}distribution.manifest.v2+json",
    "config": _descriptor(f"{DOCKER}container.image.v1+json"),
    "layers": [_descriptor(f"{DOCKER}image.rootfs.diff.tar.gzip", digest="sha256:" + "c" * 64)],
}
INDEX = {
    "schemaVersion": 2,
    "mediaType": ocilayout.INDEX,
    "manifests": [
        _descriptor(
            ocilayout.MANIFEST, platform={"os": "linux", "architecture": arch, "variant": "v8"}
        )
        for arch in ("amd64", "arm64")
    ],
}
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2026-01-01T00:00:00Z",
    "config": {
        "User": "1000:1000", "Env": ["PATH=/bin", "A=b=c"], "Entrypoint": ["/bin/x"], "Cmd": ["-v"],
        "WorkingDir": "/srv", "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Volumes": {"/data": {}},
        "Labels": {"a": "b"}, "StopSignal": "SIGTERM",
    },
    "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
    "history": [{"created_by": "x", "empty_layer": True}],
}  # fmt: skip
CLAIM = {
    "identity": {"docker-reference": "example.com/hostile:1"},
    "image": {"docker-manifest-digest": DIGEST},
    "type": "cosign container image signature",
}
POLICY = {
    "default": [{"type": "reject"}],
    "transports": {
        "appc": {"example.com": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/etc/a.gpg"}]},
        "docker": {
            "example.com/hostile": [
                {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/etc/key.gpg",
                 "signedIdentity": {"type": "matchRepository"}}],
            "*.example.com": [{"type": "sigstoreSigned", "keyPath": "/etc/key.pub", "minimumStage1": "namespaces"}],
            "": [{"type": "insecureAcceptAnything"}],
        },
    },
}  # fmt: skip
BUILT_ON = manifests.image(
    dependencies=[
        {"imageName": "example.com/base", "labels": [{"name": "version", "value": "1"}], "size": 5}
    ],
    pathWhitelist=["/bin/x", "/etc"],
)
FULL_APP = manifests.app(
    environment=[{"name": "A", "value": "b"}],
    mountPoints=[{"name": "data", "path": "/data", "readOnly": True}],
    ports=[{"name": "http", "protocol": "tcp", "port": 80, "count": 2, "socketActivated": False}],
    eventHandlers=[{"name": "pre-start", "exec": ["/bin/x"]}],
    isolators=[{"name": "resource/memory", "value": {"limit": "1G"}},
               {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_KILL"]}}],
    supplementaryGIDs=[5],
)  # fmt: skip
PAGES = (
    b"""<html><head><meta name="ac-discovery" content="example.com https://{name}-{version}-{os}-{arch}.{ext}">
<meta name="ac-discovery-pubkeys" content="example.com https://example.com/key.asc"></head><body>x</body></html>""",
    b"""<!doctype html><HEAD><title>a<b</title><!-- <meta name=x> --><META CONTENT='example.com https://a/{name}.{ext}'
 NAME=ac-discovery /><script>if(a<b){}</script></HEAD>""",
    b"<head><style>a{}</style><link rel=x><meta charset=utf-8><meta name=ac-discovery content=&quot;x&quot;></head>",
)
REGISTRIES = (
    b"default-docker:\n  lookaside: https://example.com/sigs\n",
    b"""---
# x
docker:
  example.com:
    lookaside: 'file:///var/lib/sigs'
  example.com/hostile:
    sigstore: "https://a.example.com/"
    use-sigstore-attachments: true
""",
)
LOGINS = (
    {"rktKind": "auth", "rktVersion": "v1", "domains": ["example.com:443"], "type": "basic",
     "credentials": {"user": "u", "password": "p"}},
    {"rktKind": "dockerAuth", "rktVersion": "v1", "registries": ["example.com", "quay.io/a"],
     "credentials": {"user": "u", "password": "p"}},
)  # fmt: skip
PODS = (
    {
        "version": 1,
        "pods": [
            {
                "name": "web",
                "state": "started",
                "apps": [{"name": "web", "image": "example.com/web:1"}],
            }
        ],
    },
    {
        "version": 1,
        "keys": [],
        "images": [{"name": "example.com/web:1", "state": "present"}],
        "pods": [],
    },
)
LOCAL = {"type": "host-local", "subnet": "10.20.0.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
NETWORKS: tuple[dict[str, Any], ...] = (
    {
        "cniVersion": "1.0.0",
        "name": "web",
        "type": "ptp",
        "ipMasq": True,
        "mtu": 1400,
        "ipam": LOCAL,
    },
    {
        "cniVersions": ["0.4.0", "1.1.0"],
        "name": "shop",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "shop0",
                "isGateway": True,
                "ipam": {**LOCAL, "gateway": "10.20.0.1"},
            },
            {"type": "tuning", "sysctl": {"net.core.somaxconn": "512"}},
            {"type": "vendor", "anything": [None]},
        ],
    },
)
CHALLENGES = (
    b'Bearer realm="https://auth.example.com/token",service="registry",scope="repository:hostile:pull"',
    b'Basic realm="x", Bearer realm=https://a/, error="invalid_token"',
)
REFERENCES = (b"example.com/web:1.0,arch=amd64", b"docker://example.com:5000/a/b:1", b"sha512-" + b"ab" * 32,
              b"oci:/srv/layout:1", b"https://example.com/x.aci")  # fmt: skip


def seeds() -> dict[str, list[bytes]]:
    """Reader → its seeds."""
    acis = archives("aci")
    return {
        "aci": acis,
        "unpacked": acis,
        "layer": archives("layer"),
        "manifest": [manifests.image(), manifests.app(), BUILT_ON, FULL_APP],
        "pod": [_json(each) for each in PODS],
        "document": [_json(each) for each in (OCI_MANIFEST, DOCKER_MANIFEST, INDEX)],
        "config": [_json(CONFIG), _json({**CONFIG, "config": {}})],
        "signature": [openpgp.DETACHED, openpgp.DETACHED_RSA],
        "message": [openpgp.MESSAGE, openpgp.MESSAGE_PLAIN],
        "payload": [
            _json({"critical": CLAIM, "optional": optional})
            for optional in (None, {"creator": "x", "timestamp": 1})
        ],
        "key": [openpgp.KEY],
        "page": list(PAGES),
        "policy": [_json(POLICY), b'{"default":[{"type":"insecureAcceptAnything"}]}'],
        "network": [_json(each) for each in NETWORKS],
        "registries": list(REGISTRIES),
        "logins": [_json(each) for each in LOGINS],
        "challenge": list(CHALLENGES),
        "reference": list(REFERENCES),
    }
