# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module app. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  apps:
    description:
      - The apps, changed one after the other until one fails.
    type: list
    elements: dict
    required: true
    suboptions:
      pod:
        description:
          - UUID or name of the pod. It must run, and have been started by C(podwright app sandbox).
        type: str
        required: true
      name:
        description:
          - Name of the app in the pod.
        type: str
        required: true
      state:
        description:
          - V(started), it is there and runs. What goes without saying.
          - V(stopped), it is there and does not run.
          - V(present), it is there; whether it runs is left as it is.
          - V(absent), it is not there.
        type: str
        choices:
          - started
          - stopped
          - present
          - absent
      image:
        description:
          - Its image. If omitted, the app must be there, and stays what it is.
        type: str
      exec:
        description:
          - Absolute path in the image of the program to run instead of the image's own, as text;
            or a list of the path and its first arguments, such as C([/bin/sh, -c, "..."]). Those
            come before O(apps[].args).
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
          - They are no place for secrets. Who may read the pod's manifest on the host, or Ansible's
            own logs, sees them.
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
          - Where the pod's volumes appear in the app. Each is a mapping of C(volume), C(path)
            and C(read_only), or text C(VOLUME:PATH). Mount points that the image declares need
            no mount here.
        type: list
        elements: raw
      isolators:
        description:
          - What the app may use. What is unknown or cannot be enforced on the host is refused.
        type: list
        elements: dict
        suboptions:
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
          - Signal that asks the app to end, such as V(SIGQUIT). What its image says if omitted,
            or V(SIGTERM).
        type: str
      hook_timeout:
        description:
          - Seconds that each of its pre-start and post-stop hooks may take before it is killed.
            The agent's default is 90.
        type: float
      stdin:
        description:
          - What the app reads from. V(null), which is the default, V(stream), what C(podwright
            attach) sends, or V(tty), a terminal of its own to attach to. A terminal and streams
            exclude each other.
        type: str
        choices:
          - 'null'
          - stream
          - tty
      stdout:
        description:
          - What the app writes to. V(log), which is the default, V(null), V(stream) or V(tty).
        type: str
        choices:
          - log
          - 'null'
          - stream
          - tty
      stderr:
        description:
          - The same for its errors.
        type: str
        choices:
          - log
          - 'null'
          - stream
          - tty
      log_path:
        description:
          - Absolute path on the host of a file for what goes to the log, in the form that Kubernetes
            has. Its directory must exist.
        type: str
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
          - Seconds between the app's stop signal and the kill. The pod's C(stop_timeout) if omitted.
        type: float
      volumes:
        description:
          - Volumes that the app brings, each a mapping as O(podwright.fleet.pod#module:volumes),
            or text C(NAME,kind=host,source=/path). They go with it when no other app mounts them.
        type: list
        elements: raw
      pull_policy:
        description:
          - V(new), an image in the store is taken; V(update), it is looked for anew; V(never),
            nothing is fetched. V(new) if omitted.
        type: str
        choices:
          - new
          - update
          - never
      insecure_options:
        description:
          - Checks to leave out, one by one, such as V(image) for the signature, besides those
            of the pod.
        type: list
        elements: str
"""
