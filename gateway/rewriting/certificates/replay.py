"""Replay a certificate: run both queries on DuckDB over many tiny databases on which the stated facts hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlglot import exp

from catalog.dialect.parse import parse_expression, parse_query
from catalog.errors import Refusal
from catalog.materialized_views import Definition
from catalog.objects import Column, Table, TableName
from catalog.types import type_text
from engines.lake.database import Limits, open_database
from gateway.rewriting.certificates.worlds import World, worlds
from gateway.rewriting.shadow.comparing import BAND, Difference, difference
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.certificates.comparable import incomparable, is_counted_apart
from rewrite_rules.certificates.document import Dossier
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.certificate import ViewUse, state_of
from rewrite_rules.translate_duckdb import translate

_TYPES = {"timestamp with time zone": "TIMESTAMPTZ", "timestamp": "TIMESTAMP", "varbinary": "BLOB"}
_SETS = "cardinality(array_distinct(flatten(array_agg(q) FILTER (WHERE q IS NOT NULL))))"
_LISTS = "element_at(flatten(array_agg(q) FILTER (WHERE q IS NOT NULL)), 1)"


class NotReplayable(Exception):  # noqa: N818  (an answer, not a crash)
    """Say why a certificate cannot be run on DuckDB; that is no judgement of it."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A database on which the two queries differ."""

    tables: Mapping[TableName, Sequence[Sequence[Any]]]
    difference: Difference


@dataclass(frozen=True, slots=True)
class Replayed:
    """What replaying came to."""

    compared: int
    failed: int
    """Databases on which the governed query itself fails, or DuckDB cannot say."""
    counterexample: Counterexample | None = None


def replay(dossier: Dossier, *, count: int = 60, seed: int = 7) -> Replayed:
    """Run a certificate's queries over so many databases. Raises NotReplayable."""
    why = incomparable(dossier.certificate.query, dossier.tables)
    if why is not None:
        raise NotReplayable(f"two right answers may differ ({why})")
    try:
        run = _Run(dossier)
    except (Refusal, ValueError) as refused:
        raise NotReplayable(str(refused)) from None
    grades = [grade for _, grade in dossier.certificate.grades]
    band = BAND if is_counted_apart(dossier.certificate.query) else None
    compared = failed = 0
    for now, before in worlds(dossier, count, seed):
        try:
            base, views = run.both(now, before)
        except duckdb.Error:
            failed += 1
            continue
        compared += 1
        different = difference(base, views, grades, band=band)
        if different is not None:
            return Replayed(compared, failed, Counterexample(now, different))
    return Replayed(compared, failed)


class _Run:
    """One certificate's texts, translated once, over a database of one's own."""

    def __init__(self, dossier: Dossier) -> None:
        self._base = dossier.tables
        self._tables = dict(dossier.tables)
        self._zone = dossier.certificate.time_zone
        self._travelled = frozenset(each.table for each in dossier.certificate.travelled)
        self._database = open_database(Limits("512MB", 1), [])
        self._database.execute("SET TimeZone = 'UTC'")
        self._query = self._written(dossier.certificate.query)
        self._steps: list[tuple[TableName, str]] = []
        """(the table, the query that fills it): views, then what is read of them."""
        self._views = len(dossier.certificate.uses)
        for use in dossier.certificate.uses:
            self._steps.append(self._view(use.definition))
        for use in dossier.certificate.uses:
            self._steps.append(self._scan(use))
        self._rewritten = self._written(dossier.certificate.rewritten)
        for table in self._tables.values():
            columns = ", ".join(f'"{c.name}" {_type(c)}' for c in table.columns)
            self._database.execute(f'CREATE TABLE "{table.name}" ({columns})')

    def both(self, now: World, before: World) -> tuple[list[Any], list[Any]]:
        """Return the rows of the governed query, and of the rewritten one. Raises duckdb.Error."""
        self._fill(before)
        for name, text in self._steps[: self._views]:
            self._again(name, text)
        self._fill(now)
        for name, text in self._steps[self._views :]:
            self._again(name, text)
        base = self._database.execute(self._query).fetchall()
        return base, self._database.execute(self._rewritten).fetchall()

    def _fill(self, world: World) -> None:
        for name, rows in world.items():
            self._database.execute(f'DELETE FROM "{name}"')  # noqa: S608  (names of the catalog, quoted)
            if rows:
                marks = ", ".join("?" for _ in rows[0])
                insert = f'INSERT INTO "{name}" VALUES ({marks})'  # noqa: S608  (as above)
                self._database.executemany(insert, [list(row) for row in rows])

    def _again(self, name: TableName, text: str) -> None:
        self._database.execute(f'DELETE FROM "{name}"')  # noqa: S608  (as above)
        self._database.execute(f'INSERT INTO "{name}" {text}')

    def _view(self, definition: Definition) -> tuple[TableName, str]:
        self._states = {state.column: state.function for state in definition.states}
        return definition.name, self._kept(definition.name, definition.sql, definition.catalog, definition.schema)

    def _scan(self, use: ViewUse) -> tuple[TableName, str]:
        tree = parse_query(use.scan)
        functions = {state.column: state.function for state in use.definition.states}
        for call in list(tree.find_all(exp.Anonymous)):
            if call.name == "$merge":
                call.replace(_merged(call, functions))
        return use.scan_name, self._kept(use.scan_name, tree, None, None)

    def _kept(self, name: TableName, query: str | exp.Expr, catalog: str | None, schema: str | None) -> str:
        """Translate a query whose rows are kept as a table."""
        tree = parse_query(query) if isinstance(query, str) else query
        tree = _behind_barriers(resolve(tree, catalog, schema).tree, self._tables)
        analysis = analyze(tree, AnalysisContext(catalog, schema, self._tables, strict=True, time_zone=self._zone))
        columns = tuple(Column(each.name, each.type) for each in analysis.columns if each.type is not None)
        if len(columns) != len(analysis.columns):
            raise NotReplayable("a column without a type")
        self._tables[name] = Table(name, columns, "replay")
        return translate(tree, self._zone)

    def _written(self, sql: str) -> str:
        tree = _behind_barriers(resolve(_at_its_time(sql, self._travelled), None, None).tree, self._tables)
        analyze(tree, AnalysisContext(None, None, self._tables, strict=True, time_zone=self._zone))
        return translate(tree, self._zone)


def _at_its_time(sql: str, travelled: frozenset[TableName]) -> exp.Expr:
    """Parse a query; tables of which each mention reads one snapshot are made as they were then, and nothing else."""
    tree = parse_query(sql)
    for leaf in tree.find_all(exp.Table):
        if TableName(leaf.catalog, leaf.db, leaf.name) in travelled:
            leaf.set("version", None)
    return tree


def _behind_barriers(tree: exp.Expr, tables: Mapping[TableName, Table]) -> exp.Expr:
    """Put joined tables into subqueries of their own, as governing does: DuckDB's translation joins nothing else."""
    for node in list(tree.find_all(exp.Table)):
        name = node.meta.get("table")
        table = tables.get(name) if isinstance(name, TableName) else None
        select = node.find_ancestor(exp.Select)
        if table is None or select is None or (not select.args.get("joins") and not select.find(exp.Star)):
            continue
        alias = node.args.get("alias") or exp.TableAlias(this=exp.Identifier(this=table.name.table, quoted=True))
        parts = (exp.Identifier(this=part, quoted=True) for part in table.name)
        plain = exp.Table(**dict(zip(("catalog", "db", "this"), parts, strict=True)))
        plain.meta.update(node.meta)
        columns = [exp.Column(this=exp.Identifier(this=each.name, quoted=True)) for each in table.columns]
        node.replace(exp.Subquery(this=exp.Select(expressions=columns, from_=exp.From(this=plain)), alias=alias))
    return tree


def _merged(call: exp.Expr, functions: Mapping[str, str]) -> exp.Expr:
    """Return what stands for merging states, where the view holds the values that they were made from."""
    column = call.expressions[0]
    function = functions.get(state_of(call).name, "")
    if function == "uniqExact":
        text = f"CAST(coalesce({_SETS}, 0) AS bigint)"
    elif function.startswith("quantile"):
        text = _LISTS  # any value will do: of a percentile only whether it is NULL is compared
    else:
        raise NotReplayable(f"states of {function} cannot be made without ClickHouse")
    made = parse_expression(text)
    for each in list(made.find_all(exp.Column)):
        each.replace(column.copy())
    return made


def _type(column: Column) -> str:
    if column.type.base in _TYPES:
        return _TYPES[column.type.base]
    if column.type.base == "varchar":
        return "VARCHAR"
    return (
        type_text(column.type).replace("array(", "").replace(")", "[]")
        if column.type.base == "array"
        else type_text(column.type)
    )
