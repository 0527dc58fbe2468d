"""`penstock offenders` and `autofix`: which recorded statements wasted most, and what to run instead of one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.calling import API, Admin, at_gateway
from gateway.cli.tables import plain, print_json, print_table

_COLUMNS = ("waste_usd", "cost_usd", "runs", "users", "user", "query_id", "fingerprint")


@at_gateway
def offenders(
    admin: Admin,
    days: Annotated[int, typer.Option(help="How far back.", min=1, max=90)] = 7,
    most: Annotated[int, typer.Option("--most", help="How many to print at most.", min=1, max=50)] = 10,
) -> None:
    """List forms of statements by what they waste, the worst first."""
    found = admin.call("GET", f"{API}/coach/offenders", params={"days": days, "limit": most}).body
    if admin.as_json:
        print_json(found)
        return
    rows = [[each[name] for name in _COLUMNS] for each in found["items"]]
    print_table(_COLUMNS, rows, empty="nothing was wasted that anybody knows of")


@at_gateway
def autofix(
    admin: Admin,
    query_id: Annotated[str, typer.Argument(metavar="QUERY_ID", help="A recorded statement of yours.")],
    alternative: Annotated[
        int | None, typer.Option(help="By its number. Default: the cheapest with the same result.", min=1, max=20)
    ] = None,
) -> None:
    """Print the cheaper form of a recorded statement; nothing is run."""
    from urllib.parse import quote

    body: dict[str, Any] = {} if alternative is None else {"alternative": alternative}
    found = admin.call("POST", f"{API}/coach/{quote(query_id, safe='')}/apply", body).body
    print_json(found) if admin.as_json else print(plain(found["sql"]))
