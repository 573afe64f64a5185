# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module image. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - The image, in one of these forms.
      - V(NAME[:VERSION][,LABEL=VALUE]), an ACI that is found by discovery.
      - V(https://HOST/FILE.aci), V(file:///PATH/FILE.aci) or V(/PATH/FILE.aci), an ACI by its
        place.
      - V(docker://[REGISTRY/]REPOSITORY[:TAG][@DIGEST]), an image in a registry.
      - V(oci:PATH[:REF]), V(oci-archive:PATH[:REF]) or V(docker-archive:PATH[:REF]), an image
        in a layout directory or archive file on the managed host.
      - V(sha512-DIGITS), an image that is on the host, by its ID.
      - Mutually exclusive with O(images); one of the two is required.
    type: str
  state:
    description:
      - V(present), fetched unless it is on the host.
      - V(latest), fetched if its place has another one now than the host has.
      - V(absent), not on the host. All images go that O(name) means, or has meant when they were
        fetched; without a version those are the ones of all versions. With O(digest) only the
        one goes that has it. One that a pod needs is not removed and the call fails.
      - With O(images) this is the state of images that do not say their own.
    type: str
    choices:
      - present
      - latest
      - absent
    default: present
  digest: &id001
    description:
      - What the image must be, V(sha256:DIGITS) of the manifest for an image from a registry,
        a layout or an archive of these kinds, V(sha512-DIGITS) for an ACI.
      - An image that is on the host under this name and has another digest does not count, and
        the place it comes from is asked again. If that does not have it either, the call fails,
        and the host keeps what it had.
    type: str
  signature: &id002
    description:
      - Where the detached signature is, a path on the managed host. If omitted, it is found by
        discovery, beside the image, or where the host's configuration says.
    type: path
  credentials: &id003
    description:
      - Log-in for the registry and repository, or for the server of an ACI, that O(name) itself
        names. It goes to that server and nowhere else, comes before all others, reaches the agent
        on its standard input and is not stored.
    type: dict
    suboptions:
      username:
        description:
          - User name, with C(password).
        type: str
      password:
        description:
          - Password, which is sent over https only.
        type: str
      token:
        description:
          - Bearer token, instead of user name and password.
        type: str
  insecure_options: &id004
    description:
      - Checks to leave out, one by one, such as V(image) for the signature. Nothing is left out
        unless it is named here.
    type: list
    elements: str
  images:
    description:
      - Many images, each with the options that are described above for one.
      - Mutually exclusive with all of these except O(state) and O(registry_auth).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The image, see O(name).
        type: str
        required: true
      state:
        description:
          - State of this image, see O(state), whose value is taken if this one is omitted.
        type: str
        choices:
          - present
          - latest
          - absent
      digest: *id001
      signature: *id002
      credentials: *id003
      insecure_options: *id004
  registry_auth:
    description:
      - Log-ins for all images of the call, each for one place. They reach the agent on its standard
        input and are not stored.
      - What is given for a place here comes before what the host has in C(auth.d), and O(credentials)
        before both.
    type: list
    elements: dict
    suboptions:
      registry:
        description:
          - Where the log-in is for and nowhere else, as V(HOST) or V(HOST:PORT), or as V(HOST/REPOSITORY)
            for a part of a registry. The longest one that fits is used. Servers of ACIs are named
            by V(HOST) or V(HOST:PORT).
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
"""
