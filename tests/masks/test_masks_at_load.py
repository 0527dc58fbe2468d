"""A mask that an engine cannot say, or not keep a key for, is a fault of the policy before any statement meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT, JSON, VARCHAR, TrinoType, row, timestamp
from gateway.mask_types import types_on
from policies.decisions import Action, Subject
from policies.reload import load_policies

KINDS = {"ch": "clickhouse", "duck": "lake", "trino": "trino"}
SECRETS = {"KEY": "k" * 40}
PERSON = row(("name", VARCHAR), ("home", row(("city", VARCHAR))))


def faults(folder: Path, engine: str, of: TrinoType, mask: str) -> tuple[list[str], bool]:
    """Return what is wrong with a mask on a column of an engine's table, and whether a reader sees the column."""
    file = folder / "policies.yaml"
    file.write_text(f"""
version: 1
users: {{ana: {{}}}}
grants: [{{users: [ana], assets: c.s.t, allow: [read]}}]
keys: {{pii: {{env: KEY, engines: [duck, ch]}}}}
column_masks:
  - {{table: c.s.t, column: x, users: [ana], mask: {mask}}}
""")
    table = Table(TableName("c", "s", "t"), (Column("id", BIGINT), Column("x", of)), engine=engine)
    policies = load_policies([file], type_of=types_on(KINDS), secrets=SECRETS.get)
    decision = policies.decide(Subject("ana", frozenset()), Action.SELECT, table)
    return [fault.message for fault in policies.check(table)], "x" in decision.columns


@pytest.mark.parametrize("engine", KINDS)
@pytest.mark.parametrize(
    ("of", "mask"),
    [
        (VARCHAR, "{kind: regexp, pattern: '[A-Z]+-(\\\\d+)', show: '$1'}".replace("\\\\", "\\")),
        (VARCHAR, "{kind: phone}"),
        (BIGINT, "{kind: bucket, bounds: [0, 10]}"),
        (timestamp(6), "month"),
        (PERSON, "{kind: fields, fields: {name: redact, home: {kind: fields, fields: {city: redact}}}}"),
    ],
    ids=str,
)
def test_masks_that_every_engine_can_say_are_in_force(tmp_path: Path, engine: str, of: TrinoType, mask: str) -> None:
    assert faults(tmp_path, engine, of, mask) == ([], True)


@pytest.mark.parametrize(
    ("engine", "of", "mask", "says"),
    [
        ("trino", VARCHAR, "{kind: hash, key: pii}", "cannot be handed to the engine trino safely"),
        ("trino", VARCHAR, "{kind: token, key: pii}", "cannot be handed to the engine trino safely"),
        ("trino", BIGINT, "{kind: noise, key: pii, to: 5}", "cannot be handed to the engine trino safely"),
        ("ch", PERSON, "{kind: fields, fields: {name: redact}}", "not supported on ClickHouse"),
        ("ch", JSON, "null", "not supported on ClickHouse"),
        ("duck", timestamp(12), "month", "not supported by the embedded lake"),
        ("duck", VARCHAR, "{kind: sql, expression: 'lpad(x, 3, x)'}", ""),
        ("ch", VARCHAR, "{kind: sql, expression: 'lpad(x, 3, x)'}", "on ClickHouse"),
    ],
    ids=str,
)
def test_a_mask_that_its_engine_cannot_take_withholds_the_column(
    tmp_path: Path, engine: str, of: TrinoType, mask: str, says: str
) -> None:
    found, shown = faults(tmp_path, engine, of, mask)
    assert shown is (not says)
    assert bool(found) is bool(says)
    assert all(says in message for message in found)
