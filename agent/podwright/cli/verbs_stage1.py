# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `stage1`."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb
from podwright.cli.verbs_build import COMPRESSIONS, SIGNER

KINDS = ("kvm", "xen")

STAGE1_VERBS = (
    Verb(
        "list",
        "stage1_images",
        "List the stage1 images of the store",
        "",
        (Option("no-legend", "no column titles"), FORMAT),
        "Says which flavours each serves, its kernel, and for which flavour it is taken when a pod names none.",
        ("podwright stage1 list",),
    ),
    Verb(
        "make",
        "stage1_images",
        "Build, sign and store a stage1 image, or remove it, as JSON on standard input says",
        "-",
        (
            Option("check", "say what would change, change nothing"),
            Option("diff", "the answer always has it"),
        ),
        "What the module podwright.fleet.stage1 calls.",
        hidden=True,
    ),
    Verb(
        "build",
        "stage1",
        "Make the stage1 image of virtual machines",
        "kvm|xen OUT.aci",
        (
            Option(
                "kernel",
                "package of the distribution, or with --modules a kernel's file (default: its kernel for machines)",
                "PACKAGE|FILE",
            ),
            Option("modules", "directory of that kernel's modules: /lib/modules/RELEASE", "DIR"),
            Option("version", "label version (default: the kernel's release)", "VERSION"),
            Option(
                "compression", "gzip, zstd, xz, bzip2 or none", "KIND", "gzip", choices=COMPRESSIONS
            ),
            Option("sign", "sign with this key: fingerprint, user ID or secret key file", "KEY"),
            *SIGNER,
            FORMAT,
        ),
        "The image has a kernel, and a first file system with this host's Python and the modules of the kernel\n"
        "that pods need; our own code is not in it: that is always the host's. The package is fetched and\n"
        "unpacked, not installed. The same kernel and Python give the same bytes, and an image that is there\n"
        "already and would be the same is left alone, with its signature. Hosts verify it like every image:\n"
        "sign it, trust the key for podwright.io/stage1-kvm (stage1-xen), fetch it, run pods with\n"
        "--stage1-name=kvm (xen).\n"
        "xen makes podwright.io/stage1-xen, of the distribution's full kernel: that of machines cannot reach files\n"
        "over Xen. Such an image serves KVM, too, where there is no other. The kernel decides, and the annotation\n"
        "podwright.io/stage1/kinds says which: kvm with --kernel=linux-image-amd64 serves both as well.\n"
        "Prints its ID. The signature becomes OUT.aci.asc. Build it anew for each update of the kernel.",
        (
            "podwright stage1 build kvm stage1-kvm.aci --sign=release@example.com",
            "podwright stage1 build kvm stage1-kvm.aci --kernel=/boot/vmlinuz-6.1.0-44-cloud-amd64 \\",
            "    --modules=/lib/modules/6.1.0-44-cloud-amd64",
            "podwright stage1 build xen stage1-xen.aci --sign=release@example.com",
        ),
    ),
)
