"""`penstock explain`: what would become of a statement, without running it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from gateway.cli.options import ConfigOption, fail, read_config


def explain(
    sql: Annotated[str, typer.Argument(help="The statement, in Trino's SQL.")],
    user: Annotated[str, typer.Option("--user", "-u", help="As whom.")],
    config: ConfigOption = None,
    catalog: Annotated[str | None, typer.Option(help="The session's catalog.")] = None,
    schema: Annotated[str | None, typer.Option(help="The session's schema.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the governed SQL, the engine and the reasons, or the refusal (exit code 1). For stewards: shows policies."""
    import asyncio

    from catalog.errors import Refusal
    from gateway.house import dry_run
    from gateway.planning.explain import describe_plan

    loaded = read_config(config)
    try:
        plan = asyncio.run(dry_run(loaded, user, sql, catalog, schema))
    except Refusal as refusal:
        if as_json:
            print(json.dumps({"decision": "refuse", "code": refusal.code.name, "message": refusal.text}))
            raise typer.Exit(1) from None
        fail(f"refused: {refusal.code.name}: {refusal.text}")
    described = describe_plan(plan)
    if as_json:
        print(json.dumps(described, indent=2))
        return
    for name, value in described.items():
        print(f"{name}: {value if not isinstance(value, list) else ''}".rstrip())
        for line in value if isinstance(value, list) else ():
            print(f"  {line}")
