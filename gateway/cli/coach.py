"""`penstock coach`: what the statements of a file would cost, and what could be run instead; nothing is run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.calling import API, AsOption, JsonOption, TokenOption, UrlOption, reach
from gateway.cli.options import ConfigOption, fail
from gateway.cli.tables import plain, print_json


def coach(
    file: Annotated[Path, typer.Argument(help="A file of statements, separated by semicolons; `-`: standard input.")],
    catalog: Annotated[str | None, typer.Option(help="The session's catalog.")] = None,
    schema: Annotated[str | None, typer.Option(help="The session's schema.")] = None,
    time_zone: Annotated[str, typer.Option(help="The session's time zone.")] = "UTC",
    config: ConfigOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    user: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Price statements without running them, say what is wrong with them, and offer cheaper ones with their price.

    Exit code 1 where a statement would be refused, 2 where the gateway could not be asked.
    """
    from catalog.dialect.split import split_statements

    parts = split_statements(_text(file))
    if not parts:
        fail(f"{file}: there is no statement in it", code=2)
    admin = reach(config, url, token, user, as_json=as_json)
    session = {"catalog": catalog, "schema": schema, "time_zone": time_zone}
    found = []
    for part in parts:
        body = {"sql": part.text, **{name: value for name, value in session.items() if value is not None}}
        answer = admin.call("POST", f"{API}/coach", body).body
        found.append({"line": part.line, **answer})
        if not as_json:
            print("\n".join(_lines(part.line, answer)), end="\n\n")
    total = _total(found)
    if as_json:
        print_json({"statements": found, "total": total})
    else:
        refused = f", {total['refused']} would be refused" if total["refused"] else ""
        print(f"{total['statements']} statements{refused}: USD {total['usd']}, {_size(total['bytes'])}")
    raise typer.Exit(1 if total["refused"] else 0)


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}", code=2)


def _total(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up what is known: statements without an estimate count with nothing."""
    known = [each["estimate"] for each in found if each["estimate"] is not None]
    return {
        "statements": len(found),
        "refused": sum(each["decision"] == "refuse" for each in found),
        "priced": len(known),
        "usd": f"{sum((Decimal(each['usd']['likely']) for each in known), Decimal(0)):f}",
        "bytes": sum(each["bytes"]["likely"] for each in known),
    }


def _lines(line: int, found: Mapping[str, Any]) -> Iterator[str]:
    """Yield a statement's answer for people."""
    what = found["statement"] or "statement"
    if found["decision"] == "refuse":
        yield f"line {line}: {what} would be refused: {found['code']}"
        yield from (f"  {plain(each)}" for each in str(found["message"]).split("\n"))
    else:
        yield f"line {line}: {what} on {found['engine'] or 'the gateway'}"
    estimate = found["estimate"]
    if estimate is None:
        return
    if found["decision"] != "refuse":
        yield f"  {_price(estimate)}; {estimate['kind']}, {estimate['basis']}"
        if found["without_views"] is not None:
            yield f"  answered from materialized views; without them {_price(found['without_views'])}"
        yield from (f"  {share}" for share in _shares(found["dominant"]))
        for each in found["missing"]:
            fields = " or ".join(each["filter_on"])
            read = f"{each['partitions_read']} of {each['partitions']} partitions are read"
            yield plain(f"  no filter on {fields} of {each['table']}: {read}")
        yield from (f"  hint: {plain(each['text'])}" for each in found["hints"])
        yield from _alternatives(found["alternatives"])


def _alternatives(found: list[Mapping[str, Any]]) -> Iterator[str]:
    for each in found[:3]:
        result = "same result" if each["same_result"] else f"different result: {each['difference']}"
        yield plain(f"  instead ({_price(each['estimate'])}; {result}): {each['title']}")
        yield f"    {plain(each['sql'])}"


def _shares(found: list[Mapping[str, Any]]) -> Iterator[str]:
    for table in found[:3]:
        columns = ", ".join(f"{each['column']} {each['share'] * 100:.0f} %" for each in table["columns"][:3])
        yield plain(f"{table['share'] * 100:.0f} % = {table['table']}{f' ({columns})' if columns else ''}")


def _price(estimate: Mapping[str, Any]) -> str:
    from gateway.coaching.words import usd
    from policies.cost.money import nano_of

    return f"{usd(nano_of(Decimal(estimate['usd']['likely'])))}, {_size(estimate['bytes']['likely'])}"


def _size(count: int) -> str:
    from gateway.coaching.words import size

    return size(count)
