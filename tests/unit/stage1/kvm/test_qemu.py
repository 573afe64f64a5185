# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""QEMU's command line: all of it, and what gets into no word of it (T79)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podwright.errors import HostError, UsageError
from podwright.stage1.kvm import parameters, qemu
from podwright.stage1.kvm.machine import KVM, NINEP, Q35, Disk, End, Nic, Share
from tests.unit.stage1.kvm.machines import UUID, own

GOLDEN = Path(__file__).with_name("golden")
HOSTILE = (
    "a,b",
    "a=b",
    "a\nb",
    '"',
    "-daemonize",
    "a b",
    "",
    "\0",
    "\x1b[2J",
    "../x",
    "ä",
    "a;b",
    "$(x)",
)


def lines(argv: list[str]) -> str:
    """An option a line, with its argument."""
    return (
        "\n".join(argv)
        .replace("\n-", "\n\n-")
        .replace("\n\n-", "\0")
        .replace("\n", " ")
        .replace("\0", "\n-")
        + "\n"
    )


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("microvm", {}),
        ("q35-kvm", {"kind": Q35, "accelerator": KVM}),
        ("vsock", {"cid": 7, "nics": (), "disks": ()}),
        (
            "ninep",
            {
                "shares": (Share("pod", End(path="/share"), NINEP, read_only=True),),
                "nics": (),
                "disks": (),
            },
        ),
    ],
)
def test_the_whole_command(name: str, changes: dict[str, Any]) -> None:
    assert (
        lines(qemu.command(own(**changes), "/usr/bin/qemu-system-x86_64"))
        == (GOLDEN / f"{name}.txt").read_text()
    )


@pytest.mark.threat("T79")
def test_only_descriptors_of_what_is_the_hosts() -> None:
    for argument in qemu.command(own()):
        for path in ("/dev/net", "path=", "/dev/vd", "script=", "ifname="):
            assert path not in argument
    with pytest.raises(HostError, match="by a descriptor"):
        qemu.command(own(channel=End(path="/run/x")))
    with pytest.raises(HostError, match="by a descriptor"):
        qemu.command(own(disks=(Disk("podwright-0", End(path="/dev/vdb")),)))


@pytest.mark.threat("T79")
def test_a_disk_is_raw_whatever_it_holds() -> None:
    """Else its first bytes might say that it is a qcow2 whose backing file is one of the host's."""
    argv = qemu.command(own())
    disks = [argv[at + 1].split(",") for at, word in enumerate(argv) if word == "-blockdev"]
    assert len(disks) == 2
    for disk in disks:
        assert {"driver=raw", "file.driver=host_device"} <= set(disk)
    assert "-drive" not in argv


@pytest.mark.threat("T79")
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "where",
    ["uuid", "name", "kernel", "initrd", "parameter", "tag", "mac", "serial", "program", "memory"],
)
def test_hostile_text_is_refused_wherever_it_stands(where: str, text: str) -> None:
    known: dict[str, dict[str, Any]] = {
        "uuid": {"uuid": text, "name": f"podwright-{text}"},
        "name": {"name": f"podwright-{text}"},
        "kernel": {"kernel": text},
        "initrd": {"initrd": text},
        "parameter": {"parameters": ("quiet", text)},
        "tag": {"shares": (Share(text, End(12)),)},
        "mac": {"nics": (Nic(text, End(13)),)},
        "serial": {"disks": (Disk(text, End(16)),)},
        "program": {},
        "memory": {"memory": text},
    }
    changes = known[where]
    good = {"a=b", "a,b", "../x"}  # are words of a kernel's command line, and names of programs
    if where in ("parameter", "program") and text in good:
        return
    with pytest.raises(HostError) as caught:
        qemu.command(own(**changes), text if where == "program" else "qemu-system-x86_64")
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


@pytest.mark.threat("T79")
def test_a_comma_begins_no_other_property() -> None:
    share = Share("pod", End(path="/a,security_model=mapped"), NINEP)
    with pytest.raises(HostError):
        qemu.command(own(shares=(share,)))  # has an equals sign
    argv = qemu.command(own(shares=(Share("pod", End(path="/a,b"), NINEP),)))
    assert "local,id=share0,path=/a,,b,security_model=none,multidevs=remap" in argv


@pytest.mark.threat("T79")
@pytest.mark.parametrize(
    "word", [*(text for text in HOSTILE if text not in ("a,b", "a=b", "../x"))]
)
def test_a_word_for_the_kernel_is_one_word(word: str) -> None:
    with pytest.raises(UsageError, match="kernel parameter"):
        parameters.words(parameters.MMIO, parameters.SERIAL, (word,))


@pytest.mark.parametrize(
    "word", ["init=/bin/sh", "rdinit=/x", "podwright.bus=pci", "console=tty0", "panic=0"]
)
def test_what_podwright_says_itself_nobody_else_does(word: str) -> None:
    with pytest.raises(UsageError, match="is set by podwright itself"):
        parameters.checked(word, "kernel parameter")


def test_names_and_lengths() -> None:
    with pytest.raises(HostError, match="not the name of this pod's machine"):
        qemu.command(own(name="other"))
    with pytest.raises(HostError, match="more than 20 bytes"):
        qemu.command(own(disks=(Disk("d" * 21, End(16)),)))
    with pytest.raises(HostError, match="more than 31 bytes"):
        qemu.command(own(shares=(Share("d" * 32, End(12)),)))
    assert f"podwright-{UUID}" in qemu.command(own())
