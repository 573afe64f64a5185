# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright image build` and `podwright image sign`."""

from __future__ import annotations

from podwright import jsonio
from podwright.cli.context import Context, answer, note, say
from podwright.cli.progress import Printer
from podwright.errors import UsageError
from podwright.stage0.build import make, source, spec
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments
    from podwright.stage0.build.sign import Signer

PAIRS = {"label": "labels", "env": "environment", "annotation": "annotations"}
TEXTS = {
    "name": "name",
    "version": "version",
    "user": "user",
    "group": "group",
    "working-dir": "working_dir",
    "compression": "compression",
    "owner": "owner",
}
LISTS = {"dependency": "dependencies", "path-whitelist": "path_whitelist"}


def build(context: Context, args: Arguments) -> int:
    """Make an image; prints its ID."""
    if len(args.rest) < 2:
        raise UsageError(
            "image build needs a source and a file to make", "podwright image build DIR OUT.aci"
        )
    wanted = spec.read(as_json(args), "image build")
    signer = open_signer(args, args.text("sign")) if args.text("sign") else None
    try:
        built = make.build(wanted, Printer("writing"))
        signed = False
        if signer is not None:
            from podwright.stage0.build.sign import sign_archive

            signed = sign_archive(built.path, signer)
    finally:
        if signer is not None:
            signer.close()
    for line in built.warnings:
        note(f"warning: {line}")
    form = args.text("format")
    if form:
        show = jsonio.pretty if form == "json-pretty" else jsonio.dumps
        answer = {"path": built.path, "id": built.image_id, "changed": built.changed or signed}
        say(show(answer))
    else:
        say(built.image_id)
        if not built.changed:
            note(f"{safe(built.path, 300)} is up to date")
    return 0


def sign(context: Context, args: Arguments) -> int:
    """Sign image files that are valid images."""
    if not args.rest or not args.text("key"):
        raise UsageError("image sign needs a file and --key=KEY")
    from podwright.stage0.build import archive
    from podwright.stage0.build.sign import sign_archive

    done = []
    with open_signer(args, args.text("key")) as signer:
        for path in args.rest:
            archive.check(path)
            made = bool(sign_archive(path, signer))
            done.append({"path": path, "fingerprint": signer.fingerprint, "changed": made})
            if not args.text("format"):
                state = "signed" if made else "already signed"
                say(f"{state} {safe(path, 300)} by {signer.fingerprint}")
    answer(args, done)
    return 0


def open_signer(args: Arguments, key: str) -> Signer:
    """The key that the options name."""
    from podwright.stage0.build.sign import Signer, read_passphrase

    path = args.text("passphrase-file")
    return Signer(key, args.text("gpg-home"), read_passphrase(path) if path else "")


def as_json(args: Arguments) -> dict[str, Any]:
    """The flags as the build object that the module sends, too."""
    out: dict[str, Any] = {"source": args.rest[0], "output": args.rest[1]}
    out.update({field: args.text(flag) for flag, field in TEXTS.items() if args.given(flag)})
    out.update({field: args.texts(flag) for flag, field in LISTS.items() if args.given(flag)})
    for flag, field in PAIRS.items():
        if args.given(flag):
            out[field] = _pairs(flag, args.texts(flag))
    if len(args.rest) > 2 and not args.given("exec"):
        raise UsageError("arguments behind -- need --exec", "--exec=/bin/app -- ARGS")
    if args.given("exec"):
        out["exec"] = [args.text("exec"), *args.rest[2:]]
    if args.given("supplementary-gids"):
        out["supplementary_gids"] = [
            _number(text) for text in args.text("supplementary-gids").split(",")
        ]
    if args.given("manifest"):
        out["manifest"] = source.read_manifest(args.text("manifest"))
    out["reproducible"] = args.true("reproducible")
    out["ports"] = [_port(text) for text in args.texts("port")]
    out["mount_points"] = [_mount_point(text) for text in args.texts("mount-point")]
    out["isolators"] = [_isolator(text) for text in args.texts("isolator")]
    return out


def _pairs(flag: str, texts: list[str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for text in texts:
        name, equals, content = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--{flag}: {safe(text, 80)!r} is not NAME=VALUE")
        if name in out:
            raise UsageError(f"--{flag}: {safe(name, 60)!r} is given twice")
        out[name] = content
    return out


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 11):
        raise UsageError(f"{safe(text, 40)!r} is not a whole number")
    return int(text)


def _port(text: str) -> dict[str, Any]:
    name, colon, rest = text.partition(":")
    port, slash, protocol = rest.partition("/")
    if not colon:
        raise UsageError(f"--port: {safe(text, 80)!r} is not NAME:PORT or NAME:PORT/PROTOCOL")
    return {"name": name, "port": _number(port), "protocol": protocol if slash else "tcp"}


def _mount_point(text: str) -> dict[str, Any]:
    name, colon, path = text.partition(":")
    read_only = path.endswith(":ro")
    if not colon:
        raise UsageError(f"--mount-point: {safe(text, 80)!r} is not NAME:PATH or NAME:PATH:ro")
    return {
        "name": name,
        "path": path[: -len(":ro")] if read_only else path,
        "read_only": read_only,
    }


def _isolator(text: str) -> dict[str, Any]:
    name, equals, body = text.partition("=")
    if not equals:
        raise UsageError(
            f"--isolator: {safe(text, 80)!r} is not NAME=JSON",
            '--isolator=\'resource/memory={"limit":"256Mi"}\'',
        )
    return {"name": name, "value": jsonio.loads(body, f"--isolator {safe(name, 60)}")}
