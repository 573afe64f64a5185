# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a log is taken for, with what was known of it before; keys as PEM; settings."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from podwright import jsonio
from podwright.errors import HostError, UsageError
from podwright.host.paths import Layout
from podwright.model import measured, tpmkeys
from podwright.tpm import measure, settings
from podwright.tpm.eventlog import Known
from podwright.values import replace

ZERO = "00" * 32
START = Known("boot", 13, "sha256", ZERO)
BASE = {"event": "baseline", "value": ZERO, "boot_id": "boot"}
END = {"event": "pod-end", "uuid": "u", "status": 0, "reason": "exited"}


def text(*contents: dict[str, Any]) -> bytes:
    """The file of a log."""
    lines = [
        jsonio.dumps(measured.to_json(measured.record(number, 13, "sha256", one)))
        for number, one in enumerate(contents)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def test_a_log_adds_up_the_same_whatever_was_known_before() -> None:
    data = text(BASE, END, END)
    whole, last = measure.added_up(data, None, START, "here")
    before, _ = measure.added_up(text(BASE, END), None, START, "here")
    assert (whole.records, whole.size, last[0] if last else "") == (3, len(data), before.value)
    assert measure.added_up(data, before, START, "here")[0] == whole
    assert measure.added_up(data, whole, START, "here") == (whole, None)


@pytest.mark.parametrize(
    "change", [{"sha256": ZERO}, {"size": 10**6}, {"boot_id": "other"}, {"pcr": 14}]
)
def test_what_was_known_of_another_log_counts_for_nothing(change: dict[str, Any]) -> None:
    data = text(BASE, END)
    known, _ = measure.added_up(data, None, START, "here")
    lie = replace(known, value="ff" * 32, **change)
    assert measure.added_up(data, lie, START, "here")[0] == known


def test_the_log_of_another_pcr_is_refused() -> None:
    with pytest.raises(HostError, match=r"is of PCR 13 .* now PCR 14"):
        measure.added_up(text(BASE), None, replace(START, pcr=14), "here")


def test_the_last_event_of_a_pod_counts() -> None:
    data = text(BASE, {**END, "event": "pod-start"}, {**END, "uuid": "v"})
    assert measure.last_event(data, "u") == "pod-start"
    assert measure.last_event(data, "x") == ""


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("ak-ecc", "EC"), ("ak-rsa", "RSA"), ("ek", "RSA")]
)
def test_a_public_key_is_read_by_openssl(tmp_path: Path, kind: str, algorithm: str) -> None:
    template = tpmkeys.TEMPLATES[kind]
    if algorithm == "EC":
        words = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    else:
        words = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
    key = tmp_path / "key"
    subprocess.run(["openssl", "genpkey", *words, "-out", key], check=True, capture_output=True)
    command = ["openssl", "pkey", "-in", str(key), "-pubout"]
    der = subprocess.run([*command, "-outform", "DER"], check=True, capture_output=True).stdout
    if algorithm == "EC":
        x, y = der[-64:-32], der[-32:]
        area = template[:-4] + b"\0\x20" + x + b"\0\x20" + y
    else:
        modulus = der[-256 - 5 : -5]
        size = 258 if kind == "ek" else 2
        area = template[:-size] + b"\x01\0" + modulus
    pem = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert tpmkeys.of_sized(len(area).to_bytes(2, "big") + area).pem == pem


@pytest.mark.parametrize("data", [b"", b"\0\x03abc", b"\0\x0a" + bytes(10)])
def test_what_is_no_public_key_is_refused(data: bytes) -> None:
    with pytest.raises(HostError):
        tpmkeys.of_sized(data)


def said(directory: Path, **fields: Any) -> settings.Settings:
    """The settings of one file."""
    place = directory / "tpm.d"
    place.mkdir(exist_ok=True)
    whole = {"rktKind": "tpm", "rktVersion": "v1", **fields}
    (place / "a.json").write_text(json.dumps(whole))
    return settings.read(Layout(local_config=str(directory)))


def test_nothing_is_measured_where_nothing_is_said(tmp_path: Path) -> None:
    assert settings.read(Layout(local_config=str(tmp_path))) == settings.Settings()
    assert settings.Settings().mode == "off"
    assert said(tmp_path, mode="log") == settings.Settings(mode="log")


@pytest.mark.parametrize(
    "tcti",
    [
        "cmd:sh",
        "libtss2-tcti-x.so:/dev/x",
        "device:/etc/passwd",
        "device:/dev/../x",
        "swtpm:a b",
        "x",
    ],
)
def test_only_what_names_a_tpm_is_taken(tmp_path: Path, tcti: str) -> None:
    with pytest.raises(UsageError, match="does not name a TPM"):
        said(tmp_path, tcti=tcti)


@pytest.mark.parametrize("number", [*range(16, 24)])
def test_registers_that_can_be_reset_are_refused_with_the_reason(
    tmp_path: Path, number: int
) -> None:
    with pytest.raises(UsageError, match=f"PCR {number} is for"):
        said(tmp_path, pcr=number)


@pytest.mark.parametrize("number", range(16))
def test_registers_of_somebody_else_are_warned_of(tmp_path: Path, number: int) -> None:
    found = settings.warnings(said(tmp_path, mode="log", pcr=number))
    assert bool(found) == (number != 13)


def test_what_is_said_twice_is_refused(tmp_path: Path) -> None:
    said(tmp_path, mode="log")
    other = {"rktKind": "tpm", "rktVersion": "v1", "mode": "require"}
    (tmp_path / "tpm.d" / "b.json").write_text(json.dumps(other))
    with pytest.raises(UsageError, match="already set"):
        settings.read(Layout(local_config=str(tmp_path)))


def test_a_long_log_without_what_was_known_of_it_is_added_up_in_pieces() -> None:
    data = text(BASE, *[END] * 6)
    whole, last = measure.added_up(data, None, START, "here")
    known, steps = None, []
    while known is None or known.size < len(data):
        known, at = measure.added_up(data, known, START, "here", 3)
        steps.append(known.records)
    assert steps == [3, 6, 7] and known == whole
    assert at == last, "the last record is never taken for one that has reached the PCR"


@pytest.mark.parametrize("value", ["", None])
def test_a_mode_that_says_nothing_started_pods_unmeasured(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UsageError, match="mode: says nothing"):
        said(tmp_path, mode=value)


def test_settings_where_nobody_reads_them_started_pods_unmeasured(tmp_path: Path) -> None:
    layout = Layout(local_config=str(tmp_path))
    place = tmp_path / "tpm.d"
    place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is no directory"):
        settings.read(layout)
    place.unlink()
    place.write_text("{}")
    with pytest.raises(UsageError, match="is no directory"):
        settings.read(layout)
    place.unlink()
    place.mkdir()
    assert settings.read(layout).mode == "off", "control: an empty one"
    for name in ("tpm.conf", "tpm.JSON"):
        (place / name).write_text("{}")
        with pytest.raises(UsageError, match=f"{name} is not read"):
            settings.read(layout)
        (place / name).unlink()
    (place / "README").write_text("about")
    (place / "a.json~").write_text("what was there before")
    assert said(tmp_path, mode="log").mode == "log"
