"""Make the tables and queries of TPC-H and TPC-DS: run by an interpreter of its own, which has DuckDB's generators.

    python generator.py FOLDER SCALE

writes a Parquet file for each table, in a folder for each set, and `queries.json`: {set: {number: text}}.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

import duckdb

_MAKING = {"tpch": "CALL dbgen(sf = {})", "tpcds": "CALL dsdgen(sf = {})"}


def _extension(name: str) -> Path:
    package = Path(import_module(f"duckdb_extension_{name}").__file__ or "").parent
    return next(package.rglob("*.duckdb_extension"))


def main(folder: Path, scale: float) -> None:
    """Make both sets."""
    queries = {}
    for name, making in _MAKING.items():
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as connection:
            connection.execute(f"LOAD '{_extension(name)}'")
            connection.execute(making.format(scale))
            texts = connection.execute(f"SELECT query_nr, query FROM {name}_queries() ORDER BY 1").fetchall()
            queries[name] = {str(number): text.strip().rstrip(";") for number, text in texts}
            for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                connection.execute(f"COPY \"{table}\" TO '{target / table}.parquet' (FORMAT parquet)")
    (folder / "queries.json").write_text(json.dumps(queries))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
