"""`penstock explain`: what would become of a statement, without running it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.options import ConfigOption, fail, read_config

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.pricing.offline import Foretold
    from gateway.simulation.question import Question
    from gateway.simulation.simulate import Simulated


def explain(
    sql: Annotated[str, typer.Argument(help="The statement, in Trino's SQL.")],
    user: Annotated[str, typer.Option("--user", "-u", help="As whom.")],
    config: ConfigOption = None,
    catalog: Annotated[str | None, typer.Option(help="The session's catalog.")] = None,
    schema: Annotated[str | None, typer.Option(help="The session's schema.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the governed SQL, the engine, the reasons and the price, or the refusal (exit code 1). For stewards."""
    import asyncio

    from catalog.errors import Refusal
    from gateway.config import ConfigError
    from gateway.simulation.answers import described
    from gateway.simulation.question import Question
    from policies.faults import PolicyError

    loaded = read_config(config)
    try:
        found, price = asyncio.run(explained(loaded, Question(user, sql, catalog, schema)))
    except Refusal as refusal:
        fail(f"cannot be asked: {refusal.code.name}: {refusal.text}", code=2)
    except (ConfigError, PolicyError, OSError) as error:
        fail(str(error), code=2)
    if found.plan is None:
        if as_json:
            print(json.dumps({"decision": "refuse", "code": found.code, "message": found.message}))
            raise typer.Exit(1)
        fail(f"refused: {found.code}: {found.message}")
    told = {**described(found.plan), "estimate": price}
    if as_json:
        print(json.dumps(told, indent=2))
        return
    for name, value in told.items():
        print(f"{name}: {value if not isinstance(value, list) else ''}".rstrip())
        for line in value if isinstance(value, list) else ():
            print(f"  {line}")


async def explained(config: Config, question: Question) -> tuple[Simulated, list[str]]:
    """Return what would become of a statement, and the lines that say its price."""
    from gateway.pricing.offline import Foretold, estimate_offline
    from gateway.simulation.offline import offline
    from gateway.simulation.simulate import plan_as

    async with offline(config, views=True) as grounds:
        found = await plan_as(grounds, question, grounds.policies)
        asked = found.received
        price = await estimate_offline(config, grounds, asked) if asked is not None else Foretold()
        return found, list(_price(price))


def _price(found: Foretold) -> Iterator[str]:
    """Yield what would be charged, and what the base would have taken."""
    from gateway.coaching.telling import price_lines

    yield from price_lines(found.estimate) if found.estimate is not None else ()
    if found.base is not None:
        yield f"Without materialized views: {next(price_lines(found.base))}"
