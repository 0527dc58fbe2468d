"""`penstock policy simulate`: what a statement becomes as anybody, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.calling import API, AsOption, JsonOption, TokenOption, UrlOption, reach
from gateway.cli.options import ConfigOption, fail, read_config
from gateway.cli.tables import plain, print_json, print_table

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.simulation.answers import Simulation
    from gateway.simulation.question import Question


def simulate(
    user: Annotated[str, typer.Option("--user", "-u", help="As whom; nobody needs to have heard of him.")],
    file: Annotated[Path | None, typer.Argument(help="A file with the statement; `-` is the standard input.")] = None,
    sql: Annotated[str | None, typer.Option("--sql", help="The statement, in Trino's SQL.")] = None,
    catalog: Annotated[str | None, typer.Option(help="The session's catalog.")] = None,
    schema: Annotated[str | None, typer.Option(help="The session's schema.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="A role besides those he has; may be repeated.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="A group besides his; may be repeated.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="An attribute, name=value; may be repeated.")] = None,
    chosen: Annotated[str | None, typer.Option("--set-role", help="The one role that the session has chosen.")] = None,
    source: Annotated[str | None, typer.Option(help="The application, as X-Trino-Source names it.")] = None,
    time_zone: Annotated[str, typer.Option(help="The session's time zone.")] = "UTC",
    at: Annotated[str | None, typer.Option(help="The moment that counts as the present, with its zone.")] = None,
    changeset: Annotated[str | None, typer.Option(help="As this changeset would make the policies.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print the plan as data, too; as JSON.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Without a gateway, from the configuration.")] = False,
    config: ConfigOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_user: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a statement becomes as anybody, with a reason for each change, or the least that is missing.

    Exit code 1 where it is refused.
    """
    body: dict[str, Any] = {
        "user": user,
        "sql": _statement(sql, file),
        "catalog": catalog,
        "schema": schema,
        "roles": role or [],
        "groups": group or [],
        "attributes": dict(_pair(each) for each in attribute or []),
        "role": chosen,
        "source": source,
        "time_zone": time_zone,
        "at": at,
        "changeset": changeset,
    }
    body = {name: value for name, value in body.items() if value not in (None, [], {})}
    if offline:
        if changeset is not None or plan:
            fail("--changeset and --plan need a gateway: leave --offline out", code=2)
        found = _offline(read_config(config), body).model_dump(mode="json")
    else:
        admin = reach(config, url, token, as_user, as_json=as_json)
        path = f"{API}/policies/explain" if plan else f"{API}/policies/simulate"
        found = admin.call("POST", path, body).body
    if as_json or plan:
        print_json(found)
    else:
        _show(found)
    if found["decision"] == "refuse":
        raise typer.Exit(1)


def _statement(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        fail("give the statement by --sql, or a file with it", code=2)
    if sql is not None:
        return sql
    try:
        return sys.stdin.read() if str(file) == "-" else (file or Path()).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}", code=2)


def _pair(written: str) -> tuple[str, str]:
    name, separator, value = written.partition("=")
    if not separator or not name:
        fail(f"--attribute {written}: write name=value", code=2)
    return name, value


def _offline(config: Config, body: dict[str, Any]) -> Simulation:
    import asyncio

    from pydantic import ValidationError

    from catalog.errors import Refusal
    from gateway.admin.api.simulate import Asked
    from gateway.config import ConfigError
    from policies.faults import PolicyError

    try:
        question = Asked.model_validate(body).question()
        return asyncio.run(_simulated(config, question))
    except ValidationError as error:
        fail(*(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()), code=2)
    except Refusal as refusal:
        fail(f"cannot be asked: {refusal.code.name}: {refusal.text}", code=2)
    except (ConfigError, PolicyError, OSError) as error:
        fail(str(error), code=2)


async def _simulated(config: Config, question: Question) -> Simulation:
    from gateway.simulation.answers import simulation
    from gateway.simulation.offline import offline
    from gateway.simulation.simulate import simulate as simulated

    async with offline(config) as grounds:
        return simulation(await simulated(grounds, question, grounds.policies))


def _show(found: dict[str, Any]) -> None:
    if found["decision"] == "allow":
        print(f"allowed: {found['statement']} on {found['engine']}")
        if found["sql"] is not None:
            print(f"\n{plain(found['sql'])}\n")
    else:
        print(f"refused: {found['code']}: {plain(found['message'])}\n")
    rows = [(r["effect"], r["table"], r["columns"], r["text"], r["rule"], r["sql"]) for r in found["reasons"]]
    print_table(("effect", "table", "columns", "reason", "rule", "sql"), rows, empty="no policy changes it")
    missing = found["missing"]
    if missing is None:
        return
    print("\nwhat is missing" + ("" if missing["verified"] else " (not verified: more may stand in the way)") + ":")
    for item in missing["items"]:
        print(f"  {plain(item['text'])}")
    if missing["yaml"]:
        print(f"\n{missing['yaml']}")
