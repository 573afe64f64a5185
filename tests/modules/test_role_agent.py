# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role agent and its playbooks, from the collection that `ansible-galaxy` builds and installs, as users get it."""

from __future__ import annotations

import json

from tests.modules.playbook_site import Site

PATHS = '{"rktKind": "paths", "rktVersion": "v1", "data": "/srv/rkt"}'
LOOK = """\
find /usr/bin/podwright /usr/lib/podwright /etc/podwright /var/lib/podwright -printf '%p %y %m %u:%g %s %l\\n' |
    grep -v __pycache__ | sort; getent group | grep podwright || true
"""


def test_install_twice_upgrade_and_remove(site: Site) -> None:
    assert site.changed("install", "--check") == 1
    assert site.changed("install") == 1
    before = site.shell(LOOK)
    assert "/usr/bin/podwright l 777 root:root" in before
    for place in (
        "/var/lib/podwright d 2750 root:podwright",
        "/var/lib/podwright/cas/inbox d 3770 root:podwright",
        "/etc/podwright/trustedkeys/root.d d 2775 root:podwright-admin",
    ):
        assert place in before
    assert ":65534:" in site.shell("getent passwd podwright")
    assert site.shell("id -Gn podwright") == "nogroup\n"
    assert site.changed("install") == 0
    assert site.shell(LOOK) == before
    assert site.shell("podwright version").startswith("podwright Version: ")
    assert site.changed("uninstall", "--check") == 1
    assert site.changed("uninstall", podwright_agent_remove_data=True) == 1
    assert site.changed("uninstall", podwright_agent_remove_data=True) == 0
    assert (
        site.shell(
            "ls -d /usr/*/podwright* /etc/podwright* /etc/*/podwright* /var/*/podwright* 2>/dev/null || true;"
            "find /usr/share/man /usr/share/*completion* /usr/share/zsh /usr/share/fish -name '*podwright*'"
            " 2>/dev/null || true"
        )
        == ""
    )
    assert "podwright" not in site.shell("cat /etc/group /etc/gshadow /etc/passwd")


def test_pages_completions_and_the_name_rkt(site: Site) -> None:
    site.changed("install", podwright_agent_rkt_name=True)
    page = "/usr/share/man/man1/podwright-run.1"
    assert "run image(s) in a pod" in site.shell(f"cat {page}")
    bash = site.shell("cat /usr/share/bash-completion/completions/podwright")
    assert bash == site.shell("podwright completion bash")
    assert site.shell("rkt version").startswith("rkt Version: ")
    site.shell(f"mkdir -p /etc/rkt/paths.d; echo '{PATHS}' >/etc/rkt/paths.d/a.json")
    assert '"/srv/rkt"' in site.shell("rkt config")
    assert '"/srv/rkt"' not in site.shell("podwright config")
    site.shell(f"cp {page} /usr/share/man/man1/podwright-gone.1; echo x >>{page}")
    site.shell("rm /usr/share/fish/vendor_completions.d/podwright.fish")
    assert site.changed("install") == 1
    assert site.changed("install") == 0
    assert site.shell(f"tail -1 {page}") != "x\n"
    site.shell("ls /usr/share/fish/vendor_completions.d/podwright.fish")
    assert (
        site.shell("ls /usr/bin/rkt /usr/share/man/man1/podwright-gone.1 2>/dev/null || true") == ""
    )
    assert site.changed("install", podwright_agent_rkt_name=True) == 1
    site.changed("uninstall")
    assert site.shell("ls /usr/bin/rkt /usr/share/*/*/rkt* 2>/dev/null || true") == ""


def test_somebody_elses_rkt_is_not_touched(site: Site) -> None:
    site.shell("echo theirs >/usr/bin/rkt")
    done = site.playbook("install", podwright_agent_rkt_name=True)
    assert done.exit != 0 and "/usr/bin/rkt is there and is not podwright" in done.stdout
    assert site.changed("install") == 1
    assert site.shell("cat /usr/bin/rkt") == "theirs\n"


def test_the_agent_starts_from_bytecode(site: Site) -> None:
    site.changed("install")
    before = site.shell(LOOK.replace("grep -v __pycache__", "cat"))
    assert "main.cpython-311.pyc" in before
    site.shell("podwright version; podwright list")
    used = "import sys; sys.argv = ['x']; import podwright.main as m; print(m.__cached__)"
    tree = site.shell("dirname $(dirname $(readlink -f /usr/bin/podwright))").strip()
    cached = site.shell(f"cd {tree} && /usr/bin/python3 -c {json.dumps(used)}").strip()
    assert cached.startswith(tree)
    assert site.shell(f"grep -a -c /usr/lib/podwright/agent- {cached}").strip() != "0"
    assert site.shell(LOOK.replace("grep -v __pycache__", "cat")) == before


def test_files_changed_by_hand_are_put_right_and_the_version_in_use_stays(site: Site) -> None:
    site.changed("install")
    tree = site.shell("dirname $(dirname $(readlink -f /usr/bin/podwright))").strip()
    for damage in ("echo '# x' >>{}/podwright/text.py", "chmod 666 {}/bin/podwright"):
        site.shell(damage.format(tree))
        assert site.changed("install", "--check") == 1
        assert site.changed("install") == 1
        assert site.changed("install") == 0
        assert site.shell(f"ls {tree}/bin") == "podwright\n"
        tree = site.shell("dirname $(dirname $(readlink -f /usr/bin/podwright))").strip()
    site.shell("chmod 777 /etc/podwright/trustedkeys")
    assert site.changed("install") == 1
    assert site.shell("stat -c %a /etc/podwright/trustedkeys") == "3775\n"


def test_an_interrupted_upgrade_leaves_the_old_agent_and_is_cleaned_up(site: Site) -> None:
    site.changed("install")
    site.shell("mkdir -p /usr/lib/podwright/.new-abc/podwright; podwright version")
    site.shell("echo '# x' >>$(dirname $(readlink -f /usr/bin/podwright))/../podwright/text.py")
    site.changed("install")
    assert ".new-" not in site.shell("ls -a /usr/lib/podwright")


def test_certificates_are_exactly_those_listed(site: Site) -> None:
    place = "/etc/podwright/ca.d/ansible.pem"
    site.changed("install", podwright_agent_ca_certificates=["A\n", "B"])
    assert site.shell(f"cat {place}; stat -c %a {place}") == "A\nB\n644\n"
    assert site.changed("install", podwright_agent_ca_certificates=["A", "B"]) == 0
    assert site.changed("install", podwright_agent_ca_certificates=["A"]) == 1
    assert site.shell(f"cat {place}") == "A\n"
    site.shell("echo C >/etc/podwright/ca.d/own.pem")
    assert site.changed("install") == 1
    assert site.shell("ls /etc/podwright/ca.d") == "own.pem\n"


def test_what_others_put_beside_the_agent_stays(site: Site) -> None:
    site.changed("install")
    site.shell("mkdir -p /usr/lib/podwright/trustedkeys; echo x >/usr/lib/podwright/trustedkeys/y")
    assert site.changed("install") == 0
    site.changed("uninstall", podwright_agent_remove_data=True)
    assert site.shell("find /usr/lib/podwright -type f") == "/usr/lib/podwright/trustedkeys/y\n"


def test_data_with_something_mounted_in_it_is_not_removed(site: Site) -> None:
    site.changed("install")
    site.shell(
        "mkdir /var/lib/podwright/m; mount -t tmpfs x /var/lib/podwright/m; touch /var/lib/podwright/m/canary"
    )
    done = site.playbook("uninstall", podwright_agent_remove_data=True)
    assert done.exit != 0
    assert "/var/lib/podwright/m is mounted in it" in done.stdout
    assert site.shell("ls /var/lib/podwright/m") == "canary\n"
    site.shell("podwright version")


def test_wrong_variables_are_refused_before_anything_is_done(site: Site) -> None:
    for name, wrong in (("state", "gone"), ("remove_data", "perhaps")):
        done = site.playbook("install", **{f"podwright_agent_{name}": wrong})
        assert done.exit != 0
        assert "Validation of arguments failed" in done.stdout
        assert site.shell("ls -d /usr/lib/podwright 2>/dev/null || true") == ""
