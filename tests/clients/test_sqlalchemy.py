"""SQLAlchemy with the trino dialect: reflection and queries, as Superset uses it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from demo_process import Demo


@pytest.fixture
def engine(demo: Demo) -> sa.Engine:
    return sa.create_engine(f"trino://analyst1@127.0.0.1:{demo.port}/iceberg/curated")


def test_reflection_sees_granted_objects_only(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert "curated" in inspector.get_schema_names()
    assert {"lmp_prices", "iso_node_mapping", "weather_features"} <= set(inspector.get_table_names(schema="curated"))
    assert inspector.get_table_names(schema="trading") == ["traders"]
    assert "ssn" not in {column["name"] for column in inspector.get_columns("traders", schema="trading")}
    assert inspector.has_table("lmp_prices", schema="curated")
    assert not inspector.has_table("trades", schema="trading")
    assert inspector.get_view_names(schema="curated") == []


def test_a_reflected_table_can_be_queried(engine: sa.Engine) -> None:
    prices = sa.Table("lmp_prices", sa.MetaData(), autoload_with=engine, schema="curated")
    query = sa.select(prices.c.iso, sa.func.count()).group_by(prices.c.iso).order_by(prices.c.iso)
    with engine.connect() as connection:
        found = connection.execute(query).all()
    assert [row[0] for row in found] == ["CAISO", "MISO", "SPP"]


def test_bound_parameters_and_time_grains(engine: sa.Engine) -> None:
    sql = sa.text(
        "SELECT date_trunc('month', CAST(interval_start_time AS TIMESTAMP)) AS m, avg(lmp_price) AS p "
        "FROM curated.lmp_prices WHERE iso = :iso GROUP BY 1 ORDER BY 1 OFFSET 0 LIMIT 10"
    )
    with engine.connect() as connection:
        found = connection.execute(sql, {"iso": "CAISO"}).all()
    assert 2 <= len(found) <= 4
