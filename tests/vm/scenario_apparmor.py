# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with AppArmor: an app with a profile is kept from what the profile denies, and from nothing without it."""

from __future__ import annotations

from pathlib import Path

from inside import call, podwright, tell

PROFILE = """
profile podwright-test flags=(attach_disconnected) {
  file,
  capability,
  network,
  signal,
  deny /etc/group r,
}
"""
COMMON = ("--insecure-options=image",)
IMAGE = podwright(*COMMON, "fetch", "tiny.aci").stdout.strip()
SCRIPT = "cat /proc/self/attr/current; cat /etc/group 2>&1 | head -1; head -1 /etc/passwd"


def run(*options: str, script: str = SCRIPT, before: tuple[str, ...] = ()) -> str:
    """What a shell in a pod says."""
    command = (*COMMON, "run", "--net=none", *before, IMAGE, "--exec=/bin/sh", *options)
    ran = podwright(*command, "--", "-c", script)
    return f"{ran.returncode} {ran.stdout.strip()} {ran.stderr.strip()}"


Path("/run/profile").write_text(PROFILE)
tell(lsm=Path("/sys/kernel/security/lsm").read_text(), unloaded=run("--apparmor=podwright-test"))
tell(loaded=call("apparmor_parser", "-r", "/run/profile").stderr)
tell(confined=run("--apparmor=podwright-test"), free=run())
tell(user=run("--apparmor=podwright-test", "--user=1000"))
tell(host_users=run("--apparmor=podwright-test", before=("--private-users=false",)))
Path("/run/profile").write_text(PROFILE.replace("deny /etc/group r,", ""))
tell(replaced=call("apparmor_parser", "-r", "/run/profile").stderr)
tell(rule_taken_away=run("--apparmor=podwright-test"))
tell(require_selinux=run(before=("--selinux=require",)))
print(call("sh", "-c", "dmesg | grep -a apparmor= | tail -30").stdout)
