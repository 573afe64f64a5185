# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a host's SELinux: Debian's own policy files, beside libselinux as a second reader."""

from __future__ import annotations

import ctypes
import random
import shutil
from pathlib import Path

import pytest

from podwright.errors import HostError, UsageError
from podwright.host import apparmor, mcs, selinux, slots
from podwright.model import label
from tests.support import debian

PIECES = (
    "a",
    "b_t",
    "x.y-z",
    "s0",
    "s0-s0",
    "c1,c2",
    "c0.c1023",
    "",
    " ",
    "a b",
    "\n",
    "é",
    '"',
    "\0",
)
DEBIAN = "etc/selinux/default/contexts/lxc_contexts"


def host(root: Path, *, enforce: str = "1\n", contexts: str = "", policy: str = "default") -> str:
    """A root directory as a host with SELinux has it; contexts are Debian's unless given."""
    fs = root / "sys/fs/selinux"
    fs.mkdir(parents=True)
    for name, text in (("enforce", enforce), ("mls", "1"), ("context", "")):
        (fs / name).write_text(text)
    place = root / f"etc/selinux/{policy}/contexts"
    place.mkdir(parents=True)
    (root / "etc/selinux/config").write_text(
        f"# comment\nSELINUX=enforcing\nSELINUXTYPE={policy}\n"
    )
    if contexts:
        (place / "lxc_contexts").write_text(contexts)
    else:
        shutil.copy(debian.package_files("selinux-policy-default") / DEBIAN, place)
    return str(root)


def test_debians_policy(tmp_path: Path) -> None:
    root = host(tmp_path)
    found = selinux.container_contexts(root)
    assert str(found.process) == "system_u:system_r:container_t:s0"
    assert str(found.file) == "system_u:object_r:container_file_t:s0"
    assert str(found.ro_file) == "system_u:object_r:container_ro_file_t:s0"
    assert found.kvm_process is None
    assert (selinux.state(root), selinux.has_levels(root)) == ("enforcing", True)


def test_this_machine_has_it_off() -> None:
    """The tests' own machine; the virtual machine of `make vm-tests` has it on."""
    assert selinux.enabled() == Path("/sys/fs/selinux/enforce").exists()


def test_libselinux_looks_at_the_same_file(tmp_path: Path) -> None:
    library = ctypes.CDLL("libselinux.so.1")
    library.selinux_lxc_contexts_path.restype = ctypes.c_char_p
    theirs = Path(library.selinux_lxc_contexts_path().decode())
    assert theirs.parts[-2:] == Path(DEBIAN).parts[-2:]


def test_what_we_take_for_a_context_libselinux_takes_apart_in_the_same_way() -> None:
    library = ctypes.CDLL("libselinux.so.1")
    library.context_new.restype = ctypes.c_void_p
    parts = {}
    for name in ("user", "role", "type", "range"):
        parts[name] = getattr(library, f"context_{name}_get")
        parts[name].restype, parts[name].argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    library.context_free.argtypes = [ctypes.c_void_p]
    rng, taken = random.Random(7), 0
    print("seed 7")
    for _ in range(20_000):
        text = ":".join(rng.choice(PIECES) for _ in range(rng.randrange(2, 8)))
        try:
            ours = label.parse_context(text, "here")
        except UsageError:
            continue
        taken += 1
        theirs = library.context_new(text.encode())
        assert theirs, text
        shown = [parts[name](theirs) or b"" for name in parts]
        library.context_free(theirs)
        assert [part.decode() for part in shown] == [ours.user, ours.role, ours.type, ours.level]
        assert str(ours) == text
    assert taken > 300


@pytest.mark.parametrize(
    "text, said",
    [
        ('process = system_u:a:b:s0\nfile = "u:r:t:s0"\n', "line 1: 'process = system_u"),
        ('process = "u:r:t:s0" # x\n', "line 1"),
        ('process = "u:r"\n', "line 1: 'u:r' is not an SELinux context"),
        ('process = "u:r:t;x:s0"\n', "line 1"),
        ('pro cess = "u:r:t:s0"\n', "line 1"),
        ("nonsense\n", "line 1: 'nonsense'"),
        ('process = "u:r:t:s0"\n', "has no file"),
        ('file = "u:r:t:s0"\n', "has no process"),
        ('process = "u:r:t:s0"\nfile = ""\n', "line 2"),
    ],
)
def test_a_contexts_file_that_is_not_understood_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(selinux.PolicyError, match=said):
        selinux.container_contexts(host(tmp_path, contexts=text))


def test_our_own_module_is_used_where_the_policy_has_nothing(tmp_path: Path) -> None:
    root = host(tmp_path)
    assert not selinux.ours(root)
    (tmp_path / DEBIAN).unlink()
    assert selinux.ours(root)
    asked = (tmp_path / "sys/fs/selinux/context").read_bytes()
    assert asked.startswith(f"{selinux.OURS.process}\0".encode())
    assert selinux.container_contexts(root).shared_text().endswith(":podwright_shared_t:s0")


def test_our_own_module_is_used_where_the_policy_names_types_that_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's does."""
    root = host(tmp_path)

    def lacking(context: label.Context, _root: str = "") -> None:
        if context.type.startswith("container_"):
            raise selinux.UnusableError(f"the SELinux policy does not know {context}")

    monkeypatch.setattr(selinux, "check", lacking)
    assert selinux.ours(root)
    monkeypatch.setattr(selinux, "_knows", lambda _context, _root: False)
    with pytest.raises(selinux.PolicyError, match="container_t"):
        selinux.container_contexts(root)


def test_a_policy_without_a_file_for_containers_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = host(tmp_path)
    (tmp_path / DEBIAN).unlink()
    monkeypatch.setattr(selinux, "_knows", lambda _context, _root: False)
    with pytest.raises(selinux.PolicyError) as caught:
        selinux.container_contexts(root)
    assert "names no contexts for containers" in caught.value.message
    assert "container-selinux" in caught.value.hint


@pytest.mark.parametrize("policy", ["../../evil", "", "a b", ".hidden"])
def test_a_policy_name_that_leads_elsewhere_is_refused(tmp_path: Path, policy: str) -> None:
    root = host(tmp_path)
    (tmp_path / "etc/selinux/config").write_text(f"SELINUXTYPE={policy}\n")
    with pytest.raises(selinux.PolicyError, match="does not say which policy"):
        selinux.policy_type(root)


def test_states(tmp_path: Path) -> None:
    assert selinux.state(str(tmp_path / "none")) == "off"
    assert selinux.state(host(tmp_path / "p", enforce="0")) == "permissive"


def test_every_number_is_one_pair_of_two_categories() -> None:
    numbers = [*range(3000), *range(label.PAIRS - 3000, label.PAIRS), *range(0, label.PAIRS, 997)]
    pairs = {label.pair_of_number(number) for number in numbers}
    assert len(pairs) == len(set(numbers))
    assert all(0 <= low < high < 1024 for low, high in pairs)
    assert label.pair_of_number(0) == (0, 1)
    assert label.pair_of_number(label.PAIRS - 1) == (1022, 1023)
    assert label.pair(7, 9) == "s0:c7,c9"


def test_pods_have_different_pairs_until_they_end(tmp_path: Path) -> None:
    run = str(tmp_path)
    held = [mcs.take(run, f"pod-{number}") for number in range(300)]
    levels = {level for level, _ in held}
    assert len(levels) == 300
    assert mcs.in_use(run) == {level: slot_record(slot) for level, slot in held}
    for _, slot in held[:299]:
        slot.release()
    held[299][1].close()  # as if its processes had been killed
    assert mcs.in_use(run) == {}
    assert len(slots.each(mcs.directory(run))) == 1
    mcs.reclaim(run)
    assert slots.each(mcs.directory(run)) == []


def test_a_pair_that_an_operator_says_is_given_to_nobody_else(tmp_path: Path) -> None:
    run = str(tmp_path)
    held = mcs.hold(run, "pod", "s0:c9,c7")
    assert held is not None
    assert mcs.in_use(run) == {"s0:c7,c9": "pod"}
    with pytest.raises(HostError):
        slots.allocate(mcs.directory(run), (held.number,), "other")
    assert mcs.hold(run, "said to share it", "s0:c7,c9") is None
    held.release()
    assert mcs.in_use(run) == {}


@pytest.mark.parametrize(
    "level",
    [
        "",
        "s0",
        "s0:c1",
        "s0:c1,c1",
        "s0:c1,c1024",
        "s0:c1.c3",
        "s1:c1,c2",
        "s0:c1,c2,c3",
        "s0:cx,c2",
    ],
)
def test_other_levels_are_no_pairs(tmp_path: Path, level: str) -> None:
    assert mcs.hold(str(tmp_path), "pod", level) is None


def test_every_pair_has_its_number() -> None:
    for number in (*range(0, label.PAIRS, 997), label.PAIRS - 1):
        assert label.number_of_pair(label.pair(*label.pair_of_number(number))) == number


def slot_record(slot: slots.Slot) -> str:
    return Path(slot.path).read_text().strip()


def test_apparmor_says_why_a_profile_cannot_be_had(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert apparmor.why_not("web", root) == "AppArmor is not enabled on this host"
    parameters = tmp_path / "sys/module/apparmor/parameters"
    parameters.mkdir(parents=True)
    (parameters / "enabled").write_text("Y\n")
    assert "cannot be read" in str(apparmor.why_not("web", root))
    place = tmp_path / "sys/kernel/security/apparmor"
    place.mkdir(parents=True)
    (place / "profiles").write_text("web (enforce)\n/usr/bin/man (complain)\na (b) (kill)\n")
    assert apparmor.profiles(root) == {
        "web": "enforce",
        "/usr/bin/man": "complain",
        "a (b)": "kill",
    }
    assert apparmor.why_not("web", root) is None
    assert apparmor.why_not("unconfined", root) is None
    assert "apparmor_parser" in str(apparmor.why_not("we", root))
