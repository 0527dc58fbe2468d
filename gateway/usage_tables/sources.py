"""Each table of usage, by where the store has what its columns show.

The texts of statements and of their errors are shown to who sent them only, whatever policies grant: they hold other
people's literals. What a refused statement named is shown where it was refused for its price only: else a list of names
would tell which tables exist. Estimates are not shown of statements on tables of which policies hide rows from their
sender: he could bring about as many as he likes, and they follow what the hidden rows hold.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.usage_tables.queries import Source, Words
from policies.budgets.model import UNLIMITED

_ADJUSTED = (
    "penstock_usage u LEFT JOIN ("
    "SELECT query_id, CAST(sum(nano) AS bigint) AS nano, CAST(sum(bytes) AS bigint) AS bytes"
    " FROM penstock_adjustments GROUP BY query_id) a ON a.query_id = u.query_id"
)


_RESERVED = (
    "penstock_budget_accounts u LEFT JOIN ("
    "SELECT account, CAST(sum(reserved) AS bigint) AS reserved FROM penstock_budget_leases GROUP BY account"
    ") r ON r.account = u.id"
)

BUDGETS = "budgets"
Held = tuple[str, str, str]
"""A budget, its holder and its unit."""


def sources_of(table: str, words: Words, held: Iterable[Held] = ()) -> tuple[Source, ...]:
    """Return what makes the rows of a table; `held` are the accounts of budgets from which who asks spends."""
    return _budgets(words, tuple(held)) if table == BUDGETS else _TABLES[table](words)


def _statements(words: Words) -> tuple[Source, ...]:
    def own(column: str) -> str:
        return f"CASE WHEN u.user_name = :me THEN {column} END"

    def estimated(column: str) -> str:
        return f"CASE WHEN coalesce({words.whole('u.priced', 'rows_hidden')}, 0) = 0 THEN {column} END"

    columns = {
        "query_id": "u.query_id",
        "user": "u.user_name",
        "source": "u.source",
        "kind": "u.kind",
        "outcome": "u.outcome",
        "engine": "u.engine",
        "received": words.millis("u.received_at"),
        "finished": words.millis("u.finished_at"),
        "tables": "CASE WHEN u.outcome = 'REFUSED' AND u.priced IS NULL THEN NULL ELSE CAST(u.tables AS text) END",
        "rows": "u.row_count",
        "result_bytes": "u.byte_count",
        "scanned_bytes": "u.scanned_bytes",
        "billed_bytes": f"coalesce({words.whole('u.bill', 'bytes')}, 0) + coalesce(a.bytes, 0)",
        "estimated_bytes_low": estimated(words.whole("u.priced", "bytes.0")),
        "estimated_bytes": estimated(words.whole("u.priced", "bytes.1")),
        "estimated_bytes_high": estimated(words.whole("u.priced", "bytes.2")),
        "estimate_basis": estimated(words.text("u.priced", "basis")),
        "estimated_usd": estimated(words.whole("u.priced", "nano.1")),
        "cost_usd": "coalesce(u.cost_nano, 0) + coalesce(a.nano, 0)",
        "adjusted_usd": "coalesce(a.nano, 0)",
        "cost_basis": words.text("u.bill", "basis"),
        "rate": words.text("u.bill", "rate"),
        "error_code": "u.error_code",
        "error_message": own("u.error_message"),
        "query": own("u.sql_text"),
    }
    return (Source(columns, _ADJUSTED, "u.received_at", "u.user_name"),)


def _shares(words: Words) -> tuple[Source, ...]:
    def columns(user: str, number: str, moment: str) -> dict[str, str]:
        return {
            "query_id": "u.query_id",
            "adjustment": number,
            "user": user,
            "entered": words.millis(moment),
            "table_name": f"nullif({words.share(0)}, '')",
            "cost_usd": words.share(1),
        }

    billed = f"penstock_usage u CROSS JOIN {words.shares('u.bill', 'shares')}"
    adjusted = f"penstock_adjustments u CROSS JOIN {words.shares('u.shares', '')}"
    return (
        Source(columns("u.user_name", "0", "u.finished_at"), billed, "u.finished_at", "u.user_name"),
        Source(columns("u.user_name", "u.number", "u.at"), adjusted, "u.at", "u.user_name"),
    )


def _adjustments(words: Words) -> tuple[Source, ...]:
    columns = {
        "query_id": "u.query_id",
        "adjustment": "u.number",
        "user": "u.user_name",
        "entered": words.millis("u.at"),
        "bytes": "u.bytes",
        "cost_usd": "u.nano",
        "reason": "u.reason",
    }
    return (Source(columns, "penstock_adjustments u", "u.at", "u.user_name"),)


def _budgets(words: Words, held: tuple[Held, ...]) -> tuple[Source, ...]:
    """Return the accounts of budgets: their user is who asks, where he spends from them, and nobody else."""

    def of(unit: str, figure: str) -> str:
        return f"CASE WHEN u.unit = '{unit}' THEN {figure} END"

    limit = f"nullif(u.most, {UNLIMITED})"
    figures = {"limit": limit, "used": "u.spent", "left": f"{limit} - u.spent", "reserved": "coalesce(r.reserved, 0)"}
    mine = " OR ".join(f"(u.budget = :b{n} AND u.holder = :h{n} AND u.unit = :u{n})" for n in range(len(held)))
    named = {f"{part}{n}": text for n, each in enumerate(held) for part, text in zip("bhu", each, strict=True)}
    user = f"CASE WHEN {mine or '1 = 0'} THEN :me END"
    columns = {
        "account": "u.id",
        "budget": "u.budget",
        "holder": "u.holder",
        "user": user,
        "unit": "u.unit",
        "begins": words.millis("u.starts_at"),
        "resets": words.millis("u.ends_at"),
        **{f"{name}_{unit}": of(unit, figure) for name, figure in figures.items() for unit in ("usd", "bytes")},
    }
    return (Source(columns, _RESERVED, "u.starts_at", user, named),)


_TABLES = {"adjustments": _adjustments, "shares": _shares, "statements": _statements}
