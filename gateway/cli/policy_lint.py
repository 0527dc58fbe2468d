"""`penstock policy lint`: what is wrong with policies, or seems so, before they go live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.calling import API, AsOption, JsonOption, TokenOption, UrlOption, reach
from gateway.cli.options import ConfigOption, config_path, read_config
from gateway.cli.tables import plain, print_json


def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Policy files to lint together. Default: the configuration's.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    changeset: Annotated[
        str | None, typer.Option(help="Ask the gateway about this changeset.", show_default=False)
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the gateway about what is in force, stored policies and tables too.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 on warnings, too.")] = False,
    url: UrlOption = None,
    token: TokenOption = None,
    user: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find rules that hide nothing, reach nobody, contradict or repeat each other. Exit code 1 on errors.

    Files are read without connecting anywhere. With --changeset or --live the gateway lints, and holds policies
    against the tables that there are.
    """
    if changeset is not None or live:
        admin = reach(config, url, token, user, as_json=as_json)
        asked = {"changeset": changeset} if changeset is not None else {}
        found = admin.call("POST", f"{API}/policies/lint", asked).body
    else:
        found = _offline(files, config)
    if as_json:
        print_json(found)
    else:
        _print(found)
    raise typer.Exit(1 if found["errors"] or (strict and found["warnings"]) else 0)


def _offline(files: list[Path] | None, config: Path | None) -> dict[str, Any]:
    from gateway.linting import lint_paths

    if files and config is None and not config_path(None).exists():
        return lint_paths(files).model_dump()
    loaded = read_config(config)
    return lint_paths(files or loaded.policies, loaded).model_dump()


def _print(found: dict[str, Any]) -> None:
    for each in found["findings"]:
        about = f"{named}: " if (named := each["rule"] or each["path"]) else ""
        print(plain(f"{each['file']}:{each['line']}: {each['severity']} [{each['code']}] {about}{each['reason']}"))
        if each["fix"]:
            print(plain(f"    {each['fix']}"))
    counted = [(found["errors"], "error"), (found["warnings"], "warning"), (found["notes"], "note")]
    print(", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counted))
