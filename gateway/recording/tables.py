"""The store's tables, typed, the same for SQLite and Postgres, and the passage between rows and `UsageRecord`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from gateway.usage_record import UsageRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_INTEGER = 2**63 - 1
_MAX_SECONDS = 253_402_300_799  # the last second of the year 9999


class Instant(TypeDecorator[float]):
    """Hold a moment as Unix seconds, to the millisecond: TIMESTAMPTZ in Postgres, epoch milliseconds in SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type."""
        native = DateTime(timezone=True) if dialect.name == "postgresql" else BigInteger()
        return dialect.type_descriptor(native)

    def process_bind_param(self, value: float | None, dialect: Dialect) -> object:
        """Convert Unix seconds on the way in."""
        if value is None:
            return None
        milliseconds = round(min(max(value, 0.0), _MAX_SECONDS) * 1000)
        return _EPOCH + timedelta(milliseconds=milliseconds) if dialect.name == "postgresql" else milliseconds

    def process_result_value(self, value: Any, dialect: Dialect) -> float | None:
        """Convert to Unix seconds on the way out."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return float((value - _EPOCH) // timedelta(milliseconds=1) / 1000)
        return float(value / 1000)


Document = JSON().with_variant(JSONB(), "postgresql")
"""A list or an object, queryable by either database's JSON functions."""


def _optional() -> TypeEngine[Any]:
    """Return the type of a document that may be missing: SQL's NULL then, not JSON's."""
    return JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


metadata = MetaData()

usage = Table(
    "penstock_usage",
    metadata,
    Column("query_id", Text, primary_key=True),
    Column("received_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("authenticated", Text, nullable=False),
    Column("auth_method", Text, nullable=False),
    Column("roles", Document, nullable=False),
    Column("source", Text),
    Column("client_tags", Document, nullable=False),
    Column("client_address", Text),
    Column("trace_token", Text),
    Column("sql_text", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("tables", Document, nullable=False),
    Column("policies", Document, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reasons", Document, nullable=False),
    Column("engine", Text),
    Column("engine_query_id", Text),
    Column("plan_cached", Boolean, nullable=False),
    Column("stage_ms", Document, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("byte_count", BigInteger, nullable=False),
    Column("scanned_bytes", BigInteger),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("client_info", Text),
    Column("exposures", Document),
    Column("asked", _optional()),
    Column("partner", Text),
    Column("priced", _optional()),
    Column("bill", _optional()),
    Column("cost_nano", BigInteger),
    Column("rewritten", _optional()),
    Index("penstock_usage_received", "received_at"),
    Index("penstock_usage_finished", "finished_at"),
    Index("penstock_usage_user", "user_name", "received_at"),
    Index("penstock_usage_fingerprint", "fingerprint"),
    Index("penstock_usage_partner", "partner", "finished_at"),
)
"""One row per statement. `tables` holds `[dotted name, action, [columns]]` lists, `stage_ms` milliseconds by stage;
`cost_nano` is the bill's sum in nanodollars, for adding up; `partner` is set where the user was a registered partner
when the row came: see `gateway.partners.usage`."""

workers = Table(
    "penstock_workers",
    metadata,
    Column("worker", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("seen_at", Float(53), nullable=False),
)
"""One row per live worker, by which workers and replicas find one another: see `gateway.workers`."""

policies = Table(
    "penstock_policies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("parent", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("document", Text, nullable=False),
    UniqueConstraint("name", "version", name="penstock_policies_version"),
    Index(
        "penstock_policies_live",
        "name",
        unique=True,
        postgresql_where=text("state = 'live'"),
        sqlite_where=text("state = 'live'"),
    ),
)
"""One row per version of a policy document: see `gateway.policy_store.store`."""

audit = Table(
    "penstock_audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("prev", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("penstock_audit_at", "at"),
    Index("penstock_audit_user", "user_name", "at"),
    Index("penstock_audit_kind", "kind", "at"),
)
"""The audit's chain: see `gateway.audit.chain`. Only types that both databases give back to the byte."""

vault = Table(
    "penstock_vault",
    metadata,
    Column("space", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""One row per value of a column whose tokens can be turned back: see `gateway.vault`."""

_RENAMED = {"user": "user_name", "sql": "sql_text", "rows": "row_count", "bytes": "byte_count"}
"""Fields whose column has another name: all four are SQL words."""

_FIELDS = {_RENAMED.get(name, name): name for name in UsageRecord.__struct_fields__}
"""Column name to field name."""
_TEXTS = [name for name in _FIELDS if isinstance(usage.columns[name].type, Text)]
_INTEGERS = [name for name in _FIELDS if isinstance(usage.columns[name].type, BigInteger)]


def to_row(record: UsageRecord) -> dict[str, Any]:
    """Return a row that both databases accept, whatever the record's texts and numbers hold."""
    row = {column: getattr(record, field) for column, field in _FIELDS.items()}
    for name in _TEXTS:
        if row[name] is not None and "\x00" in row[name]:
            row[name] = row[name].replace("\x00", "\ufffd")
    for name in _INTEGERS:
        if row[name] is not None and abs(row[name]) > _MAX_INTEGER:
            row[name] = _MAX_INTEGER
    for name in ("asked", "priced", "bill", "rewritten"):
        row[name] = None if row[name] is None else msgspec.to_builtins(row[name])
    row["cost_nano"] = None if record.bill is None else record.bill.nano
    return row


def from_row(row: Mapping[str, Any]) -> UsageRecord:
    """Return the record that a row holds."""
    values = {field: row[column] for column, field in _FIELDS.items()}
    values["exposures"] = values["exposures"] or ()  # rows from before the column came
    return msgspec.convert(values, UsageRecord)
