# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module stage1. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  kind:
    description: &id001
      - Whose pods it is for, V(kvm) or V(xen). Which it serves in the end, its kernel decides.
    type: str
    choices:
      - kvm
      - xen
    default: kvm
  state:
    description: &id002
      - V(present), the image is at O(path) and, unless O(store=false), in the host's store.
      - V(absent), no image of this kind is in the store, and nothing at O(path). Refused while
        a pod needs one.
    type: str
    choices:
      - present
      - absent
    default: present
  path:
    description: &id003
      - Absolute path of the image's file, conventionally C(*.aci), in a directory that exists.
        Its signature is beside it, with C(.asc) added. Needed with O(state=present), unless O(images)
        is given.
    type: path
  build:
    description: &id004
      - Whether it is built here. If V(false), it is at O(path) already.
    type: bool
    default: true
  store:
    description: &id005
      - Whether it is verified and put into the host's store, so that pods can be started from
        it.
    type: bool
    default: true
  insecure_options:
    description: &id006
      - Checks to leave out when it is stored, one by one, such as V(image) for the signature.
        Nothing is left out unless it is named here.
    type: list
    elements: str
  kernel:
    description: &id007
      - Package of the distribution with the kernel, or with O(modules) the path of a kernel's
        file. The distribution's kernel for virtual machines if omitted. The package is fetched
        and unpacked, not installed.
    type: str
  modules:
    description: &id008
      - Directory of that kernel's modules, such as C(/lib/modules/6.1.0-44-cloud-amd64).
    type: path
  version:
    description: &id009
      - The image's label C(version). The kernel's release if omitted.
    type: str
  compression:
    description: &id010
      - How the image is compressed. The agent's default is V(gzip).
    type: str
    choices:
      - gzip
      - zstd
      - xz
      - bzip2
      - none
  sign_key:
    description: &id011
      - Sign with this key. A fingerprint or user ID in gpg's home, or the path on the managed
        host of a file with the secret key.
      - Mutually exclusive with O(sign_secret_key).
    type: str
  sign_secret_key:
    description: &id012
      - Sign with this armoured secret key.
    type: str
  sign_passphrase:
    description: &id013
      - Passphrase of the key.
    type: str
  sign_passphrase_file:
    description: &id014
      - File on the managed host with the passphrase of the key, which nobody but its owner may
        read. It never leaves that host.
    type: path
  gpg_home:
    description: &id015
      - Home of gpg with the secret key, if it is not that of the user who runs the module.
    type: path
  images:
    description:
      - Several images, one after the other until one fails. What one does not say is as the options
        of the same name of the module say. Each needs a O(images[].path) of its own, if it is
        to be there.
      - Mutually exclusive with O(path).
    type: list
    elements: dict
    suboptions:
      kind:
        description: *id001
        type: str
        choices:
          - kvm
          - xen
      state:
        description: *id002
        type: str
        choices:
          - present
          - absent
      path:
        description: *id003
        type: path
      build:
        description: *id004
        type: bool
      store:
        description: *id005
        type: bool
      insecure_options:
        description: *id006
        type: list
        elements: str
      kernel:
        description: *id007
        type: str
      modules:
        description: *id008
        type: path
      version:
        description: *id009
        type: str
      compression:
        description: *id010
        type: str
        choices:
          - gzip
          - zstd
          - xz
          - bzip2
          - none
      sign_key:
        description: *id011
        type: str
      sign_secret_key:
        description: *id012
        type: str
      sign_passphrase:
        description: *id013
        type: str
      sign_passphrase_file:
        description: *id014
        type: path
      gpg_home:
        description: *id015
        type: path
"""
