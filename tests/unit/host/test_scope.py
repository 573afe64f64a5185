# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd is asked for a pod's scope, read by the D-Bus specification; tests/vm asks a real one."""

from __future__ import annotations

from podwright.host import bus, scope

UUID = "10d87321-7176-4185-a6d4-8bf01c9bd376"


class Reader:
    """Of a body in little endian."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def pad(self, to: int) -> None:
        skipped = -self.at % to
        assert self.data[self.at : self.at + skipped] == bytes(skipped)
        self.at += skipped

    def number(self) -> int:
        self.pad(4)
        self.at += 4
        return int.from_bytes(self.data[self.at - 4 : self.at], "little")

    def text(self) -> str:
        size = self.number()
        self.at += size + 1
        assert self.data[self.at - 1] == 0
        return self.data[self.at - 1 - size : self.at - 1].decode()

    def signature(self) -> str:
        size = self.data[self.at]
        self.at += size + 2
        return self.data[self.at - 1 - size : self.at - 1].decode()

    def property(self) -> tuple[str, str, object]:
        self.pad(8)
        name, kind = self.text(), self.signature()
        if kind == "s":
            return name, kind, self.text()
        if kind == "b":
            return name, kind, self.number()
        assert kind == "au"
        end = self.number() + self.at
        numbers = []
        while self.at < end:
            numbers.append(self.number())
        return name, kind, numbers


def test_a_scope_is_asked_for_with_one_process_and_delegated() -> None:
    for unit in (f"podwright-{UUID}.scope", f"podwright-{UUID}-1234567.scope"):
        body = Reader(scope.request(unit, 4711))
        assert (body.text(), body.text()) == (unit, "fail")
        size = body.number()
        body.pad(8)
        end = body.at + size
        asked = {}
        while body.at < end:
            name, kind, content = body.property()
            asked[name] = (kind, content)
        assert body.at == end
        assert asked == {
            "Description": ("s", f"podwright pod {unit[10:-6]}"),
            "Slice": ("s", "machine.slice"),
            "PIDs": ("au", [4711]),
            "Delegate": ("b", 1),
            "CollectMode": ("s", "inactive-or-failed"),
        }
        assert body.number() == 0, "no further units"
        body.pad(8)
        assert body.at == len(body.data)


def test_a_body_of_our_own_is_sent_with_its_signature() -> None:
    message = bus.encode(1, "a.b", "/c", "a.b", "D", (), ("ssa(sv)a(sa(sv))", b"body"))
    assert message.endswith(b"body")
    assert bytes([len("ssa(sv)a(sa(sv))")]) + b"ssa(sv)a(sa(sv))\0" in message
    assert int.from_bytes(message[4:8], "little") == 4
