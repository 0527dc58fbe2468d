"""Keep those of a view's rows that nothing happened to: they are copied into its new table, where the rest come anew.

The old table stays as it is. What is copied is held to what its document says of it, before and after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Bound, Region
from engines.clickhouse.settings import PINNED
from engines.clickhouse.sizes import identifier, literal
from engines.clickhouse.view_types import Held
from engines.views import Filling, Kept

SETTINGS: Mapping[str, str] = {
    **PINNED,
    # States made under it have another type; see rewriting.md, section 12.
    "aggregate_functions_null_for_empty": "0",
    "allow_suspicious_low_cardinality_types": "0",
    "insert_null_as_default": "0",
    "input_format_null_as_default": "1",  # an array of no values comes as NULL; all else is read as Nullable
    "max_query_size": str(1 << 30),
    "max_ast_elements": "1000000",
    "async_insert": "0",
}
"""By which views are filled."""


class Writing(Protocol):
    """What is needed of a way to reach a server that may be written to. Raises only Refusal."""

    async def rows(self, sql: str, parameters: Mapping[str, str]) -> Sequence[Sequence[str]]:
        """Run one of the engine's own catalog queries and return all its rows."""
        ...

    async def run(self, sql: str, settings: Mapping[str, str]) -> None:
        """Run a statement that answers nothing."""
        ...


async def keep_rows(
    connection: Writing, filling: Filling, columns: Sequence[Held], old: tuple[str, str], new: str
) -> int:
    """Copy the rows that stay from the old table, named by database and table; return how many these are.

    Raises Refusal where the old table does not hold what it did.
    """
    kept, path = filling.kept, ".".join(map(identifier, old))
    if kept is None:
        return 0
    await check_kept(connection, kept, old)
    anew = anew_condition(kept.anew, columns)
    listed = ", ".join(identifier(column.name) for column in columns)
    rest = f"INSERT INTO {new} ({listed}) SELECT {listed} FROM {path} WHERE NOT {anew}"  # noqa: S608  (names and texts are quoted)
    await connection.run(rest, SETTINGS)
    counted = f"SELECT toString(count()), toString(countIf({anew})) FROM {path}"  # noqa: S608  (as above)
    (there,) = await connection.rows(counted, {})
    (copied,) = await connection.rows(f"SELECT toString(count()) FROM {new}", {})  # noqa: S608  (as above)
    if int(there[0]) != kept.rows or int(copied[0]) + int(there[1]) != kept.rows:
        raise _changed()
    return int(copied[0])


async def check_kept(connection: Writing, kept: Kept, old: tuple[str, str]) -> None:
    """Hold the old table to the document that its rows were found by. Raises Refusal where it has another by now."""
    database, table = old
    condition = f"database = {literal(database)} AND name = {literal(table)}"
    found = await connection.rows(f"SELECT comment FROM system.tables WHERE {condition}", {})  # noqa: S608  (quoted)
    if [row[0] for row in found] != [kept.comment]:
        raise _changed()


def _changed() -> Refusal:
    message = "The view's own table changed while some of its rows were built again"
    return Refusal(ErrorCode.GENERIC_EXTERNAL, message, hint="Build it whole.")


def anew_condition(regions: Sequence[Region], columns: Sequence[Held]) -> str:
    """Write that a row lies in one of the regions: 1 or 0, never NULL."""
    natives = {column.name: column.native for column in columns}
    written = [" AND ".join(_within(bound, natives[bound.column]) for bound in each.bounds) for each in regions]
    return "(" + (" OR ".join(f"({each or '1'})" for each in written) or "0") + ")"


def _within(bound: Bound, native: str) -> str:
    name = identifier(bound.column)
    ends = [f"{name} {sign} {_value(end, native)}" for sign, end in ((">=", bound.low), ("<=", bound.high)) if end]
    within = f"ifNull({' AND '.join(ends) or '1'}, 0)"
    return f"({within} OR isNull({name}))" if bound.nulls else f"({within} AND NOT isNull({name}))"


def _value(text: str, native: str) -> str:
    """Write a literal of Trino's as the value that the column holds for it."""
    bare = text
    for word in ("DATE ", "TIMESTAMP ", "DECIMAL "):
        bare = bare.removeprefix(word)
    if bare.startswith("'"):
        bare = bare[1:-1].replace("''", "'")
    bare = bare.removesuffix(" UTC") if "DateTime64" in native else bare
    plain = native.removeprefix("Nullable(").removesuffix(")") if native.startswith("Nullable(") else native
    return f"CAST({literal(bare)} AS {plain})"
