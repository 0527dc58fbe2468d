"""`penstock views`: materialized views, how they stand, and building, dropping, checking and releasing them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.calling import API, Admin, at_gateway
from gateway.cli.options import fail
from gateway.cli.partner import print_items
from gateway.cli.tables import plain, print_json, print_table

_ABOUT = "See materialized views, and build, drop, check or release them."
app = typer.Typer(name="views", help=_ABOUT, no_args_is_help=True, rich_markup_mode=None)

_PATH = f"{API}/views"
_COLUMNS = ("name", "state", "base_tables", "integrity", "built_at", "behind_since", "rows", "bytes", "reason")
_WHOLE = (
    "name",
    "state",
    "reason",
    "base_tables",
    "maintained",
    "integrity",
    "max_staleness",
    "configured",
    "built_at",
    "behind_since",
    "rows",
    "bytes",
)
ViewName = Annotated[str, typer.Argument(help="The table of the view's rows: catalog.schema.table.")]
SqlFile = Annotated[
    Path | None, typer.Option("--sql-file", help="A file with the definition. Left out: the one that is known.")
]
Catalog = Annotated[str | None, typer.Option(help="Where bare names of the definition are looked up.")]
Schema = Annotated[str | None, typer.Option(help="Where bare names of the definition are looked up.")]
States = Annotated[
    list[str] | None,
    typer.Option(
        "--state", help="A column kept as a state: `nodes=uniqExact(node)`, `last=argMax(lmp, ts)`. May be repeated."
    ),
]

Level = Annotated[
    str | None,
    typer.Option(help="The laxest level at which it may be used: enforced, trusted or stale_tolerated (the default)."),
]
Staleness = Annotated[
    str | None, typer.Option(help="How far behind its base it may be used where staleness is tolerated: `5m`.")
]

Whole = Annotated[bool, typer.Option("--whole", help="Build all rows anew, also those that nothing happened to.")]


@app.command("list")
@at_gateway
def list_views(
    admin: Admin,
) -> None:
    """List the views that you may see: stewards and auditors all, others those whose base tables they may read."""
    print_items(admin, list(admin.items(_PATH)), _COLUMNS, empty="no views")


@app.command("show")
@at_gateway
def show(
    admin: Admin,
    view: ViewName,
) -> None:
    """Show a view: definition, columns, watermark, and what changed in its base since it was built."""
    found: dict[str, Any] = admin.call("GET", f"{_PATH}/{view}").body
    if admin.as_json:
        print_json(found)
        return
    print_table(("", "value"), [(name, found[name]) for name in _WHOLE])
    print(f"\n{found['sql']}\n")
    _print_columns(found["columns"])
    print_table(("base table", "built from version"), found["watermark"].items(), empty="it was never built")
    for moved in found["moved"]:
        what = moved["unknown"] or ("rows were added" if moved["appended_only"] else "rows changed")
        print(plain(f"{moved['table']}: {what}"))
        for region in moved["regions"] or ():
            print(plain(f"  where {region}"))


@app.command("build")
@at_gateway
def build(
    admin: Admin,
    view: ViewName,
    sql_file: SqlFile = None,
    catalog: Catalog = None,
    schema: Schema = None,
    state: States = None,
    integrity: Level = None,
    max_staleness: Staleness = None,
    *,
    whole: Annotated[
        bool, typer.Option("--whole", help="Build all rows anew, also those that nothing happened to.")
    ] = False,
) -> None:
    """Build a view from its base, or build it again; its old rows stay in use until the new ones are whole."""
    body = {**_definition(sql_file, catalog, schema, state, integrity, max_staleness), "whole": whole}
    made: dict[str, Any] = admin.call("POST", f"{_PATH}/{view}/build", body).body
    if admin.as_json:
        print_json(made)
    else:
        kept = f", {made['kept']} of them as they were," if made["kept"] else ""
        print(f"{made['name']}: {made['rows']} rows{kept} in {made['seconds']} s")


@app.command("check")
@at_gateway
def check(
    admin: Admin,
    view: ViewName,
    sql_file: SqlFile = None,
    catalog: Catalog = None,
    schema: Schema = None,
    state: States = None,
    integrity: Level = None,
    max_staleness: Staleness = None,
) -> None:
    """Say what would become of a definition without building it; exit code 1 where it would answer nobody."""
    found: dict[str, Any] = admin.call(
        "POST", f"{_PATH}/{view}/check", _definition(sql_file, catalog, schema, state, integrity, max_staleness)
    ).body
    if admin.as_json:
        print_json(found)
    else:
        _print_columns(found["columns"])
        print(f"base tables: {', '.join(found['base_tables'])}")
        if found["exact_only"] and found["usable"]:
            print("it answers only queries that say the very same")
        print("it can be used" if found["usable"] else plain(f"it would answer nobody: {found['reason']}"))
    raise typer.Exit(0 if found["usable"] else 1)


@app.command("drop")
@at_gateway
def drop(
    admin: Admin,
    view: ViewName,
) -> None:
    """Drop a view's table; what it answered is answered from the base."""
    admin.call("DELETE", f"{_PATH}/{view}")


@app.command("release")
@at_gateway
def release(
    admin: Admin,
    view: ViewName,
    reason: Annotated[str, typer.Option(help="Why it will not be wrong again: the audit keeps it.")],
) -> None:
    """Let a view in quarantine be used again."""
    found: dict[str, Any] = admin.call("POST", f"{_PATH}/{view}/release", {"reason": reason}).body
    print_items(admin, [found], _COLUMNS, empty="")


def _print_columns(columns: list[dict[str, Any]]) -> None:
    names = ("name", "type", "kind", "expression")
    print_table(names, [[each[name] for name in names] for each in columns], empty="no columns are known")


def _definition(
    sql_file: Path | None,
    catalog: str | None,
    schema: str | None,
    states: list[str] | None,
    integrity: str | None,
    max_staleness: str | None,
) -> dict[str, Any]:
    if sql_file is None:
        if catalog or schema or states or integrity or max_staleness:
            options = "--catalog, --schema, --state, --integrity and --max-staleness"
            fail(f"{options} belong to a definition: give --sql-file", code=2)
        return {}
    try:
        sql = sql_file.read_text(encoding="utf-8").strip().rstrip(";")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{sql_file}: {error}", code=2)
    given = {"sql": sql, "catalog": catalog, "schema": schema, "states": [_state(text) for text in states or ()]}
    limits = {"integrity": integrity, "max_staleness": max_staleness}
    return {"definition": given | {name: value for name, value in limits.items() if value is not None}}


def _state(text: str) -> dict[str, Any]:
    """Read `column=function(argument, ...)`; an argument may have brackets and commas of its own."""
    column, equals, call = text.partition("=")
    function, opened, rest = call.strip().partition("(")
    if not equals or not opened or not rest.endswith(")"):
        fail(f"--state {text}: write column=function(argument)", code=2)
    arguments, depth = [""], 0
    for char in rest[:-1]:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            arguments.append("")
        else:
            arguments[-1] += char
    return {"column": column.strip(), "function": function.strip(), "arguments": [a.strip() for a in arguments]}
