"""HMAC as engines without a function of that name compute it, held against Python's and against refused keys."""

from __future__ import annotations

import asyncio
import hashlib
import hmac

import pytest

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from rewrite_rules.hmac_keys import HASHES
from tests.masks.values import ODD_TEXTS
from tests.real.clickhouse import ask, embedded, run_script
from tests.rewrite_rules.translate_clickhouse.planning import plan
from tests.rewrite_rules.translate_duckdb.running import connect, translated

KEYS = {"short": b"Jefe", "block": bytes(range(64)), "long": b"\xaa" * 131, "empty": b""}
ON_THE_LAKE = ("hmac_md5", "hmac_sha256")


def expected(function: str, key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.new(HASHES[function]).name).hexdigest().upper()


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("function", ON_THE_LAKE)
def test_the_lake_computes_hmac(function: str, key: bytes) -> None:
    with connect() as connection:
        connection.execute('DELETE FROM "lake.s.t"')
        connection.executemany(
            'INSERT INTO "lake.s.t" (id, g) VALUES (?, ?)',
            [(at, text) for at, text in enumerate(ODD_TEXTS) if "\0" not in text],
        )
        sql = f"SELECT g, to_hex({function}(to_utf8(g), from_hex('{key.hex()}'))) FROM t"
        rows = connection.execute(translated(sql)).fetchall()
    assert len(rows) > 50
    assert all(found == expected(function, key, text) for text, found in rows)


def test_clickhouse_computes_hmac_by_every_hash() -> None:
    values = ", ".join(f"({at}, unhex('{text.encode().hex()}'))" for at, text in enumerate(ODD_TEXTS))
    run_script(
        [
            "CREATE DATABASE IF NOT EXISTS masks",
            "CREATE OR REPLACE TABLE masks.hmac (id Int64, g Nullable(String)) ENGINE = MergeTree ORDER BY id",
            f"INSERT INTO masks.hmac VALUES {values}",
        ]
    )
    calls = [(function, key) for function in HASHES for key in KEYS.values()]
    shown = (
        f"to_hex({function}(to_utf8(g), from_hex('{key.hex()}'))) AS h{at}" for at, (function, key) in enumerate(calls)
    )
    rows = asyncio.run(_on_clickhouse(f"SELECT {', '.join(shown)} FROM clickhouse.masks.hmac ORDER BY id"))
    assert rows == [[expected(function, key, text) for function, key in calls] for text in ODD_TEXTS]


async def _on_clickhouse(sql: str) -> list[list[object]]:
    async with embedded() as engine:
        found = await engine.describe(TableName("clickhouse", "masks", "hmac"))
        assert found is not None
        return (await ask(engine, plan(sql, [found]))).rows


@pytest.mark.parametrize("key", ["to_utf8(g)", "from_hex(g)", "sha256(to_utf8('k'))", "from_hex('0')"])
def test_a_key_that_is_not_constant_is_refused(key: str) -> None:
    with pytest.raises(Refusal) as refused:
        translated(f"SELECT hmac_sha256(to_utf8(g), {key}) FROM t")
    assert refused.value.code is ErrorCode.NOT_SUPPORTED


def test_hexadecimal_digits_become_numbers() -> None:
    with connect() as connection:
        rows = connection.execute(
            translated("SELECT from_base('fFf', 16), from_base('000000000000000', 16)")
        ).fetchall()
    assert rows == [(0xFFF, 0)]
    with pytest.raises(Refusal):
        translated("SELECT from_base('101', 2)")
