# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module image_build. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  path:
    description:
      - Absolute path of the image, conventionally C(*.aci). Its signature is beside it, with
        C(.asc) added.
    type: path
    required: true
  publish:
    description:
      - Put image, signature and public key into a web root, with pages for discovery.
    type: dict
    suboptions:
      directory:
        description:
          - The web root of the host that the image's name begins with.
        type: path
        required: true
      keys:
        description:
          - Armoured public keys of the signature. Not needed with a key to sign with.
        type: list
        elements: str
      prefix:
        description:
          - One discovery page for all images whose names begin with this, instead of one for
            each.
        type: str
      latest:
        description:
          - Whether the image is also what its name without a version means.
        type: bool
      replace:
        description:
          - Replace another build of the same version. This is refused otherwise.
        type: bool
  push:
    description:
      - Push the image to a registry.
    type: dict
    suboptions:
      target:
        description:
          - Where to, as C(docker://REGISTRY/REPOSITORY:TAG).
        type: str
        required: true
      compression:
        description:
          - How its layer is compressed.
        type: str
        choices:
          - gzip
          - zstd
          - none
      lookaside:
        description:
          - Directory for a simple signature by the key that signs the image.
        type: path
      sigstore_key:
        description:
          - Private key in PEM form, for a sigstore signature that is pushed, too.
        type: str
      sigstore_passphrase:
        description:
          - Passphrase of O(push.sigstore_key).
        type: str
      registry_auth:
        description:
          - Log-ins, which come before those of the agent's configuration.
        type: list
        elements: dict
        suboptions:
          registry:
            description:
              - What the log-in is for, as C(HOST), C(HOST:PORT) or C(HOST/REPOSITORY).
            type: str
            required: true
          username:
            description:
              - User.
            type: str
          password:
            description:
              - Password.
            type: str
          token:
            description:
              - Token, in place of user and password.
            type: str
  insecure_options:
    description:
      - Checks to leave out, one by one, such as V(tls) for the registry's certificate. Nothing
        is left out unless it is named here.
    type: list
    elements: str
  source:
    description:
      - What the image is made of. A root file system, a directory with C(manifest) and C(rootfs/),
        or an OCI layout as C(oci:PATH[:REF]).
    type: str
  name:
    description:
      - Name of the image, such as C(example.com/app).
      - Needed unless the manifest says it.
    type: str
  version:
    description:
      - The label C(version).
    type: str
  labels:
    description:
      - Labels of the image. C(os) and C(arch) are the managed host's if they are not given.
    type: dict
  exec:
    description:
      - The program that the image runs, and its arguments.
    type: list
    elements: raw
  user:
    description:
      - User that the program runs as, by name, number, or a path whose owner it is.
    type: str
  group:
    description:
      - Group that the program runs as.
    type: str
  supplementary_gids:
    description:
      - Further groups, by number.
    type: list
    elements: int
  working_dir:
    description:
      - Working directory of the program.
    type: str
  environment:
    description:
      - Environment variables of the program.
    type: dict
  ports:
    description:
      - Ports that the program listens on.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the port.
        type: str
        required: true
      port:
        description:
          - Its number.
        type: int
        required: true
      protocol:
        description:
          - Its protocol.
        type: str
        choices:
          - tcp
          - udp
          - sctp
      count:
        description:
          - How many ports in a row.
        type: int
      socket_activated:
        description:
          - Whether the program takes the socket from its supervisor.
        type: bool
  mount_points:
    description:
      - Places where the image wants volumes of the same name.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the volume.
        type: str
        required: true
      path:
        description:
          - Absolute path in the image.
        type: str
        required: true
      read_only:
        description:
          - Whether it is only read.
        type: bool
  isolators:
    description:
      - What the program needs or gives up, as in a manifest.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the isolator, such as C(resource/memory).
        type: str
        required: true
      value:
        description:
          - Its value.
        type: raw
        required: true
      optional:
        description:
          - V(true) has it reported where it cannot be enforced, instead of the pod refused.
        type: bool
  dependencies:
    description:
      - Images that this one is built on, lowest first, each as C(NAME[:VERSION][,LABEL=VALUE][@sha512-ID])
        or as an object of the manifest.
    type: list
    elements: raw
  path_whitelist:
    description:
      - If any are given, only these paths are kept of the image and what it is built on.
    type: list
    elements: str
  annotations:
    description:
      - Annotations of the image.
    type: dict
  manifest:
    description:
      - An image manifest to begin with, in place of the source's; the other options change it.
    type: dict
  compression:
    description:
      - How the image is compressed.
    type: str
    choices:
      - gzip
      - zstd
      - xz
      - bzip2
      - none
  owner:
    description:
      - Owner of everything in the image, as C(UID:GID). As in the source if omitted.
    type: str
  reproducible:
    description:
      - Give files that are younger than E(SOURCE_DATE_EPOCH), or 1970 if that is not set, that
        time.
    type: bool
  sign_key:
    description:
      - Sign with this key. A fingerprint or user ID in gpg's home, or the path on the managed
        host of a file with the secret key.
      - Mutually exclusive with O(sign_secret_key).
    type: str
  sign_secret_key:
    description:
      - Sign with this armoured secret key.
    type: str
  sign_passphrase:
    description:
      - Passphrase of the key.
    type: str
  sign_passphrase_file:
    description:
      - File on the managed host with the passphrase of the key, which nobody but its owner may
        read. It never leaves that host.
    type: path
  gpg_home:
    description:
      - Home of gpg with the secret key, if it is not that of the user who runs the module.
    type: path
"""
