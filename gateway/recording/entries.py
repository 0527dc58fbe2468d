"""Journal lines: what is known of a statement so far, as the usage row to write if nothing more is heard.

A line is a mark and a whole `UsageRecord` in JSON. A line marked `?` is provisional: it is what becomes of the
statement should the process die now, with outcome CUT_OFF. A line marked `=` is final. The last one counts.

A line marked `!` is an entry for the audit that no statement's row tells of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
from msgspec.structs import replace

from gateway.asked import Asked, asked_once
from gateway.audit.entries import Entry
from gateway.usage_record import Bill, Charge, UsageRecord

if TYPE_CHECKING:
    from gateway.models import Plan
    from gateway.received import Received

PROVISIONAL = b"?"
FINAL = b"="
NOTED = b"!"

MAX_LINE = 256 * 1024
"""Bytes of the longest line; longer records are trimmed field by field."""

_BLANK: dict[str, Any] = {
    "query_id": "",
    "received_at": 0.0,
    "finished_at": 0.0,
    "outcome": "CUT_OFF",
    "user": "",
    "authenticated": "",
    "auth_method": "",
    "roles": (),
    "source": None,
    "client_tags": (),
    "client_address": None,
    "trace_token": None,
    "sql": "",
    "kind": "",
    "fingerprint": "",
    "tables": (),
    "policies": (),
    "policy_version": "",
    "decision": "none",
    "reasons": (),
    "engine": None,
    "engine_query_id": None,
    "plan_cached": False,
    "stage_ms": {},
    "rows": 0,
    "bytes": 0,
    "error_code": None,
    "error_message": None,
    "client_info": None,
    "exposures": (),
    "asked": None,
    "priced": None,
    "bill": None,
    "rewritten": None,
}
"""A row of which nothing is known yet."""
_NOTHING = UsageRecord(**_BLANK)

_TYPES = get_type_hints(UsageRecord)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(UsageRecord).decode
_decode_note = msgspec.json.Decoder(Entry).decode


def opened(statement: Received, sql_limit: int) -> UsageRecord:
    """Return the provisional row of a statement that has just come through the door."""
    principal, session = statement.principal, statement.session
    return replace(
        _NOTHING,
        query_id=statement.query_id,
        received_at=statement.received_at,
        finished_at=statement.received_at,
        user=principal.user,
        authenticated=principal.authenticated,
        auth_method=principal.method,
        roles=tuple(sorted(principal.roles)),
        source=session.source,
        client_tags=session.client_tags,
        client_address=session.remote_address,
        trace_token=session.trace_token,
        client_info=session.client_info,
        sql=shortened(statement.sql, sql_limit),
        asked=asked_once(principal, session),
    )


def submitted(
    record: UsageRecord,
    plan: Plan | None,
    cached: bool,
    engine: str,
    engine_query_id: str | None,
    holds: tuple[Charge, ...] = (),
) -> UsageRecord:
    """Add what the plan decided (tables and columns read, policies, reasons), which engine now does it, and what it
    holds of budgets."""
    if holds:
        record = replace(record, bill=Bill(0, 0, "none", charges=holds))
    if plan is None:
        return replace(record, engine=engine, engine_query_id=engine_query_id)
    note = plan.noted()
    return replace(
        record,
        kind=plan.kind,
        tables=note.tables,
        policies=note.policies,
        policy_version=plan.policy_version,
        decision="allow",
        reasons=note.reasons,
        exposures=note.exposures,
        engine=engine,
        engine_query_id=engine_query_id,
        plan_cached=cached,
    )


def shortened(text: str, limit: int) -> str:
    """Cut a text to `limit` characters and say how long it was."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]} ... [{len(text)} characters]"


def encode_line(record: UsageRecord, mark: bytes) -> bytes:
    """Return the record as one line of at most `MAX_LINE` bytes."""
    try:
        text = _encode(record)
    except UnicodeEncodeError:
        record = _without_surrogates(record)
        text = _encode(record)
    for columns in (40, 0):
        if len(text) < MAX_LINE - 2:
            break
        text = _encode(_trimmed(record, columns))
    return mark + text + b"\n"


def decode_line(line: bytes) -> UsageRecord | None:
    """Return the record of a line (without its newline); None if it is damaged or cut short."""
    if line[:1] not in (PROVISIONAL, FINAL):
        return None
    try:
        return _decode(line[1:])
    except msgspec.ValidationError:
        return _salvage(line[1:])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def encode_note(note: Entry) -> bytes:
    """Return an entry for the audit as one line."""
    return NOTED + _encode(note) + b"\n"


def decode_note(line: bytes) -> Entry | None:
    """Return the entry of a line (without its newline); None if it holds none."""
    if line[:1] != NOTED:
        return None
    try:
        return _decode_note(line[1:])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _salvage(text: bytes) -> UsageRecord | None:
    """Read a line that another version wrote, or that holds an odd value: what cannot be read becomes blank."""
    try:
        known = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        return None
    if not known.get("query_id"):
        return None
    values: dict[str, Any] = {}
    for name, kind in _TYPES.items():
        try:
            values[name] = msgspec.convert(known[name], kind, strict=False)
        except (KeyError, msgspec.ValidationError):
            values[name] = _BLANK.get(name)
    return UsageRecord(**values)


def _without_surrogates(record: UsageRecord) -> UsageRecord:
    """Replace lone surrogates, which come from headers that were not UTF-8."""
    changes = {name: _clean(getattr(record, name)) for name in record.__struct_fields__}
    return replace(record, **changes)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, tuple):
        return tuple(_clean(each) for each in value)
    if isinstance(value, Asked):
        return replace(value, **{name: _clean(getattr(value, name)) for name in value.__struct_fields__})
    if isinstance(value, dict):
        return {_clean(key): each for key, each in value.items()}
    return value


def _trimmed(record: UsageRecord, columns: int) -> UsageRecord:
    """Shorten whatever can be long; `columns` says how many to keep of each table."""
    texts: dict[str, Any] = {name: _short(getattr(record, name)) for name in _TEXTS}
    return replace(
        record,
        sql=shortened(record.sql, 4096),
        tables=tuple((name[:256], action, _few(read, columns)) for name, action, read in record.tables[:20]),
        exposures=tuple(
            (name[:256], column[:128], shown, _few(tags, 10)) for name, column, shown, tags in record.exposures[:40]
        ),
        policies=_few(record.policies, 40),
        reasons=_few(record.reasons, 40),
        roles=_few(record.roles, 40),
        client_tags=_few(record.client_tags, 20),
        stage_ms=dict(list(record.stage_ms.items())[:30]),
        asked=Asked(cut=True) if record.asked is not None else None,
        **texts,
    )


def _few(values: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Keep the first values, each cut, and say how many there were."""
    kept = tuple(value[:128] for value in values[:count])
    return kept if len(values) <= count else (*kept, f"... [{len(values)} in all]")


def _short(value: str | None) -> str | None:
    return None if value is None else shortened(value, 512)


_TEXTS = (
    "user",
    "authenticated",
    "auth_method",
    "source",
    "client_address",
    "trace_token",
    "client_info",
    "kind",
    "fingerprint",
    "policy_version",
    "engine",
    "engine_query_id",
    "error_code",
    "error_message",
)
