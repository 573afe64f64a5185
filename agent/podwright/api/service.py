# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each call of the API answers; nothing here changes anything."""

from __future__ import annotations

import time

from podwright import __version__
from podwright.api import images, pods
from podwright.api.logs import Logs
from podwright.errors import NotFoundError, PodwrightError, UsageError
from podwright.stage0 import pods as directories
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from podwright.api.changes import Happened
    from podwright.api.events import Events
    from podwright.api.schema import Schema
    from podwright.cli.context import Context

API_VERSION = "1.0.0-alpha"
APPC = "0.8.11"
WAIT = 1.0
"""Seconds after which a stream looks whether its client is still there."""


class Service:
    """One method per call, called as in the schema, from several threads."""

    def __init__(self, context: Context, schema: Schema, events: Events) -> None:
        self._context = context
        self._layout = context.layout
        self._new = schema.messages
        self._names = {number: name for name, number in schema.numbers.items()
                       if name.startswith("POD_STATE_")}  # fmt: skip
        self._numbers = schema.numbers
        self._events = events

    def GetInfo(self, _request: Any, _is_active: Callable[[], bool]) -> Any:
        """Versions and directories."""
        flags = {
            "dir": self._layout.data,
            "system_config_dir": self._layout.system_config,
            "local_config_dir": self._layout.local_config,
            "user_config_dir": self._layout.user_config,
            "insecure_flags": ",".join(sorted(self._context.insecure)) or "none",
            "trust_keys_from_https": self._context.trust_keys_from_https,
        }
        info = {
            "rkt_version": __version__,
            "appc_version": APPC,
            "api_version": API_VERSION,
            "global_flags": flags,
        }
        return self._new["GetInfoResponse"](info=info)

    def ListPods(self, request: Any, _is_active: Callable[[], bool]) -> Any:
        """Pods that a filter holds for."""
        found = []
        for pod in pods.every(self._layout):
            fields = pods.fields(pod, detail=request.detail)
            if pods.matches(fields, request.filters, self._names):
                found.append(self._with_images(fields) if request.detail else fields)
        return self._new["ListPodsResponse"](pods=found)

    def InspectPod(self, request: Any, _is_active: Callable[[], bool]) -> Any:
        """One pod with everything. Raises NotFoundError."""
        pod = directories.find(self._layout, _id(request.id, "id"))
        fields = self._with_images(pods.fields(pod, detail=True))
        return self._new["InspectPodResponse"](pod=fields)

    def _with_images(self, fields: dict[str, Any]) -> dict[str, Any]:
        for app in fields.get("apps", ()):
            known = images.fields(self._layout, app["image"]["id"], detail=False)
            app["image"] = known or app["image"]
        return fields

    def ListImages(self, request: Any, _is_active: Callable[[], bool]) -> Any:
        """Images that a filter holds for."""
        every = images.every(self._layout, detail=request.detail)
        found = [one for one in every if images.matches(one, request.filters)]
        return self._new["ListImagesResponse"](images=found)

    def InspectImage(self, request: Any, _is_active: Callable[[], bool]) -> Any:
        """One image with its manifest. Raises NotFoundError."""
        found = images.find(self._layout, _id(request.id, "id"))
        if found is None:
            raise NotFoundError(f"no image has the ID {safe(request.id, 80)!r}")
        return self._new["InspectImageResponse"](image=found)

    def ListenEvents(self, request: Any, is_active: Callable[[], bool]) -> Iterator[Any]:
        """Events as they happen, from `since_time` on until `until_time`."""
        wanted = request.filter
        position = self._events.position(wanted.since_time)
        while is_active():
            left = wanted.until_time - time.time() if wanted.until_time else WAIT
            if left <= 0:
                return
            position, found = self._events.after(position, min(left, WAIT))
            told = [self._event(when, one) for when, one in found if self._asked(when, one, wanted)]
            if told:
                yield self._new["ListenEventsResponse"](events=told)

    def _asked(self, when: int, one: Happened, wanted: Any) -> bool:
        return (
            (not wanted.types or self._numbers[f"EVENT_TYPE_{one.kind}"] in wanted.types)
            and (not wanted.ids or one.id in wanted.ids)
            and (not wanted.names or one.name in wanted.names)
            and when >= wanted.since_time
            and (not wanted.until_time or when <= wanted.until_time)
        )

    def _event(self, when: int, one: Happened) -> dict[str, Any]:
        data = [{"Key": key, "value": text} for key, text in one.data]
        kind = f"EVENT_TYPE_{one.kind}"
        return {"type": kind, "id": one.id, "from": one.name, "time": when, "data": data}

    def GetLogs(self, request: Any, is_active: Callable[[], bool]) -> Iterator[Any]:
        """What apps have written, and with `follow` what they write."""
        pod = directories.find(self._layout, _id(request.pod_id, "pod_id"))
        if request.lines < 0:
            raise UsageError("lines: is negative")
        if request.app_name and request.app_name not in pods.app_names(pod):
            raise NotFoundError(f"pod {pod.uuid} has no app {safe(request.app_name, 80)!r}")
        reader = Logs(self._context, pod.uuid, request)
        try:
            for lines in reader.read(is_active):
                yield self._new["GetLogsResponse"](lines=lines)
        finally:
            reader.close()


def _id(text: str, field: str) -> str:
    """An ID that a client has given. Raises UsageError for none."""
    if not text or len(text) > 300:
        raise UsageError(f"{field}: is missing" if not text else f"{field}: is no ID")
    return text


def code_of(err: PodwrightError) -> str:
    """The name of gRPC's status for an error."""
    if isinstance(err, NotFoundError):
        return "NOT_FOUND"
    return "INVALID_ARGUMENT" if isinstance(err, UsageError) else "INTERNAL"
