"""A tiny lake for the gateway's processes: one schema, one table of 5 rows, in an SQLite catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog


def make_lake(folder: Path) -> dict[str, Any]:
    """Make the lake; return the engine's section of the configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    uri, warehouse = f"sqlite:///{folder / 'lake.db'}", f"file://{folder / 'warehouse'}"
    catalog = SqlCatalog("lake", uri=uri, warehouse=warehouse)
    catalog.create_namespace("trading")
    rows = pa.table({"id": pa.array(range(5), pa.int64()), "desk": ["CAISO", "MISO", "CAISO", "SPP", "SPP"]})
    catalog.create_table("trading.trades", schema=rows.schema).append(rows)
    catalog.close()
    return {"kind": "lake", "name": "lake", "catalog": "lake", "uri": uri, "warehouse": warehouse, "threads": 1}
