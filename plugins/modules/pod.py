#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module podwright.fleet.pod."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pod
short_description: Run signed container pods
version_added: 0.1.0
description:
  - Makes pods be as described, one by the module's own options or many with O(pods).
  - The images are found by name, fetched, and their signatures verified against the keys trusted
    for that name, before anything that runs is touched. When a changed pod does not become ready,
    the one that ran before runs again and the module fails.
  - Whatever the number of pods, the agent is called once per host.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - podwright.fleet.agent
  - podwright.fleet.agent.attributes
  - podwright.fleet.agent.changes
seealso:
  - module: podwright.fleet.pod_info
  - module: podwright.fleet.trust
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
    choices: [started, stopped, prepared, absent, restarted]
    default: started
  <<: &spec
    <<: &process
      exec:
        description:
          - Absolute path in the image of the program to run instead of the image's own, as text; or a
            list of the path and its first arguments, such as C([/bin/sh, -c, "..."]). Those come before
            O(args).
        type: raw
      args:
        description:
          - Arguments, added to the command that is executed.
        type: list
        elements: raw
      environment:
        description:
          - Environment variables, added to those of the image. Quote values that YAML reads as
            something else than text.
          - They are no place for secrets. Who may read the pod's manifest on the host, or
            Ansible's own logs, sees them.
        type: dict
      user:
        description:
          - User in the image, as name, number or path of a file whose owner is meant.
        type: str
      group:
        description:
          - Group in the image, as name, number or path of a file whose group is meant.
        type: str
      supplementary_gids:
        description:
          - Numbers of further groups.
        type: list
        elements: int
      working_dir:
        description:
          - Absolute path in the image of the directory to start in.
        type: str
      mounts:
        description:
          - Where the pod's volumes appear in the app. Each is a mapping of C(volume), C(path) and
            C(read_only), or text C(VOLUME:PATH). Mount points that the image declares need no mount
            here.
        type: list
        elements: raw
      isolators:
        description:
          - What the app may use. What is unknown or cannot be enforced on the host is refused.
        type: list
        elements: dict
        suboptions: &isolator
          name:
            description:
              - Name of the isolator, such as C(resource/memory), C(resource/cpu), C(resource/block-iops),
                C(os/linux/rlimits) or C(os/linux/capabilities-retain-set).
            type: str
            required: true
          value:
            description:
              - Its value, such as C({"limit":"256M"}) or C({"set":["CAP_NET_BIND_SERVICE"]}).
            type: raw
            required: true
          optional:
            description:
              - V(true) reports it where it cannot be enforced, instead of refusing the pod.
            type: bool
      readonly_rootfs:
        description:
          - Whether the app's root file system is mounted read-only.
        type: bool
      stop_signal:
        description:
          - Signal that asks the app to end, such as V(SIGQUIT). What its image says if omitted, or
            V(SIGTERM).
        type: str
      hook_timeout:
        description:
          - Seconds that each of its pre-start and post-stop hooks may take before it is killed. The
            agent's default is 90.
        type: float
      notify:
        description:
          - Whether the app says itself when it is ready, as sd_notify does. The default is what
            its image says in the annotation C(appc.io/executor/supports-systemd-notify).
        type: bool
      watchdog:
        description:
          - Seconds in which the app has to say C(WATCHDOG=1), again and again; otherwise it is ended
            with SIGABRT and has failed.
        type: float
      stdin:
        description:
          - What the app reads from. V(null), which is the default, V(stream), what C(podwright attach)
            sends, or V(tty), a terminal of its own to attach to. A terminal and streams exclude each other.
        type: str
        choices: ['null', stream, tty]
      stdout:
        description:
          - What the app writes to. V(log), which is the default, V(null), V(stream) or V(tty).
        type: str
        choices: [log, 'null', stream, tty]
      stderr:
        description:
          - The same for its errors.
        type: str
        choices: [log, 'null', stream, tty]
      log_path:
        description:
          - Absolute path on the host of a file for what goes to the log, in the form that Kubernetes
            has. Its directory must exist. Rotated as O(log) says.
        type: str
      startup:
        description:
          - A probe that asks whether the app has started. Until it succeeds the app counts as not started,
            nothing else is asked of it, and the apps that depend on it wait. When it fails
            C(failure_threshold) times in a row the app is ended with the reason V(unhealthy).
          - One of C(exec), C(http) and C(tcp) is needed.
        type: dict
        suboptions: &probe
          exec:
            description:
              - Command in the app that must end with 0, as a list of program and arguments.
            type: list
            elements: raw
          http:
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
                  - Where to connect to. The pod's own address if omitted, or its loopback
                    if it has none.
                type: str
              host:
                description:
                  - The C(Host) header. The address if omitted.
                type: str
              headers:
                description:
                  - Further headers.
                type: dict
          tcp:
            description:
              - Port of the pod that must accept a connection, as a number or as the name of a port of the app.
            type: raw
          interval:
            description:
              - Seconds from the end of a try to the next one. The agent's default is 10, for O(startup) 1.
            type: float
          timeout:
            description:
              - Seconds for one try; a command is then killed with all that it has started. The agent's default is 3.
            type: float
          failure_threshold:
            description:
              - Tries in a row that must fail until that counts. The agent's default is 3, for O(startup) 60.
            type: int
          success_threshold:
            description:
              - Tries in a row that must succeed until that counts. More than 1 for O(readiness) only.
            type: int
          initial_delay:
            description:
              - Seconds to wait before the first try. The agent's default is 0.
            type: float
      readiness:
        description:
          - A probe that asks, as long as the app runs, whether it serves. The pod is ready as long as all
            its apps with such a probe are; see RV(pods[].ready).
        type: dict
        suboptions: *probe
      liveness:
        description:
          - A probe that asks whether the app still works. When it fails the app is ended with the reason
            V(unhealthy), and is started again by its C(restart).
        type: dict
        suboptions: *probe
    image:
      description:
        - Image of the pod's only app, as C(NAME[:VERSION]), as C(docker://REGISTRY/REPOSITORY:TAG), or
          as the module M(podwright.fleet.image) takes it. Mutually exclusive with O(apps).
        - Needed, or O(apps), unless O(state=absent). A pod that the host knows already can also be
          V(started), V(stopped) or V(restarted) as it is, with only O(name), O(state) and O(enabled).
      type: str
    apps:
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
        depends_on:
          description:
            - Apps that must run before this one is started, each as C(APP), or as C(APP:ready) when it
              must be ready. When the pod is stopped, an app ends before those that it depends on.
          type: list
          elements: str
        restart:
          description:
            - Whether the app is started again when it ends by itself, after a pause of 1 second that
              doubles up to 60. The agent's default is V(no).
          type: str
          choices: ['no', on-failure, always]
        ready:
          description:
            - When the app counts as ready. Without it, when it has run for a second. The pod is not
              ready before each app with such a rule is.
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
                - Without C(tcp) and C(exec), for how long it must have run. The agent's default is 1.
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
        <<: *process
    pod_manifest:
      description:
        - A whole pod manifest as the App Container specification has it, instead of O(image) or
          O(apps). It names its images by their IDs, and they must be on the host already.
        - An app without C(app) is what its image says. What the manifest says itself (apps, ports,
          volumes, mounts, annotations, labels, isolators of the pod) cannot stand beside it.
      type: dict
    stage1:
      description:
        - How the pod is isolated. V(namespaces), which is the default; V(kvm), the same pod in a virtual
          machine of its own; V(xen), the same in a domain of the Xen hypervisor; V(fly), one app with the host's
          namespaces, for agents of the host; or V(image), the stage1 image that O(stage1_image) names,
          whatever it does.
        - V(kvm) and V(xen) need a stage1 image on the host, made by C(podwright stage1 build kvm OUT.aci), for
          Xen by C(podwright stage1 build xen OUT.aci). They refuse O(net=host), devices that are no disks, volumes with
          propagation shared, and O(sockets).
        - V(xen) needs the dom0 of a Xen hypervisor. How its domains are run, the host's C(xen.d) says.
      type: str
    stage1_image:
      description:
        - The stage1 image of the pod, with exactly one of the suboptions. It is verified like every image, now and
          at every start. An image that is made for O(stage1=kvm) or O(stage1=xen) is run so, any other by the
          published contract.
        - If omitted, O(stage1=kvm) and O(stage1=xen) take the one that the host's C(stage1.d) names, or the
          newest that is stored and fits.
      type: dict
      suboptions:
        name:
          description:
            - Its name, such as C(podwright.io/stage1-kvm:1.0), fetched if the host has none of that name.
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
    kvm:
      description:
        - How the virtual machine of the pod is run, with O(stage1=kvm) only. What is not said here, the host's
          C(kvm.d) says.
      type: dict
      suboptions:
        accelerator:
          description:
            - V(kvm) refuses to run without a working C(/dev/kvm). V(tcg) emulates the machine in software, which
              is slow, and meant for test machines; RV(pods[].reports) says so.
            - The agent's default is V(kvm).
          type: str
          choices: [kvm, tcg]
        runner:
          description:
            - V(libvirt) refuses hosts where libvirt does not answer, V(qemu) does not ask it. V(auto) takes libvirt
              where it answers. The agent's default is V(auto).
          type: str
          choices: [auto, libvirt, qemu]
    private_users:
      description:
        - Whether the pod has users of its own, so that its root is nobody on the host. When nothing is said it has
          them, except with O(stage1=fly), O(net=host), a device of the host among its volumes, or a volume with
          propagation shared; RV(pods[].reports) then says why not.
        - V(true) and V(idmapped) refuse to go without. V(idmapped) also refuses to copy the image with other owners
          where its file system has no id-mapped mounts.
        - V(false) makes root in the pod root of the host, with what confines it otherwise.
      type: str
      choices: ["true", "false", idmapped]
    selinux:
      description:
        - V(auto) gives the pod an SELinux label, with a pair of categories of its own, where the host has
          SELinux on and its policy knows containers; a policy that does not is told in RV(pods[].reports).
        - V(require) refuses hosts where SELinux is not enforcing. After the start everything that runs is
          compared with the label; a pod that does not carry it is stopped, and the one before it runs again.
        - V(off) gives none. The agent's default is V(auto).
      type: str
      choices: [auto, require, "off"]
    net:
      description:
        - V(default), an address of its own on the host's pod network, which leads to the host and beyond.
          V(default-restricted), one that leads to the host only. V(none), loopback only. V(host), the
          host's own network. V(all), every network of the host.
        - Or networks that the module M(podwright.fleet.network) configures, as a list of names or as text
          with commas between them. CNI arguments follow a name, such as V(backend:IP=10.20.0.7).
        - The agent's default is V(default).
      type: raw
    hostname:
      description:
        - Host name in the pod.
      type: str
    dns:
      description:
        - What the apps find in C(/etc/resolv.conf), as a mapping of C(servers) (up to three addresses, IPv4 or IPv6),
          C(domain), C(search) and C(options) (such as C(ndots:2)).
        - V(host), what the host has. With a network of its own the pod gets it without name servers that it cannot
          reach, such as those on 127.0.0.1. V(none), what the image has, whatever networks say.
        - If omitted, the first network that says something about it, else a volume there, else what the image has.
          Where that is nothing, the pod gets the host's name servers that it can reach.
      type: raw
    hosts:
      description:
        - Entries of the apps' C(/etc/hosts), each a mapping of C(ip) and C(names), or text C(IP=NAME[,IP=NAME...]).
          The pod's own names and those of other pods on its networks are there without being asked for.
        - V(host), the host's file instead.
      type: raw
    metadata:
      description:
        - Whether the pod is registered with the metadata service of the host, which then tells its apps who they
          are, at the URL in C(AC_METADATA_URL), and signs for them. The service must run
          (O(podwright.fleet.agent#role:main:podwright_agent_metadata_service)), and the pod needs a network of its own
          that reaches the host.
        - The agent's default is V(false).
      type: bool
    ports:
      description:
        - Ports to publish. Each is a mapping of C(name) (a port that the image declares) or C(pod_port) (a number
          in the pod, whether the image declares it or not, with C(protocol), V(tcp) unless it is said), C(host_port),
          and optionally C(host_ip) and C(count); or text C(NAME:[HOSTIP:]HOSTPORT[-LAST]) or
          C(NUMBER[/PROTOCOL]:[HOSTIP:]HOSTPORT[-LAST]), where an IPv6 address stands in brackets.
        - Without an address, a port is published on all addresses of the host, with
          V(0.0.0.0) on all of IPv4, and with V(::) on all of IPv6. V(::1) cannot be published on.
        - One port of the host is published for each, unless C(count) (or C(-LAST)) says that
          more are, for a port of the app that is a range, or for a number and those after it. It may not be more
          than the range has.
      type: list
      elements: raw
    sockets:
      description:
        - Names of O(ports) on which the host's systemd listens until somebody connects, with C(/udp)
          for those that are not TCP. The app that declares the port inherits the socket as
          C(sd_listen_fds) says; nothing is published by the firewall for it.
        - With O(state=prepared) the first connection starts the pod.
        - Needs systemd on the host.
      type: list
      elements: str
    allow:
      description:
        - Who may reach the pod, and what it may reach, enforced by the firewall of the host.
        - Each element has either C(from) or C(to), which is a subnet (V(10.0.0.0/8)), V(pod NAME),
          V(network NAME) or V(host), and optionally C(ports) of the one who is called, such as
          V(80/tcp) or V(8000-8010/udp); without it whatever protocol it is.
        - One C(from) closes the pod for all that no C(from) names, one C(to) closes for it all that
          no C(to) names. Answers always pass, and the host itself always reaches its pods.
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
    volumes:
      description:
        - Volumes of the pod. Each is a mapping of C(name), C(kind) and the fields of its kind; or
          text C(NAME,kind=host,source=/path[,readOnly=true]). All have C(read_only).
        - V(host), the path C(source) of the host. C(recursive), with what is mounted below it (the
          default). C(idmap), owners are shown as the pod's users (the default). C(noexec).
          C(propagation), whether mounts that are made below it later appear in the pod (V(slave)),
          also the other way (V(shared)), or not (V(private), the default). C(relabel), give it the
          pod's SELinux label (V(private)), one that pods share (V(shared)), or leave it alone
          (V(none), the default). C(follow_links), follow links in the path that are not the
          system's own; only for paths where no pod can write.
        - V(empty), a fresh directory that ends with the pod. C(mode) (quoted octal), C(uid), C(gid),
          C(noexec), and C(size), the most that it holds, with which it is kept in memory.
          C(copy_up), begin with what the image has there.
        - V(tmpfs), the same in memory, with mode V(1777) unless another is given.
        - V(device), the device node C(source) of the host, with C(permissions) V(r), V(w) or V(rw).
      type: list
      elements: raw
    secrets:
      description:
        - Files with secrets that the apps find in memory, readable by the app's user alone.
        - Their content reaches the agent on its standard input and is kept in the host's memory; it
          is in no manifest, no log and no answer. After the host was started anew the pod does not
          start before the play has run again, so use O(secrets[].file) or O(secrets[].credential)
          for pods that must start by themselves.
        - One of O(secrets[].content), O(secrets[].file) and O(secrets[].credential) is needed. A
          changed content, or a changed file, replaces the pod.
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
          choices: [text, base64]
        file:
          description:
            - Absolute path of a file on the host that is read at every start.
          type: path
        credential:
          description:
            - Name of a systemd credential, or the path of one in a credential store such as
              C(/etc/credstore.encrypted), that the pod's unit is given at every start.
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
    pull_policy:
      description:
        - V(new), look for an image elsewhere if it is not on the host.
        - V(update), always look whether there is a newer one.
        - V(never), use only what is on the host.
        - The agent's default is V(new).
      type: str
      choices: [new, update, never]
    insecure_options:
      description:
        - Checks to leave out, one by one, such as V(image) for the signature. Nothing is left out
          unless it is named here.
      type: list
      elements: str
    restart:
      description:
        - Whether the pod is started again when it ends by itself.
        - The agent's default is V(on-failure).
      type: str
      choices: ['no', on-failure, always]
    enabled:
      description:
        - Whether the pod starts with the host. The agent's default is V(true).
      type: bool
    ready:
      description:
        - When the pod counts as ready. Without C(tcp) and C(exec), when all apps have run for
          C(seconds).
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
    stop_timeout:
      description:
        - Seconds between the polite signal and the kill when the pod is stopped. The agent's
          default is 10.
      type: float
    unit:
      description:
        - What is said about the pod's systemd unit, C(podwright-NAME.service), besides what stands in it
          already. Drop-ins of yours in C(podwright-NAME.service.d) are never touched, and come last.
        - Needs systemd on the host. Takes effect without a restart of the pod where systemd allows that.
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
            - Further settings, literally. Each has a text, a number or a boolean, or a list of them.
            - Those that the agent owns, unknown ones, line ends and specifiers (C(%)) are refused.
          type: dict
          suboptions:
            Unit:
              description: "Of the section C([Unit]), such as C(OnFailure: mail.service)."
              type: dict
            Service:
              description:
                - "Of the section C([Service]), such as C(MemoryMax: 512M), C(CPUQuota: 50%), C(TasksMax: 200),
                  C(IOWeight: 50), which hold for the pod as a whole, or C(WatchdogSec: 30)."
              type: dict
            Install:
              description: "Of the section C([Install]), such as C(RequiredBy: app.target)."
              type: dict
    replace:
      description:
        - What comes first when a pod that runs is replaced by a different one.
        - V(stop-first), the old one stops, then the new one starts.
        - V(start-first), the new one starts beside the old one, takes over its ports and names when it is
          ready, and then the old one stops. Refused where both would share something, such as the host's
          network or a volume of the host that can be written to.
        - V(auto), V(start-first) where nothing is shared.
        - The agent's default is V(stop-first).
      type: str
      choices: [stop-first, start-first, auto]
    keep_revisions:
      description:
        - How many revisions of the pod are kept, with the current one, to go back to. The agent's
          default is 3.
      type: int
    revision:
      description:
        - Bring the pod back to one of its revisions that are kept, as C(podwright rollback) does. It is
          applied again as a new revision, and its images are judged by the policy of now.
        - Only with O(name), O(state) and O(enabled). Nothing changes when the pod is already as that
          revision was.
      type: int
    pod_isolators:
      description:
        - What all apps of the pod together may use (C(resource/memory), C(resource/cpu), C(resource/pids),
          C(resource/block-bandwidth), C(resource/block-iops), C(os/linux/cpu-shares),
          C(os/linux/io-weight)), and kernel settings of the pod's own namespaces (C(os/unix/sysctl)).
      type: list
      elements: dict
      suboptions: *isolator
    exit_policy:
      description:
        - What ends the pod besides the end of all its apps. V(first-failure), that an app fails for
          good; V(all-ended), nothing; C(app:NAME), that this app ends, whose status is then the pod's.
        - The agent's default is V(first-failure).
      type: str
    log:
      description:
        - How much of each app's log is kept where that goes to files, on hosts without systemd and with
          C(log_path). The journal has limits of its own.
      type: dict
      suboptions:
        max_size:
          description:
            - Size of a file after which the next one is begun, such as C(1Mi). The agent's default is 10Mi.
          type: raw
        max_files:
          description:
            - How many files are kept. The agent's default is 5.
          type: int
    annotations:
      description:
        - Annotations of the pod.
      type: dict
    labels:
      description:
        - Labels of the pod.
      type: dict
    registry_auth: &logins
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
            - Where the log-in is for and nowhere else, as V(HOST) or V(HOST:PORT), or as
              V(HOST/REPOSITORY) for a part of a registry. The longest one that fits is used.
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
        choices: [started, stopped, prepared, absent, restarted]
      <<: *spec
"""

EXAMPLES = r"""
- name: Run redis, published on port 6379 of the host
  podwright.fleet.pod:
    name: redis
    image: example.com/redis:7.0.15
    ports:
      - 6379-tcp:6379
    ready:
      tcp: 6379

- name: Run the same pod in a virtual machine of its own
  podwright.fleet.pod:
    name: redis
    image: example.com/redis:7.0.15
    stage1: kvm
    stage1_image:
      name: podwright.io/stage1-kvm:1.0
    ports:
      - 6379-tcp:6379

- name: Run two pods, and see that a third one is gone
  podwright.fleet.pod:
    pods:
      - name: web
        image: example.com/nginx:1.22
        ports:
          - name: http
            host_port: 8080
        volumes:
          - name: content
            kind: host
            source: /srv/www
            read_only: true
        mounts:
          - volume: content
            path: /var/www
      - name: worker
        image: example.com/worker:3
        net: none
        environment:
          QUEUE: images
        isolators:
          - name: resource/memory
            value:
              limit: 256M
      - name: old-worker
        state: absent

- name: Run a container image of a private registry, pinned by its digest
  podwright.fleet.pod:
    name: team-api
    image: docker://registry.example.com/team/api:2.1@sha256:0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31
    registry_auth:
      - registry: registry.example.com/team
        username: fleet
        password: "{{ vault_registry_password }}"

- name: Bring redis back to its revision 3
  podwright.fleet.pod:
    name: redis
    revision: 3

- name: Start redis anew
  podwright.fleet.pod:
    name: redis
    image: example.com/redis:7.0.15
    ports:
      - 6379-tcp:6379
    ready:
      tcp: 6379
    state: restarted
"""

RETURN = r"""
pods:
  description: What was done, or would be done in check mode, for each pod in the order of the request.
  returned: when the agent was asked
  type: list
  elements: dict
  contains:
    name:
      description: Name of the pod.
      type: str
      returned: always
      sample: redis
    changed:
      description: Whether anything was changed for this pod.
      type: bool
      returned: always
    actions:
      description: What was done, in order. With C(start) before C(stop), the new pod has started beside the old one.
      type: list
      elements: str
      returned: always
      sample: [fetch, prepare, stop, start]
    state:
      description: What the pod is now.
      type: str
      returned: always
      sample: running
    uuid:
      description: The pod's UUID, new whenever it is replaced.
      type: str
      returned: when there is a pod
      sample: 6733c088-a507-4694-aabf-edd7fa12d3a4
    pid:
      description: Process that is the pod's PID 1, as the host sees it.
      type: int
      returned: when the pod runs
      sample: 4711
    ip:
      description: Address on the pod network.
      type: str
      returned: when the pod runs on the default network
      sample: 172.16.28.2
    image_ids:
      description: ID of each app's image.
      type: dict
      returned: when there is a pod
      sample: {"redis": "sha512-96b1de6dbd8f3aed9e9ac45bd4c9f4a5b1b9f6e09bd4ae2a5b2f5db5e7d9f3f0"}
    revision:
      description: Counts how often the pod was changed.
      type: int
      returned: when there is a pod
      sample: 2
    selinux:
      description: SELinux context of the pod's processes; empty when it has none.
      type: str
      returned: except in check mode
      sample: system_u:system_r:container_t:s0:c189,c872
    ready:
      description: Whether the pod runs and is ready.
      type: bool
      returned: except in check mode
    rolled_back:
      description: Whether the pod did not become ready, and the one before it runs again.
      type: bool
      returned: except in check mode
    reports:
      description: Protection that is the default and that the pod does not have, in sentences.
        They are warnings of the call that has changed the pod.
      type: list
      elements: str
      returned: except in check mode
      sample: []
    error:
      description: Why it failed for this pod; C(null) if it did not.
      type: dict
      returned: always
reason:
  description: One stable word for why it failed.
  returned: on failure
  type: str
  sample: not-verified
stage:
  description: The step that failed, one of input, fetch, verify, policy, render, prepare, launch, network, host.
  returned: on failure
  type: str
  sample: verify
object:
  description: The pod, image or path that it failed for.
  returned: on failure
  type: str
  sample: example.com/redis:7.0.15
hint:
  description: What to do about it.
  returned: on failure
  type: str
"""

from ansible_collections.podwright.fleet.plugins.module_utils.objects import Kind, manage
from ansible_collections.podwright.fleet.plugins.module_utils.spec import LOGINS
from ansible_collections.podwright.fleet.plugins.module_utils.spec_pod import POD, POD_STATES


def main() -> None:
    """Make pods be as described."""
    manage(Kind("pods", "name", POD_STATES, POD, shared=LOGINS))


if __name__ == "__main__":
    main()
