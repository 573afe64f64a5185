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
    description:
      - Whose pods it is for, V(kvm) or V(xen). Which it serves in the end, its kernel decides.
    type: str
    choices:
      - kvm
      - xen
    default: kvm
  state:
    description:
      - V(present), the image is at O(path) and, unless O(store=false), in the host's store.
      - V(absent), no image of this kind is in the store, and nothing at O(path). Refused while
        a pod needs one.
    type: str
    choices:
      - present
      - absent
    default: present
  path:
    description:
      - Absolute path of the image's file, conventionally C(*.aci), in a directory that exists.
        Its signature is beside it, with C(.asc) added. Needed with O(state=present).
    type: path
  build:
    description:
      - Whether it is built here. If V(false), it is at O(path) already.
    type: bool
    default: true
  store:
    description:
      - Whether it is verified and put into the host's store, so that pods can be started from
        it.
    type: bool
    default: true
  insecure_options:
    description:
      - Checks to leave out when it is stored, one by one, such as V(image) for the signature.
        Nothing is left out unless it is named here.
    type: list
    elements: str
  kernel:
    description:
      - Package of the distribution with the kernel, or with O(modules) the path of a kernel's
        file. The distribution's kernel for virtual machines if omitted. The package is fetched
        and unpacked, not installed.
    type: str
  modules:
    description:
      - Directory of that kernel's modules, such as C(/lib/modules/6.1.0-44-cloud-amd64).
    type: path
  version:
    description:
      - The image's label C(version). The kernel's release if omitted.
    type: str
  compression:
    description:
      - How the image is compressed. The agent's default is V(gzip).
    type: str
    choices:
      - gzip
      - zstd
      - xz
      - bzip2
      - none
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
  gpg_home:
    description:
      - Home of gpg with the secret key, if it is not that of the user who runs the module.
    type: path
"""
