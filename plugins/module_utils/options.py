# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One table per kind of object: it gives the argument spec and the desired state for the agent.

A table maps the option's name to an `Option`. `argument_spec` makes of it what AnsibleModule
wants; `desired` makes of the parsed options what `podwright apply` reads. What was not given is
not sent, so the agent's defaults and checks are the only ones.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

Convert = Callable[[Any, str], Any]


class OptionError(ValueError):
    """An option that cannot be understood; the text names its path and says what to write."""

    @property
    def path(self) -> str:
        """The option, as the text names it."""
        return str(self).partition(":")[0]

    @property
    def hint(self) -> str:
        """What to write."""
        return str(self).partition("; ")[2]


class Option(NamedTuple):
    """One option of a module.

    type, elements, choices, default, required, no_log   as in an argument spec
    field     its name in the desired state if that differs; "-" for options that are not sent
    convert   called with (value, path) to make the value that is sent; raises OptionError
    table     options of a dict, or of each element of a list of dicts
    """

    type: str = "str"
    elements: Optional[str] = None
    choices: tuple[str, ...] = ()
    default: Any = None
    required: bool = False
    no_log: Optional[bool] = None
    field: str = ""
    convert: Optional[Convert] = None
    table: Optional[dict[str, Any]] = None


Table = dict[str, Option]


def argument_spec(table: Table) -> dict[str, Any]:
    """What AnsibleModule wants for `table`."""
    return {name: _one_spec(option) for name, option in table.items()}


def _one_spec(option: Option) -> dict[str, Any]:
    spec: dict[str, Any] = {"type": option.type}
    for key in ("elements", "default", "no_log"):
        given = getattr(option, key)
        if given is not None:
            spec[key] = given
    if option.required:
        spec["required"] = True
    if option.choices:
        spec["choices"] = list(option.choices)
    if option.table is not None:
        spec["options"] = argument_spec(option.table)
    return spec


def desired(table: Table, given: dict[str, Any], path: str = "") -> dict[str, Any]:
    """The object of the desired state for the options in `given`; `path` is put before names.

    Raises OptionError for a value that cannot be understood.
    """
    out: dict[str, Any] = {}
    for name, option in table.items():
        found = given.get(name)
        if found is None or option.field == "-":
            continue
        where = f"{path}.{name}" if path else name
        if option.table is not None and option.type == "list":
            found = [
                desired(option.table, item, f"{where}[{index}]") for index, item in enumerate(found)
            ]
        elif option.table is not None:
            found = desired(option.table, found, where)
        elif option.convert is not None:
            found = option.convert(found, where)
        out[option.field or name] = found
    return out


def text(value: Any, path: str) -> str:
    """Text as it is, whole numbers as digits. What YAML may have turned into something else is refused."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    shown = "a list or mapping" if isinstance(value, (list, dict)) else repr(value)
    raise OptionError(
        f"{path}: must be text, not {shown}; put quotes around it, since YAML reads some"
        " unquoted words and numbers as something else"
    )


def texts(value: list[Any], path: str) -> list[str]:
    """A list of texts, each as `text` says."""
    return [text(item, f"{path}[{index}]") for index, item in enumerate(value)]


def words(value: Any, path: str) -> Any:
    """A text, or a list of texts."""
    return texts(value, path) if isinstance(value, list) else text(value, path)


def command(value: Any, path: str) -> Any:
    """A program's path, or a list of the path and its first arguments."""
    if not isinstance(value, list):
        return text(value, path)
    if not value:
        raise OptionError(f"{path}: is an empty list; name the program first")
    return texts(value, path)


def mapping(value: dict[str, Any], path: str) -> dict[str, str]:
    """A mapping to texts, each as `text` says."""
    return {str(name): text(item, f"{path}.{name}") for name, item in value.items()}


def boolean(value: Any, path: str) -> bool:
    """true or false, also as the words of ad-hoc strings."""
    words = {"true": True, "yes": True, "false": False, "no": False}
    found = value if isinstance(value, bool) else words.get(str(value).lower())
    if found is None:
        raise OptionError(f"{path}: must be true or false, not {value!r}")
    return found


def whole(value: Any, path: str) -> int:
    """A whole number, also as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    raise OptionError(f"{path}: must be a whole number, not {value!r}")
