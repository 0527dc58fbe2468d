"""SQLAlchemy with the trino dialect, as Superset uses it: one script on the gateway and directly on the real Trino."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from compared import Answers, check_same, plain
from demo_process import Demo
from sqlalchemy.exc import DBAPIError, NoSuchTableError

TABLES = (("curated", "lmp_prices"), ("curated", "iso_node_mapping"), ("trading", "traders"), ("trading", "trades"))
CLOSED = "the dialect reads partitions from `t$partitions`, and metadata tables are closed (docs/limits.md)"
DIFFERENCES = {f"indexes of {name}": CLOSED for name in ("iso_node_mapping", "traders", "trades")}

OF_THE_LAKE = {**DIFFERENCES, "schemas": "the lake has no schema `system`, in which Trino's connector lists tables"}


def connect(port: int, user: str = "admin1") -> sa.Engine:
    """Return an engine on a server."""
    return sa.create_engine(f"trino://{user}@127.0.0.1:{port}/iceberg/curated")


def answers(engine: sa.Engine) -> Answers:
    """Reflect, query, change and fail, as tools that know SQLAlchemy do."""
    found: Answers = plain({**_reflected(engine), **_queried(engine), **_changed(engine), **_failed(engine)})
    return found


def _reflected(engine: sa.Engine) -> Answers:
    inspector = sa.inspect(engine)
    found: Answers = {
        "server": str(inspector.dialect.server_version_info),
        "default schema": inspector.default_schema_name,
        "schemas": sorted(inspector.get_schema_names()),
        "tables": {
            schema: sorted(inspector.get_table_names(schema=schema)) for schema in ("curated", "trading", "nosuch")
        },
        "views": inspector.get_view_names(schema="curated"),
        "has": [
            inspector.has_table(name, schema=schema) for schema, name in (*TABLES, ("trading", "nosuch"), ("no", "x"))
        ],
    }
    for schema, name in TABLES:
        columns = inspector.get_columns(name, schema=schema)
        found[f"columns of {name}"] = [{**column, "type": repr(column["type"])} for column in columns]
        found[f"indexes of {name}"] = inspector.get_indexes(name, schema=schema)
        found[f"keys of {name}"] = [
            inspector.get_pk_constraint(name, schema=schema),
            inspector.get_foreign_keys(name, schema=schema),
            inspector.get_table_comment(name, schema=schema),
        ]
    return found


def _queried(engine: sa.Engine) -> Answers:
    prices = sa.Table("lmp_prices", sa.MetaData(), autoload_with=engine, schema="curated")
    by_iso = sa.select(prices.c.iso, sa.func.count(), sa.func.max(prices.c.lmp_price)).group_by(prices.c.iso)
    grain = sa.text(
        "SELECT date_trunc('month', CAST(interval_start_time AS TIMESTAMP)) AS m, count(*) AS n FROM curated.lmp_prices "
        "WHERE iso = :iso AND lmp_price > :price GROUP BY 1 ORDER BY 1 OFFSET 0 LIMIT 10"
    )
    window = sa.select(prices.c.node_id, sa.func.rank().over(order_by=[prices.c.lmp_price.desc(), prices.c.node_id]))
    wide = sa.text(
        "SELECT REAL '1.5', 2.5e0, DECIMAL '1.50', DATE '2026-03-08', TIMESTAMP '2026-03-08 01:02:03.123456', "
        "TIMESTAMP '2026-03-08 01:02:03 UTC', TIME '01:02:03', ARRAY[1, 2], MAP(ARRAY['k'], ARRAY[1]), ROW(1, 'x'), X'00', NULL"
    )
    with engine.connect() as connection:

        def rows(statement: Any, parameters: dict[str, Any] | None = None) -> list[str]:
            return [repr(tuple(row)) for row in connection.execute(statement, parameters or {})]

        return {
            "groups": rows(by_iso.order_by(prices.c.iso)),
            "a time grain with parameters": rows(grain, {"iso": "CAISO", "price": 20}),
            "a window": rows(window.order_by(sa.text("2"), prices.c.node_id).limit(7)),
            "literals": rows(wide),
            "an IN list": rows(sa.select(sa.func.count()).where(prices.c.iso.in_(["CAISO", "SPP"]))),
            "no rows": rows(sa.select(prices).where(sa.false())),
            "a text with signs": rows(sa.text("SELECT :a || '%' || '''' || :b"), {"a": "50% off; --", "b": "it's ä"}),
            "columns of a result": list(connection.execute(sa.text('SELECT 1 AS "A b", 2 c, 3')).keys()),
        }


def _changed(engine: sa.Engine) -> Answers:
    made = sa.Table(
        "of_sqlalchemy",
        sa.MetaData(),
        sa.Column("id", sa.BigInteger),
        sa.Column("name", sa.String, comment="a name"),
        sa.Column("amount", sa.Numeric(10, 2)),
        schema="sandbox",
    )
    found: Answers = {}
    with engine.connect() as connection:
        made.drop(connection, checkfirst=True)
        made.create(connection)
        connection.execute(
            made.insert(), [{"id": 1, "name": "it's", "amount": Decimal("1.5")}, {"id": 2, "name": None, "amount": 2}]
        )
        connection.execute(made.update().where(made.c.id == 2).values(name="two"))
        found["changed rows"] = [repr(tuple(row)) for row in connection.execute(sa.select(made).order_by(made.c.id))]
        connection.execute(made.delete().where(made.c.id == 1))
        found["rows left"] = connection.execute(sa.select(sa.func.count()).select_from(made)).scalar()
        found["made columns"] = [
            str(c["type"]) for c in sa.inspect(connection).get_columns("of_sqlalchemy", schema="sandbox")
        ]
        made.drop(connection)
        found["dropped"] = sa.inspect(connection).has_table("of_sqlalchemy", schema="sandbox")
    return found


def _failed(engine: sa.Engine) -> Answers:
    def told(do: Callable[[], Any]) -> str:
        with pytest.raises((DBAPIError, NoSuchTableError)) as failed:
            do()
        cause = getattr(failed.value, "orig", None)
        return f"{type(failed.value).__name__} {getattr(cause, 'error_name', '')} {getattr(cause, 'message', failed.value)}"

    def run(sql: str) -> Any:
        with engine.connect() as connection:
            return connection.execute(sa.text(sql)).all()

    statements = (
        "SELECT nope FROM curated.lmp_prices",
        "SELEC 1",
        "SELECT 1 / 0",
        "SELECT * FROM nosuch.nosuch.nosuch",
    )
    return {
        **{f"error of {sql}": told(lambda sql=sql: run(sql)) for sql in statements},  # type: ignore[misc]  # a lambda bound to this turn
        "a table that is not there": told(lambda: sa.Table("nosuch", sa.MetaData(), autoload_with=engine)),
    }


@pytest.fixture(scope="module")
def direct(trino_demo: Demo) -> Answers:
    """What the real Trino answers."""
    return answers(connect(trino_demo.trino_port))


@pytest.mark.long  # over the lake it is compared in every run, and so is the driver below it over both
def test_every_answer_through_the_gateway_is_trinos(trino_demo: Demo, direct: Answers) -> None:
    check_same(direct, answers(connect(trino_demo.port)), DIFFERENCES)


def test_every_answer_of_the_lake_is_trinos(lake_demo: Demo, direct: Answers) -> None:
    check_same(direct, answers(connect(lake_demo.port)), OF_THE_LAKE)


def test_the_script_asks_what_it_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    assert direct["tables"]["curated"] == ["iso_node_mapping", "lmp_prices", "weather_features"]
    assert [row.split("'")[1] for row in direct["groups"]] == ["CAISO", "MISO", "SPP"]
    assert len(direct["a time grain with parameters"]) >= 2
    assert (direct["rows left"], direct["dropped"]) == (1, False)
    assert "DIVISION_BY_ZERO" in direct["error of SELECT 1 / 0"]


def test_reflection_sees_granted_objects_only(demo: Demo) -> None:
    inspector = sa.inspect(connect(demo.port, "analyst1"))
    assert "curated" in inspector.get_schema_names()
    assert inspector.get_table_names(schema="trading") == ["traders"]
    assert "ssn" not in {column["name"] for column in inspector.get_columns("traders", schema="trading")}
    assert not inspector.has_table("trades", schema="trading")


def test_a_reflected_table_can_be_queried_on_either_engine(demo: Demo) -> None:
    engine = connect(demo.port, "analyst1")
    prices = sa.Table("lmp_prices", sa.MetaData(), autoload_with=engine, schema="curated")
    query = sa.select(prices.c.iso, sa.func.count()).group_by(prices.c.iso).order_by(prices.c.iso)
    grain = sa.text(
        "SELECT date_trunc('month', CAST(interval_start_time AS TIMESTAMP)) AS m, avg(lmp_price) AS p "
        "FROM curated.lmp_prices WHERE iso = :iso GROUP BY 1 ORDER BY 1 OFFSET 0 LIMIT 10"
    )
    with engine.connect() as connection:
        assert [row[0] for row in connection.execute(query).all()] == ["CAISO", "MISO", "SPP"]
        assert 2 <= len(connection.execute(grain, {"iso": "CAISO"}).all()) <= 4
