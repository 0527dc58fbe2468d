"""Which entries a statement's usage row makes. They are worked out where rows go to the store: nothing waits for it.

Their ids follow from the query's, so that a row sent twice makes each entry once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import Any, Literal

import msgspec

from gateway.audit.entries import Entry, Kind, entry
from gateway.models import Exposed
from gateway.usage_record import UsageRecord

Reads = Literal["unmasked", "sensitive", "all"]
"""Which reads leave an entry: of protected columns in clear, of protected columns at all, or every statement run."""

_DENIALS = frozenset({"PERMISSION_DENIED"})


def entries_of(record: UsageRecord, reads: Reads = "sensitive") -> Iterator[Entry]:
    """Yield the entries that a usage row makes."""
    if record.outcome == "REFUSED" or record.error_code in _DENIALS:
        yield _of(record, "refusal", "refused", _refused(record))
    if record.outcome != "REFUSED":
        shown = {shown for _, _, shown, _ in record.exposures}
        if record.engine is not None and ("clear" in shown or (shown and reads != "unmasked")):
            yield _of(record, "read", _how(shown), _read(record))
        if reads == "all":
            yield _of(record, "statement", record.outcome.lower(), _read(record))
    if record.authenticated != record.user:
        detail = {"kind": record.kind, "method": record.auth_method, "outcome": record.outcome}
        yield _of(record, "impersonation", "refused" if record.outcome == "REFUSED" else "done", detail)


def access_of(record: UsageRecord) -> Entry:
    """Return the entry of a partner's statement, whatever became of it: what his usage report adds up.

    It happened when the row says, to the millisecond that the store keeps, so that both count it in the same period.
    """
    detail = {
        "partner": record.user,
        "decision": record.decision,
        "code": record.error_code,
        "kind": record.kind,
        "tables": [name for name, _, _ in record.tables],
        "engine": record.engine,
        "method": record.auth_method,
        "rows": record.rows,
        "bytes": record.bytes,
        "scanned_bytes": record.scanned_bytes,
    }
    return _of(
        msgspec.structs.replace(record, finished_at=round(record.finished_at, 3)),
        "sharing.access",
        record.outcome.lower(),
        detail,
    )


def _of(record: UsageRecord, kind: Kind, outcome: str, detail: dict[str, Any]) -> Entry:
    """Make an entry of a row. A row of a crash and the one that replaces it are two, and so are their entries."""
    half = ":cut" if record.outcome == "CUT_OFF" else ""
    common = {
        "address": record.client_address,
        "policy_version": record.policy_version,
        "source": record.source,
        "sql_sha256": sql_hash(record.sql),
    }
    return entry(
        kind,
        actor=record.authenticated,
        user=record.user,
        subject=record.query_id,
        outcome=outcome,
        detail={name: value for name, value in {**common, **detail}.items() if value not in (None, "", ())},
        entry_id=f"{kind}:{record.query_id}{half}",
        at=record.finished_at,
    )


def sql_hash(sql: str) -> str:
    """Return the hash that ties an entry to the statement's text in the usage row, as the row keeps it."""
    return hashlib.sha256(sql.replace("\x00", "\ufffd").encode("utf-8", "replace")).hexdigest()


def _refused(record: UsageRecord) -> dict[str, Any]:
    return {
        "code": record.error_code,
        # The lines below the first may offer statements, which hold the caller's own literals.
        "message": record.error_message.split("\n", 1)[0] if record.error_message else record.error_message,
        "kind": record.kind,
        "policies": record.policies,
        "tables": [name for name, _, _ in record.tables],
    }


def _read(record: UsageRecord) -> dict[str, Any]:
    """Tell what was read: each protected column by how it was shown; how much went to the client."""
    return {
        "clear": _columns(record.exposures, "clear"),
        "masked": _columns(record.exposures, "masked"),
        "denied": _columns(record.exposures, "denied"),
        "kind": record.kind,
        "tables": [name for name, _, _ in record.tables],
        "engine": record.engine,
        "ended": record.outcome,
        "rows": record.rows,
        "bytes": record.bytes,
    }


def _columns(exposures: tuple[Exposed, ...], how: str) -> dict[str, list[str]]:
    """Return the columns shown in one way, each with its tags, by dotted name."""
    return {f"{table}.{column}": list(tags) for table, column, shown, tags in exposures if shown == how}


def _how(shown: Collection[str]) -> str:
    return next(way for way in ("clear", "masked", "denied") if way in shown)
