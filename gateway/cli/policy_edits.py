"""`penstock policy add-edit`, `replace-edit`, `remove-edit`: a draft edit by edit, where others work on it, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.calling import API, Admin, at_gateway
from gateway.cli.options import fail
from gateway.cli.policy_changes import ChangesetArgument, found_changeset, told_changeset

if TYPE_CHECKING:
    from collections.abc import Mapping

NumberArgument = Annotated[int, typer.Argument(help="The edit's place in the draft, from 0.", min=0)]
EditArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="YAML: one edit, `op`, `section` and the rest, as the API has it."),
]


@at_gateway
def add_edit(admin: Admin, which: ChangesetArgument, file: EditArgument) -> None:
    """Add an edit to a draft."""
    edit, seen = _edit(file), found_changeset(admin, which)
    path, etag = f"{API}/changesets/{seen['id']}/edits", _etag(seen)
    told_changeset(admin, admin.call("POST", path, edit, etag=etag).body)


@at_gateway
def replace_edit(admin: Admin, which: ChangesetArgument, number: NumberArgument, file: EditArgument) -> None:
    """Put an edit in the place of another."""
    edit, seen = _edit(file), found_changeset(admin, which)
    answer = admin.call("PUT", f"{API}/changesets/{seen['id']}/edits/{number}", edit, etag=_etag(seen))
    told_changeset(admin, answer.body)


@at_gateway
def remove_edit(admin: Admin, which: ChangesetArgument, number: NumberArgument) -> None:
    """Take an edit out of a draft; those behind it move up."""
    seen = found_changeset(admin, which)
    answer = admin.call("DELETE", f"{API}/changesets/{seen['id']}/edits/{number}", etag=_etag(seen))
    told_changeset(admin, answer.body)


def add_to(group: typer.Typer) -> None:
    """Add the commands to `penstock policy`."""
    group.command("add-edit")(add_edit)
    group.command("replace-edit")(replace_edit)
    group.command("remove-edit")(remove_edit)


def _etag(seen: Mapping[str, Any]) -> str:
    return f'"{seen["revision"]}"'


def _edit(file: Path) -> object:
    """Return what a file says; ends the command where it is no YAML."""
    import yaml

    try:
        return json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")), default=str))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fail(f"{file}: {error}", code=2)
