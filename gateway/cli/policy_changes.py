"""`penstock policy`: look at policies, and take changesets from a file to what is live and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.calling import API, Admin, at_gateway
from gateway.cli.options import fail
from gateway.cli.tables import plain, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable

MostOption = Annotated[int, typer.Option("--most", help="How many to print at most.", min=1)]
ChangesetArgument = Annotated[str, typer.Argument(help="The changeset: its id, or its number.")]


@at_gateway
def list_policies(
    admin: Admin,
    kind: Annotated[str | None, typer.Option(help="Entries of this section only, such as row_filters.")] = None,
    table: Annotated[str | None, typer.Option(help="Entries that name this table, or a pattern above it.")] = None,
    principal: Annotated[
        str | None, typer.Option(help="Entries that name role:NAME, user:NAME, group:NAME, *.")
    ] = None,
    origin: Annotated[str | None, typer.Option(help="file, changeset, statement or lineage.")] = None,
    state: Annotated[str | None, typer.Option(help="live or overlaid.")] = None,
    most: MostOption = 1000,
) -> None:
    """List policy entries: what each is about, and where it stands."""
    asked = {"kind": kind, "table": table, "principal": principal, "origin": origin, "state": state}
    found = list(admin.items(f"{API}/policies", asked, most))
    if admin.as_json:
        print_json(found)
        return
    columns = ("kind", "id", "origin", "document", "line", "state", "tables", "principals")
    print_table(columns, [[each[name] for name in columns] for each in found], empty="no entries")


@at_gateway
def show(
    admin: Admin,
    kind: Annotated[str, typer.Argument(help="The section, such as row_filters.")],
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="The entry's id, name or table.")],
) -> None:
    """Show an entry: what it says, where it stands, who changed it."""
    import yaml

    found = admin.call("GET", f"{API}/policies/{_quoted(kind)}/{_quoted(entry_id)}").body
    if admin.as_json:
        print_json(found)
        return
    for each in found["items"]:
        line = f", line {each['line']}" if each["line"] else ""
        print(plain(f"# {each['state']}, {each['origin']} {each['document']}{line}"))
        print(yaml.safe_dump({kind: {entry_id: each["entry"]}}, sort_keys=False, allow_unicode=False), end="")
    _print_changes(found["changes"])


@at_gateway
def history(
    admin: Admin,
    kind: Annotated[str, typer.Argument(help="The section, such as row_filters.")],
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="The entry's id, name or table.")],
    most: MostOption = 100,
) -> None:
    """List the changes of an entry by changesets, the latest first; also of one that is gone."""
    found = list(admin.items(f"{API}/policy-changes", {"kind": kind, "id": entry_id}, most))
    print_json(found) if admin.as_json else _print_changes(found)


@at_gateway
def documents(
    admin: Admin,
    name: Annotated[str | None, typer.Argument(help="List the versions of this stored document.")] = None,
    version: Annotated[int | None, typer.Option(help="Print what this version says, as YAML.")] = None,
    most: MostOption = 100,
) -> None:
    """List the stored documents, the versions of one, or print a version."""
    import yaml

    if version is not None:
        if name is None:
            fail("--version needs the document's name", code=2)
        shown = admin.call("GET", f"{API}/documents/{_quoted(name)}/versions/{version}").body
        print_json(shown) if admin.as_json else print(yaml.safe_dump(shown["content"], sort_keys=False), end="")
        return
    path = f"{API}/documents" if name is None else f"{API}/documents/{_quoted(name)}/versions"
    found = list(admin.items(path, None, most))
    if admin.as_json:
        print_json(found)
        return
    columns = ("document", "version", "parent", "state", "author", "at", "note")
    print_table(columns, [[each[column] for column in columns] for each in found], empty="no stored documents")


@at_gateway
def changesets(
    admin: Admin,
    state: Annotated[str | None, typer.Option(help="draft, shadow, live, rolled_back or discarded.")] = None,
    author: Annotated[str | None, typer.Option(help="Those that this person began.")] = None,
    most: MostOption = 100,
) -> None:
    """List changesets, the youngest first."""
    found = list(admin.items(f"{API}/changesets", {"state": state, "author": author}, most))
    if admin.as_json:
        print_json(found)
        return
    columns = ("number", "id", "state", "title", "author", "edited_by", "promoted_by", "edit_count", "changed_at")
    print_table(columns, [[each[column] for column in columns] for each in found], empty="no changesets")


@at_gateway
def changeset(
    admin: Admin,
    which: ChangesetArgument,
) -> None:
    """Show a changeset: each edit beside what is there now."""
    found = found_changeset(admin, which)
    effects = admin.call("GET", f"{API}/changesets/{found['id']}/effects").body["items"]
    if admin.as_json:
        print_json({**found, "effects": effects})
        return
    _tell(found)
    columns = ("number", "op", "document", "section", "key", "origin", "before", "after")
    print_table(columns, [[each[column] for column in columns] for each in effects], empty="no edits")


@at_gateway
def propose(
    admin: Admin,
    file: Annotated[
        Path, typer.Argument(help="YAML: a policy document, whose entries are put; or `edits:` with title and note.")
    ],
    title: Annotated[str | None, typer.Option(help="What the changeset is called. Default: the file's name.")] = None,
    document: Annotated[str, typer.Option(help="The stored document that the entries of FILE go to.")] = "governed",
    whole: Annotated[bool, typer.Option("--whole", help="Put FILE in the place of the whole stored document.")] = False,
    edit: Annotated[str | None, typer.Option(help="Put it in the place of what this draft says.")] = None,
) -> None:
    """Make a draft of a file: nothing acts before it is promoted."""
    body = _body(file, title, document, whole=whole)
    if edit is None:
        made = admin.call("POST", f"{API}/changesets", body).body
    else:
        seen = found_changeset(admin, edit)
        made = admin.call("PUT", f"{API}/changesets/{seen['id']}", body, etag=f'"{seen["revision"]}"').body
    told_changeset(admin, made)


def _step(name: str, told: str) -> Callable[..., None]:
    """Return the command that takes a changeset a step."""

    def command(
        admin: Admin,
        which: ChangesetArgument,
    ) -> None:
        seen = found_changeset(admin, which)
        etag = f'"{seen["revision"]}"'
        made = admin.call("POST", f"{API}/changesets/{seen['id']}/{name}", etag=etag).body
        told_changeset(admin, made)

    command.__doc__ = told
    return at_gateway(command)


submit = _step("submit", "Let a draft run as a shadow beside what is live.")
recall = _step("recall", "Make a shadow a draft again.")
promote = _step("promote", "Make a changeset live, whole, on every replica.")
roll_back = _step("rollback", "Restore exactly what was before a changeset was live.")
discard = _step("discard", "End a draft or a shadow.")
rebase = _step("rebase", "Put a changeset on what is live now.")


def add_to(group: typer.Typer) -> None:
    """Add the commands to `penstock policy`."""
    group.command("list")(list_policies)
    group.command("show")(show)
    group.command("history")(history)
    group.command("documents")(documents)
    group.command("changesets")(changesets)
    group.command("changeset")(changeset)
    group.command("propose")(propose)
    for name, command in (
        ("submit", submit),
        ("recall", recall),
        ("promote", promote),
        ("rollback", roll_back),
        ("discard", discard),
        ("rebase", rebase),
    ):
        group.command(name)(command)


def found_changeset(admin: Admin, which: str) -> dict[str, Any]:
    """Return a changeset by its id or number; ends the command where there is none."""
    if which.isdecimal():
        heads = admin.items(f"{API}/changesets")
        found = next((each["id"] for each in heads if each["number"] == int(which)), None)
        if found is None:
            fail(f"there is no changeset with the number {which}")
        which = found
    body: dict[str, Any] = admin.call("GET", f"{API}/changesets/{_quoted(which)}").body
    return body


def told_changeset(admin: Admin, found: dict[str, Any]) -> None:
    """Print how a changeset stands."""
    print_json(found) if admin.as_json else _tell(found)


def _tell(found: dict[str, Any]) -> None:
    told = f"changeset {found['number']} ({found['id']}) is {found['state']}: {found['title']}"
    print(plain(f"{told}; {found['edit_count']} edits of {', '.join(found['documents']) or 'nothing'}"))


def _print_changes(changes: list[dict[str, Any]]) -> None:
    columns = ("at", "author", "op", "document", "changeset")
    print_table(columns, [[each[column] for column in columns] for each in changes], empty="no changes by changesets")


def _body(file: Path, title: str | None, document: str, *, whole: bool) -> dict[str, Any]:
    """Return what a file asks for; ends the command where it is no YAML mapping."""
    import json

    import yaml

    from policies.sections import SECTIONS

    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        fail(f"{file}: {error}", code=2)
    if not isinstance(found, dict):
        fail(f"{file}: write a policy document, or a mapping with `edits:`", code=2)
    found = json.loads(json.dumps(found, default=str))  # days and moments as the API takes them
    name = title or str(found.get("title") or file.stem)
    if "edits" in found:
        return {**found, "title": name}
    if whole:
        return {"title": name, "edits": [{"op": "put_document", "document": document, "content": found}]}
    unknown = sorted(found.keys() - SECTIONS.keys() - {"version"})
    if unknown or found.get("version") != 1:
        what = f"unknown section `{unknown[0]}`" if unknown else "it must begin with `version: 1`"
        fail(f"{file}: {what}", code=2)
    return {"title": name, "edits": [each for section in SECTIONS for each in _edits(section, found, document)]}


def _edits(section: str, found: dict[str, Any], document: str) -> list[dict[str, Any]]:
    """Return the edits that put a section's entries."""
    from policies.sections import SECTIONS

    shape = SECTIONS[section].shape  # type: ignore[index]  # it comes from SECTIONS itself
    value = found.get(section)
    base = {"op": "put", "document": document, "section": section}
    if section not in found or value in (None, [], {}):
        return []
    if shape == "names":
        return [{**base, "key": str(key), "entry": entry} for key, entry in value.items()]
    return [{**base, "entry": entry} for entry in (value if shape == "list" else [value])]


def _quoted(part: str) -> str:
    from urllib.parse import quote

    return quote(part, safe="")
