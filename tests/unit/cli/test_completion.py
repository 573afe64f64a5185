# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What completion offers; the scripts that ask for it are tested in their shells."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright import jsonio
from podwright.cli import candidates, completion, verbs
from podwright.host.paths import Layout
from podwright.main import main
from podwright.stage0 import pods

UUID = "28b6a4f0-0000-4000-8000-000000000001"
OTHER = "41ed77c2-0000-4000-8000-000000000002"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A host with a pod that has a name and one that has none, both prepared."""
    for uuid, name in ((UUID, "web"), (OTHER, "")):
        path = tmp_path / "pods/prepared" / uuid
        path.mkdir(parents=True)
        (path / "runtime-config").write_text(jsonio.dumps({"name": name}))
    (tmp_path / "named/shop").mkdir(parents=True)
    (tmp_path / "net.d").mkdir()
    (tmp_path / "net.d/10-back.conf").write_text(
        '{"name": "back", "type": "ptp", "ipam": {"type": "host-local", "subnet": "10.9.0.0/24"}}'
    )
    return Layout(str(tmp_path), f"{tmp_path}/none", str(tmp_path), run=f"{tmp_path}/run")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("stat", "status"),
        ("--dir=/x stat", "status"),
        ("--dir /x stat", "status"),
        ("status ", f"web {UUID} {OTHER}"),
        ("status web ", "--wait --wait-ready --format= --uuid-file= --debug"),
        ("cat-manifest w", "web"),
        ("run-prepared ", f"web {UUID} {OTHER}"),
        ("stop ", "--force --uuid-file= --format= --debug --dir="),
        ("rm web ", f"{UUID} {OTHER}"),
        ("network inspect b", "back"),
        ("run ex", ":files"),
        ("run --ne", "--net="),
        ("run --net=", "--net=back --net=default-restricted --net=default --net=host --net=none"),
        ("run --net=back,", "--net=back,default-restricted --net=back,default"),
        ("run --net ba", "back"),
        ("run --net back,default-", "back,default-restricted"),
        ("run --dns=", "--dns=host --dns=none"),
        ("run --stage1-name=f", "--stage1-name=fly"),
        ("run --private-users=i", "--private-users=idmapped"),
        ("run --private-ne", ""),
        ("run --no-overlay=", "--no-overlay=true --no-overlay=false"),
        ("run --hostname=", ""),
        ("run --set-env-file=", ":files"),
        ("run a --memor", "--memory="),
        ("run --memor", ""),
        ("run a -- x", ":files"),
        ("run a -- x --- --memor", "--memory="),
        ("--insecure-options=image,t", "--insecure-options=image,tls"),
        ("apply --format=t", "--format=text"),
        ("apply ", ":files"),
        ("image li", "list"),
        ("image list --order=d", "--order=desc"),
        ("image list --fields=name,si", "--fields=name,size"),
        ("image export x ", ":files"),
        ("stage1 build ", "kvm xen"),
        ("stage1 build kvm ", ":files"),
        ("stage1 build --kernel=", ":files"),
        ("trust --prefix=a ", "list remove :files"),
        ("trust --prefix=a key", ":files"),
        ("trust lis", "list"),
        ("help run", "run run-prepared"),
        ("help image ver", "verify"),
        ("completion ", "bash zsh fish"),
        ("check-host --require=kvm,sel", "--require=kvm,selinux"),
        ("nonsense ", ""),
        ("image nonsense ", ""),
        ("sup", ""),
    ],
)
def test_what_is_offered(line: str, offered: str, layout: Layout) -> None:
    found = [word for word, _ in candidates.offered(layout, line.split(" "))]
    assert found[: len(offered.split())] == offered.split()
    if not offered.startswith("--") or "=" in line:
        assert len(found) <= len(offered.split()) + 1


@pytest.mark.parametrize("verb", [v.name for v in verbs.every() if not v.hidden])
def test_every_verb_offers_its_options(verb: str, layout: Layout) -> None:
    found = [word.rstrip("=") for word, _ in candidates.offered(layout, [verb, "x", "--"])]
    for option in verbs.find_verb(verb).options:
        shown = not (option.hidden or option.deprecated)
        assert (f"--{option.name}" in found) == shown


def test_the_names_of_a_host_without_anything(tmp_path: Path) -> None:
    empty = Layout(f"{tmp_path}/no", f"{tmp_path}/no", f"{tmp_path}/no", run=f"{tmp_path}/no")
    for line in ("status w", "image rm e", "enter --app=w", "network inspect x"):
        assert candidates.offered(empty, line.split()) == []


def test_the_typed_directories_count(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complete", "--", f"--dir={layout.data}", "status", "w"]) == 0
    assert capsys.readouterr().out == "web\tprepared\n"
    assert main(["complete", "--", "--dir", layout.data, "status", "w"]) == 0
    assert capsys.readouterr().out == "web\tprepared\n"


def test_hostile_names_do_not_reach_the_shell_raw(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(layout.data) / "pods/prepared" / UUID / "runtime-config"
    path.write_text('{"name": "a\\u001b[31m\\nb\\t$(x)"}')
    assert main(["complete", "--", f"--dir={layout.data}", "status", ""]) == 0
    out = capsys.readouterr().out
    words = [line.partition("\t")[0] for line in out.splitlines()]
    assert "\x1b" not in out and words[-2:] == [UUID, OTHER] and len(words) <= 3


@pytest.mark.parametrize("argv", [[], ["sh"], ["bash", "zsh"], ["\x1b[31m"]])
def test_other_shells_are_refused(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", *argv]) == 254
    shown = capsys.readouterr().err
    assert "podwright completion bash|zsh|fish" in shown and "\x1b" not in shown


def test_there_is_a_script_for_every_shell() -> None:
    assert set(completion.SCRIPTS) == set(completion.PATHS)
    words = next(verb for verb in verbs.every() if verb.name == "completion").usage.split("|")
    assert words == list(completion.SCRIPTS)


def test_a_name_is_offered_once_and_only_where_it_means_a_pod_that_the_verb_takes(
    layout: Layout,
) -> None:
    earlier = Path(layout.pods, "run", "57aa10b3-0000-4000-8000-000000000003")
    earlier.mkdir(parents=True)
    (earlier / "runtime-config").write_text(jsonio.dumps({"name": "web"}))
    (Path(layout.named) / "web").mkdir()
    (Path(layout.named) / "web/instance").write_text(UUID)
    held = pods.lock(layout, pods.find(layout, UUID))
    try:
        shown = [word for word, _ in candidates.offered(layout, ["status", ""])]
        assert shown.count("web") == 1
        ended = [word for word, _ in candidates.offered(layout, ["export", ""])]
        assert ended[:1] == [earlier.name] and "web" not in ended
    finally:
        held.close()
