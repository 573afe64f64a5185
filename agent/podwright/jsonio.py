# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as we accept and write it.

Reading is strict (threats.md T27): duplicate keys, NaN, infinities, huge integers, deep
nesting, lone surrogates and oversized bodies are refused. Writing is canonical: sorted
keys, no spaces, so that equal values have equal bytes.

The `json` package costs a quarter of a pod's start, nearly all of it for `re`, which it needs
for its pure Python half. CPython's accelerator for it, `_json`, needs neither: it is used where
it is there and content; for errors, and for other interpreters, there is `json` itself.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_DIGITS = 20
"""Of a whole number: all 64-bit numbers fit, and none costs quadratic time to convert."""


class _Refused(ValueError):
    pass


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(items)
    if len(out) != len(items):
        seen: set[str] = set()
        for key, _ in items:
            if key in seen:
                raise _Refused(f"key {key!r} appears twice")
            seen.add(key)
    return out


def _constant(name: str) -> Any:
    raise _Refused(f"{name} is not a JSON number")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _Refused("a number is out of range")  # not shown: it may be meant as a secret
    return number


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Refused(f"a number has more than {MAX_DIGITS} digits")
    return int(text)


def loads(data: Union[bytes, str], what: str, *, limit: int = MAX_BYTES) -> Any:
    """Parse untrusted JSON; `what` names the source in the error.

    Raises UsageError with the reason and, for syntax errors, the line and column.
    """
    if len(data) > limit:
        raise UsageError(f"{what}: {len(data)} bytes of JSON are more than the limit of {limit}")
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        if _depth(text) > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH} levels")
        decoded = _decode(text)
        if "\\u" in text:
            dumps(decoded).encode("utf-8")
        return decoded
    except UnicodeError:
        raise UsageError(f"{what}: not valid UTF-8 text") from None
    except (ValueError, RecursionError) as err:
        raise UsageError(f"{what}: {_reason(err)}") from None


def _reason(err: Any) -> str:
    """What is wrong; a syntax error of `json` knows where."""
    if hasattr(err, "lineno"):
        return f"not JSON at line {err.lineno} column {err.colno}: {safe(err.msg)}"
    return safe(err)


class _Rules:
    """What `_json.make_scanner` looks up in its decoder."""

    strict = True
    object_hook = None
    object_pairs_hook = staticmethod(_pairs)
    parse_constant = staticmethod(_constant)
    parse_float = staticmethod(_float)
    parse_int = staticmethod(_int)
    memo: dict[str, str] = {}  # noqa: RUF012  (the scanner fills and empties it)


def _decode(text: str) -> Any:
    """The decoded value, or the ValueError that `json.loads` raises."""
    try:
        from _json import make_scanner

        body = text.strip(" \t\n\r")
        decoded, end = make_scanner(_Rules)(body, 0)  # type: ignore[arg-type]
        if end == len(body):
            return decoded
    except _Refused:
        raise
    except (ImportError, AttributeError, StopIteration, ValueError, SystemError):
        pass  # the slow way says what is wrong; a SystemError: `json` is not loaded to say it
    import json

    return json.loads(
        text,
        object_pairs_hook=_pairs,
        parse_constant=_constant,
        parse_float=_float,
        parse_int=_int,
    )


def _depth(text: str) -> int:
    """An upper bound of the nesting depth (brackets inside strings are not counted)."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    in_string = escaped = False
    for char in text:
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        elif char in "]}":
            depth -= 1
    return deepest


def dumps(obj: Any) -> str:
    """Canonical one-line JSON: equal values give equal text."""
    try:
        from _json import encode_basestring, make_encoder

        encode = make_encoder({}, _unknown, encode_basestring, None, ":", ",", True, False, False)
    except (ImportError, TypeError):
        import json

        return json.dumps(
            obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
    return "".join(encode(obj, 0))


def _unknown(obj: Any) -> Any:
    raise TypeError(f"{type(obj).__name__} is not JSON")


def pretty(obj: Any) -> str:
    """JSON for people and for files that people read: indented, keys sorted."""
    import json

    return json.dumps(obj, sort_keys=True, indent=2, ensure_ascii=False)
