# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stage0 hands to a built-in stage1 flavour, and what it gets back."""

from __future__ import annotations

from podwright.model.pod import PodManifest
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.stage1.kvm.machine import Settings
    from podwright.stage1.xen.machine import Settings as XenSettings
    from podwright.tpm.pods import Measuring


@value
class Ready:
    """When a pod counts as ready.

    tcp      port that must accept a connection (pod address), or None
    exec     command that must exit 0 in the context of the first app (or `app`), or ()
    seconds  without tcp and exec: how long every app must have stayed alive
    interval, timeout   seconds between tries, and in all
    """

    tcp: Optional[int] = None
    exec: tuple[str, ...] = ()
    app: str = ""
    seconds: float = 1.0
    interval: float = 0.25
    timeout: float = 60.0


GIVEN, PEERS, IMAGE = "given", "peers", "image"
"""Where a file of /etc comes from: the pod's directory, also before a volume; the same, unless a
volume is mounted there; the image, and nothing else."""


@value
class EtcFiles:
    """Where /etc/hosts and /etc/resolv.conf of a pod's apps come from (B7).

    hosts    GIVEN, PEERS, or "": the image, and a plain one where that has none
    resolv   GIVEN, IMAGE, or "": the image, and where that has none
    servers  the servers that the host has
    late     unless a network of the pod says something else when it is there
    names    what leads to the pod itself, besides its host name and localhost
    taken    names that it has entries of its own for
    """

    hosts: str = ""
    resolv: str = ""
    late: bool = False
    servers: bool = False
    names: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


@value
class Listening:
    """A socket that the service manager has given us, and whose it is.

    name   as the app is told it, sd_listen_fds(3)
    port   of the app, by name
    """

    fd: int
    name: str
    app: str
    port: str = ""


@value
class Stage1Image:
    """The image that a stage1 comes from, admitted here and now.

    id, name, labels, annotations   of the image
    trees     absolute paths of the read-only directories that its root is stacked from, top first
    manifest  its image manifest, as JSON object
    """

    id: str
    name: str
    trees: tuple[str, ...]
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    manifest: Optional[dict[str, Any]] = None

    def says(self, name: str) -> str:
        """The text of an annotation, or ""."""
        return dict(self.annotations).get(name, "")


@value
class Given:
    """What was said, where a stage1 image is to be told (C1): defaults are not.

    hostname      "" for nothing
    local_config  the administrator's configuration
    ipc           auto, private or parent
    debug         details are to be printed
    """

    hostname: str = ""
    local_config: str = ""
    ipc: str = "auto"
    debug: bool = False


@value
class Launch:
    """A prepared pod and the way in which it is to be run.

    uuid, name     the pod; name is "" for an unnamed one
    pod_dir        absolute, already renamed to `<data>/pods/run/<uuid>`
    lock_fd        descriptor that holds the pod's lock; must stay open for the pod's whole life
    manifest       the apps, with final environment, exec and isolators
    trees          app name -> absolute paths of the read-only directories that its image's root is
                   stacked from, top first (overlay lower directories)
    net            `default`, `none` or `host`
    hostname       host name in the pod
    insecure       subset of {capabilities, paths, seccomp}: restrictions lifted
    ready          readiness rule
    stop_timeout   seconds between the stop signal and SIGKILL
    net_dir        where address leases are kept (`Layout.net`)
    overlay        False: a full copy of the tree is made instead (--no-overlay)
    interactive    the only app keeps our standard input and session
    backoff        seconds before an app is started again for the first time; doubles each time
    secrets_dir    where contents of secrets lie that came with a desired state
    cache_dir      where compiled filters are kept; "" = `cache` in the data directory of pod_dir
    selinux        auto, require or off
    stage1         the flavour that runs it, one of podspec.FLAVOURS
    private_users  what was decided: "" = off, "true", or "idmapped" (never by a copy)
    reports        sentences about protection that was found missing after it was prepared
    users_dir      where ranges of user ids are kept (`Layout.users`)
    metadata       socket of the metadata service, where the pod is registered; "" = it is not
    etc            what its apps are given in /etc
    log_dir        where what finds its logs is written down, also when the pod has gone; or ""
    log_files      what its apps write is kept in files there; else with our own output, or in the
                   journal when that is there
    log_limits     most bytes of such a file, and how many of them are kept
    listening      sockets that its apps inherit
    machined       it is registered with systemd-machined, where that answers
    machine_journal  then it has a journal of its own, too, where the host has what that takes
    stage1_image   of the flavours kvm, xen and image
    given          what was said about it, for stage1 images of others
    kvm            of the flavour kvm: how its machine is to be run; None = as `Settings` says by itself
    measuring      its start is being measured: to be waited for before an app executes
    xen            of the flavour xen: the same
    """

    uuid: str
    name: str
    pod_dir: str
    lock_fd: int
    manifest: PodManifest
    trees: dict[str, tuple[str, ...]]
    net: str = "default"
    hostname: str = ""
    insecure: frozenset[str] = frozenset()
    ready: Ready = Ready()
    stop_timeout: float = 10.0
    net_dir: str = "/run/podwright/net"
    overlay: bool = True
    interactive: bool = False
    cache_dir: str = ""
    secrets_dir: str = ""
    backoff: float = 1.0
    selinux: str = "auto"
    stage1: str = "namespaces"
    private_users: str = ""
    users_dir: str = "/run/podwright/users"
    reports: tuple[str, ...] = ()
    metadata: str = ""
    etc: EtcFiles = EtcFiles()
    log_dir: str = ""
    log_files: bool = False
    log_limits: tuple[int, int] = (10 << 20, 5)
    listening: tuple[Listening, ...] = ()
    machined: bool = False
    machine_journal: bool = False
    stage1_image: Optional[Stage1Image] = None
    given: Given = Given()
    kvm: Optional[Settings] = None
    measuring: Optional[Measuring] = None
    xen: Optional[XenSettings] = None


@value
class AppRecord:
    """How an app's last life went.

    status    what its program ended with; None while it runs, or when it never ran
    reason    one word: exited, failed, killed-by-signal, oom-killed, stopped-by-pod, hook-failed (its
              pre-start hook), never-started (what it depends on never came); "" while it runs
    started, finished    seconds since the epoch; 0 for not at all
    restarts  how often it was started again
    over      it is not started again
    """

    name: str
    status: Optional[int] = None
    reason: str = ""
    started: float = 0.0
    finished: float = 0.0
    restarts: int = 0
    over: bool = False


@value
class Outcome:
    """How a pod ended.

    status    what `run` returns: 0, the first failing app's code, 128+n for signals
    reason    one word: exited, failed, stopped (asked for), killed (its PID 1 was), not-ready
    apps      app name -> exit status
    notes     sentences for standard error: why an app could not be executed
    unenforced   sentences about protection that was found missing at the start; they were told
                 then, and `status` has them
    records   of every app, in the pod's order
    """

    status: int
    reason: str
    apps: dict[str, int]
    notes: tuple[str, ...] = ()
    unenforced: tuple[str, ...] = ()
    records: tuple[AppRecord, ...] = ()


if TYPE_CHECKING:
    OnReady = Callable[[], None]
    OnReport = Callable[[str], None]
