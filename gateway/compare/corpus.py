"""Where statements come from: files of SQL, and the two benchmarks that Trino's own project publishes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.dialect.lexemes import Kind
from catalog.dialect.lexer import lex
from catalog.dialect.split import split_statements
from catalog.errors import Refusal
from gateway.demo.downloads import Artifact, Report, fetch

PLACEHOLDER = "scratch_schema"
"""The name that stands in statements for the schema in which each side may change things."""
_QUERIES = Artifact(
    "trino-benchto-benchmarks", "368", "jar", "5647337d12968a2de21555fde5498ff54b29b2708b4caf7c01ebb7a8c5cea022"
)
BENCHMARKS = ("tpch", "tpcds")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement and where it stands; statements of one source share a session."""

    source: str
    line: int
    sql: str


def read_file(path: Path) -> list[Statement]:
    """Return the statements of a file. Raises OSError, UnicodeDecodeError."""
    return [Statement(str(path), part.line, part.text) for part in split_statements(path.read_text("utf-8"))]


def benchmark(name: str, report: Report) -> list[Statement]:
    """Return the queries of TPC-H (22) or TPC-DS (99) over the smallest data, brought through Maven once.

    Raises DemoError.
    """
    return list(_benchmark(fetch(_QUERIES, report), name))


def _benchmark(archive: Path, name: str) -> Iterator[Statement]:
    values = {"database": name, "schema": "tiny", "prefix": "", "scale": "0.01"}
    with zipfile.ZipFile(archive) as jar:
        for member in sorted(jar.namelist()):
            if not member.startswith(f"sql/presto/{name}/") or not member.endswith(".sql"):
                continue
            text = jar.read(member).decode()
            for key, value in values.items():
                text = text.replace(f"${{{key}}}", value)
            for part in split_statements(text):
                yield Statement(f"{name}/{Path(member).name}", part.line, part.text)


def with_schema(sql: str, schema: str) -> str:
    """Return a statement in which a side's own schema stands where the placeholder stood, as a name or a string."""
    try:
        lexemes = lex(sql)
    except Refusal:
        return sql
    for lexeme in reversed(lexemes):
        named = lexeme.is_name and lexeme.identifier.lower() == PLACEHOLDER
        if named or (lexeme.kind is Kind.STRING and lexeme.text == f"'{PLACEHOLDER}'"):
            text = lexeme.text.replace(lexeme.text.strip("'\""), schema)
            sql = sql[: lexeme.start] + text + sql[lexeme.end :]
    return sql
