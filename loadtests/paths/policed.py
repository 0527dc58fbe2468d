"""Policies over tables, and the same as views of the real Trino, so that what they leave can be compared.

A reader sees all; an analyst sees what is left of some tables: rows by filters, columns by masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from gateway.compare.client import Side
from loadtests.estimate.tables import Named

READER, ANALYST, KEEPER = "reader", "analyst", "keeper"
"""Who sees all, who sees what policies leave, and who waits for copies to be there."""
TRUTH = "memory"
"""Trino's catalog of the views that say the same as the policies."""


@dataclass(frozen=True, slots=True)
class Policed:
    """What an analyst sees of one table."""

    row_filter: str | None = None
    masks: Mapping[str, str] = field(default_factory=dict)


_TEXT = "CAST('***' AS varchar)"
_NOTHING = "CAST(NULL AS varchar)"
POLICED: Mapping[tuple[str, str], Policed] = {
    ("tpch", "customer"): Policed(
        "c_mktsegment <> 'MACHINERY'",
        {"c_phone": "concat(substr(c_phone, 1, 2), '-***')", "c_address": _NOTHING},
    ),
    ("tpch", "lineitem"): Policed("l_shipmode <> 'AIR' AND l_tax < 0.08", {"l_comment": _TEXT}),
    ("tpch", "orders"): Policed(
        "o_orderpriority <> '4-NOT SPECIFIED'",
        {"o_clerk": _NOTHING, "o_totalprice": "CASE WHEN o_totalprice < 400000 THEN o_totalprice END"},
    ),
    ("tpch", "partsupp"): Policed("ps_availqty % 7 <> 0"),
    ("tpch", "supplier"): Policed(
        "s_acctbal > 0", {"s_name": "upper(s_name)", "s_comment": "substr(s_comment, 1, 30)"}
    ),
    ("tpcds", "catalog_sales"): Policed("cs_quantity BETWEEN 5 AND 95"),
    ("tpcds", "customer"): Policed(
        "c_birth_month <> 7",
        {
            "c_last_name": "CASE WHEN c_preferred_cust_flag = 'Y' THEN c_last_name END",
            "c_email_address": _TEXT,
            "c_birth_year": "c_birth_year - c_birth_year % 10",
        },
    ),
    ("tpcds", "customer_address"): Policed(None, {"ca_zip": "concat(substr(ca_zip, 1, 3), '**')"}),
    ("tpcds", "item"): Policed("i_category <> 'Music'", {"i_product_name": "lower(i_product_name)"}),
    ("tpcds", "store_returns"): Policed("sr_return_quantity > 2 OR sr_reason_sk IS NULL"),
    ("tpcds", "store_sales"): Policed(
        "ss_promo_sk IS NULL OR ss_promo_sk <> 3", {"ss_wholesale_cost": "CAST(NULL AS decimal(7, 2))"}
    ),
    ("tpcds", "web_sales"): Policed("ws_ship_mode_sk <> 4", {"ws_net_profit": "CAST(1 AS decimal(7, 2))"}),
}


def policies(seen: Mapping[str, Policed]) -> str:
    """Return the policy file, as YAML; tables by their full names."""
    document: dict[str, Any] = {
        "version": 1,
        "roles": {READER: {}, ANALYST: {}},
        "users": {READER: {"roles": [READER]}, ANALYST: {"roles": [ANALYST]}, KEEPER: {"roles": [READER]}},
        "grants": [{"id": "all", "roles": [READER, ANALYST], "assets": "*", "allow": ["read"]}],
        "session_properties": [{"roles": [READER, ANALYST], "allow": ["min_grade"]}],
        "row_filters": [],
        "column_masks": [],
    }
    for table, policed in seen.items():
        if policed.row_filter is not None:
            document["row_filters"] += _for_both({"table": table}, table, "filter", policed.row_filter)
        for column, expression in policed.masks.items():
            given = {"table": table, "column": column}
            mask = {"kind": "sql", "expression": expression}
            document["column_masks"] += _for_both(given, f"{table}.{column}", "mask", mask)
    return yaml.safe_dump(document)


def in_catalog(catalog: str) -> dict[str, Policed]:
    """Return what an analyst sees of TPC-H and TPC-DS in a catalog, by full names."""
    return {f"{catalog}.{schema}.{name}": seen for (schema, name), seen in POLICED.items()}


def _for_both(given: dict[str, Any], about: str, what: str, value: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"{about} {role}", **given, "roles": [role], what: shown}
        for role, shown in ((READER, "none"), (ANALYST, value))
    ]


def views(tables: Iterable[Named]) -> Iterator[str]:
    """Yield the statements that make Trino's views, each of what an analyst sees of one Iceberg table."""
    made = set()
    for table in tables:
        if table.schema not in made:
            made.add(table.schema)
            yield f"CREATE SCHEMA {TRUTH}.{table.schema}"
        policed = POLICED.get((table.schema, table.name), Policed())
        yield view(
            f"{TRUTH}.{table.schema}.{table.name}", f"iceberg.{table.schema}.{table.name}", table.columns, policed
        )


def view(name: str, table: str, columns: Iterable[str], policed: Policed) -> str:
    """Return the statement that makes Trino's view of what an analyst sees of a table."""
    shown = (f"{policed.masks[each]} AS {each}" if each in policed.masks else each for each in columns)
    where = f" WHERE {policed.row_filter}" if policed.row_filter is not None else ""
    return f"CREATE VIEW {name} SECURITY INVOKER AS SELECT {', '.join(shown)} FROM {table}{where}"


async def run_all(url: str, made: Iterable[str]) -> None:
    """Run statements by the reader, one after the other; the first that fails ends the benchmark."""
    async with Side(url, READER, None, None) as side:
        for statement in made:
            answer = await side.run(statement)
            if answer.error is not None:
                raise SystemExit(f"{statement[:200]}: {answer.error.get('message')}")
