# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apps say of themselves by sd_notify(3), and what PID 1 says to a service manager of the host.

Each app that speaks has a socket of its own in its /dev. The kernel tells who sent a message:
only processes of that app are heard, found by the app's control group, so that no app can speak for another
that it sees. Descriptors are never kept, and never ours at all, since closing them may take time:
a child takes the message once it was read, and ends. That also tells a sender that waits
(BARRIER=1) that it was.

In fly, where /dev is the host's, the address is an abstract one that the kernel chooses.
"""

from __future__ import annotations

import _socket
import os
import time

from podwright.kernel import beneath, fs, signals, unixsocket
from podwright.stage1.namespaces import link as messages
from podwright.stage2.appstate import MAIN, NEVER
from podwright.stage2.family import processes
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.cgroups import PodCgroup
    from podwright.stage1.namespaces.link import Inside
    from podwright.stage1.namespaces.plan import AppPlan, PodPlan
    from podwright.stage2.app import Target
    from podwright.stage2.appstate import App

NAME = "podwright-notify"
TOLD = "/rkt/told"
"""Where an app's last STATUS= stands, in the pod's root, which the host reads (`status`)."""
LARGEST = 4096
AT_ONCE = 64
"""Messages of one app that are read before anything else is looked at."""
PAUSE = 1.0
"""Seconds between two statuses of an app that are passed on."""
LONGEST = 200
"""Letters of a status."""
MOMENT = 1.0
"""Seconds that a child has for a message with descriptors, and until a fork is tried again."""


class Voice:
    """What one app says.

    address   its NOTIFY_SOCKET
    group     descriptor of its control group, or -1
    fed       until when it must say that it is alive (monotonic)
    said      its status that is still to be passed on, from `due` on
    loaded    its next message was heard, and has descriptors with it
    taker     the child that takes that, or 0; it is killed, or another one is tried, at `late`
    """

    def __init__(self, name: str, address: str, channel: _socket.socket, group: int) -> None:
        self.name = name
        self.address = address
        self.channel = channel
        self.group = group
        self.began = 0.0
        self.fed = NEVER
        self.said: Optional[str] = None
        self.told = ""
        self.due = 0.0
        self.refused = False
        self.loaded = False
        self.taker = 0
        self.late = NEVER


def speaks(app: AppPlan) -> bool:
    """Whether an app is listened to."""
    return bool(app.life.notify) or app.life.watchdog is not None


def listen(pod: int, plan: PodPlan, group: PodCgroup) -> list[Voice]:
    """Make the sockets, in the roots as they are below `pod`, before that is entered."""
    made = []
    for app in plan.apps:
        if speaks(app):
            files = group.app_files(app.name)
            own = os.open(os.path.dirname(files[0]), beneath.DIRECTORY) if files else -1
            made.append(_voice(pod, app, own))
    os.close(beneath.make_dirs(pod, TOLD[1:]))
    return made


def _voice(pod: int, app: AppPlan, group: int) -> Voice:
    channel = unixsocket.datagram()
    channel.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
    if app.kept:
        channel.bind("")
        name: bytes = channel.getsockname()
        address = "@" + name[1:].decode()
    else:
        dev = beneath.open_strict(pod, f"{app.root}/dev", beneath.DIRECTORY)
        unixsocket.bind(channel, dev, NAME, 0o666)
        os.close(dev)
        address = f"/dev/{NAME}"
    unixsocket.notify(channel.fileno())
    return Voice(app.name, address, channel, group)


def told(target: Target, voices: list[Voice]) -> Target:
    """The app with what its program must know to speak."""
    for voice in voices:
        if voice.name == target.plan.name:
            said = [("NOTIFY_SOCKET", voice.address)]
            if target.plan.life.watchdog is not None:
                said.append(("WATCHDOG_USEC", str(int(target.plan.life.watchdog * 1e6))))
            return replace(target, main_environment=(*target.main_environment, *said))
    return target


class Notices:
    """Hears the apps, and speaks for the pod.

    every   seconds between two signs of life of ours
    """

    def __init__(self, voices: list[Voice], apps: list[App], link: Inside) -> None:
        known = {app.name: app for app in apps}
        self.voices = [(voice, known[voice.name]) for voice in voices]
        self.alone = len(apps) == 1
        self.link = link
        self.outer = link.outer
        self.every = link.watchdog / 2
        self.ping = time.monotonic() if self.every and self.outer >= 0 else NEVER
        self.more = False

    def tick(self) -> None:
        """Hear what was said, end those who do not say that they are alive, say that we are."""
        self.more = False
        now = time.monotonic()
        for voice, app in self.voices:
            self._hear(voice, app)
            if app.life.watchdog is not None:
                self._watch(voice, app, now)
            if voice.said is not None and now >= voice.due:
                self._pass_on(voice, now)
        if now >= self.ping:
            self.ping = now + self.every
            self._tell("WATCHDOG=1")

    def due(self) -> float:
        """When `tick` has something to do without a signal (monotonic)."""
        if self.more:
            return 0.0
        times = [self.ping, *(min(voice.fed, voice.late) for voice, _ in self.voices)]
        return min(times + [voice.due for voice, _ in self.voices if voice.said is not None])

    def ended(self, pid: int) -> bool:
        """A child of PID 1 was reaped; whether it was one of ours."""
        for voice, _ in self.voices:
            if voice.taker == pid:
                voice.taker, voice.late, voice.loaded = 0, NEVER, False
                return True
        return False

    def _hear(self, voice: Voice, app: App) -> None:
        for _ in range(AT_ONCE):
            if voice.loaded:
                self._take(voice)
                return
            try:
                data, pid, voice.loaded = unixsocket.receive_from(voice.channel, LARGEST)
            except BlockingIOError:
                return
            if app.phase == MAIN and app.pid and self._is_of(pid, voice, app):
                self._said(voice, app, data.decode("utf-8", "replace"))
                if voice.loaded and not voice.refused and b"BARRIER=1" not in data:
                    voice.refused = True
                    self._note(app, "it hands descriptors over, which are not kept")
        self.more = True

    def _take(self, voice: Voice) -> None:
        """Have the message with descriptors taken; what follows it waits for that."""
        now = time.monotonic()
        if voice.late != NEVER and now < voice.late:
            return
        voice.late = now + MOMENT
        if voice.taker:  # somebody in the pod has stopped it
            os.kill(voice.taker, signals.SIGKILL)
            return
        try:
            voice.taker = unixsocket.discard(voice.channel)
        except OSError:
            return  # the pod has no more processes for the moment

    def _is_of(self, pid: int, voice: Voice, app: App) -> bool:
        """Whether a process is the app's; who has ended meanwhile is not, and nobody of the host."""
        if pid == app.pid or voice.group < 0 or pid <= 1:
            return pid == app.pid
        try:
            return pid in processes(voice.group)
        except OSError:
            return False

    def _said(self, voice: Voice, app: App, text: str) -> None:
        for line in text.split("\n"):
            name, _, said = line.partition("=")
            if name == "READY" and said == "1":
                app.said_ready = True
            elif name == "STATUS":
                voice.said = safe(said, LONGEST)
            elif name == "WATCHDOG" and app.life.watchdog is not None and voice.fed != NEVER:
                alive = time.monotonic() + app.life.watchdog
                voice.fed = 0.0 if said == "trigger" else alive

    def _watch(self, voice: Voice, app: App, now: float) -> None:
        """Its time begins with its program, or when it is ready for the first time."""
        assert app.life.watchdog is not None
        if app.phase != MAIN or not app.pid or app.asked:
            voice.fed = NEVER
        elif app.began != voice.began and (app.was_ready or not app.life.notify):
            voice.began, voice.fed = app.began, now + app.life.watchdog
        elif now >= voice.fed:
            voice.fed = NEVER
            why = f"it has not said that it is alive for {app.life.watchdog:g} s"
            self._note(app, why)
            app.ended_for = f"watchdog: {why}"
            os.kill(app.pid, signals.SIGABRT)
            app.due = now + app.plan.stop_timeout

    def _pass_on(self, voice: Voice, now: float) -> None:
        text, voice.said, voice.due = voice.said or "", None, now + PAUSE
        if text == voice.told:
            return
        voice.told = text
        try:
            fs.write_atomic(f"{TOLD}/{voice.name}", text.encode(), 0o644, durable=False)
        except OSError as err:  # a full disk is no reason to end the pod
            self.link.report(messages.NOTE, f"app {voice.name}: its status is lost: {safe(err)}")
        self._tell(f"STATUS={text}" if self.alone else f"STATUS={voice.name}: {text}")

    def _tell(self, text: str) -> None:
        if self.outer >= 0:
            unixsocket.try_send(self.outer, text.encode())

    def _note(self, app: App, text: str) -> None:
        self.link.report(messages.NOTE, f"app {app.name}: {text}")
