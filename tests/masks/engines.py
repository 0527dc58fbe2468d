"""The same raw values on the real Trino, ClickHouse and the embedded lake, and one batch of masks asked of each."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pydantic import TypeAdapter
from pyiceberg.catalog.sql import SqlCatalog

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression
from catalog.objects import Column, TableName
from catalog.types import BIGINT, VARCHAR, TrinoType, row, type_text
from engines.lake.engine import LakeEngine
from policies.mask_specs import MaskSpec
from policies.masks import HashKey, build_mask
from rewrite_rules.translate_clickhouse.native import native
from tests.engines.lake.asking import Lake
from tests.protocol.talking import CAPABLE, tell
from tests.real.clickhouse import ask, embedded, run_script
from tests.rewrite_rules.translate_clickhouse.planning import plan

SPEC: TypeAdapter[MaskSpec] = TypeAdapter(MaskSpec)
PERSON = row(("name", VARCHAR), ("age", BIGINT), ("home", row(("street", VARCHAR), ("city", VARCHAR))))
EMAIL = {"kind": "email", "template": "user-****@****.com"}
ADDRESS = {"kind": "email", "show": "domain"}
CODE = {"kind": "regexp", "pattern": r"([A-Z]{2})-\d+", "show": "$1-****", "otherwise": "none"}
PLANTS = {"kind": "lookup", "values": {"Oak": "tree", "Elm": "tree", "Rose": "flower"}, "otherwise": "other"}
KEYS = {"pii": HashKey(b"k" * 32, frozenset({"lake", "clickhouse", "trino"}))}
Spec = dict[str, object]
_NUMBERS = itertools.count()
_ROWS_A_STATEMENT = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """A column of raw values, given as SQL literals that each engine reads, and the masks to put on it."""

    type: TrinoType
    values: Sequence[object]
    specs: Sequence[Spec]


def masked(of: TrinoType, engine: str, spec: Spec) -> str:
    """Return a mask's text over a column `c`."""
    custom = parse_expression(str(spec["expression"])) if spec["kind"] == "sql" else None
    return generate(build_mask(SPEC.validate_python(spec), Column("c", of), engine, KEYS, custom))


def query(batch: Batch, engine: str, table: str) -> str:
    """Write the question for a batch's masks over a table of it."""
    masks = (f"{masked(batch.type, engine, spec)} AS m{at}" for at, spec in enumerate(batch.specs))
    return f"SELECT {', '.join(masks)} FROM {table} ORDER BY id"


def on_trino(batch: Batch, url: str) -> list[list[object]]:
    """Ask the real Trino for the masks, row by row in the values' order."""
    table = f"memory.default.masks_{next(_NUMBERS)}_{uuid.uuid4().hex[:8]}"
    _told(url, f"CREATE TABLE {table} (id bigint, c {type_text(batch.type)})")
    rows = [f"({at}, {trino_literal(value, batch.type)})" for at, value in enumerate(batch.values)]
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        _told(url, f"INSERT INTO {table} VALUES {', '.join(rows[start : start + _ROWS_A_STATEMENT])}")
    found = _told(url, query(batch, "trino", table))
    _told(url, f"DROP TABLE {table}")
    return found


def _told(url: str, sql: str) -> list[list[object]]:
    told = tell(url, sql, headers=CAPABLE)
    assert told.error is None, told.error
    return told.rows


def trino_literal(value: object, kind: TrinoType) -> str:
    """Write a value for Trino, texts by their bytes."""
    if value is None:
        return f"CAST(NULL AS {type_text(kind)})"
    if kind.base in ("varchar", "char"):
        return f"CAST(from_utf8(X'{str(value).encode().hex()}') AS {type_text(kind)})"
    if kind.base == "array":
        assert isinstance(value, list)
        inner = ", ".join(trino_literal(v, kind.arguments[0]) for v in value)
        return f"CAST(ARRAY[{inner}] AS {type_text(kind)})"
    if kind.base == "row":
        assert isinstance(value, dict)
        fields = zip(value.values(), kind.arguments, strict=True)
        return f"CAST(ROW({', '.join(trino_literal(v, t) for v, t in fields)}) AS {type_text(kind)})"
    if kind.base == "timestamp with time zone" and not isinstance(value, str):
        value = f"{value} UTC"
    text = str(value).replace("inf", "Infinity").replace("nan", "NaN")
    return f"CAST('{text}' AS {type_text(kind)})"


def on_clickhouse(batch: Batch) -> list[list[object]]:
    """Ask ClickHouse for the masks, by the way that every statement takes to it."""
    name = f"masks_{next(_NUMBERS)}"
    rows = [f"({at}, {clickhouse_literal(value, batch.type)})" for at, value in enumerate(batch.values)]
    create = f"CREATE TABLE masks.{name} (id Int64, c {clickhouse_type(batch.type)}) ENGINE = MergeTree ORDER BY id"
    inserts = [f"INSERT INTO masks.{name} VALUES {', '.join(rows[at : at + 200])}" for at in range(0, len(rows), 200)]
    run_script(["CREATE DATABASE IF NOT EXISTS masks", create, *inserts])
    return asyncio.run(_ask_clickhouse(batch, TableName("clickhouse", "masks", name)))


async def _ask_clickhouse(batch: Batch, name: TableName) -> list[list[object]]:
    async with embedded() as engine:
        found = await engine.describe(name)
        assert found is not None
        planned = plan(query(batch, "clickhouse", str(name)), [found])
        return (await ask(engine, planned)).rows


def clickhouse_type(kind: TrinoType) -> str:
    """Return the ClickHouse type that reads as a Trino type."""
    if kind.base == "row":
        fields = zip(kind.fields, kind.arguments, strict=True)
        return f"Tuple({', '.join(f'{name} {clickhouse_type(inner)}' for name, inner in fields)})"
    if kind.base == "array":
        return f"Array({clickhouse_type(kind.arguments[0])})"
    if kind.base == "timestamp with time zone":
        return f"Nullable(DateTime64({kind.numbers[0]}, 'UTC'))"
    return f"Nullable({native(kind)})"


def clickhouse_literal(value: object, kind: TrinoType) -> str:
    """Write a value for ClickHouse, texts by their bytes."""
    if value is None:
        return "NULL"
    if kind.base in ("varchar", "char"):
        return f"unhex('{str(value).encode().hex()}')"
    if kind.base == "array":
        assert isinstance(value, list)
        return f"[{', '.join(clickhouse_literal(v, kind.arguments[0]) for v in value)}]"
    if kind.base == "row":
        assert isinstance(value, dict)
        fields = zip(value.values(), kind.arguments, strict=True)
        return f"tuple({', '.join(clickhouse_literal(v, t) for v, t in fields)})"
    return f"'{value}'"


def on_the_lake(batch: Batch, folder: Path, arrow: pa.DataType) -> list[list[object]]:
    """Ask the embedded lake for the masks."""
    return asyncio.run(_ask_lake(batch, folder, arrow))


async def _ask_lake(batch: Batch, folder: Path, arrow: pa.DataType) -> list[list[object]]:
    folder = folder / uuid.uuid4().hex
    folder.mkdir()
    settings = {"uri": f"sqlite:///{folder}/catalog.db", "warehouse": folder.as_uri()}
    catalog = SqlCatalog("lake", **settings)
    catalog.create_namespace("s")
    rows = pa.table({"id": pa.array(range(len(batch.values)), pa.int64()), "c": pa.array(list(batch.values), arrow)})
    catalog.create_table("s.masks", rows.schema).append(rows)
    catalog.close()
    engine = LakeEngine("lake", {"lake": settings})
    await engine.start()
    try:
        return await Lake(engine).ask(query(batch, "lake", "lake.s.masks"))
    finally:
        await engine.close()
