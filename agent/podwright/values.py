# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Immutable value types that cost nothing to import.

`dataclasses` pulls in `inspect` and costs 6-10 ms, a third of the whole budget of a pod
start. Type checkers see `@value` as a frozen dataclass (PEP 681); at run time it adds five
small methods. Fields are the annotated names of the class, base class fields first.
Defaults must be immutable, since they are shared.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from typing_extensions import dataclass_transform

    T = TypeVar("T")

    @dataclass_transform(frozen_default=True)
    def value(cls: type[T]) -> type[T]:
        """Make `cls` an immutable value (see the module's docstring)."""
        return cls

    def replace(obj: T, **changes: Any) -> T:
        """Copy `obj` with some fields changed."""
        return obj

else:

    def _init(self, *args, **kwargs):
        fields = self.__fields__
        if len(args) > len(fields):
            raise TypeError(f"{type(self).__name__} takes {len(fields)} values, got {len(args)}")
        own = self.__dict__
        own.update(zip(fields, args))
        for key in kwargs:
            if key not in fields or key in own:
                raise TypeError(f"{type(self).__name__}: unexpected or repeated field {key}")
        own.update(kwargs)
        if len(own) != len(fields):
            defaults = self.__defaults__
            for name in fields:
                if name not in own:
                    if name not in defaults:
                        raise TypeError(f"{type(self).__name__}: field {name} is missing")
                    own[name] = defaults[name]

    def _setattr(self, name, _value):
        raise AttributeError(f"{type(self).__name__} is immutable: cannot set {name}")

    def _delattr(self, name):
        raise AttributeError(f"{type(self).__name__} is immutable: cannot delete {name}")

    def _eq(self, other):
        return self.__dict__ == other.__dict__ if type(self) is type(other) else NotImplemented

    def _hash(self):
        return hash(tuple(self.__dict__[name] for name in self.__fields__))

    def _repr(self):
        inner = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self.__fields__)
        return f"{type(self).__name__}({inner})"

    def value(cls):
        """Make `cls` an immutable value (see the module's docstring)."""
        fields = []
        defaults = {}
        for klass in reversed(cls.__mro__[:-1]):
            for name in klass.__dict__.get("__annotations__", ()):  # noqa: RUF063
                if name not in fields:
                    fields.append(name)
                if name in klass.__dict__:
                    if klass.__dict__[name].__hash__ is None:
                        raise TypeError(
                            f"{cls.__name__}.{name}: a default is shared: no list or dict"
                        )
                    defaults[name] = klass.__dict__[name]
        cls.__fields__ = tuple(fields)
        cls.__defaults__ = defaults
        cls.__init__ = _init
        cls.__setattr__ = _setattr
        cls.__delattr__ = _delattr
        cls.__eq__ = _eq
        cls.__hash__ = _hash
        if cls.__repr__ is object.__repr__:
            cls.__repr__ = _repr
        return cls

    def replace(obj, **changes):
        """Copy `obj` with some fields changed."""
        return type(obj)(**{**obj.__dict__, **changes})
