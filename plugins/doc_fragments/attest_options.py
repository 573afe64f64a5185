# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module attest. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(attested), the host is asked and judged.
      - V(enrolled), its key is pinned in O(keys), after it was proved, by a secret that only
        this TPM can open, that the key is in the TPM of the host's endorsement key. The one that
        is pinned already stays, and is never replaced without O(replace=true).
      - V(forgotten), nothing is known of the host any more in O(keys); it is not asked.
    type: str
    choices:
      - attested
      - enrolled
      - forgotten
    default: attested
  keys:
    description:
      - Directory on the controller with what is pinned, C(HOST.json), one file for each host,
        which belongs into version control, and what was last seen of each host, C(HOST.seen),
        which does not. Relative to the playbook.
      - Required unless O(key) is given.
    type: path
  key:
    description:
      - The name of the host's attestation key in hexadecimal, as C(podwright tpm key) tells it,
        in place of what is pinned in O(keys), for inventories that have it.
    type: str
  ca_certificates:
    description:
      - Files on the controller with certificates (PEM or DER) of the makers of TPMs, for O(state=enrolled).
        The certificate that the host's TPM has of its endorsement key must lead to one of them.
    type: list
    elements: path
  endorsement_key:
    description:
      - The name of the host's endorsement key in hexadecimal, for O(state=enrolled), where it
        is known from elsewhere, such as from the maker of a virtual machine.
    type: str
  first_use:
    description:
      - With O(state=enrolled), take whatever endorsement key the host shows. That may be the
        key of a TPM in software that somebody has put into the way; only for networks that are
        trusted at that moment.
    type: bool
    default: false
  replace:
    description:
      - With O(state=enrolled), put the host's present key in the place of another one that is
        pinned.
    type: bool
    default: false
  allow:
    description:
      - What may have run on the host. What a list is not given for may be anything, but for O(allow.insecure).
        An empty list allows nothing. What is given without a value is refused.
    type: dict
    suboptions:
      images:
        description:
          - Image IDs in full, or names without version, in which C(*) stands for anything. What
            can be neither is refused.
        type: list
        elements: str
      signers:
        description:
          - Full fingerprints of keys, or digests of sigstore keys, as M(podwright.fleet.image_info)
            tells them. Each image must have been accepted by a signature of one of them.
        type: list
        elements: str
      policies:
        description:
          - Digests of admission policies, C(sha256:) and what C(sha256sum) says of C(/etc/podwright/policy.json),
            or V(none) for hosts without.
        type: list
        elements: str
      stage1:
        description:
          - Stage1 images, as in O(allow.images). Pods without one, which are isolated by namespaces,
            need no entry.
        type: list
        elements: str
      agents:
        description:
          - Digests of agents, or V(collection) for the one that this collection installs.
        type: list
        elements: str
      flavours:
        description:
          - How pods may be isolated, of V(fly), V(namespaces), V(kvm), V(xen), V(image).
        type: list
        elements: str
      networks:
        description:
          - Networks that pods may have had, as in C(--net), such as V(none) or V(default). V(host)
            is the host's own.
        type: list
        elements: str
      private_users:
        description:
          - Whether pods must have had user ids of their own, and none of the host's.
        type: bool
        default: false
      insecure:
        description:
          - Checks that may have been lifted with C(--insecure-options), of V(capabilities), V(http),
            V(image), V(ondisk), V(paths), V(pubkey), V(seccomp), V(tls). None if omitted. C(all)
            and the like are not taken.
        type: list
        elements: str
      minimum_stage1:
        description:
          - The weakest isolation that pods may have had. A stage1 image of others counts as V(fly).
        type: str
        choices:
          - fly
          - namespaces
          - vm
        default: fly
  scope:
    description:
      - V(boot), everything that has run since the host booted must be allowed.
      - V(running), only what runs, which is what was started and has no end in the log. What
        runs no more may have left something behind.
    type: str
    choices:
      - boot
      - running
    default: boot
  max_age:
    description:
      - How long ago a pod that runs may have been started, such as V(12h), V(90d) or V(8w). Any
        time if omitted.
    type: str
  pcr:
    description:
      - The PCR in which pods are measured. It is said here and not by the host, which could name
        one that can be reset.
    type: int
    default: 13
  bank:
    description:
      - The bank of the PCR.
    type: str
    choices:
      - sha256
      - sha384
      - sha512
    default: sha256
  remember:
    description:
      - Whether to keep in O(keys) what was seen, and to compare it the next time. That shows
        a TPM that was reset while the host did not boot, or put back to an earlier state, and
        a PCR that was reset.
    type: bool
    default: true
  sleeps:
    description:
      - Whether the host is one that sleeps (suspend to memory). Its TPM counts a restart then,
        as it does after a loss of power that root of the host has prepared, which empties the
        PCRs. Such a restart makes a host untrusted (C(tpm-reset)) unless this is V(true).
    type: bool
    default: false
  fail_on_untrusted:
    description:
      - Whether the task fails when the host is not trusted. If V(false), RV(trusted) says it.
    type: bool
    default: true
  timeout:
    description:
      - Seconds after which a host that does not answer is given up; V(0) for never. TPMs may
        take half a minute to make a key.
      - A task's own C(timeout) comes before it.
    type: int
    default: 180
  ask:
    description:
      - Set by the action plugin of the same name, and not for playbooks. What the host is to
        fetch.
    type: dict
    suboptions:
      verb:
        description: Verb of C(podwright tpm).
        type: str
        required: true
        choices:
          - quote
          - key
          - activate
      nonce:
        description: What the quote is to answer.
        type: str
      credential:
        description: A secret, encrypted for the host's TPM.
        type: str
      secret:
        description: What that is encrypted with, encrypted for the host's TPM.
        type: str
"""
