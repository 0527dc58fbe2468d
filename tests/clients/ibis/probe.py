"""What an Ibis user does, as one program: each question is printed with its answer as a line of JSON.

Run by an interpreter that has Ibis, with the arguments PORT USER [RELATION]; with a relation it only reads that.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import ibis
from ibis import _

PORT, USER = int(sys.argv[1]), sys.argv[2]
PLACE = ("iceberg", "curated")


def ask(question: str, answer: Callable[[], object]) -> None:
    try:
        value = answer()
    except Exception as error:
        value = f"{type(error).__name__}: {error}".splitlines()[0]
    print(json.dumps({"question": question, "answer": value}, default=str))


def frame(expression: ibis.Table) -> object:
    """Return a table's rows as pandas has them, with its types."""
    found = expression.to_pandas()
    return [[f"{name} {kind}" for name, kind in found.dtypes.items()], found.astype(str).to_numpy().tolist()]


def main() -> None:
    connection = ibis.trino.connect(host="127.0.0.1", port=PORT, user=USER, database="iceberg", schema="curated")
    if len(sys.argv) > 3:
        trades = connection.sql(f"SELECT * FROM {sys.argv[3]}")
        ask("count", lambda: int(trades.count().execute()))
        ask("groups", lambda: frame(trades.group_by("desk").agg(n=_.count(), p=_.price.sum()).order_by("desk")))
        ask("rows", lambda: frame(trades.order_by("trade_id").limit(200)))
        return
    ask("tables", lambda: sorted(connection.list_tables(database=PLACE)))
    ask("catalogs", lambda: "iceberg" in connection.list_catalogs())
    ask("schemas", lambda: sorted(connection.list_databases(catalog="iceberg")))
    prices = connection.table("lmp_prices", database=PLACE)
    nodes = connection.table("iso_node_mapping", database=PLACE)
    ask("schema", lambda: {name: str(kind) for name, kind in prices.schema().items()})
    ask(
        "select",
        lambda: frame(
            prices.order_by(_.interval_start_time, _.node_id).select("iso", "node_id", "lmp_price").limit(20)
        ),
    )
    ask(
        "aggregate",
        lambda: frame(
            prices.group_by("iso").agg(n=_.count(), top=_.lmp_price.max(), nodes=_.node_id.nunique()).order_by("iso")
        ),
    )
    ask("filter", lambda: int(prices.filter((_.iso == "CAISO") & (_.lmp_price > 50)).count().execute()))
    ask(
        "days",
        lambda: frame(
            prices.mutate(day=_.interval_start_time.cast("timestamp").truncate("D"))
            .group_by("day")
            .agg(n=_.count())
            .order_by("day")
            .limit(5)
        ),
    )
    ask(
        "join",
        lambda: frame(
            prices.join(nodes, ["node_id"]).group_by("zone_id").agg(n=_.count()).order_by("zone_id").limit(10)
        ),
    )
    ask(
        "window",
        lambda: frame(
            nodes.mutate(r=ibis.row_number().over(group_by="iso", order_by="node_id"))
            .filter(_.r < 2)
            .select("iso", "node_id", "r")
            .order_by("iso", "node_id")
        ),
    )
    ask("arrow", lambda: prices.limit(5).to_pyarrow().num_rows)
    ask("raw", lambda: frame(connection.sql("SELECT 1 AS a, 'x' AS b")))
    ask("error", lambda: frame(connection.sql("SELECT nope FROM lmp_prices")))


main()
