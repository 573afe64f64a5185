# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of ours as bytes and back, for the guest, which runs the same code as the host (see `initrd`).

Only what comes from the host is decoded, in the guest; nothing of a guest ever is.
"""

from __future__ import annotations

import importlib
import marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORM = 4
"""Of marshal: what all versions of Python from 3.4 on read."""
OWN = "podwright."
_PLAIN = (type(None), bool, int, float, str, bytes)


def encode(obj: Any) -> bytes:
    """Any `@value`, with all that it is made of. Raises TypeError for what is neither that nor plain."""
    return marshal.dumps(_pack(obj), FORM)


def decode(data: bytes) -> Any:
    """What `encode` was given. Raises ValueError for a class that is not one of ours."""
    return _unpack(marshal.loads(data))


def _pack(obj: Any) -> Any:
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, dict):
        return ("d", tuple((_pack(key), _pack(each)) for key, each in obj.items()))
    for sign, kind in (("t", tuple), ("l", list), ("s", frozenset)):
        if isinstance(obj, kind):
            return (sign, tuple(_pack(each) for each in obj))
    fields = getattr(type(obj), "__fields__", None)
    if fields is None:
        raise TypeError(f"{type(obj).__name__} cannot be sent to a guest")
    name = f"{type(obj).__module__}:{type(obj).__qualname__}"
    return ("v", name, tuple((field, _pack(getattr(obj, field))) for field in fields))


def _unpack(raw: Any) -> Any:
    if not isinstance(raw, tuple):
        return raw
    sign, *rest = raw
    if sign == "v":
        module, _, name = rest[0].partition(":")
        if not module.startswith(OWN):
            raise ValueError(f"{module} is none of ours")
        made = getattr(importlib.import_module(module), name)
        return made(**{field: _unpack(each) for field, each in rest[1]})
    if sign == "d":
        return {_unpack(key): _unpack(each) for key, each in rest[0]}
    return {"t": tuple, "l": list, "s": frozenset}[sign](_unpack(each) for each in rest[0])
