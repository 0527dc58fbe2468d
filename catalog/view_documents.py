"""The document that lies with a materialized view's rows: its definition and what its rows were computed from.

It is the comment of the view's table, so that it changes with the rows in one step and any gateway can read it:

    {"penstock": 1, "definition": {"sql": ..., "catalog": ..., "schema": ..., "maintained": ..., "built_under": [...],
     "states": [{"column": ..., "function": ..., "arguments": [...], "parameters": [...]}],
     "integrity": "enforced", "trusted" or "stale_tolerated", "max_staleness": <seconds>},
     "types": {"<column>": "<Trino type>"}, "bounds": [["<column>", "<least>", "<greatest>"]],
     "rows": ..., "watermark": {"built_at": ..., "versions": [[["c", "s", "t"], "..."]]}}
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from catalog.materialized_views import Bound, Definition, Integrity, State, Watermark
from catalog.objects import Table, TableName
from catalog.types import TrinoType, parse_type, type_text

BEGINNING = '{"penstock":'
"""Of each document, and of no other comment."""
MARK = "$filled "
"""Begins the name of a column of no width in each table of a view, see `mark_of`."""


class Unreadable(ValueError):  # noqa: N818  (named for what the comment is)
    """The comment says that it is a document of ours, and cannot be read as one."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a view's table says of itself."""

    definition: Definition
    watermark: Watermark | None
    types: Mapping[str, TrinoType] = field(default_factory=dict)
    """Of all columns, as the definition gives them; a state's is that of the value in the definition."""
    bounds: tuple[Bound, ...] = ()
    """What lies in columns of dates and times, if anything does."""
    rows: int | None = None
    """How many it was filled with; each of another number was lost or slipped in."""


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    column: str
    function: str
    arguments: tuple[str, ...]
    parameters: tuple[str, ...] = ()


class _Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    sql: str
    catalog: str | None = None
    schema: str | None = None
    states: tuple[_State, ...] = ()
    built_under: tuple[str, ...] = ()
    maintained: Literal["none", "inserts", "full"] = "none"
    integrity: Integrity = "stale_tolerated"
    max_staleness: float | None = None


class _Watermark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    built_at: float
    versions: tuple[tuple[tuple[str, str, str], str], ...]


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    penstock: Literal[1]
    definition: _Definition
    types: dict[str, str] = {}
    bounds: tuple[tuple[str, str, str], ...] = ()
    rows: int | None = None
    watermark: _Watermark | None = None


def mark_of(comment: str | None) -> str | None:
    """Return the name of the column by which a view's table can be told from every other; None if it is none of ours.

    It is made of the document, so that a text that names it is understood by the table of that document alone.
    """
    if comment is None or not comment.startswith(BEGINNING):
        return None
    return MARK + hashlib.blake2b(comment.encode(), digest_size=16).hexdigest()


def write_document(document: Document) -> str:
    """Return the comment that a view's table carries."""
    definition, mark = document.definition, document.watermark
    states = tuple(_State(s.column, s.function, s.arguments, s.parameters) for s in definition.states)
    body = _Definition(
        definition.sql,
        definition.catalog,
        definition.schema,
        states,
        definition.built_under,
        definition.maintained,
        definition.integrity,
        definition.max_staleness,
    )
    versions = () if mark is None else tuple(((*name,), version) for name, version in sorted(mark.versions.items()))
    written = _Document(
        1,
        body,
        {name: type_text(kind) for name, kind in document.types.items()},
        tuple((each.column, each.low or "", each.high or "") for each in document.bounds),
        document.rows,
        None if mark is None else _Watermark(mark.built_at, versions),
    )
    return msgspec.json.encode(written).decode()


def read_document(name: TableName, comment: str | None) -> Document | None:
    """Read a table's comment; None where it is no document of ours. Raises Unreadable.

    `name` is the table that carries it: it is not in the document, so that a table can be renamed.
    """
    if not comment or not comment.startswith(BEGINNING):
        return None
    try:
        found = msgspec.json.decode(comment, type=_Document)
        types = {column: parse_type(text) for column, text in found.types.items()}
    except (msgspec.MsgspecError, ValueError) as error:
        raise Unreadable(f"the comment of {name} cannot be read: {error}") from None
    body, mark = found.definition, found.watermark
    states = tuple(State(s.column, s.function, s.arguments, s.parameters) for s in body.states)
    definition = Definition(
        name,
        body.sql,
        body.catalog,
        body.schema,
        states,
        body.built_under,
        body.maintained,
        body.integrity,
        body.max_staleness,
    )
    versions = {} if mark is None else {TableName(*table): version for table, version in mark.versions}
    bounds = tuple(Bound(column, low, high, nulls=True) for column, low, high in found.bounds)
    watermark = None if mark is None else Watermark(versions, mark.built_at)
    return Document(definition, watermark, types, bounds, found.rows)


def with_document_types(table: Table, document: Document) -> Table:
    """Give a view's columns the types of its definition, which the server's own types only hold the values of."""
    columns = tuple(replace(c, type=document.types.get(c.name, c.type)) for c in table.columns)
    return table if columns == table.columns else replace(table, columns=columns)
