"""Run the programs over the JDBC driver, and say where their answers may differ from Trino's."""

from __future__ import annotations

from pathlib import Path

from compared import PLACES, Answers, run_script

Command = list[str | Path]
ANYWHERE = Path(__file__).parent
SYSTEM_SCHEMA = "the lake has no schema `system`, in which Trino's connector lists tables"
CATALOGS = "ClickHouse is a catalog here, and Trino's test catalogs are not all granted"
_OF_PLUGINS = {"BingTile", "Geometry", "KdbTree", "SphericalGeography", "Classifier", "Model", "Regressor"}
"""Types that a Trino has by its plugins: the gateway lists those that every Trino has."""

__all__ = ["CATALOGS", "PLACES", "SYSTEM_SCHEMA", "Command", "ask"]


def ask(jdbc: Command, program: str, port: int, path: str, user: str, *more: str) -> Answers:
    """Run a program on a server; `path` is the catalog and schema of its connection."""
    answers = run_script([*jdbc, program, f"jdbc:trino://127.0.0.1:{port}/{path}", user, *more], ANYWHERE)
    for question in ("types", "DBeaver: types"):
        if question in answers:
            answers[question][1] = _types(answers[question][1])
    return answers


def _types(rows: list[list[object]]) -> list[list[object]]:
    """Order the rows: nothing is said of the order of types with one code, and Trino lists `integer` twice."""
    return [row for _, row in sorted({str(row): row for row in rows}.items()) if row[0] not in _OF_PLUGINS]
