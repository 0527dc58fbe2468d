"""Tables, and certificates written by hand over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_query
from catalog.materialized_views import Bound, Definition, Facts, ForeignKey, Key, State
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from rewrite_rules.substitution.certificate import Certificate, ViewUse

COLUMNS = {
    "prices": {
        "iso": "varchar not null",
        "hub": "varchar",
        "ts": "timestamp(6) not null",
        "price": "decimal(10,2)",
        "mw": "integer",
        "load": "double",
    },
    "hubs": {"hub": "varchar not null", "region": "varchar not null"},
    "feed": {"at": "timestamp(6) with time zone not null", "v": "bigint"},
}
VERSION = "7"


def base(name: str) -> TableName:
    """Name a base table."""
    return TableName("lake", "grid", name)


def _column(name: str, text: str) -> Column:
    return Column(name, parse_type(text.removesuffix(" not null")), nullable=not text.endswith("not null"))


TABLES = {
    base(name): Table(base(name), tuple(_column(*each) for each in columns.items()), "lake")
    for name, columns in COLUMNS.items()
}
VERSIONS = dict.fromkeys(TABLES, VERSION)
FACTS = Facts(
    (Key(base("hubs"), ("hub",), "verified"),),
    (ForeignKey(base("prices"), ("hub",), base("hubs"), ("hub",), "verified"),),
    VERSIONS,
)


def view_name(name: str) -> TableName:
    """Name a view's table."""
    return TableName("ch", "marts", name)


def scan_name(name: str) -> TableName:
    """Name the scan of a view."""
    return TableName("$views", "scan", name)


def qualified(sql: str, views: Sequence[str] = ()) -> str:
    """Write a text as it is once governed: base tables behind barriers, views by their scans' names."""
    tree = parse_query(sql)
    for table in list(tree.find_all(exp.Table)):
        name = table.name
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True))
        if name in views:
            parts = scan_name(name)
            named = exp.Table(**dict(zip(("catalog", "db", "this"), map(_quoted, parts), strict=True)), alias=alias)
            table.replace(named)
        else:
            columns = ", ".join(f'"{each}"' for each in COLUMNS[name])
            barrier = parse_query(f'SELECT {columns} FROM "lake"."grid"."{name}"')
            table.replace(exp.Subquery(this=barrier, alias=alias))
    return generate(tree)


def _quoted(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def certificate(
    query: str,
    rewrite: str,
    views: Mapping[str, str],
    states: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
) -> Certificate:
    """Make the certificate of a rewriting that reads views whole."""
    used = {table.name for table in parse_query(rewrite).find_all(exp.Table)} & set(views)
    uses = tuple(_use(name, views[name], (states or {}).get(name, {})) for name in sorted(used))
    rewritten = qualified(rewrite, tuple(views))
    columns = [each.output_name or each.unnest().output_name for each in parse_query(query).selects]
    grades = tuple((name or f"_col{i}", "approximate") for i, name in enumerate(columns))
    return Certificate(qualified(query), rewritten, uses, "approximate", grades, VERSIONS, "enforced", "UTC")  # type: ignore[arg-type]  # the words of a test


def _use(name: str, sql: str, states: Mapping[str, Sequence[str]]) -> ViewUse:
    kept = tuple(State(column, function, (argument,)) for column, (function, argument) in states.items())
    definition = Definition(view_name(name), sql, "lake", "grid", kept)
    scan = f'SELECT * FROM "ch"."marts"."{name}"'
    return ViewUse(definition, scan, scan_name(name), watermark=VERSIONS)


BOUNDS = {
    view_name(name): (Bound("m", "TIMESTAMP '1990-01-01 00:00:00 UTC'", None),)
    for name in ("minutes", "hours", "la_day")
}
