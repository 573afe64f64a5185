# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `image` that make images."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb

SIGNER = (
    Option("gpg-home", "gpg's home with the secret key (default: yours)", "DIR"),
    Option("passphrase-file", "file with the key's passphrase, readable by you only", "FILE"),
)
COMPRESSIONS = ("gzip", "zstd", "xz", "bzip2", "none")

BUILD_VERBS = (
    Verb(
        "build",
        "build",
        "Make an image of a directory or an OCI layout",
        "SOURCE OUT.aci [-- ARGS...]",
        (
            Option("name", "name of the image: example.com/app", "NAME"),
            Option("version", "label version", "VERSION"),
            Option("label", "set a label: arch=aarch64", "NAME=VALUE", repeat=True),
            Option("exec", "program to run; ARGS behind -- are its arguments", "PATH"),
            Option("user", "user to run as: name, number or /path", "USER"),
            Option("group", "group to run as", "GROUP"),
            Option("supplementary-gids", "further groups: 1,2", "LIST"),
            Option("working-dir", "working directory", "PATH"),
            Option("env", "set a variable", "NAME=VALUE", repeat=True),
            Option("port", "name a port: http:80 or dns:53/udp", "NAME:PORT[/PROTO]", repeat=True),
            Option(
                "mount-point",
                "a place for a volume: data:/var/lib/app[:ro]",
                "NAME:PATH",
                repeat=True,
            ),
            Option("isolator", "set an isolator, value in JSON", "NAME=JSON", repeat=True),
            Option(
                "dependency",
                "image below this one: NAME[:VERSION][@sha512-ID]",
                "IMAGE",
                repeat=True,
            ),
            Option("path-whitelist", "keep only such paths of the result", "PATH", repeat=True),
            Option("annotation", "set an annotation", "NAME=VALUE", repeat=True),
            Option("manifest", "begin with this manifest; the options change it", "FILE"),
            Option(
                "compression", "gzip, zstd, xz, bzip2 or none", "KIND", "gzip", choices=COMPRESSIONS
            ),
            Option("owner", "owner of everything in the image: 0:0", "UID:GID"),
            Option("reproducible", "no file is younger than SOURCE_DATE_EPOCH (default: 1970)"),
            Option("sign", "sign with this key: fingerprint, user ID or secret key file", "KEY"),
            *SIGNER,
            FORMAT,
        ),
        "SOURCE is a root file system, a directory with `manifest` and `rootfs/`, or an OCI layout\n"
        "(oci:PATH[:REF]), whose configuration becomes the manifest. The same source gives the same bytes\n"
        "on every host; an image that is there already and would be the same is left alone. Labels os and\n"
        "arch are this host's unless they are given. With SOURCE_DATE_EPOCH set, the annotation `created`\n"
        "is that moment; without it there is none. The signature becomes OUT.aci.asc.",
        (
            "podwright image build ./root app.aci --name=example.com/app --version=1.0 \\",
            "    --exec=/bin/app --port=http:8080 --sign=release@example.com -- --listen :8080",
            "podwright image build oci:./layout:1.0 app.aci --name=example.com/app --owner=0:0",
        ),
    ),
    Verb(
        "sign",
        "build",
        "Sign image files",
        "FILE.aci... --key=KEY",
        (
            Option("key", "fingerprint, user ID or secret key file", "KEY"),
            *SIGNER,
            FORMAT,
        ),
        "Writes FILE.aci.asc, a detached OpenPGP signature (SHA-512). A good one by the same key is left\n"
        "alone. Keys that hosts would refuse (weak, expired, revoked) are refused here.",
        ("podwright image sign app.aci --key=release@example.com",),
    ),
    Verb(
        "push",
        "push",
        "Push an image to a registry",
        "IMAGE docker://REGISTRY/REPOSITORY:TAG",
        (
            Option(
                "compression",
                "of layers that are made: gzip, zstd or none",
                "KIND",
                "gzip",
                choices=("gzip", "zstd", "none"),
            ),
            Option("sign-by", "write a simple signature by this OpenPGP key", "KEY"),
            Option("lookaside", "directory for the simple signature", "DIR"),
            *SIGNER,
            Option("sigstore-key", "push a sigstore signature by this private key (PEM)", "FILE"),
            Option("sigstore-passphrase-file", "file with that key's passphrase", "FILE"),
            FORMAT,
        ),
        "IMAGE is an image of the store, an ACI file, or an OCI layout (oci:PATH[:REF]), which goes as it\n"
        "is. Log-ins come from auth.d and the usual auth.json, never from the command line. What the\n"
        "registry has already is not sent again. Prints the manifest's digest, which pins the image:\n"
        "docker://REGISTRY/REPOSITORY@sha256:...",
        (
            "podwright image push app.aci docker://registry.example.com/team/app:1.0",
            "podwright image push example.com/app:1.0 docker://registry.example.com/team/app:1.0 \\",
            "    --sign-by=release@example.com --lookaside=/srv/www/sigstore",
        ),
    ),
    Verb(
        "publish",
        "publish",
        "Write images into the web root of their host",
        "DIR IMAGE.aci...",
        (
            Option("key", "public key of the signatures", "FILE", repeat=True),
            Option("sign", "sign images that are not signed, with this key", "KEY"),
            *SIGNER,
            Option("prefix", "one discovery page for all images below it: example.com", "PREFIX"),
            Option("latest", "the images are also what their names without a version mean"),
            Option("replace", "replace a version that was published before"),
            FORMAT,
        ),
        "DIR is what https://HOST/ serves, HOST being the first part of the images' names. Images, their\n"
        "signatures and keys are copied there, with pages of meta tags by which hosts find them. Pages\n"
        "that are there keep everything else they have. Prints the files that are new; a second time\n"
        "there are none. Only what hosts would accept is published.",
        (
            "podwright image publish /srv/www app.aci --sign=release@example.com --latest",
            "podwright image publish /srv/www app.aci --key=release.asc",
        ),
    ),
    Verb(
        "make",
        "make",
        "Build, sign, publish and push, as JSON on standard input says",
        "-",
        (
            Option("check", "say what would change, change nothing"),
            Option("diff", "include before and after in the answer"),
        ),
        "What the module podwright.fleet.image_build calls.",
        hidden=True,
    ),
)
