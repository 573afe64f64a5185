# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of what an admission policy can say, and the policy file that it becomes."""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    desired,
    mapping,
    text,
    texts,
)

IDENTITY: Table = {
    "type": Option(
        required=True,
        choices=(
            "matchExact",
            "matchRepoDigestOrExact",
            "matchRepository",
            "exactReference",
            "exactRepository",
            "remapIdentity",
        ),
    ),
    "docker_reference": Option(field="dockerReference", convert=text),
    "docker_repository": Option(field="dockerRepository", convert=text),
    "prefix": Option(convert=text),
    "signed_prefix": Option(field="signedPrefix", convert=text),
}
"""What a signature must say about which image it is for."""

REQUIREMENT: Table = {
    "type": Option(
        required=True, choices=("insecureAcceptAnything", "reject", "signedBy", "sigstoreSigned")
    ),
    "key_path": Option("path", no_log=False, field="keyPath", convert=text),
    "key_paths": Option("list", elements="path", no_log=False, field="keyPaths", convert=texts),
    "key_data": Option(no_log=False, field="keyData", convert=text),
    "signed_identity": Option("dict", field="signedIdentity", table=IDENTITY),
    "minimum_stage1": Option(
        field="minimumStage1", choices=("fly", "namespaces", "user-namespaced", "vm")
    ),
    "maximum_signature_age": Option(field="maximumSignatureAge", convert=text),
}
"""One condition on an image."""


def document(given: dict[str, Any]) -> dict[str, Any]:
    """The policy file that the module's options mean. Raises OptionError."""
    out: dict[str, Any] = {"default": _requirements(given["default"], "default")}
    if given.get("transports") is not None:
        out["transports"] = {
            str(transport): _scopes(scopes, f"transports.{transport}")
            for transport, scopes in given["transports"].items()
        }
    if given.get("stage1_ranks") is not None:
        out["stage1Ranks"] = mapping(given["stage1_ranks"], "stage1_ranks")
    return out


def _scopes(given: Any, path: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise OptionError(f"{path}: must be a mapping of scopes to lists of requirements")
    return {
        str(scope): _requirements(requirements, f"{path}.{scope}")
        for scope, requirements in given.items()
    }


def _requirements(given: Any, path: str) -> list[dict[str, Any]]:
    if not isinstance(given, list):
        raise OptionError(f"{path}: must be a list of requirements")
    return [_requirement(each, f"{path}[{index}]") for index, each in enumerate(given)]


def _requirement(given: Any, path: str) -> dict[str, Any]:
    """One requirement in the words of the policy file; below transports nobody has checked it."""
    _known(given, REQUIREMENT, path)
    if given.get("signed_identity") is not None:
        _known(given["signed_identity"], IDENTITY, f"{path}.signed_identity")
    out = desired(REQUIREMENT, given, path)
    if out.get("type") == "signedBy":
        out["keyType"] = "GPGKeys"
    return out


def _known(given: Any, table: Table, path: str) -> None:
    if not isinstance(given, dict):
        raise OptionError(f"{path}: must be a mapping")
    for name in given:
        if name not in table:
            raise OptionError(f"{path}: {name} is not known; known are {', '.join(table)}")
    for name, option in table.items():
        found = given.get(name)
        if option.required and found is None:
            raise OptionError(f"{path}: {name} is missing")
        if option.choices and found is not None and found not in option.choices:
            raise OptionError(
                f"{path}.{name}: {found!r} is not known; it is one of {', '.join(option.choices)}"
            )
        if option.type == "list" and found is not None and not isinstance(found, list):
            raise OptionError(f"{path}.{name}: must be a list")
