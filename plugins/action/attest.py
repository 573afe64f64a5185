# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of the module podwright.fleet.attest: asks, and believes nothing.

The host is what is in question, so it only fetches what its TPM says. The nonce is made here, and
signature, log and allowlist are looked at here.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import signal
import threading
from collections.abc import Iterator
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.podwright.fleet.plugins.module_utils import agent_tree, attest_options
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    attest_allow,
    attest_answer,
    attest_enrol,
    attest_judge,
    attest_pins,
    tpm_keys,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_failure import Failure
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import TpmError

TREE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "agent")
"""The agent that this collection would install."""

MODULE = "podwright.fleet.attest"
NOTHING_COMPARED = (
    "no allowlist says what may have run (option allow, variable podwright_attest_allow): hosts are"
    " trusted whatever they have run, as long as it was measured and no check was lifted"
)
NONCE = 32
"""Bytes of a nonce, from the operating system."""

_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SAID = (
    *("tpm-off", "no-tpm", "tpm-failed", "tpm-timeout", "log-mismatch", "bad-log", "not-measured"),
    *("log-busy", "no-agent", "bad-input", "unsafe-directory"),
)
"""Reasons of an agent for giving no quote that are handed on."""


class _TooLong(BaseException):
    """The host has not answered in time. Not an Exception, so that nothing on the way takes it."""


class ActionModule(ActionBase):
    """Ask the host's TPM, and judge what it says."""

    TRANSFERS_FILES = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """See the module's documentation."""
        result = super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        self._host = str(self._task_vars.get("inventory_hostname", ""))
        result["changed"] = False
        try:
            if not tpm_keys.HAS_CRYPTOGRAPHY:
                raise Failure(
                    "the controller's Python has no cryptography, which verifies what TPMs sign",
                    "no-cryptography", "input", "cryptography", "install cryptography 42 or later",
                )  # fmt: skip
            self._options = self._validated()
            verbs = {"enrolled": self._enrol, "forgotten": self._forget}
            result.update(verbs.get(self._options["state"], self._attest)())
        except Failure as failure:
            result.update(failure.result())
        except attest_pins.PinError as error:
            stage = "input" if error.reason == "bad-input" else "pin"
            result.update(Failure(str(error), error.reason, stage, error.path).result())
        except TpmError as error:
            result.update(Failure(str(error), error.reason, "verify", self._host).result())
        return dict(wrap_var(result))

    def _validated(self) -> dict[str, Any]:
        """The task's options. Raises Failure."""
        try:
            attest_allow.refuse_emptied(self._task.args)
        except attest_allow.AllowError as error:
            raise Failure(str(error), "bad-input", "input", "allow") from None
        found = ArgumentSpecValidator(attest_options.spec()).validate(dict(self._task.args))
        if found.error_messages:
            raise Failure("; ".join(map(_worded, found.errors.errors)), "bad-input", "input")
        options: dict[str, Any] = found.validated_parameters
        if options["ask"] is not None:
            raise Failure(
                "ask is set by the action plugin and not by playbooks", "bad-input", "input"
            )
        if options["keys"]:
            options["keys"] = self._loader.path_dwim(options["keys"])
        for name in ("key", "endorsement_key"):
            if options[name] is not None and not attest_pins.NAME.fullmatch(options[name]):
                raise Failure(
                    f"{name}: {options[name]!r} is no name of a key; write what 'podwright tpm key'"
                    " calls name, 68 hexadecimal digits",
                    "bad-input", "input", name,
                )  # fmt: skip
        if not 0 <= options["pcr"] <= 23:
            raise Failure("pcr: there are PCRs 0 to 23", "bad-input", "input", "pcr")
        return options

    # -- attested

    def _attest(self) -> dict[str, Any]:
        wanted = self._wanted()
        text, failure = self._fetch("quote", nonce=wanted.nonce.hex())
        refused = attest_judge.Report((failure,) if failure else ())
        report = refused if failure else attest_judge.judge(text, wanted)
        self._remember(report, wanted)
        out = attest_judge.described(report, wanted)
        if not wanted.rules.compared:
            out["warnings"] = [NOTHING_COMPARED]
        if not report.trusted and self._options["fail_on_untrusted"]:
            first = report.verdicts[0]
            more = len(report.verdicts) - 1
            also = f" (and {more} more, see verdicts)" if more else ""
            message = f"host {self._host} is not trusted: {first.message}{also}"
            out.update(Failure(message, first.reason, "attest", self._host).result())
        return out

    def _wanted(self) -> attest_judge.Wanted:
        options = self._options
        try:
            rules = attest_allow.allowed(options["allow"], _own_agent)
        except attest_allow.AllowError as error:
            raise Failure(str(error), "bad-input", "input", "allow") from None
        name = self._pinned()
        seen = None
        if options["keys"] and options["remember"]:
            seen = attest_pins.last_seen(options["keys"], self._host, name)
        return attest_judge.Wanted(
            os.urandom(NONCE),
            bytes.fromhex(name),
            options["pcr"],
            options["bank"],
            rules,
            _now(),
            options["scope"] == "boot",
            _seconds(options["max_age"]),
            seen,
            options["sleeps"],
        )

    def _pinned(self) -> str:
        """The name of the key that is this host's. Raises Failure if nobody knows it."""
        key, keys = self._options["key"], self._options["keys"]
        if key is not None:
            return str(key)
        if keys is None:
            raise Failure(
                "which key is the host's is not said; give keys, the directory of 'state: enrolled',"
                " or key",
                "bad-input", "input", "keys",
            )  # fmt: skip
        pin = attest_pins.load(keys, self._host)
        if pin is None:
            raise Failure(
                f"host {self._host} is not enrolled: there is no"
                f" {attest_pins.place(keys, self._host)}",
                "not-enrolled", "pin", self._host,
                "enrol it with 'state: enrolled' (playbook podwright.fleet.attest_enrol)",
            )  # fmt: skip
        self._refuse_shared(keys, pin)
        return pin.key

    def _refuse_shared(self, keys: str, pin: attest_pins.Pin) -> None:
        """Raise Failure where another host has a key of the same TPM: one of both has borrowed it."""
        holder = attest_pins.holder(keys, pin, self._host)
        if holder:
            raise Failure(
                f"the TPM of host {self._host} is already that of another: {holder}",
                "key-of-another", "pin", self._host,
                "one of both is not the host that it says; look at both, and forget the other",
            )  # fmt: skip

    def _remember(self, report: attest_judge.Report, wanted: attest_judge.Wanted) -> None:
        """Keep what was seen, if it goes on from what was seen before."""
        history = {"rolled-back", "tpm-reset", "history-changed"}
        options = self._options
        if (
            report.seen is not None
            and options["keys"]
            and options["remember"]
            and not self._task.check_mode
            and not history & {verdict.reason for verdict in report.verdicts}
        ):
            name = wanted.name.hex()
            attest_pins.remember(options["keys"], self._host, name, report.seen)

    # -- enrolled

    def _enrol(self) -> dict[str, Any]:
        keys = self._need_keys()
        trust = attest_enrol.Trust(
            [self._file(path) for path in self._options["ca_certificates"] or ()],
            self._options["endorsement_key"],
            self._options["first_use"],
        )
        trust.check()
        old = attest_pins.load(keys, self._host)
        found = attest_enrol.keys(self._answer("key"), trust)
        challenge = attest_enrol.challenge(found)
        credential, secret = challenge.as_options()
        challenge.check(self._answer("activate", credential=credential, secret=secret))
        pin = found.pin(_now())
        same = old is not None and (old.key, old.endorsement) == (pin.key, pin.endorsement)
        if old is not None and same and not pin.stronger(old):
            return self._pin_result(old, changed=False)
        if old is not None and not same and not self._options["replace"]:
            raise Failure(
                f"host {self._host} was enrolled with key {old.key}, and has {pin.key} now: it has"
                " another TPM, or this one was cleared, or it is another host",
                "key-replaced", "pin", self._host,
                "find out why; then enrol it with 'replace: true'",
            )  # fmt: skip
        if self._task.check_mode:
            self._refuse_shared(keys, pin)
        else:
            with attest_pins.alone(keys):
                self._refuse_shared(keys, pin)
                attest_pins.save(keys, self._host, pin)
        out = self._pin_result(pin, changed=True)
        if pin.by == "first_use":
            vouched = f"host {self._host}: nobody has vouched for its endorsement key"
            out["warnings"] = [f"{vouched}; it may be that of a TPM in software"]
        return out

    def _pin_result(self, pin: attest_pins.Pin, changed: bool) -> dict[str, Any]:
        path = attest_pins.place(self._options["keys"], self._host)
        return {"changed": changed, "pin": {"path": path, **pin._asdict()}}

    def _forget(self) -> dict[str, Any]:
        keys = self._need_keys()
        there = os.path.lexists(attest_pins.place(keys, self._host))
        if not self._task.check_mode:
            attest_pins.forget(keys, self._host)
        return {"changed": there}

    def _need_keys(self) -> str:
        keys = self._options["keys"]
        if keys is None:
            raise Failure(
                "keys is needed: the directory on the controller where the hosts' keys are kept",
                "bad-input", "input", "keys",
            )  # fmt: skip
        return str(keys)

    def _file(self, path: str) -> bytes:
        try:
            with open(str(self._find_needle("files", path)), "rb") as file:
                return file.read(1 << 20)
        except (AnsibleError, OSError):
            there = self._loader.get_basedir()
            where = "" if os.path.isabs(path) else f", neither in {there} nor below"
            raise Failure(
                f"ca_certificates: {path!r} is not on the controller{where}",
                "bad-input", "input", "ca_certificates", "write its whole path",
            ) from None  # fmt: skip

    # -- the host

    def _answer(self, verb: str, **more: str) -> str:
        """What the host answers. Raises Failure if it gives nothing."""
        text, failure = self._fetch(verb, **more)
        if failure is not None:
            raise Failure(failure.message, failure.reason, "host", self._host)
        return text

    def _fetch(self, verb: str, **more: str) -> tuple[str, attest_judge.Verdict | None]:
        """What the host answers, or why it gives nothing. Only its text is taken, whatever else comes."""
        names = ("agent_path", "data_dir", "local_config")
        arguments = {name: self._options[name] for name in names}
        arguments["ask"] = {"verb": verb, **more}
        seconds = self._options["timeout"]
        try:
            with _limited(seconds):
                answer = self._execute_module(MODULE, arguments, task_vars=self._task_vars)
        except _TooLong:
            message = f"the host did not answer within {seconds} seconds"
            return "", attest_judge.Verdict("timed-out", message)
        except (RecursionError, MemoryError, UnicodeError):
            return "", attest_judge.Verdict("bad-answer", "the host's answer cannot be read")
        text = answer.get("answer") if isinstance(answer, dict) else None
        if isinstance(text, str):
            return str(text), None
        return "", _refusal(answer)


def _worded(error: Exception) -> str:
    """What is wrong with the options: Ansible leaves it to modules to say what a list of names means."""
    unknown = isinstance(error, UnsupportedError)
    return f"there is no option {error}" if unknown else str(error)


def _refusal(answer: Any) -> attest_judge.Verdict:
    """Why there is no answer, in the host's words as far as these can be used."""
    answer = answer if isinstance(answer, dict) else {}
    reason, said = answer.get("reason"), answer.get("msg")
    sentence = attest_answer.shown(said, 500) if isinstance(said, str) and said else "no reason"
    return attest_judge.Verdict(
        reason if isinstance(reason, str) and reason in _SAID else "no-quote",
        f"the host gave no answer: {sentence}",
    )


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """Give up after so many seconds, unless the task has a `timeout` of its own, which has the alarm."""
    free = (
        seconds > 0
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, None)
    )
    if not free:
        yield
        return

    def too_long(_signal: int, _frame: object) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, too_long)
    try:
        signal.alarm(seconds)
        try:
            yield
        finally:
            signal.alarm(0)
    finally:
        signal.signal(signal.SIGALRM, before)


def _own_agent() -> str:
    content = agent_tree.read(TREE)
    if not content:
        raise AnsibleActionFail(f"the collection is incomplete: no agent in {TREE}")
    return f"sha256:{agent_tree.digest(content)}"


def _seconds(duration: str | None) -> int | None:
    if duration is None:
        return None
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise Failure(
            f"max_age: {duration!r} is not a duration; write one such as 12h, 90d or 8w",
            "bad-input", "input", "max_age",
        )  # fmt: skip
    return int(found[1]) * _UNITS[found[2]]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
