# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role makes hosts measure, and the playbooks enrol a fleet and show it as a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import Keys
from tests.modules.playbook_site import Site
from tests.support.swtpm import Swtpm

INVENTORY = """\
all:
  vars: {ansible_connection: local, ansible_python_interpreter: /usr/bin/python3}
  hosts:
    good:
    picky: {podwright_attest_allow: {images: [example.com/other]}}
    stranger:
    gone: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
"""
ONE = """\
all:
  vars: {ansible_connection: local, ansible_python_interpreter: /usr/bin/python3}
  hosts: {web1: }
"""
SETTINGS = "/etc/podwright/tpm.d/ansible.json"


def test_a_fleet_measures_is_enrolled_and_shown_as_a_table(
    site: Site, tpm: Swtpm, signed_image: Callable[..., Path], lab: Keys, tmp_path: Path
) -> None:
    """One host by several names, each of which is judged by itself; and one that is not there."""
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(INVENTORY)
    keys = tmp_path / "keys"

    def play(name: str, *flags: str, **variables: Any) -> tuple[int, str]:
        said = json.dumps({"podwright_attest_keys": str(keys), **variables})
        command = ["ansible-playbook", f"podwright.fleet.{name}", "-i", str(inventory), "-e", said]
        done = site.host.run([*command, *flags], env=site.env, timeout=280)
        assert "Traceback" not in done.stdout + done.stderr
        return done.exit, done.stdout + done.stderr

    wanted = {"mode": "require", "tcti": tpm.tcti}
    no_pod_would_start(site, wanted)
    site.changed("install", podwright_agent_tpm=wanted)
    settings = json.loads(site.shell(f"cat {SETTINGS}"))
    assert settings == {"rktKind": "tpm", "rktVersion": "v1", **wanted}
    assert site.changed("install", podwright_agent_tpm=wanted) == 0
    wrong = site.playbook("install", podwright_agent_tpm={"mode": "perhaps"})
    assert wrong.exit != 0 and "Validation of arguments failed" in wrong.stdout
    site.shell(
        f"podwright trust --prefix=example.com --skip-fingerprint-review {key_file(lab, tmp_path)}"
    )
    image = signed_image()
    run = f"podwright run --net=none {image} --exec=/bin/sleep -- 3600"
    site.shell(f"setsid {run} >/run/pod.log 2>&1 </dev/null &")
    site.shell(
        "i=0; until podwright list | grep -q running; do i=$((i+1)); test $i -lt 1200; sleep 0.1; done"
    )
    status, out = play("attest_enrol", "--limit=good", podwright_attest_first_use=True)
    assert status == 0 and "changed=1" in out, out
    status, out = play("attest_enrol", "--limit=good", podwright_attest_first_use=True)
    assert status == 0 and "changed=0" in out, out
    known = json.loads((keys / "good.json").read_text())["key"]
    (tmp_path / "host_vars").mkdir()
    for name in ("picky", "gone"):  # one TPM cannot be pinned for several hosts
        (tmp_path / "host_vars" / f"{name}.json").write_text(
            json.dumps({"podwright_attest_key": known})
        )
    report = tmp_path / "fleet.json"
    status, out = play("attest", podwright_attest_report=str(report))
    assert status != 0
    rows = {row.split()[0]: row for row in table(out)}
    below = ["NO", "Compared"]
    assert list(rows) == ["HOST", "good", "picky", "stranger", "gone", *below], out
    assert rows["NO"].startswith("NO ALLOWLIST") and rows["NO"].endswith(": good")
    assert rows["Compared"] == "Compared with images: picky"
    assert rows["good"].split()[1:3] == ["trusted", "1"]
    assert "NOT TRUSTED" in rows["picky"] and "image-not-allowed" in rows["picky"]
    assert "image example.com/tiny" in rows["picky"]
    assert "UNKNOWN" in rows["stranger"] and "not-enrolled" in rows["stranger"]
    assert "UNKNOWN" in rows["gone"] and "unreachable" in rows["gone"]
    told = json.loads(report.read_text())["hosts"]
    assert {host: said["reason"] for host, said in told.items()} == {
        "good": "", "picky": "image-not-allowed", "stranger": "not-enrolled", "gone": "unreachable",
    }  # fmt: skip
    assert told["good"]["pods"][0]["apps"][0]["image_name"] == "example.com/tiny"
    status, out = play("attest", "--limit=good", podwright_attest_report=str(tmp_path / "fleet.md"))
    assert status == 0 and "changed=0" in out, out
    assert [row.split()[0] for row in table(out)] == ["HOST", "good", "NO"]
    assert "| good | trusted | 1 |  |  |" in (tmp_path / "fleet.md").read_text()
    site.shell("podwright stop --force $(podwright list --full --no-legend | cut -f1)")
    assert site.changed("install") == 1
    assert site.shell("ls /etc/podwright/tpm.d") == ""


def no_pod_would_start(site: Site, wanted: dict[str, str]) -> None:
    """The play was green on hosts without a TPM, and on those where two files said the same."""
    lacks = {**wanted, "tcti": "swtpm:path=/nowhere"}
    done = site.playbook("install", podwright_agent_tpm=lacks)
    assert done.exit != 0 and "/nowhere does not exist" in done.stdout
    other = "/etc/podwright/tpm.d/tpm.json"
    said = json.dumps({"rktKind": "tpm", "rktVersion": "v1", "mode": "log"})
    site.shell(f"echo '{said}' >{other}")
    done = site.playbook("install", podwright_agent_tpm=wanted)
    assert done.exit != 0 and "is already set by another file" in done.stdout
    site.shell(f"rm {other}")


def key_file(lab: Keys, directory: Path) -> Path:
    """The lab's key as a file."""
    path = directory / "key.asc"
    path.write_text(lab.key.armoured)
    return path


def table(out: str) -> list[str]:
    """The lines of the table that was shown."""
    shown = out[out.index("TASK [Show the fleet]") :]
    shown = shown[shown.index('"msg": [') : shown.index("\n    ]")]
    return [json.loads(line.strip().rstrip(",")) for line in shown.splitlines()[1:]]


def test_relative_names_were_of_files_below_the_installed_collection(
    site: Site, tmp_path: Path
) -> None:
    """What docs/tpm.md has to be pasted: the report, the keys and the certificates are where one stands."""
    (tmp_path / "inventory.yml").write_text(ONE)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/web1.json").write_text("{}")
    (tmp_path / "tpm-makers.pem").write_text("no certificate\n")

    def play(name: str, **variables: Any) -> str:
        said = json.dumps({"podwright_attest_keys": "keys", **variables})
        command = ["ansible-playbook", f"podwright.fleet.{name}", "-i", "inventory.yml", "-e", said]
        done = site.host.run(command, env=site.env, directory=tmp_path, timeout=280)
        assert done.exit != 0 and "Traceback" not in done.stdout + done.stderr
        return done.stdout

    out = play("attest", podwright_attest_report="fleet.json")
    assert f"Write the report to {tmp_path}/fleet.json" in out
    told = json.loads((tmp_path / "fleet.json").read_text())["hosts"]
    assert str(tmp_path / "keys/web1.json") in told["web1"]["msg"]
    nowhere = play("attest", podwright_attest_report="out/fleet.md")
    assert f"there is no directory {tmp_path}/out" in nowhere.replace("\\n", " ")
    assert "Ask the TPM" not in nowhere
    (tmp_path / "keys/web1.json").unlink()
    found = play("attest_enrol", podwright_attest_ca_certificates=["tpm-makers.pem"])
    assert "no-agent" in found and "ca_certificates" not in found  # so the file was there
    other = play("attest_enrol", podwright_attest_ca_certificates="tpm-brokers.pem")
    assert f"'{tmp_path}/tpm-brokers.pem' is not on the controller" in other
