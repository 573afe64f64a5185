# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module pod. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name of the pod, up to 63 lower-case letters, digits and single hyphens.
      - Mutually exclusive with O(pods); one of the two is required.
    type: str
  state:
    description:
      - V(started), the pod runs as described; it is replaced if it is different.
      - V(stopped), it is known as described, but does not run.
      - V(prepared), its images are fetched, verified and rendered, so that V(started) is quick;
        a pod that runs is left alone.
      - V(absent), neither the pod nor anything that belongs to it is there.
      - V(restarted), like V(started), but a running pod is always started anew.
      - With O(pods) this is the state of pods that do not say their own.
    type: str
    choices:
      - started
      - stopped
      - prepared
      - absent
      - restarted
    default: started
  image: &id033
    description:
      - Image of the pod's only app, as C(NAME[:VERSION]), as C(docker://REGISTRY/REPOSITORY:TAG),
        or as the module M(podwright.fleet.image) takes it. Mutually exclusive with O(apps).
      - Needed, or O(apps), unless O(state=absent). A pod that the host knows already can also
        be V(started), V(stopped) or V(restarted) as it is, with only O(name), O(state) and O(enabled).
    type: str
  exec: &id009
    description:
      - Absolute path in the image of the program to run instead of the image's own, as text;
        or a list of the path and its first arguments, such as C([/bin/sh, -c, "..."]). Those
        come before O(args).
    type: raw
  args: &id010
    description:
      - Arguments, added to the command that is executed.
    type: list
    elements: raw
  environment: &id011
    description:
      - Environment variables, added to those of the image. Quote values that YAML reads as something
        else than text.
      - They are no place for secrets. Who may read the pod's manifest on the host, or Ansible's
        own logs, sees them.
    type: dict
  user: &id012
    description:
      - User in the image, as name, number or path of a file whose owner is meant.
    type: str
  group: &id013
    description:
      - Group in the image, as name, number or path of a file whose group is meant.
    type: str
  supplementary_gids: &id014
    description:
      - Numbers of further groups.
    type: list
    elements: int
  working_dir: &id015
    description:
      - Absolute path in the image of the directory to start in.
    type: str
  mounts: &id016
    description:
      - Where the pod's volumes appear in the app. Each is a mapping of C(volume), C(path) and
        C(read_only), or text C(VOLUME:PATH). Mount points that the image declares need no mount
        here.
    type: list
    elements: raw
  isolators: &id017
    description:
      - What the app may use. What is unknown or cannot be enforced on the host is refused.
    type: list
    elements: dict
    suboptions:
      name: &id030
        description:
          - Name of the isolator, such as C(resource/memory), C(resource/cpu), C(resource/block-iops),
            C(os/linux/rlimits) or C(os/linux/capabilities-retain-set).
        type: str
        required: true
      value: &id031
        description:
          - Its value, such as C({"limit":"256M"}) or C({"set":["CAP_NET_BIND_SERVICE"]}).
        type: raw
        required: true
      optional: &id032
        description:
          - V(true) reports it where it cannot be enforced, instead of refusing the pod.
        type: bool
  readonly_rootfs: &id018
    description:
      - Whether the app's root file system is mounted read-only.
    type: bool
  stop_signal: &id019
    description:
      - Signal that asks the app to end, such as V(SIGQUIT). What its image says if omitted, or
        V(SIGTERM).
    type: str
  hook_timeout: &id020
    description:
      - Seconds that each of its pre-start and post-stop hooks may take before it is killed. The
        agent's default is 90.
    type: float
  startup: &id021
    description:
      - A probe that asks whether the app has started. Until it succeeds the app counts as not
        started, nothing else is asked of it, and the apps that depend on it wait. When it fails
        C(failure_threshold) times in a row the app is ended with the reason V(unhealthy).
      - One of C(exec), C(http) and C(tcp) is needed.
    type: dict
    suboptions:
      exec: &id001
        description:
          - Command in the app that must end with 0, as a list of program and arguments.
        type: list
        elements: raw
      http: &id002
        description:
          - A GET request that must be answered with a status from 200 to 399. Redirects are not
            followed, and HTTPS is not spoken.
        type: dict
        suboptions:
          port:
            description:
              - Port of the pod, as a number or as the name of a port of the app.
            type: raw
            required: true
          path:
            description:
              - What is asked for. The agent's default is C(/).
            type: str
          address:
            description:
              - Where to connect to. The pod's own address if omitted, or its loopback if it has
                none.
            type: str
          host:
            description:
              - The C(Host) header. The address if omitted.
            type: str
          headers:
            description:
              - Further headers.
            type: dict
      tcp: &id003
        description:
          - Port of the pod that must accept a connection, as a number or as the name of a port
            of the app.
        type: raw
      interval: &id004
        description:
          - Seconds from the end of a try to the next one. The agent's default is 10, for O(startup)
            1.
        type: float
      timeout: &id005
        description:
          - Seconds for one try; a command is then killed with all that it has started. The agent's
            default is 3.
        type: float
      failure_threshold: &id006
        description:
          - Tries in a row that must fail until that counts. The agent's default is 3, for O(startup)
            60.
        type: int
      success_threshold: &id007
        description:
          - Tries in a row that must succeed until that counts. More than 1 for O(readiness) only.
        type: int
      initial_delay: &id008
        description:
          - Seconds to wait before the first try. The agent's default is 0.
        type: float
  readiness: &id022
    description:
      - A probe that asks, as long as the app runs, whether it serves. The pod is ready as long
        as all its apps with such a probe are; see RV(pods[].ready).
    type: dict
    suboptions:
      exec: *id001
      http: *id002
      tcp: *id003
      interval: *id004
      timeout: *id005
      failure_threshold: *id006
      success_threshold: *id007
      initial_delay: *id008
  liveness: &id023
    description:
      - A probe that asks whether the app still works. When it fails the app is ended with the
        reason V(unhealthy), and is started again by its C(restart).
    type: dict
    suboptions:
      exec: *id001
      http: *id002
      tcp: *id003
      interval: *id004
      timeout: *id005
      failure_threshold: *id006
      success_threshold: *id007
      initial_delay: *id008
  notify: &id024
    description:
      - Whether the app says itself when it is ready, as sd_notify does. The default is what its
        image says in the annotation C(appc.io/executor/supports-systemd-notify).
    type: bool
  watchdog: &id025
    description:
      - Seconds in which the app has to say C(WATCHDOG=1), again and again; otherwise it is ended
        with SIGABRT and has failed.
    type: float
  stdin: &id026
    description:
      - What the app reads from. V(null), which is the default, V(stream), what C(podwright attach)
        sends, or V(tty), a terminal of its own to attach to. A terminal and streams exclude each
        other.
    type: str
    choices:
      - 'null'
      - stream
      - tty
  stdout: &id027
    description:
      - What the app writes to. V(log), which is the default, V(null), V(stream) or V(tty).
    type: str
    choices:
      - log
      - 'null'
      - stream
      - tty
  stderr: &id028
    description:
      - The same for its errors.
    type: str
    choices:
      - log
      - 'null'
      - stream
      - tty
  log_path: &id029
    description:
      - Absolute path on the host of a file for what goes to the log, in the form that Kubernetes
        has. Its directory must exist. Rotated as O(log) says.
    type: str
  apps: &id034
    description:
      - The apps of a pod that has several. Each takes C(name), C(image) and the options of one
        app that are described at this level.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the app. Made of the last element of the image's name if omitted.
        type: str
      image:
        description:
          - Image of the app, see O(image).
        type: str
        required: true
      exec: *id009
      args: *id010
      environment: *id011
      user: *id012
      group: *id013
      supplementary_gids: *id014
      working_dir: *id015
      mounts: *id016
      isolators: *id017
      readonly_rootfs: *id018
      stop_signal: *id019
      hook_timeout: *id020
      startup: *id021
      readiness: *id022
      liveness: *id023
      notify: *id024
      watchdog: *id025
      stdin: *id026
      stdout: *id027
      stderr: *id028
      log_path: *id029
      depends_on:
        description:
          - Apps that must run before this one is started, each as C(APP), or as C(APP:ready)
            when it must be ready. When the pod is stopped, an app ends before those that it depends
            on.
        type: list
        elements: str
      restart:
        description:
          - Whether the app is started again when it ends by itself, after a pause of 1 second
            that doubles up to 60. The agent's default is V(no).
        type: str
        choices:
          - 'no'
          - on-failure
          - always
      ready:
        description:
          - When the app counts as ready. Without it, when it has run for a second. The pod is
            not ready before each app with such a rule is.
        type: dict
        suboptions:
          tcp:
            description:
              - Port of the pod that must accept a connection.
            type: int
          exec:
            description:
              - Command in the app that must succeed, as a list of program and arguments.
            type: list
            elements: raw
          seconds:
            description:
              - Without C(tcp) and C(exec), for how long it must have run. The agent's default
                is 1.
            type: float
          interval:
            description:
              - Seconds between two tries. The agent's default is 0.25.
            type: float
          timeout:
            description:
              - After how many seconds the pod counts as failed. The agent's default is 60.
            type: float
      stop_timeout:
        description:
          - Seconds between the app's stop signal and the kill. The pod's O(stop_timeout) if omitted.
        type: float
  pod_manifest: &id035
    description:
      - A whole pod manifest as the App Container specification has it, instead of O(image) or
        O(apps). It names its images by their IDs, and they must be on the host already.
      - An app without C(app) is what its image says. What the manifest says itself (apps, ports,
        volumes, mounts, annotations, labels, isolators of the pod) cannot stand beside it.
    type: dict
  stage1: &id036
    description:
      - How the pod is isolated. V(namespaces), which is the default; V(kvm), the same pod in
        a virtual machine of its own; V(xen), the same in a domain of the Xen hypervisor; V(fly),
        one app with the host's namespaces, for agents of the host; or V(image), the stage1 image
        that O(stage1_image) names, whatever it does.
      - V(kvm) and V(xen) need a stage1 image on the host, made by C(podwright stage1 build kvm
        OUT.aci), for Xen by C(podwright stage1 build xen OUT.aci). They refuse O(net=host), devices
        that are no disks, volumes with propagation shared, and O(sockets).
      - V(xen) needs the dom0 of a Xen hypervisor. How its domains are run, the host's C(xen.d)
        says.
    type: str
  kvm: &id037
    description:
      - How the virtual machine of the pod is run, with O(stage1=kvm) only. What is not said here,
        the host's C(kvm.d) says.
    type: dict
    suboptions:
      accelerator:
        description:
          - V(kvm) refuses to run without a working C(/dev/kvm). V(tcg) emulates the machine in
            software, which is slow, and meant for test machines; RV(pods[].reports) says so.
          - The agent's default is V(kvm).
        type: str
        choices:
          - kvm
          - tcg
      runner:
        description:
          - V(libvirt) refuses hosts where libvirt does not answer, V(qemu) does not ask it. V(auto)
            takes libvirt where it answers. The agent's default is V(auto).
        type: str
        choices:
          - auto
          - libvirt
          - qemu
  stage1_image: &id038
    description:
      - The stage1 image of the pod, with exactly one of the suboptions. It is verified like every
        image, now and at every start. An image that is made for O(stage1=kvm) or O(stage1=xen)
        is run so, any other by the published contract.
      - If omitted, O(stage1=kvm) and O(stage1=xen) take the one that the host's C(stage1.d) names,
        or the newest that is stored and fits.
    type: dict
    suboptions:
      name:
        description:
          - Its name, such as C(podwright.io/stage1-kvm:1.0), fetched if the host has none of
            that name.
        type: str
      path:
        description:
          - Absolute path of its file on the host.
        type: path
      url:
        description:
          - Where it is fetched from.
        type: str
      hash:
        description:
          - Its ID in the host's store.
        type: str
  private_users: &id039
    description:
      - Whether the pod has users of its own, so that its root is nobody on the host. When nothing
        is said it has them, except with O(stage1=fly), O(net=host), a device of the host among
        its volumes, or a volume with propagation shared; RV(pods[].reports) then says why not.
      - V(true) and V(idmapped) refuse to go without. V(idmapped) also refuses to copy the image
        with other owners where its file system has no id-mapped mounts.
      - V(false) makes root in the pod root of the host, with what confines it otherwise.
    type: str
    choices:
      - 'true'
      - 'false'
      - idmapped
  profile: &id040
    description:
      - V(system) is wider than what pods have otherwise, for an image with systemd inside, such
        as an instance of a Molecule scenario. Its init is PID 1 in a pid namespace of its own,
        may mount, has set-user-ID programs and divides its control group.
      - Such a pod has one app, and always users of its own. A policy that asks for C(user-namespaced)
        refuses it.
    type: str
    choices:
      - system
  selinux: &id041
    description:
      - V(auto) gives the pod an SELinux label, with a pair of categories of its own, where the
        host has SELinux on and its policy knows containers; a policy that does not is told in
        RV(pods[].reports).
      - V(require) refuses hosts where SELinux is not enforcing. After the start everything that
        runs is compared with the label; a pod that does not carry it is stopped, and the one
        before it runs again.
      - V(off) gives none. The agent's default is V(auto).
    type: str
    choices:
      - auto
      - require
      - 'off'
  net: &id042
    description:
      - V(default), an address of its own on the host's pod network, which leads to the host and
        beyond. V(default-restricted), one that leads to the host only. V(none), loopback only.
        V(host), the host's own network. V(all), every network of the host.
      - Or networks that the module M(podwright.fleet.network) configures, as a list of names
        or as text with commas between them. CNI arguments follow a name, such as V(backend:IP=10.20.0.7).
      - The agent's default is V(default).
    type: raw
  hostname: &id043
    description:
      - Host name in the pod.
    type: str
  dns: &id044
    description:
      - What the apps find in C(/etc/resolv.conf), as a mapping of C(servers) (up to three addresses,
        IPv4 or IPv6), C(domain), C(search) and C(options) (such as C(ndots:2)).
      - V(host), what the host has. With a network of its own the pod gets it without name servers
        that it cannot reach, such as those on 127.0.0.1. V(none), what the image has, whatever
        networks say.
      - If omitted, the first network that says something about it, else a volume there, else
        what the image has. Where that is nothing, the pod gets the host's name servers that it
        can reach.
    type: raw
  hosts: &id045
    description:
      - Entries of the apps' C(/etc/hosts), each a mapping of C(ip) and C(names), or text C(IP=NAME[,IP=NAME...]).
        The pod's own names and those of other pods on its networks are there without being asked
        for.
      - V(host), the host's file instead.
    type: raw
  metadata: &id046
    description:
      - Whether the pod is registered with the metadata service of the host, which then tells
        its apps who they are, at the URL in C(AC_METADATA_URL), and signs for them. The service
        must run (O(podwright.fleet.agent#role:main:podwright_agent_metadata_service)), and the
        pod needs a network of its own that reaches the host.
      - The agent's default is V(false).
    type: bool
  sandbox: &id047
    description:
      - Whether the pod begins without apps, which P(podwright.fleet.app#module) brings and takes
        away while it runs. It has no O(image), O(apps) or O(pod_manifest) then. When it is started
        again, it is without apps again.
      - The agent's default is V(false).
    type: bool
  ports: &id048
    description:
      - Ports to publish. Each is a mapping of C(name) (a port that the image declares) or C(pod_port)
        (a number in the pod, whether the image declares it or not, with C(protocol), V(tcp) unless
        it is said), C(host_port), and optionally C(host_ip) and C(count); or text C(NAME:[HOSTIP:]HOSTPORT[-LAST])
        or C(NUMBER[/PROTOCOL]:[HOSTIP:]HOSTPORT[-LAST]), where an IPv6 address stands in brackets.
      - Without an address, a port is published on all addresses of the host, with V(0.0.0.0)
        on all of IPv4, and with V(::) on all of IPv6. V(::1) cannot be published on.
      - One port of the host is published for each, unless C(count) (or C(-LAST)) says that more
        are, for a port of the app that is a range, or for a number and those after it. It may
        not be more than the range has.
    type: list
    elements: raw
  sockets: &id049
    description:
      - Names of O(ports) on which the host's systemd listens until somebody connects, with C(/udp)
        for those that are not TCP. The app that declares the port inherits the socket as C(sd_listen_fds)
        says; nothing is published by the firewall for it.
      - With O(state=prepared) the first connection starts the pod.
      - Needs systemd on the host.
    type: list
    elements: str
  allow: &id050
    description:
      - Who may reach the pod, and what it may reach, enforced by the firewall of the host.
      - Each element has either C(from) or C(to), which is a subnet (V(10.0.0.0/8)), V(pod NAME),
        V(network NAME) or V(host), and optionally C(ports) of the one who is called, such as
        V(80/tcp) or V(8000-8010/udp); without it whatever protocol it is.
      - One C(from) closes the pod for all that no C(from) names, one C(to) closes for it all
        that no C(to) names. Answers always pass, and the host itself always reaches its pods.
      - Needs a network that is behind the host's firewall, such as V(default).
    type: list
    elements: dict
    suboptions:
      from:
        description: Who may call the pod.
        type: str
      to:
        description: Whom the pod may call.
        type: str
      ports:
        description: Ports, C(NUMBER[-LAST][/PROTOCOL]); V(tcp) is the protocol that is not said.
        type: list
        elements: str
  volumes: &id051
    description:
      - Volumes of the pod. Each is a mapping of C(name), C(kind) and the fields of its kind;
        or text C(NAME,kind=host,source=/path[,readOnly=true]). All have C(read_only).
      - V(host), the path C(source) of the host. C(recursive), with what is mounted below it (the
        default). C(idmap), owners are shown as the pod's users (the default). C(noexec). C(propagation),
        whether mounts that are made below it later appear in the pod (V(slave)), also the other
        way (V(shared)), or not (V(private), the default). C(relabel), give it the pod's SELinux
        label (V(private)), one that pods share (V(shared)), or leave it alone (V(none), the default).
        C(follow_links), follow links in the path that are not the system's own; only for paths
        where no pod can write.
      - V(empty), a fresh directory that ends with the pod. C(mode) (quoted octal), C(uid), C(gid),
        C(noexec), and C(size), the most that it holds, with which it is kept in memory. C(copy_up),
        begin with what the image has there.
      - V(tmpfs), the same in memory, with mode V(1777) unless another is given.
      - V(device), the device node C(source) of the host, with C(permissions) V(r), V(w) or V(rw).
    type: list
    elements: raw
  secrets: &id052
    description:
      - Files with secrets that the apps find in memory, readable by the app's user alone.
      - Their content reaches the agent on its standard input and is kept in the host's memory;
        it is in no manifest, no log and no answer. After the host was started anew the pod does
        not start before the play has run again, so use O(secrets[].stored), O(secrets[].file)
        or O(secrets[].credential) for pods that must start by themselves.
      - One of O(secrets[].content), O(secrets[].file), O(secrets[].credential) and O(secrets[].stored)
        is needed. A changed content, a changed file, or a changed secret of the host's replaces
        the pod.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the secret, of lower-case letters, digits and single hyphens.
        type: str
        required: true
      content:
        description:
          - What is in it.
        type: str
      encoding:
        description:
          - V(base64) if O(secrets[].content) is encoded so, as it must be unless it is text.
          - The agent's default is V(text).
        type: str
        choices:
          - text
          - base64
      file:
        description:
          - Absolute path of a file on the host that is read at every start.
        type: path
      credential:
        description:
          - Name of a systemd credential, or the path of one in a credential store such as C(/etc/credstore.encrypted),
            that the pod's unit is given at every start.
        type: str
      stored:
        description:
          - Name of a secret that the host keeps, by the module M(podwright.fleet.secret).
        type: str
      target:
        description:
          - Absolute path in the app. The agent's default is V(/run/secrets/NAME).
        type: str
      mode:
        description:
          - Permissions of the file, as quoted octal. The agent's default is V(0400).
        type: str
      uid:
        description:
          - Number of its owner. The app's user if omitted.
        type: int
      gid:
        description:
          - Number of its group. The app's group if omitted.
        type: int
      apps:
        description:
          - Names of the apps that get it. All if omitted.
        type: list
        elements: str
  pull_policy: &id053
    description:
      - V(new), look for an image elsewhere if it is not on the host.
      - V(update), always look whether there is a newer one.
      - V(never), use only what is on the host.
      - The agent's default is V(new).
    type: str
    choices:
      - new
      - update
      - never
  insecure_options: &id054
    description:
      - Checks to leave out, one by one, such as V(image) for the signature. Nothing is left out
        unless it is named here.
    type: list
    elements: str
  restart: &id055
    description:
      - Whether the pod is started again when it ends by itself.
      - The agent's default is V(on-failure).
    type: str
    choices:
      - 'no'
      - on-failure
      - always
  enabled: &id056
    description:
      - Whether the pod starts with the host. The agent's default is V(true).
    type: bool
  ready: &id057
    description:
      - When the pod counts as ready. Without C(tcp) and C(exec), when all apps have run for C(seconds).
    type: dict
    suboptions:
      tcp:
        description:
          - Port of the pod that must accept a connection.
        type: int
      exec:
        description:
          - Command in the pod that must succeed, as a list of program and arguments.
        type: list
        elements: raw
      app:
        description:
          - The app in which the command is run. The first one if omitted.
        type: str
      seconds:
        description:
          - For how long all apps must have run. The agent's default is 1.
        type: float
      interval:
        description:
          - Seconds between two tries. The agent's default is 0.25.
        type: float
      timeout:
        description:
          - After how many seconds the pod counts as failed. The agent's default is 60.
        type: float
  stop_timeout: &id058
    description:
      - Seconds between the polite signal and the kill when the pod is stopped. The agent's default
        is 10.
    type: float
  unit: &id059
    description:
      - What is said about the pod's systemd unit, C(podwright-NAME.service), besides what stands
        in it already. Drop-ins of yours in C(podwright-NAME.service.d) are never touched, and
        come last.
      - Needs systemd on the host. Takes effect without a restart of the pod where systemd allows
        that.
    type: dict
    suboptions:
      after:
        description: Units after which the pod is started, by their full names.
        type: list
        elements: str
      before:
        description: Units that are started after the pod.
        type: list
        elements: str
      requires:
        description: Units that are started with the pod, and without which it is not.
        type: list
        elements: str
      wants:
        description: Units that are started with the pod, if they can be.
        type: list
        elements: str
      part_of:
        description: Units with which the pod is stopped and restarted.
        type: list
        elements: str
      wanted_by:
        description:
          - Units that start the pod while it is O(enabled). The default is V(multi-user.target).
        type: list
        elements: str
      environment:
        description: Variables of the agent that runs the pod, such as a proxy; no app sees them.
        type: dict
      settings:
        description:
          - Further settings, literally. Each has a text, a number or a boolean, or a list of
            them.
          - Those that the agent owns, unknown ones, line ends and specifiers (C(%)) are refused.
        type: dict
        suboptions:
          Unit:
            description: 'Of the section C([Unit]), such as C(OnFailure: mail.service).'
            type: dict
          Service:
            description:
              - 'Of the section C([Service]), such as C(MemoryMax: 512M), C(CPUQuota: 50%), C(TasksMax:
                200), C(IOWeight: 50), which hold for the pod as a whole, or C(WatchdogSec: 30).'
            type: dict
          Install:
            description: 'Of the section C([Install]), such as C(RequiredBy: app.target).'
            type: dict
  replace: &id060
    description:
      - What comes first when a pod that runs is replaced by a different one.
      - V(stop-first), the old one stops, then the new one starts.
      - V(start-first), the new one starts beside the old one, takes over its ports and names
        when it is ready, and then the old one stops. Refused where both would share something,
        such as the host's network or a volume of the host that can be written to.
      - V(auto), V(start-first) where nothing is shared.
      - The agent's default is V(stop-first).
    type: str
    choices:
      - stop-first
      - start-first
      - auto
  keep_revisions: &id061
    description:
      - How many revisions of the pod are kept, with the current one, to go back to. The agent's
        default is 3.
    type: int
  revision: &id062
    description:
      - Bring the pod back to one of its revisions that are kept, as C(podwright rollback) does.
        It is applied again as a new revision, and its images are judged by the policy of now.
      - Only with O(name), O(state) and O(enabled). Nothing changes when the pod is already as
        that revision was.
    type: int
  exit_policy: &id063
    description:
      - What ends the pod besides the end of all its apps. V(first-failure), that an app fails
        for good; V(all-ended), nothing; C(app:NAME), that this app ends, whose status is then
        the pod's.
      - The agent's default is V(first-failure).
    type: str
  log: &id064
    description:
      - How much of each app's log is kept where that goes to files, on hosts without systemd
        and with C(log_path). The journal has limits of its own.
    type: dict
    suboptions:
      max_size:
        description:
          - Size of a file after which the next one is begun, such as C(1Mi). The agent's default
            is 10Mi.
        type: raw
      max_files:
        description:
          - How many files are kept. The agent's default is 5.
        type: int
  pod_isolators: &id065
    description:
      - What all apps of the pod together may use (C(resource/memory), C(resource/cpu), C(resource/pids),
        C(resource/block-bandwidth), C(resource/block-iops), C(os/linux/cpu-shares), C(os/linux/io-weight)),
        and kernel settings of the pod's own namespaces (C(os/unix/sysctl)).
    type: list
    elements: dict
    suboptions:
      name: *id030
      value: *id031
      optional: *id032
  annotations: &id066
    description:
      - Annotations of the pod.
    type: dict
  labels: &id067
    description:
      - Labels of the pod.
    type: dict
  registry_auth: &id068
    description:
      - Log-ins to fetch images with, each for one place. They reach the agent on its standard
        input, are used for this call only, and are no part of the pod; so a new password changes
        nothing.
      - At the top level they are for all pods of the call. What is given for a place here comes
        before what the host has in C(auth.d).
    type: list
    elements: dict
    suboptions:
      registry:
        description:
          - Where the log-in is for and nowhere else, as V(HOST) or V(HOST:PORT), or as V(HOST/REPOSITORY)
            for a part of a registry. The longest one that fits is used.
        type: str
        required: true
      username:
        description:
          - User name, with O(registry_auth[].password).
        type: str
      password:
        description:
          - Password, which is sent over https only.
        type: str
      token:
        description:
          - Bearer token, instead of user name and password.
        type: str
  pods:
    description:
      - Many pods, each with the options that are described above for one.
      - Mutually exclusive with all of these except O(state) and O(registry_auth).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the pod, up to 63 lower-case letters, digits and single hyphens.
        type: str
        required: true
      state:
        description:
          - State of this pod, see O(state), whose value is taken if this one is omitted.
        type: str
        choices:
          - started
          - stopped
          - prepared
          - absent
          - restarted
      image: *id033
      exec: *id009
      args: *id010
      environment: *id011
      user: *id012
      group: *id013
      supplementary_gids: *id014
      working_dir: *id015
      mounts: *id016
      isolators: *id017
      readonly_rootfs: *id018
      stop_signal: *id019
      hook_timeout: *id020
      startup: *id021
      readiness: *id022
      liveness: *id023
      notify: *id024
      watchdog: *id025
      stdin: *id026
      stdout: *id027
      stderr: *id028
      log_path: *id029
      apps: *id034
      pod_manifest: *id035
      stage1: *id036
      kvm: *id037
      stage1_image: *id038
      private_users: *id039
      profile: *id040
      selinux: *id041
      net: *id042
      hostname: *id043
      dns: *id044
      hosts: *id045
      metadata: *id046
      sandbox: *id047
      ports: *id048
      sockets: *id049
      allow: *id050
      volumes: *id051
      secrets: *id052
      pull_policy: *id053
      insecure_options: *id054
      restart: *id055
      enabled: *id056
      ready: *id057
      stop_timeout: *id058
      unit: *id059
      replace: *id060
      keep_revisions: *id061
      revision: *id062
      exit_policy: *id063
      log: *id064
      pod_isolators: *id065
      annotations: *id066
      labels: *id067
      registry_auth: *id068
"""
