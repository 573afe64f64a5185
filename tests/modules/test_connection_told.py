# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods as hosts that lie about themselves: what they tell does not say how they, or their hosts, are reached."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

AGENT = """\
#!/usr/bin/python3 -IS
import json, sys
mark = next(word for word in sys.argv if word.startswith("--outcome=")).partition("=")[2]
sys.stdin.read()
print({told!r}, flush=True)
outcome = json.dumps({{"end": "exited", "status": 0}})
sys.stderr.write(f"podwright-begin {{mark}}\\n\\npodwright-outcome {{mark}} {{outcome}}")
"""
INTERPRETER = "#!/bin/sh\ncat > /dev/null\necho '{told}'\n"


def play(base: Path, collections: Path, pod: dict[str, Any], host: dict[str, Any], own: Any) -> str:
    """What a play says that does something on the host, then in the pod twice; both tell facts."""
    for name, text in (
        ("agent", AGENT.format(told=json.dumps({"ansible_facts": pod}))),
        ("python", INTERPRETER.format(told=json.dumps({"ansible_facts": host}))),
    ):
        (base / name).write_text(text)
        (base / name).chmod(0o755)
    liar = {"ansible_connection": "local", "ansible_python_interpreter": str(base / "python")}
    shop = {
        "ansible_connection": "podwright.fleet.pod",
        "podwright_host": "web1",
        "podwright_host_vars": own,
        "podwright_agent_path": str(base / "agent"),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    hosts = {"all": {"hosts": {"web1": liar, "shop": shop}}}
    (base / "hosts.yml").write_text(yaml.safe_dump(hosts))
    tasks: list[dict[str, object]] = [{"ansible.builtin.ping": {}}]
    plays = [
        {"hosts": name, "gather_facts": False, "tasks": tasks} for name in ("web1", "shop", "shop")
    ]
    (base / "play.yml").write_text(yaml.safe_dump(plays))
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(base),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
    }
    command = ["ansible-playbook", "-i", str(base / "hosts.yml"), str(base / "play.yml")]
    done = subprocess.run(command, env=env, cwd=base, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.threat("T95")
def test_no_pod_and_no_host_tells_the_controller_what_to_execute(
    collections: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    touch = f"touch {canary}"
    here: dict[str, Any] = {"ansible_connection": "local"}
    elsewhere = {
        "ansible_connection": "ssh",
        "ansible_ssh_common_args": f"-oProxyCommand='{touch}'",
    }
    paramiko = {"ansible_connection": "paramiko"}

    honest = play(tmp_path, collections, {"odd": 1}, {"port": 1}, here)
    assert "shop                       : ok=2" in honest, honest  # the control

    for facts in ({"podwright_host_vars": elsewhere}, {"podwright_agent_path": "/bin/false"}):
        said = play(tmp_path, collections, facts, {}, here)
        assert f"pod shop has told a fact {next(iter(facts))}" in said, said
        assert "ok=1 " in said and "failed=1" in said, said
    said = play(tmp_path, collections, {}, {"ansible_paramiko_proxy_command": touch}, paramiko)
    assert "host web1 has told a fact ansible_paramiko_proxy_command" in said, said
    assert not canary.exists()
