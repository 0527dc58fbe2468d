"""`penstock budget`: what may be spent, what was, what is left; overrides with a reason and an end."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.calling import API, Admin, at_gateway
from gateway.cli.partner import print_items

_ABOUT = "See budgets and what is left of them; override one for somebody else."
app = typer.Typer(name="budget", help=_ABOUT, no_args_is_help=True, rich_markup_mode=None)

_PATH = f"{API}/budgets"
_LIMIT_COLUMNS = (
    *("id", "kind", "principals", "each", "period", "zone", "limit", "soft"),
    *("usd", "bytes", "rows", "seconds", "mode", "owner"),
)
_ACCOUNT_COLUMNS = ("budget", "holder", "unit", "limit", "used", "reserved", "left", "resets_at", "override")
_OVERRIDE_COLUMNS = (
    *("id", "budget", "holder", "fingerprint", "amount", "reason", "approver", "expires_at", "live"),
    "ended_by",
)
BudgetId = Annotated[str, typer.Argument(help="The id of a budget or cap.")]
Everything = Annotated[bool, typer.Option("--all", help="Those of periods that are over, too.")]


@app.command("list")
@at_gateway
def list_budgets(
    admin: Admin,
) -> None:
    """List the budgets and caps that you may see: stewards and auditors all, others those that they own."""
    print_items(admin, list(admin.items(_PATH)), _LIMIT_COLUMNS, empty="no budgets")


@app.command("show")
@at_gateway
def show(
    admin: Admin,
    budget: BudgetId,
    everything: Everything = False,
) -> None:
    """Show the accounts of a budget: limit, used, reserved, left."""
    found = admin.items(f"{_PATH}/{budget}/accounts", {"all": everything})
    print_items(admin, list(found), _ACCOUNT_COLUMNS, empty="nothing was spent of it")


@app.command("mine")
@at_gateway
def mine(
    admin: Admin,
    source: Annotated[str | None, typer.Option(help="As whichever client (`X-Trino-Source`).")] = None,
) -> None:
    """Show what your own statements may still take."""
    found = admin.call("GET", f"{_PATH}/mine", params={"source": source}).body
    if admin.as_json:
        from gateway.cli.tables import print_json

        print_json(found)
        return
    print_items(admin, found["accounts"], _ACCOUNT_COLUMNS, empty="no budget is about you")
    if found["caps"]:
        print()
        print_items(admin, found["caps"], ("id", "usd", "bytes", "rows", "seconds", "mode"), empty="no caps")


@app.command("override")
@at_gateway
def override(
    admin: Admin,
    budget: BudgetId,
    amount: Annotated[str, typer.Option(help='Dollars ("25.00"), a size ("10 TB"), or unlimited.')],
    reason: Annotated[str, typer.Option(help="Why: the audit keeps it.")],
    until: Annotated[str, typer.Option(help="When it ends: 2027-01-31T18:00:00Z.")],
    holder: Annotated[str | None, typer.Option(help="Whose account; of a cap, which user.")] = None,
    fingerprint: Annotated[str | None, typer.Option(help="Only statements of this shape.")] = None,
) -> None:
    """Allow more than a budget or cap does, for somebody else than yourself."""
    body = {"budget": budget, "amount": amount, "reason": reason, "expires_at": until}
    more = {"holder": holder, "fingerprint": fingerprint}
    given = {**body, **{name: value for name, value in more.items() if value is not None}}
    made: dict[str, Any] = admin.call("POST", f"{_PATH}/overrides", given).body
    print_items(admin, [made], _OVERRIDE_COLUMNS, empty="")


@app.command("overrides")
@at_gateway
def overrides(
    admin: Admin,
    budget: Annotated[str | None, typer.Option(help="Of this budget or cap only.")] = None,
) -> None:
    """List overrides, those that have ended among them."""
    found = admin.items(f"{_PATH}/overrides", {"budget": budget})
    print_items(admin, list(found), _OVERRIDE_COLUMNS, empty="no overrides")


@app.command("end-override")
@at_gateway
def end_override(
    admin: Admin,
    override_id: Annotated[str, typer.Argument(help="The override's id.")],
) -> None:
    """End an override before its time."""
    from urllib.parse import quote

    admin.call("DELETE", f"{_PATH}/overrides/{quote(override_id, safe='')}")
