# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module attest on the real agent and a TPM in software: hosts that say the truth, and hosts that lie.

A story is one playbook, because most of what a call of Ansible takes is its beginning.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import tpm_keys, tpm_structures

from tests.modules.conftest import AdHoc
from tests.support import ekcerts
from tests.support.paths import AGENT
from tests.support.swtpm import Swtpm

Publish = Callable[..., Path]
Step = tuple[str, Any]
TINY = "example.com/tiny"
LOG = "/run/podwright/tpm/log"
NAME = f"000b{'00' * 32}"
"""Of no key."""
FORGET = "rm -f /run/podwright/tpm/state"
"""What the agent remembers, so that it reads its log again."""


class Stage:
    """A host with a TPM, and a controller with a directory of keys, on which stories are played."""

    def __init__(self, adhoc: AdHoc, tpm: Swtpm, scratch: Path) -> None:
        self.adhoc, self.tpm, self.scratch = adhoc, tpm, scratch
        self.keys = scratch / "keys"
        self.settings = adhoc.agent.local / "tpm.d/tpm.json"
        self.settings.parent.mkdir(mode=0o755)
        self.write_settings("require")

    def write_settings(self, mode: str, tpm: Swtpm | None = None) -> None:
        """How the host measures, from now on."""
        self.settings.write_text(self.said(mode, tpm))
        self.settings.chmod(0o644)

    def said(self, mode: str, tpm: Swtpm | None = None) -> str:
        """The settings as text."""
        tcti = (tpm or self.tpm).tcti
        return json.dumps({"rktKind": "tpm", "rktVersion": "v1", "mode": mode, "tcti": tcti})

    def measure(self, mode: str, tpm: Swtpm | None = None) -> Step:
        """The same as a step of a story."""
        copy = {"content": self.said(mode, tpm), "dest": str(self.settings), "mode": "0644"}
        return ("ansible.builtin.copy", copy)

    def tell(self, *steps: Step, flags: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Play the steps; returns the results of those with `attest`."""
        tasks, names = [], []
        for number, (module, options) in enumerate(steps):
            name = f"r{number}"
            tasks.append({"name": f"Step {number}", module: options, "register": name})
            if module == "podwright.fleet.attest":
                tasks[-1]["ignore_errors"] = True
                names.append(name)
        out = self.scratch / "results.json"
        content = "{{ [" + ", ".join(names) + "] | to_json }}"
        tasks.append({
            "name": "Results", "ansible.builtin.copy": {"content": content, "dest": str(out), "mode": "0600"},
            "check_mode": False,
        })  # fmt: skip
        play = {
            "name": "A story", "hosts": "localhost", "gather_facts": False, "tasks": tasks,
            "module_defaults": {"group/podwright.fleet.podwright": self.adhoc.common},
        }  # fmt: skip
        path = self.scratch / "story.yml"
        path.write_text(json.dumps([play]))
        env = {**self.adhoc.env, "ANSIBLE_LOCALHOST_WARNING": "false"}
        done = self.adhoc.agent.host.run(
            ["ansible-playbook", str(path), *flags], env=env, timeout=280
        )
        self.output = done.stdout + done.stderr
        assert done.exit == 0, self.output
        assert "Traceback" not in self.output
        results: list[dict[str, Any]] = json.loads(out.read_text())
        assert all(result["changed"] is False for result in results if "trusted" in result)
        return results

    def program(self, text: str) -> str:
        """Write a program; returns its path."""
        path = self.scratch / f"program-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def says(self, text: str) -> str:
        """An agent that says this, whatever it is asked."""
        path = self.scratch / f"said-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        path.write_text(text)
        return self.program(f"#!/bin/sh\nexec cat {path}\n")

    def ask(self, **options: Any) -> Step:
        """Attest, and go on."""
        return (
            "podwright.fleet.attest",
            {"keys": str(self.keys), "fail_on_untrusted": False, **options},
        )

    def enrol(self, **options: Any) -> Step:
        """Enrol on first use."""
        given = {"keys": str(self.keys), "state": "enrolled", "first_use": True, **options}
        return ("podwright.fleet.attest", given)


def pod(name: str, **more: Any) -> Step:
    """Run a pod."""
    given = {"image": f"{TINY}:1.0", "net": "none", "ready": {"seconds": 0.1}}
    return ("podwright.fleet.pod", {"name": name, **given, **more})


def absent(name: str) -> Step:
    """Remove a pod."""
    return ("podwright.fleet.pod", {"name": name, "state": "absent"})


def shell(script: str) -> Step:
    """What root of the host does."""
    return ("ansible.builtin.shell", script)


@pytest.fixture
def stage(trusting: AdHoc, published: Publish, tpm: Swtpm, tmp_path: Path) -> Stage:
    """A host that measures, and can run the image tiny."""
    published()
    scratch = tmp_path / "stage"
    scratch.mkdir()
    return Stage(trusting, tpm, scratch)


def reasons(result: dict[str, Any]) -> list[str]:
    """The words for what is wrong."""
    assert result["trusted"] == (not result["verdicts"])
    assert result["reason"] == (result["verdicts"][0]["reason"] if result["verdicts"] else "")
    return [verdict["reason"] for verdict in result["verdicts"]]


def test_a_host_is_enrolled_and_believed_as_long_as_it_does_what_is_allowed(stage: Stage) -> None:
    allow = {
        "images": [TINY], "agents": ["collection"], "policies": ["none"], "flavours": ["namespaces"],
        "minimum_stage1": "namespaces",
    }  # fmt: skip
    other = {"images": ["example.com/other"]}
    results = stage.tell(
        ("podwright.fleet.attest", {"keys": str(stage.keys)}),
        stage.enrol(),
        stage.enrol(),
        pod("web"),
        stage.ask(allow=allow, max_age="1h"),
        ("podwright.fleet.attest", {"keys": str(stage.keys), "allow": other}),
        ("podwright.fleet.policy", {"default": [{"type": "signedBy"}]}),
        pod("odd", insecure_options=["seccomp"]),
        stage.ask(allow={"policies": ["none"], "agents": ["sha256:" + "00" * 32]}),
        absent("odd"),
        stage.ask(allow={"policies": ["none"]}, scope="running"),
    )
    unknown, first, second, good, refused, odd, again = results
    assert (unknown["failed"], unknown["reason"], unknown["stage"]) == (True, "not-enrolled", "pin")
    assert "state: enrolled" in unknown["hint"]
    assert (first["changed"], first["pin"]["by"]) == (True, "first_use")
    assert "nobody has vouched" in stage.output
    assert second["changed"] is False and second["pin"] == first["pin"]
    assert reasons(good) == [], stage.output
    (web,) = good["pods"]
    assert (web["name"], web["state"], web["flavour"]) == ("web", "running", "namespaces")
    (app,) = web["apps"]
    assert (app["image_name"], app["verdict"], len(app["keys"])) == (TINY, "signed", 1)
    assert (good["running"], good["started"], good["mode"]) == (1, 1, "require")
    assert (refused["failed"], refused["stage"], refused["object"]) == (True, "attest", "localhost")
    assert reasons(refused) == ["image-not-allowed"]
    assert f"host localhost is not trusted: image {TINY}" in refused["msg"]
    assert [one["name"] for one in refused["pods"]] == ["web"], "what is known is told all the same"
    assert reasons(odd) == ["agent-not-allowed", "policy-not-allowed", "insecure"]
    assert (odd["pods"][1]["insecure"], odd["pods"][0]["policy"]) == (["seccomp"], "none")
    assert odd["pods"][1]["policy"] in odd["verdicts"][1]["message"]
    assert reasons(again) == [] and again["ended"] == 1


def test_what_root_of_a_host_does_to_its_log_and_its_tpm_is_noticed(stage: Stage) -> None:
    tampers = {
        "changed": f"sed -i s/tiny/evil/ {LOG}",
        "removed": f"sed -i 2d {LOG}",
        "begun later": f"sed -i 1d {LOG}",
        "gone": f"rm {LOG}",
    }
    steps = [stage.enrol(), pod("web"), absent("web"), shell(f"cp {LOG} /run/kept"), stage.ask()]
    for script in tampers.values():
        steps += [shell(f"{script}; {FORGET}"), stage.ask(remember=False)]
        steps += [shell(f"cp /run/kept {LOG}; {FORGET}")]
    results = stage.tell(*steps, stage.ask())
    assert reasons(results[1]) == [] == reasons(results[-1]), "with the log as it is"
    for what, result in zip(tampers, results[2:-1]):
        assert reasons(result)[0] in ("bad-log", "log-mismatch"), (what, result)
        assert result["pods"] == []
    stage.tpm.tool("pcrextend", f"13:sha256={'ab' * 32}")
    (foreign,) = stage.tell(stage.ask())
    assert reasons(foreign)[0] == "log-mismatch"


def test_a_pod_that_was_started_while_nothing_was_measured_is_noticed(stage: Stage) -> None:
    before = f"touch -d 2020-01-01 {stage.adhoc.agent.data}/pods/run/*/started-at"
    results = stage.tell(
        stage.enrol(),
        stage.ask(),
        pod("web"),
        stage.measure("off"),
        stage.ask(),
        pod("hidden"),
        stage.measure("require"),
        shell(before),  # a pod that has begun just now may be about to be measured
        stage.ask(),
        absent("hidden"),
        stage.ask(),
    )
    _pin, idle, off, hidden, gone = results
    assert idle["verdicts"] == [] or reasons(idle) == ["bad-log"]
    assert reasons(off) == ["tpm-off"]
    assert reasons(hidden) == ["unmeasured-pod"]
    assert "pod hidden runs" in hidden["verdicts"][0]["message"]
    assert [one["name"] for one in hidden["pods"]] == ["web"]
    assert reasons(gone) == []


def test_another_tpm_is_noticed_and_never_pinned_silently(stage: Stage) -> None:
    twin = f"cp {stage.keys}/localhost.json {stage.keys}/twin.json"
    with (
        tempfile.TemporaryDirectory(prefix="pwtest-", dir="/tmp") as name,
        Swtpm(Path(name)) as other,
    ):
        results = stage.tell(
            stage.enrol(),
            pod("web"),
            stage.measure("log", other),
            stage.ask(),
            stage.enrol(),
            stage.enrol(replace=True),
            stage.ask(),
            stage.measure("log"),
            stage.ask(),
            shell(twin),
            stage.enrol(replace=True),
            stage.measure("log", other),
            ("podwright.fleet.attest", {"keys": str(stage.keys), "state": "forgotten"}),
            stage.enrol(),
            shell(f"rm {stage.keys}/twin.json"),
            stage.enrol(),
        )
    mine, swapped, kept, replaced, after, back, again, forgotten, copied, anew = results
    assert reasons(swapped) == ["key-replaced"]
    assert (kept["failed"], kept["reason"], "pin" in kept) == (True, "key-replaced", False)
    assert mine["pin"]["key"] in kept["msg"] and "replace: true" in kept["hint"]
    assert replaced["changed"] is True and replaced["pin"]["key"] != mine["pin"]["key"]
    assert "key-replaced" not in reasons(after)
    assert reasons(back) == ["key-replaced"]
    assert again["changed"] is True and again["pin"]["key"] == mine["pin"]["key"]
    assert forgotten["changed"] is True
    assert (copied["failed"], copied["reason"]) == (True, "key-of-another")
    assert "twin.json" in copied["msg"]
    assert anew["changed"] is True, anew


def test_a_tpm_that_was_reset_is_noticed(stage: Stage) -> None:
    first = stage.tell(stage.enrol(), pod("web"), stage.ask(), absent("web"))
    assert reasons(first[1]) == []
    seen = (stage.keys / "localhost.seen").read_text()
    stage.tpm.boot()
    again = (shell("rm -r /run/podwright/tpm"), pod("web"), stage.ask(remember=False), stage.ask())
    unseen, noticed = stage.tell(*again)
    assert reasons(unseen) == [], "nothing in the quote itself tells it"
    assert reasons(noticed) == ["tpm-reset"]
    assert (stage.keys / "localhost.seen").read_text() == seen, "and so it stays noticed"


@pytest.mark.threat("T95")
def test_hosts_that_lie(stage: Stage) -> None:
    """Among them one that uses names as weapons; the real agent would not take such names."""
    canary = stage.scratch / "canary"
    evil = f"{{{{ lookup('pipe', 'touch {canary}') }}}}\n\033]0;x\007"
    with_names = stage.program(f"""\
#!/usr/bin/python3
import json, subprocess, sys
done = subprocess.run([{str(AGENT)!r}, *sys.argv[1:]], stdout=subprocess.PIPE)
answer = json.loads(done.stdout)
answer['pods'] = [{{'uuid': {evil!r}, 'name': {evil!r}, 'flavour': {evil!r}, 'apps': []}}]
answer['problems'] = [{evil!r}]
print(json.dumps(answer))
""")
    nonce = "00" * 32
    old = stage.adhoc.agent.ok("tpm", "quote", f"--nonce={nonce}", "--format=json")
    angry = "#!/bin/sh\nprintf 'podwright: \\033[31m{{ 7 * 7 }}\\n' >&2\nexit 254\n"
    facts = '{"changed": true, "ansible_facts": {"x": 1}, "trusted": true, "_ansible_x": 1}'
    fly = json.dumps({**json.loads(old), "log": f"{{{{ {evil} }}}}"})
    results = stage.tell(
        stage.enrol(),
        pod("web"),
        stage.ask(agent_path=stage.says(old)),
        stage.ask(agent_path=stage.says(fly)),
        stage.ask(agent_path=stage.says("[" * 3_000_000)),
        stage.ask(agent_path=stage.says(facts)),
        stage.ask(agent_path="/nonexistent/podwright"),
        stage.ask(agent_path=stage.program(angry)),
        stage.ask(agent_path=stage.program("#!/bin/sh\nexec sleep 600\n"), timeout=5),
        stage.ask(agent_path=with_names),
    )[1:]
    told = [reasons(result) for result in results]
    assert told[:2] == [["replayed-quote"], ["replayed-quote"]]
    assert told[2:4] == [["bad-answer"], ["bad-answer"]]
    assert told[4:7] == [["no-agent"], ["no-quote"], ["timed-out"]]
    assert told[7] == ["unmeasured-pod", "host-problem"]
    assert all("ansible_facts" not in result for result in results)
    assert "{{ 7 * 7 }}" in results[5]["verdicts"][0]["message"]
    assert results[7]["verdicts"][0]["pod"] == evil
    assert "touch" in results[7]["verdicts"][1]["message"]
    assert not canary.exists()
    assert "\033" not in stage.output


def test_a_host_is_enrolled_by_the_certificate_of_its_tpm(stage: Stage) -> None:
    """Which the maker has put into the TPM, and which leads to a file of the controller; in check mode, too."""
    tpm = stage.tpm
    tpm.tool("createek", "-c", "ek.ctx", "-G", "rsa", "-u", "ek.pub")
    tpm.tool("flushcontext", "-t")
    endorsement = tpm_structures.public((tpm.directory / "ek.pub").read_bytes())
    maker = ekcerts.Maker(tpm_keys.public_key(endorsement))
    certificate = tpm.directory / "certificate"
    certificate.write_bytes(maker.certificate())
    index, size = "0x01c00002", str(certificate.stat().st_size)
    rights = "ownerread|ownerwrite|authread|authwrite"
    tpm.tool("nvdefine", index, "-C", "o", "-s", size, "-a", rights)
    tpm.tool("nvwrite", index, "-C", "o", "-i", "certificate")
    files = []
    for name, content in (
        ("root", maker.root), ("between", maker.between), ("other", ekcerts.Maker(maker.key).root),
    ):  # fmt: skip
        files.append(str(stage.scratch / f"{name}.pem"))
        Path(files[-1]).write_bytes(content)
    wrong = stage.enrol(first_use=False, ca_certificates=[files[2]])
    good = stage.enrol(first_use=False, ca_certificates=files)
    unknown = stage.enrol(first_use=False, endorsement_key=NAME)
    ask = stage.ask(key=NAME)
    refused, planned, other, asked = stage.tell(wrong, good, unknown, ask, flags=("--check",))
    assert reasons(asked) == ["key-replaced"], "it was asked all the same"
    assert (refused["failed"], refused["reason"]) == (True, "bad-certificate")
    assert (other["failed"], other["reason"]) == (True, "endorsement-unknown")
    assert planned["changed"] is True and not stage.keys.exists()
    weak, done, again = stage.tell(stage.enrol(), good, good)
    assert (weak["pin"]["by"], done["pin"]["by"]) == ("first_use", "certificate")
    assert done["changed"] is True, "what is known better is written down"
    assert again["changed"] is False
    assert done["pin"]["endorsement"] == tpm_keys.fingerprint(endorsement)
    assert stage.output.count("nobody has vouched") == 1


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"keys": None}, "which key is the host's is not said"),
    ({"key": "abc"}, "is no name of a key"),
    ({"pcr": 99}, "there are PCRs 0 to 23"),
    ({"max_age": "soon", "key": NAME}, "is not a duration"),
    ({"allow": {"images": [""]}, "key": NAME}, "allow.images: an entry is empty"),
    ({"allow": {"imgaes": []}}, "there is no option allow.imgaes"),
    ({"allow": []}, "allow is no mapping"),
    ({"allow": {"images": [1]}, "key": NAME}, "allow.images: 1 is no text"),
    ({"allow": {"images": ["example.com/x:8.0"]}, "key": NAME}, "has a version"),
    ({"state": "enrolled", "ca_certificates": ["makers.pem"]}, "write its whole path"),
    ({"allow": {"images": None}, "key": NAME}, "allow.images is there and says nothing"),
    ({"allow": "{{ none }}", "key": NAME}, "allow"),
    ({"ask": {"verb": "quote"}}, "set by the action plugin"),
    ({"state": "enrolled"}, "nothing says that the endorsement key is that of a TPM"),
    ({"state": "enrolled", "ca_certificates": ["/nonexistent"]}, "is not on the controller"),
    ({"state": "enrolled", "keys": None, "first_use": True}, "keys is needed"),
    ({"state": "gone"}, "value of state must be one of"),
]


def test_options_that_cannot_be_meant_are_refused(adhoc: AdHoc, tpm: Swtpm, tmp_path: Path) -> None:
    stage = Stage(adhoc, tpm, tmp_path)
    steps = []
    for options, _says in WRONG:
        given = {"keys": str(stage.keys), **options}
        steps.append(
            (
                "podwright.fleet.attest",
                {name: one for name, one in given.items() if one is not None},
            )
        )
    for (options, says), result in zip(WRONG, stage.tell(*steps)):
        assert result["failed"] is True, options
        assert says in result["msg"], options
        assert result["stage"] == "input"
        assert {"reason", "object", "hint"} <= set(result)
    assert not stage.keys.exists()
