"""Make entries of what happens beside statements: refused tokens, reloads, others' queries, losses."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gateway import events
from gateway.audit.entries import Entry, Kind, entry, origin

if TYPE_CHECKING:
    from gateway.events import EventBus

_REPEAT_SECONDS = 60.0
_MOST_KEYS = 1_000
_MOST_SEEN = 20_000
_LISTED = 100
"""How many of the queries that somebody saw an entry names; all are counted."""


_COUNTED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "token.refuse": (("method", "reason", "address"), "refused"),
    "sharing.throttle": (("partner", "limit"), "refused"),
}
"""What an entry that stands for many tells, and how they ended."""


class Repeats:
    """Let the first of equal things through and count the rest, so that nobody can flood the audit from outside."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._heard: dict[tuple[str, ...], int] = {}

    def first(self, key: tuple[str, ...]) -> bool:
        """Tell whether this is the first of its kind since the last `due`; others are counted."""
        if key not in self._heard and len(self._heard) >= _MOST_KEYS:
            key = (key[0], *("..." for _ in key[1:]))
        known = key in self._heard
        self._heard[key] = self._heard.get(key, -1) + 1
        return not known

    def due(self) -> Mapping[tuple[str, ...], int]:
        """Return what repeated, and how often; then begin anew."""
        heard, self._heard = self._heard, {}
        return {key: count for key, count in heard.items() if count}


class Watch:
    """Listen to the bus and note entries."""

    def __init__(self, bus: EventBus, note: Callable[[Entry], None]) -> None:
        """Listen from now on."""
        self._note = note
        self._repeats = Repeats()
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe = [
            bus.subscribe(events.AuthenticationFailed, self._not_authenticated),
            bus.subscribe(events.PolicyReloaded, self._policies),
            bus.subscribe(events.ConfigReloaded, self._config),
            bus.subscribe(events.OthersQueries, self._others_queries),
            bus.subscribe(events.StatementAttested, self._attested),
            bus.subscribe(events.RowsLost, self._rows_lost),
            bus.subscribe(events.JournalRecovered, self._recovered),
            bus.subscribe(events.AuditForwardingLost, self._not_forwarded),
            bus.subscribe(events.PartnerAsked, self._partner),
        ]

    def start(self) -> None:
        """Begin to note now and then what repeated."""
        self._task = asyncio.create_task(self._tell_repeats())

    async def close(self) -> None:
        """Note what repeated until now, and stop listening."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.tell_repeats()

    def tell_repeats(self) -> None:
        """Note what repeated since this was last done."""
        for (kind, *told), count in self._repeats.due().items():
            self._add(kind, told, {"repeated": count})  # type: ignore[arg-type]  # (a kind that `_count` was given)

    async def _tell_repeats(self) -> None:
        while True:
            await asyncio.sleep(_REPEAT_SECONDS)
            with contextlib.suppress(Exception):
                self.tell_repeats()

    def _count(self, kind: Kind, *told: str, detail: Mapping[str, Any] | None = None) -> None:
        """Note the first of equal things at once; the others are told later, as one."""
        if self._repeats.first((kind, *told)):
            self._add(kind, told, detail or {})

    def _add(self, kind: Kind, told: Any, detail: Mapping[str, Any]) -> None:
        names, outcome = _COUNTED.get(kind, (("what", "reason"), "failed"))
        known = {name: value for name, value in zip(names, told, strict=False) if value}
        self._note(entry(kind, subject=told[0], outcome=outcome, detail={**known, **detail, **origin()}))

    def _not_authenticated(self, event: events.AuthenticationFailed) -> None:
        self._count("token.refuse", event.method, event.reason, event.address or "")

    def _partner(self, event: events.PartnerAsked) -> None:
        if event.decision == "throttle":
            self._count("sharing.throttle", event.partner, event.limit)

    def _not_forwarded(self, event: events.AuditForwardingLost) -> None:
        self._count("audit.loss", f"sink {event.sink}", event.reason, detail={"lines": event.entries})

    def _rows_lost(self, event: events.RowsLost) -> None:
        self._count("audit.loss", "usage rows", event.reason, detail={"rows": event.rows})

    def _recovered(self, event: events.JournalRecovered) -> None:
        if event.damaged:
            detail = {"lines": event.damaged, "cut_off": event.cut_off}
            self._count("audit.loss", "journal lines", "damaged", detail=detail)

    def _policies(self, event: events.PolicyReloaded) -> None:
        detail = {"version": event.version, "error": event.error, **origin()}
        outcome = "done" if event.ok else "failed"
        self._note(entry("reload.policies", subject=event.version, outcome=outcome, detail=detail))

    def _config(self, event: events.ConfigReloaded) -> None:
        outcome = "done" if event.ok else "failed"
        self._note(entry("reload.config", outcome=outcome, detail={"error": event.error, **origin()}))

    def _others_queries(self, event: events.OthersQueries) -> None:
        """Note whose queries somebody ended, and those that he sees for the first time: lists are asked for often."""
        kind: Kind = "query.view" if event.way == "view" else "query.kill"
        queries = [each for each in event.queries if event.way == "kill" or self._is_new(event.user, each[0])]
        if not queries:
            return
        listed = [{"query": query, "user": user} for query, user in queries[:_LISTED]]
        subject = queries[0][0] if len(queries) == 1 else ""
        self._note(entry(kind, actor=event.user, subject=subject, detail={"queries": listed, "count": len(queries)}))

    def _is_new(self, viewer: str, query: str) -> bool:
        known = (viewer, query) in self._seen
        self._seen[viewer, query] = None
        if len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        return not known

    def _attested(self, event: events.StatementAttested) -> None:
        if event.result == "different":
            detail = {"engine": event.engine, "found": list(event.found)}
            self._note(entry("attestation", subject=event.query_id, outcome="failed", detail=detail))
