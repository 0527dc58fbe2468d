"""`penstock partner`: register partners, grant them tables, make and revoke their tokens, see what they used."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.calling import Admin, at_gateway
from gateway.cli.options import fail

_ABOUT = "Register partners, grant them tables, make their tokens, see what they used."
app = typer.Typer(name="partner", help=_ABOUT, no_args_is_help=True, rich_markup_mode=None)

Partner = Annotated[str, typer.Argument(help="The partner: the name that it connects as.")]
EntitlementId = Annotated[str, typer.Argument(help="The entitlement's id.")]
OfPartner = Annotated[str | None, typer.Option("--partner", help="Of this partner only.")]
Rate = Annotated[float | None, typer.Option(help="Statements a minute.", min=0.0)]
Organization = Annotated[str | None, typer.Option(help="The company's name.")]
Contact = Annotated[str | None, typer.Option(help="Whom to write to.")]
Filter = Annotated[str | None, typer.Option("--filter", help="Which rows: a condition over the table's columns.")]
Allow = Annotated[list[str] | None, typer.Option(help="A column that is shown; may be repeated. Default: all.")]
Deny = Annotated[list[str] | None, typer.Option(help="A column that is not shown; may be repeated.")]

_PARTNER_COLUMNS = ("partner_id", "organization", "contact", "state", "rate", "created_at", "created_by")
_ENTITLEMENT_COLUMNS = (
    *("id", "partner_id", "dataset_name", "state", "expires_at", "row_filter"),
    *("allowed_columns", "denied_columns", "rate"),
)
TOKEN_COLUMNS = ("id", "partner_id", "datasets", "state", "issued_at", "issued_by", "expires_at", "key_id")
_AMOUNTS = ("statements", "rows", "bytes", "scanned_bytes", "cost_usd")


@app.command("register")
@at_gateway
def register(
    admin: Admin,
    partner: Partner,
    organization: Annotated[str, typer.Option(help="The company's name.")],
    contact: Contact = None,
    rate: Rate = None,
) -> None:
    """Register a partner."""
    body = _given(partner_id=partner, organization=organization, contact=contact, rate=rate)
    made = admin.call("POST", "/partners/", body).body
    _show(admin, made)


@app.command("list")
@at_gateway
def list_partners(
    admin: Admin,
) -> None:
    """List all partners."""
    found = admin.items("/partners/")
    print_items(admin, list(found), _PARTNER_COLUMNS, empty="no partners")


@app.command("show")
@at_gateway
def show(
    admin: Admin,
    partner: Partner,
) -> None:
    """Show a partner and what it is entitled to."""
    found = admin.call("GET", f"/partners/{_part(partner)}").body
    entitlements = list(admin.items("/entitlements/", {"partner_id": partner}))
    if admin.as_json:
        _show(admin, {**found, "entitlements": entitlements})
        return
    _show(admin, found)
    print()
    print_items(admin, entitlements, _ENTITLEMENT_COLUMNS, empty="no entitlements")


@app.command("change")
@at_gateway
def change(
    admin: Admin,
    partner: Partner,
    organization: Organization = None,
    contact: Contact = None,
    rate: Rate = None,
) -> None:
    """Change a partner's organization, contact or rate."""
    body = _given(organization=organization, contact=contact, rate=rate)
    _amend(admin, f"/partners/{_part(partner)}", body)


@app.command("suspend")
@at_gateway
def suspend(
    admin: Admin,
    partner: Partner,
) -> None:
    """Let nothing of a partner in any more."""
    admin.call("POST", f"/partners/{_part(partner)}/suspend")


@app.command("resume")
@at_gateway
def resume(
    admin: Admin,
    partner: Partner,
) -> None:
    """Let a suspended partner in again."""
    _amend(admin, f"/partners/{_part(partner)}", {"state": "active"})


@app.command("entitle")
@at_gateway
def entitle(
    admin: Admin,
    partner: Partner,
    dataset: Annotated[str, typer.Argument(help="The table: table, schema.table or catalog.schema.table.")],
    until: Annotated[str, typer.Option(help="When it ends: 2027-01-31T18:00:00Z, or a day's beginning in UTC.")],
    begin: Annotated[str | None, typer.Option("--from", help="When it begins. Default: now.")] = None,
    row_filter: Filter = None,
    allow: Allow = None,
    deny: Deny = None,
    rate: Rate = None,
) -> None:
    """Grant a table to a partner, read only."""
    body = _given(
        partner_id=partner,
        dataset_name=dataset,
        scope="read_only",
        expires_at=until,
        starts_at=begin,
        row_filter=row_filter,
        allowed_columns=allow or None,
        denied_columns=deny or None,
        rate=rate,
    )
    _show(admin, admin.call("POST", "/entitlements/", body).body)


@app.command("entitlements")
@at_gateway
def entitlements(
    admin: Admin,
    partner: OfPartner = None,
    everything: Annotated[bool, typer.Option("--all", help="Those revoked, too.")] = False,
) -> None:
    """List entitlements."""
    found = admin.items("/entitlements/", {"partner_id": partner, "all": everything})
    print_items(admin, list(found), _ENTITLEMENT_COLUMNS, empty="no entitlements")


@app.command("entitlement")
@at_gateway
def entitlement(
    admin: Admin,
    entitlement_id: EntitlementId,
) -> None:
    """Show an entitlement."""
    _show(admin, admin.call("GET", f"/entitlements/{_part(entitlement_id)}").body)


@app.command("amend")
@at_gateway
def amend(
    admin: Admin,
    entitlement: EntitlementId,
    until: Annotated[str | None, typer.Option(help="When it ends.")] = None,
    row_filter: Filter = None,
    allow: Allow = None,
    deny: Deny = None,
    rate: Rate = None,
    lift: Annotated[
        list[str] | None,
        typer.Option(
            help="A limit to take away: row_filter, allowed_columns, denied_columns or rate; may be repeated."
        ),
    ] = None,
) -> None:
    """Change an entitlement's end, rows, columns or rate; what is not named stays."""
    body = _given(
        expires_at=until,
        row_filter=row_filter,
        allowed_columns=allow or None,
        denied_columns=deny or None,
        rate=rate,
    )
    for name in lift or ():
        if name not in ("row_filter", "allowed_columns", "denied_columns", "rate") or name in body:
            fail(f"--lift {name}: write row_filter, allowed_columns, denied_columns or rate, and do not set it", code=2)
        body[name] = None
    _amend(admin, f"/entitlements/{_part(entitlement)}", body)


@app.command("revoke")
@at_gateway
def revoke(
    admin: Admin,
    entitlement: EntitlementId,
) -> None:
    """Revoke an entitlement: it ends everywhere within seconds."""
    admin.call("DELETE", f"/entitlements/{_part(entitlement)}")


@app.command("token")
@at_gateway
def make_token(
    admin: Admin,
    partner: Partner,
    dataset: Annotated[list[str], typer.Argument(help="Tables inside its live entitlements.")],
    hours: Annotated[float, typer.Option(help="How long it lives at most.", min=0.0)] = 24.0,
) -> None:
    """Print a bearer token for a partner; when and why it ends goes to stderr. It is not shown again."""
    body = {"partner_id": partner, "datasets": dataset, "duration_hours": hours}
    made = admin.call("POST", "/tokens/", body).body
    if admin.as_json:
        _show(admin, made)
        return
    typer.echo(f"token {made['id']} ends {made['expires_at']}, by its {made['limited_by']}", err=True)
    print(made["token"])


@app.command("tokens")
@at_gateway
def tokens(
    admin: Admin,
    partner: OfPartner = None,
) -> None:
    """List tokens, without the tokens."""
    list_tokens(admin, partner)


@app.command("show-token")
@at_gateway
def show_token(
    admin: Admin,
    token_id: Annotated[str, typer.Argument(help="The token's id, its `jti`.")],
) -> None:
    """Show what is known of a token, without the token."""
    _show(admin, admin.call("GET", f"/tokens/{_part(token_id)}").body)


@app.command("revoke-token")
@at_gateway
def revoke_token(
    admin: Admin,
    token_id: Annotated[str, typer.Argument(help="The token's id, its `jti`.")],
) -> None:
    """Revoke one token."""
    admin.call("DELETE", f"/tokens/{_part(token_id)}")


@app.command("usage")
@at_gateway
def usage(
    admin: Admin,
    partner: Partner,
    begin: Annotated[str | None, typer.Option("--from", help="The beginning. Default: this month's.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="The end, not itself in it. Default: the next month's.")
    ] = None,
) -> None:
    """Show what a partner used, and what it costs."""
    found = admin.call("GET", "/usage", params={"partner_id": partner, "from": begin, "to": end}).body
    if admin.as_json:
        _show(admin, found)
        return
    print(f"{found['partner_id']} from {found['from']} to {found['to']}")
    price = found["price"]["usd_per_tb"]
    told = f"USD {price} a terabyte" if price else "by the price book"
    print(f"complete until {found['completeness']['complete_until']}; {told}\n")
    rows: list[list[Any]] = [["all", *_amounts(found)]]
    rows += [[each["dataset_name"], *_amounts(each)] for each in found["by_dataset"]]
    rows += [[each["day"], *_amounts(each)] for each in found["by_day"]]
    from gateway.cli.tables import print_table

    print_table(("", *_AMOUNTS), rows)


def list_tokens(admin: Admin, partner: str | None) -> None:
    """Print what is known of tokens."""
    print_items(admin, list(admin.items("/tokens/", {"partner_id": partner})), TOKEN_COLUMNS, empty="no tokens")


def print_items(admin: Admin, items: list[dict[str, Any]], columns: tuple[str, ...], *, empty: str) -> None:
    """Print a list as a table, or as JSON."""
    from gateway.cli.tables import print_json, print_table

    if admin.as_json:
        print_json(items)
    else:
        print_table(columns, [[each[name] for name in columns] for each in items], empty=empty)


def _show(admin: Admin, thing: dict[str, Any]) -> None:
    from gateway.cli.tables import print_json, print_table

    if admin.as_json:
        print_json(thing)
    else:
        print_table(("", "value"), thing.items())


def _amend(admin: Admin, path: str, body: dict[str, Any]) -> None:
    """Change what is there now: who else changes it in between makes this fail, not vanish."""
    if not body:
        fail("nothing to change: name at least one thing", code=2)
    before = admin.call("GET", path)
    _show(admin, admin.call("PATCH", path, body, etag=before.etag).body)


def _amounts(found: dict[str, Any]) -> list[Any]:
    return [found[name] for name in _AMOUNTS]


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _part(text: str) -> str:
    """Return a text as one part of a path."""
    from urllib.parse import quote

    return quote(text, safe="")
