"""Ask a Trino cluster what a statement reads: before it runs by EXPLAIN, and while it runs by its query information.

`EXPLAIN (TYPE IO)` names every physical table, views opened, and the columns that conditions reach. The query's own
information also names every column read, and the views by whose way it was. Both are measured on Trino 476.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from catalog.errors import Refusal
from catalog.objects import TableName
from engines.base import Engine, EngineStatement
from engines.executions import PageGone, PageUnknown
from engines.reads import Read, Reads, Unanswered
from engines.trino.explained import Explained

SOURCE = "penstock-attestation"
"""The source of the gateway's own questions, by which resource groups and logs can tell them apart."""
_ID = re.compile(r"[0-9A-Za-z_]{1,80}")
_QUESTION = "EXPLAIN (TYPE IO, FORMAT JSON) "
_KEPT_HEADERS = frozenset({"x-trino-trace-token", "x-trino-client-capabilities", "x-trino-language"})


class _SchemaTable(msgspec.Struct):
    schema: str
    table: str


class _Table(msgspec.Struct, rename="camel"):
    catalog: str
    schema_table: _SchemaTable

    @property
    def name(self) -> TableName:
        return TableName(self.catalog, self.schema_table.schema, self.schema_table.table)


class _Constrained(msgspec.Struct, rename="camel"):
    column_name: str


class _Constraint(msgspec.Struct, rename="camel"):
    column_constraints: list[_Constrained] = []


class _Input(msgspec.Struct):
    table: _Table
    constraint: _Constraint


class _Plan(msgspec.Struct, rename="camel"):
    """What EXPLAIN (TYPE IO, FORMAT JSON) answers."""

    input_table_column_infos: list[_Input]


class _Named(msgspec.Struct):
    name: str


class _Referenced(msgspec.Struct):
    column: str


class _QueryInput(msgspec.Struct, rename="camel"):
    catalog_name: str
    schema: str
    table: str
    columns: list[_Named]


class _Link(msgspec.Struct, rename="camel"):
    """One step of the way to a table; only views have a view's name."""

    catalog_name: str | None = None
    schema_name: str | None = None
    view_name: str | None = None


class _Reference(msgspec.Struct, rename="camel"):
    catalog: str
    schema: str
    table: str
    columns: list[_Referenced] = []
    view_text: str | None = None
    reference_chain: list[_Link] = []


class _QueryInfo(msgspec.Struct, rename="camel"):
    """The members of a query's information that say what it reads; a query without them has told nothing."""

    query_id: str
    inputs: list[_QueryInput]
    referenced_tables: list[_Reference]


_ROWS = msgspec.json.Decoder(list[tuple[str]])
_PLAN = msgspec.json.Decoder(_Plan)
_INFO = msgspec.json.Decoder(_QueryInfo)


async def foretell(explained: Explained, statement: EngineStatement) -> Reads:
    """Have the cluster plan a statement, as its user and with its session, and say what it would read.

    A cancelled question is cancelled on the cluster. Raises Unanswered, with the cluster's error where it gave one.
    """
    try:
        return read_plan(await explained.for_attesting(statement))
    except msgspec.MsgspecError as error:
        raise Unanswered(f"no plan of inputs and outputs: {error}") from None


async def explain_io(engine: Engine, statement: EngineStatement) -> str:
    """Return what the cluster answers to EXPLAIN (TYPE IO) of a statement, asked as its user. Raises Unanswered."""
    question = msgspec.structs.replace(
        statement,
        sql=_QUESTION + statement.sql,
        transaction=None,
        update_type=None,
        headers=_headers(statement.headers),
    )
    try:
        return "".join(row for (row,) in await _ask(engine, question))
    except Refusal as refusal:
        raise Unanswered(f"{refusal.code.name}: {refusal.detail or refusal.message}") from None
    except (PageGone, PageUnknown):
        raise Unanswered("the engine lost the question") from None
    except msgspec.MsgspecError as error:
        raise Unanswered(f"no answer to EXPLAIN: {error}") from None


def read_plan(text: str) -> Reads:
    """Read what EXPLAIN (TYPE IO) answered: the columns are those that conditions reach. Raises MsgspecError."""
    plan = _PLAN.decode(text)
    return Reads(
        tuple(
            Read(each.table.name, frozenset(column.column_name for column in each.constraint.column_constraints))
            for each in plan.input_table_column_infos
        )
    )


def info_path(query_id: str) -> str:
    """Return where a query's information is to be had, without its plan and tasks. Raises ValueError."""
    if _ID.fullmatch(query_id) is None:
        raise ValueError("no id of a query")
    return f"/v1/query/{query_id}?pruned=true"


def read_info(body: bytes, query_id: str) -> Reads:
    """Read what a query's information says: the columns are all that are read. Raises MsgspecError, Unanswered."""
    info = _INFO.decode(body)
    if info.query_id != query_id:
        raise Unanswered("the information is another query's")
    references = [_reference(each) for each in info.referenced_tables]
    ways = {(read.table, read.through) for read in references}
    inputs = []
    for each in info.inputs:
        name = TableName(each.catalog_name, each.schema, each.table)
        columns = frozenset(column.name for column in each.columns)
        through = [way for table, way in ways if table == name] or [()]
        inputs += [Read(name, columns, through=way) for way in through]
    return Reads((*inputs, *references))


def _reference(each: _Reference) -> Read:
    chain = tuple(
        TableName(link.catalog_name, link.schema_name, link.view_name)
        for link in each.reference_chain
        if link.catalog_name is not None and link.schema_name is not None and link.view_name is not None
    )
    columns = frozenset(column.column for column in each.columns)
    return Read(TableName(each.catalog, each.schema, each.table), columns, each.view_text, chain)


def _headers(headers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    kept = [(name, value) for name, value in headers if name.lower() in _KEPT_HEADERS]
    return (("X-Trino-Source", SOURCE), *kept)


async def _ask(engine: Engine, question: EngineStatement) -> list[Any]:
    submission = await engine.submit(question, "attestation")
    page, cursor, rows = submission.page, submission.cursor or None, []
    try:
        while page is not None or cursor:
            page = page or await engine.page(cursor or "")
            if page.failed is not None:
                raise Unanswered(f"the engine failed the question: {page.failed}", page.members.get("error"))
            cursor, data, page = page.next, page.members.get("data"), None
            rows += _ROWS.decode(data) if data else []
    except asyncio.CancelledError:
        if cursor:
            with suppress(Refusal):
                await engine.cancel(cursor)
        raise
    return rows
