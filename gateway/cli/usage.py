"""`penstock usage`: what statements cost, by user, dataset, team, day, engine or source."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.cli.calling import API, Admin, at_gateway


class Grouping(StrEnum):
    """What usage is grouped by."""

    USER = "user"
    DATASET = "dataset"
    TEAM = "team"
    DAY = "day"
    ENGINE = "engine"
    SOURCE = "source"


@at_gateway
def usage(
    admin: Admin,
    by: Annotated[Grouping, typer.Option(help="What to group by.")] = Grouping.USER,
    begin: Annotated[str | None, typer.Option("--from", help="The beginning. Default: this month's.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="The end, not itself in it. Default: the next month's.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=1000, help="How many groups to show, the dearest first.")] = 20,
) -> None:
    """Show what statements cost: everybody's to stewards and auditors, to all others their own."""
    from gateway.cli.tables import print_json, print_table

    params = {"by": by.value, "from": begin, "to": end, "top": top}
    found = admin.call("GET", f"{API}/usage", params=params).body
    if admin.as_json:
        print_json(found)
        return
    whose = found["user"] or "everybody"
    print(f"{whose} from {found['from']} to {found['to']}, complete until {found['completeness']['complete_until']}\n")
    parts = [*found["groups"], *([{**found["others"], "key": "(others)"}] if found["others"] else [])]
    print_table((by.value, "statements", "USD", "USD a TB", "USD a statement"), _rows(parts, found["total"]))


def _rows(parts: list[dict[str, Any]], total: dict[str, Any]) -> list[list[Any]]:
    """Return the lines of the table: parts in cents that add up to the cents of the total."""
    from decimal import Decimal

    from gateway.billing.report import in_cents
    from policies.cost.money import nano_of

    cents = in_cents([nano_of(Decimal(part["cost_usd"])) for part in parts])
    lines = [_line(part["key"], part, cent) for part, cent in zip(parts, cents, strict=True)]
    return [*lines, _line("total", total, sum(cents))]


def _line(key: str | None, part: dict[str, Any], cents: int) -> list[Any]:
    from decimal import Decimal

    usd = f"{Decimal(cents) / 100:.2f}"
    return [key, part["statements"], usd, part["usd_per_tb"], part["usd_per_statement"]]
