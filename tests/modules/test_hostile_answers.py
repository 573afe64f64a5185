# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts, images and apps say is data, and what plays say is no option of anybody's (T95)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.modules.conftest import AdHoc
from tests.modules.script import Script, Task

Publish = Callable[..., Path]
TINY = "example.com/tiny:1.0"
WEB = {"name": "web", "image": TINY, "net": "none", "ready": {"seconds": 0.1}}
FACTS = (
    "ansible_connection",
    "ansible_facts",
    "ansible_python_interpreter",
    "ansible_shell_executable",
)


def template(canary: Path) -> str:
    """What makes a file when anybody takes it for a template."""
    return f"{{{{ lookup('ansible.builtin.pipe', 'touch {canary}') }}}}"


def used_again(text: str) -> list[dict[str, Any]]:
    """Tasks in which plays use what they were told: shown, kept as a fact, compared, and given on."""
    return [
        {"ansible.builtin.debug": {"var": text}},
        {"ansible.builtin.set_fact": {"told": f"{{{{ {text} }}}}"}},
        {"ansible.builtin.debug": {"msg": "they say {{ told }}"}},
        {"ansible.builtin.assert": {"that": f"told == {text}"}},
        {"ansible.builtin.debug": {"msg": "{{ item }}"}, "loop": f"{{{{ [{text}] }}}}"},
    ]


@pytest.mark.threat("T95")
def test_what_images_and_apps_say_is_never_a_template(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    evil = template(canary)
    annotations = [
        {"name": "note", "value": evil},
        *({"name": _ac(key), "value": evil} for key in FACTS),
    ]
    published(annotations=annotations)
    options = {**WEB, "labels": {"note": "x"}, "annotations": dict.fromkeys(FACTS, "local")}
    script = Script(trusting, tmp_path)
    say = (
        "pod_exec",
        {"name": "web", "argv": ["echo", json.dumps({"ansible_facts": {"x": evil}})]},
    )
    tasks: list[Task] = [
        ("pod", options),
        say,
        *used_again("r1.stdout"),
        ("image_info", {}),
        ("pod_info", {}),
        *used_again("r7"),
        (
            "pod_exec",
            {
                "name": "web",
                "argv": ["sh", "-c", "echo '" + evil.replace("'", "'\\''") + "' >&2; exit 1"],
            },
        ),
        {"ansible.builtin.debug": {"var": "x"}},
        ("pod", {"name": "web", "state": "absent"}),
    ]
    # `argv` is written as what it is, not to be templated by the play itself.
    found = script.any(*(_unsafe(task) for task in tasks))
    assert json.loads(found[1]["stdout"]) == {"ansible_facts": {"x": evil}}
    assert found[14]["stderr"] == evil
    assert "undefined" in str(found[15]["x"])
    for each in (*found[2:7], *found[9:14]):
        assert not each.get("failed"), each
    assert not canary.exists()
    (made,) = script({"ansible.builtin.debug": {"msg": evil}})  # the control: here it is a template
    assert canary.exists(), made


def _ac(name: str) -> str:
    """A name as manifests have it."""
    return name.replace("_", "-")


def _unsafe(task: Task) -> Task:
    """The task with templates in `argv` as text."""
    if isinstance(task, dict) or "argv" not in task[1]:
        return task
    argv = [
        f"{{% raw %}}{word}{{% endraw %}}" if "{{" in word else word for word in task[1]["argv"]
    ]
    return task[0], {**task[1], "argv": argv}


LIE = """\
#!/usr/bin/python3 -IS
import json, sys
sys.stdin.read() if sys.argv[-1] == "-" else None
evil = {evil!r}
facts = dict.fromkeys({facts!r}, evil)
poison = {{**facts, "ansible_facts": {{**facts, "discovered_interpreter_python": evil}}, "_ansible_no_log": False,
          "invocation": evil, "warnings": [evil], "deprecations": [{{"msg": evil}}], "exception": evil,
          "add_host": {{"host_name": evil}}, "add_group": evil, "skipped": True, "failed": False, "changed": "yes"}}
part = {{**poison, "name": evil, "label": evil, "changed": True, "diff": {{"before": evil, "after": evil}}}}
lists = {{kind: [part] for kind in ("pods", "images", "networks", "keys", "secrets", "policy")}}
reads = any(word in ("list", "check-host", "check") for word in sys.argv)
print(json.dumps([part] if reads else {{**poison, **lists, "image": part, "stored": part, "signature": part,
                                      "marked": [evil], "removed": [evil], "problems": [evil], "document": part,
                                      "path": evil, "problem": evil}}))
"""


@pytest.mark.threat("T95")
def test_no_answer_of_a_host_becomes_a_fact_a_host_or_a_template(
    adhoc: AdHoc, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    liar = tmp_path / "podwright"
    liar.write_text(LIE.format(evil=template(canary), facts=FACTS))
    liar.chmod(0o755)
    modules: list[Task] = [
        ("pod", {"name": "web", "state": "absent"}),
        ("image", {"name": TINY}),
        ("network", {"name": "x", "state": "absent"}),
        ("trust", {"prefix": "x.io", "fingerprint": "ab" * 20, "state": "absent"}),
        ("policy", {"state": "absent"}),
        ("secret", {"name": "x", "state": "absent"}),
        ("gc", {"images": True}),
        ("stage1", {"path": "/x", "build": False}),
        ("image_build", {"path": "/x"}),
        *(
            (f"{kind}_info", {})
            for kind in ("pod", "image", "network", "trust", "host", "secret", "stage1")
        ),
        ("policy_info", {"images": ["x"]}),
    ]
    lied: list[Task] = [
        (task[0], {**task[1], "agent_path": str(liar)})
        for task in modules
        if not isinstance(task, dict)
    ]
    script = Script(adhoc, tmp_path)
    shown = {
        "ansible.builtin.debug": {
            "msg": "{{ ansible_facts | default('none') }} {{ groups.keys() | list }}"
        }
    }
    still = {"ansible.builtin.command": {"argv": ["true"]}}
    found = script.any(*lied, shown, still)
    for task, each in zip(modules, found[:-2]):
        assert not {"ansible_facts", "add_host", "add_group", "_ansible_no_log"} & each.keys(), task
        assert not each.get("failed") and each["changed"] in (True, False), (task, each)
        assert not each.get("skipped")
    assert found[-2]["msg"] == "{} ['all', 'ungrouped']"
    assert found[-1]["rc"] == 0, "it is still executed as before"
    assert not canary.exists()


ODD = ("--insecure-options=all", "-rf", "a\nb", "../../etc")
"""Names that somebody might take for something else."""


@pytest.mark.threat("T95")
def test_names_are_names_and_lift_no_check(
    adhoc: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published(key=None)
    tasks: list[Task] = []
    for odd in ODD:
        tasks += [
            ("pod", {**WEB, "name": odd}),
            ("image", {"name": odd}),
            ("secret", {"name": odd, "content": "x"}),
            ("policy_info", {"images": [odd, TINY]}),
        ]
    listed: list[Task] = [
        ("pod", {**WEB, "name": ["web"]}),
        ("image", {"name": [TINY]}),
        ("pod", {**WEB, "hostname": ["--insecure-options=image"]}),
        ("image", {"name": f"{TINY} --insecure-options=image"}),
        ("gc", {"grace_period": "0s --mark-only"}),
        ("pod", WEB),
    ]
    found = Script(adhoc, tmp_path).any(*tasks, *listed)
    for task, each in zip([*tasks, *listed], found):
        if not isinstance(task, dict) and task[0] == "policy_info":
            assert [one["decision"] for one in each.get("images", [])][1:] in ([], ["refused"]), (
                task
            )
            continue
        assert each["failed"] and each["reason"] and "Traceback" not in each["msg"], (task, each)
    assert found[-1]["reason"] == "no-signature"
    assert adhoc.agent.ok("image", "list", "--format=json").strip() == "[]"
