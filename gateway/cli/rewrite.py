"""`penstock rewrite`: proofs of answers from materialized views, comparisons with the base, and findings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.calling import API, Admin, AsOption, JsonOption, TokenOption, UrlOption, at_gateway, reach
from gateway.cli.options import ConfigOption, fail
from gateway.cli.partner import print_items
from gateway.cli.tables import plain, print_json, print_table

if TYPE_CHECKING:
    from gateway.rewriting.certificates.verifying import Verdict

_ABOUT = "Look at proofs of answers from materialized views, at comparisons with their base, and at what was found."
app = typer.Typer(name="rewrite", help=_ABOUT, no_args_is_help=True, rich_markup_mode=None)

_PATH = f"{API}/rewriting"
ViewOption = Annotated[str | None, typer.Option("--view", help="Only of this view: catalog.schema.table.")]


@app.command("list")
@at_gateway
def list_certificates(admin: Admin, view: ViewOption = None) -> None:
    """List the certificates that are kept."""
    found = list(admin.items(f"{_PATH}/certificates", {"view": view}))
    print_items(admin, found, ("id", "grade", "views", "made_at", "used_at"), empty="no certificates")


@app.command("show")
@at_gateway
def show(admin: Admin, certificate: Annotated[str, typer.Argument(help="The certificate's id.")]) -> None:
    """Show a certificate: what was asked, what is read of which view, and what each step rests on."""
    found = admin.call("GET", f"{_PATH}/certificates/{certificate}").body
    document = json.loads(found["document"])
    if admin.as_json:
        print_json(document)
        return
    print("\n".join(map(plain, _lines(found["id"], document))))


@app.command("comparisons")
@at_gateway
def comparisons(admin: Admin) -> None:
    """Tell what came of comparing answers from views with their base."""
    found = admin.call("GET", f"{_PATH}/comparisons").body
    if admin.as_json:
        print_json(found)
        return
    columns = ("view", "compared", "equal", "different", "not compared", "wrong at most (95 %)")
    rows = [*found["items"], {**found["together"], "view": "all"}]
    print_table(columns, [_counted(each) for each in rows])


@app.command("quarantines")
@at_gateway
def quarantines(
    admin: Admin,
    finding: Annotated[str | None, typer.Argument(help="One finding's id: show what it rests on.")] = None,
    view: ViewOption = None,
    every: Annotated[bool, typer.Option("--all", help="Those that were released, too.")] = False,
) -> None:
    """List the views that answer nobody and why, or show one finding with its reproduction (for stewards)."""
    if finding is not None:
        print_json(admin.call("GET", f"{_PATH}/findings/{finding}").body)
        return
    found = list(admin.items(f"{_PATH}/findings", {"view": view, "holding": not every}))
    columns = ("view", "reason", "made_at", "id", "certificate", "released_by", "release_reason")
    print_items(admin, found, columns, empty="no view is in quarantine")


@app.command("verify")
def verify(
    certificate: Annotated[str | None, typer.Argument(help="A certificate's id.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A document in a file: no gateway is asked.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All certificates that the store keeps.")] = False,
    databases: Annotated[int, typer.Option(help="Tiny databases to replay on; 0: none.", min=0, max=10_000)] = 60,
    live: Annotated[bool, typer.Option("--live", help="Ask the engines, too: views, facts, and both queries.")] = False,
    config: ConfigOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_user: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at certificates again: hash, independent checker, and both queries replayed on tiny databases.

    With --live the gateway asks its engines as well. Exit code 1 where one is rejected, 2 where none could be
    looked at.
    """
    from gateway.rewriting.certificates.verifying import verify as looked_at

    if (certificate is not None) + (file is not None) + every != 1:
        fail("say which: an id, --file, or --all", code=2)
    if live and file is not None:
        fail("--live asks a gateway, which looks its certificate up by id", code=2)
    documents: Iterator[tuple[str | None, bytes]]
    admin: Admin | None = None
    if file is not None:
        documents = iter([(None, _content(file))])
    else:
        admin = reach(config, url, token, as_user, as_json=as_json)
        documents = _kept(admin, certificate)
    looked = []
    for name, document in documents:
        verdict = looked_at(document, name, databases=databases)
        words = admin.call("POST", f"{_PATH}/certificates/{name}/live").body if live and admin is not None else None
        looked.append((verdict, words))
        if not as_json:
            print("\n".join(map(plain, (*_verdict(verdict), *_words(words)))))
    rejected = sum(not verdict.accepted or bool(words and words["differs"]) for verdict, words in looked)
    if as_json:
        print_json([{**_as_json(verdict), "live": words and words["words"]} for verdict, words in looked])
    elif every:
        print(f"{len(looked)} certificates, {rejected} rejected")
    raise typer.Exit(1 if rejected else 0)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error}", code=2)


def _kept(admin: Admin, certificate: str | None) -> Iterator[tuple[str, bytes]]:
    names = [certificate] if certificate is not None else (each["id"] for each in admin.items(f"{_PATH}/certificates"))
    for name in names:
        yield name, admin.call("GET", f"{_PATH}/certificates/{name}").body["document"].encode()


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield f"{verdict.id}: {'accepted' if verdict.accepted else 'REJECTED'}"
    yield from (f"  {each.what}: {each.text}" for each in verdict.rejections)
    if verdict.replayed is None:
        yield f"  not replayed: {verdict.not_replayed}"
        return
    replayed = verdict.replayed
    yield f"  replayed on {replayed.compared} databases ({replayed.failed} more gave errors)"
    if replayed.counterexample is not None:
        yield f"  they differ: {replayed.counterexample.difference.text}, where"
        for name, rows in replayed.counterexample.tables.items():
            yield f"    {name} holds {[tuple(map(str, row)) for row in rows]}"
        for side, rows in (
            ("the base alone gives", replayed.counterexample.difference.only_base),
            ("views alone give", replayed.counterexample.difference.only_views),
        ):
            yield from (f"    {side} {tuple(map(str, row))}" for row in rows)


def _words(found: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield what engines said."""
    for each in found["words"] if found is not None else ():
        yield f"  {each['verdict']}: {each['what']}{' of ' if each['of'] else ''}{each['of']}: {each['text']}"


def _as_json(verdict: Verdict) -> Mapping[str, Any]:
    replayed = verdict.replayed
    return {
        "id": verdict.id,
        "accepted": verdict.accepted,
        "rejections": [{"what": each.what, "text": each.text} for each in verdict.rejections],
        "replayed": None if replayed is None else replayed.compared,
        "not_replayed": verdict.not_replayed,
        "differs": replayed is not None and replayed.counterexample is not None,
    }


def _counted(found: Mapping[str, Any]) -> tuple[object, ...]:
    skipped = ", ".join(f"{count} {reason}" for reason, count in sorted(found["skipped"].items()))
    bound = found["upper_bound"]
    at_most = "-" if bound is None else f"{bound * 100:.2f} %"
    return found["view"], found["compared"], found["equal"], found["different"], skipped or "-", at_most


def _lines(name: str, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a certificate for people."""
    yield f"certificate {name}: {document['grade']}, for {document['integrity']}"
    yield f"asked, after policy:\n  {document['query']}"
    yield f"answered by:\n  {document['rewritten']}"
    for use in document["uses"]:
        yield f"{'.'.join(use['scan_name'])} reads {'.'.join(use['definition']['name'])}:"
        yield f"  {use['scan']}"
        yield f"  which holds: {use['definition']['sql']}"
        yield from (f"  {each['text']}: {each['how']} by {each['by']}" for each in use["conditions"])
        for proof in use["proofs"]:
            yield f"  condition {proof['condition']}: {proof['claim']}; {'; '.join(proof.get('evidence', ()))}"
    yield from (f"holds at version {version} of {'.'.join(table)}" for table, version in document["versions"])
