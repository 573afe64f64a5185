# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module policy. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present), the policy is just what the other options say.
      - V(absent), there is no policy; then every image must be signed by a key of the trust store.
    type: str
    choices:
      - present
      - absent
    default: present
  default:
    description:
      - What an image must satisfy that no scope in O(transports) covers; all requirements together.
      - Required if O(state=present).
    type: list
    elements: dict
    suboptions:
      type:
        description:
          - V(reject) refuses the image.
          - V(insecureAcceptAnything) asks for no signature.
          - V(signedBy) asks for an OpenPGP signature; detached for ACIs, a simple signature for
            images from registries.
          - V(sigstoreSigned) asks for a sigstore signature made with a key pair.
        type: str
        required: true
        choices:
          - insecureAcceptAnything
          - reject
          - signedBy
          - sigstoreSigned
      key_path:
        description:
          - Path on the managed host of a file with the keys, any of which will do.
          - V(signedBy) without any key takes those that the module M(podwright.fleet.trust) manages.
        type: path
      key_paths:
        description:
          - Several such files, in place of O(default[].key_path).
        type: list
        elements: path
      key_data:
        description:
          - The content of such a file in base64, in place of O(default[].key_path).
        type: str
      signed_identity:
        description:
          - Which image the signature must say that it is for. The reference under which the image
            is fetched if omitted.
        type: dict
        suboptions:
          type:
            description:
              - How the reference in the signature is compared, see C(containers-policy.json(5)).
            type: str
            required: true
            choices:
              - matchExact
              - matchRepoDigestOrExact
              - matchRepository
              - exactReference
              - exactRepository
              - remapIdentity
          docker_reference:
            description:
              - The one reference, for V(exactReference).
            type: str
          docker_repository:
            description:
              - The one repository, for V(exactRepository).
            type: str
          prefix:
            description:
              - What is replaced at the beginning of the image's reference, for V(remapIdentity).
            type: str
          signed_prefix:
            description:
              - What it is replaced with, for V(remapIdentity).
            type: str
      minimum_stage1:
        description:
          - The weakest isolation in which the image may run.
        type: str
        choices:
          - fly
          - namespaces
          - user-namespaced
          - vm
      maximum_signature_age:
        description:
          - How old a signature may be, such as V(12h), V(90d) or V(8w).
        type: str
  transports:
    description:
      - What images of narrower scopes must satisfy, as a mapping of transports to mappings of
        scopes to lists of requirements, each as in O(default). The most specific scope wins.
      - The transport C(appc) has image names as scopes, and what stands before a slash in them;
        C(docker) has references, repositories, hosts and C(*.DOMAIN); C(oci), C(oci-archive)
        and C(docker-archive) have paths. The scope with the empty name is for all of a transport.
    type: dict
  stage1_ranks:
    description:
      - What isolation external stage1 images count as, by image ID. Others count as C(fly).
    type: dict
"""
