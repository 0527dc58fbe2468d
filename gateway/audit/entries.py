"""An audit entry: one thing that happened, by whom, to what. Not yet in the chain; see `gateway.audit.chain`."""

from __future__ import annotations

import json
import math
import os
import socket
import time
import uuid
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Kind = Literal[
    "policy.change",
    "policy.simulate",
    "policy.changeset",
    "policy.diff",
    "partner.change",
    "entitlement.change",
    "token.issue",
    "token.refuse",
    "token.revoke",
    "refusal",
    "sharing.access",
    "sharing.throttle",
    "read",
    "statement",
    "impersonation",
    "query.view",
    "query.kill",
    "detokenise",
    "override",
    "bill.adjust",
    "budget.override",
    "budget.override.used",
    "budget.override.ended",
    "view.build",
    "view.drop",
    "view.quarantine",
    "view.release",
    "attestation",
    "reload.policies",
    "reload.config",
    "audit.loss",
    "audit.broken",
]
"""What an entry can be about; docs/audit.md explains each."""

MAX_DETAIL = 16_384
"""Bytes of the longest detail; longer ones keep their short members and say so."""
_MAX_TEXT = 512
_LAST_SECOND = 253_402_300_799.0  # of the year 9999
_MAX_MEMBER = 2_048


class Entry(msgspec.Struct, frozen=True):
    """Something to remember for good."""

    id: str
    """Names the entry wherever it is sent, so that sending it twice is harmless."""
    at: int
    """Microseconds since 1970."""
    kind: str
    actor: str
    """Who proved to be somebody; empty where nobody did, as with a refused token."""
    user: str
    """As whom; the same as `actor` but under impersonation."""
    subject: str
    """What it was done to: a query's id, a policy's name, a token's id."""
    outcome: str
    """`done`, `refused`, `failed`, ...: how it ended."""
    detail: str
    """JSON of one form: keys sorted, no blanks."""


def entry(
    kind: Kind,
    *,
    actor: str = "",
    user: str | None = None,
    subject: str = "",
    outcome: str = "done",
    detail: Mapping[str, Any] | None = None,
    entry_id: str | None = None,
    at: float | None = None,
) -> Entry:
    """Make an entry that any store and any sink can hold; `at` in Unix seconds, now where not given."""
    return Entry(
        id=clean(entry_id or str(uuid.uuid4())),
        at=_microseconds(time.time() if at is None else at),
        kind=kind,
        actor=clean(actor),
        user=clean(actor if user is None else user),
        subject=clean(subject),
        outcome=clean(outcome),
        detail=detail_text(detail or {}),
    )


def _microseconds(seconds: float) -> int:
    """Return a moment as a number that any store holds; 0 for what is none."""
    return round(min(max(seconds, 0.0), _LAST_SECOND) * 1_000_000) if math.isfinite(seconds) else 0


def origin() -> dict[str, object]:
    """Return where this process runs, for entries that no statement's row tells more of."""
    return {"host": socket.gethostname(), "pid": os.getpid()}


def clean(text: str) -> str:
    """Return a text without what a database or a sink refuses (NUL, lone surrogates), and not too long."""
    return _sound(text)[:_MAX_TEXT]


def detail_text(detail: Mapping[str, Any]) -> str:
    """Write a detail in its one form; members too long for it go, and `trimmed` names them."""
    text = _write(detail)
    if len(text.encode()) <= MAX_DETAIL:
        return text
    trimmed = sorted(name for name, value in detail.items() if len(_write(value)) > _MAX_MEMBER)
    kept = {name: value for name, value in detail.items() if name not in trimmed}
    text = _write({**kept, "trimmed": trimmed})
    return text if len(text.encode()) <= MAX_DETAIL else _write({"trimmed": "everything"})


def _write(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    """Return a value with sound texts only, whatever it holds."""
    if isinstance(value, str):
        return _sound(value)
    if isinstance(value, Mapping):
        return {_sound(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _sound(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
