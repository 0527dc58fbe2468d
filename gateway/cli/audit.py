"""`penstock audit`: walk the chain, look into it, hand it out."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from gateway.cli.options import ConfigOption, fail, read_config

if TYPE_CHECKING:
    from gateway.audit.links import Head, Link
    from gateway.audit.reading import Wanted
    from gateway.audit.verify import Report
    from gateway.config import Config

T = TypeVar("T")

app = typer.Typer(name="audit", help="Verify, list and export the audit's chain.", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SinceOption = Annotated[
    str | None, typer.Option(help="From when: 2026-01-31, 2026-01-31T12:00:00Z, or 15m, 12h, 7d ago.")
]
UntilOption = Annotated[str | None, typer.Option(help="Until when, itself excluded; written like --since.")]
UserOption = Annotated[str | None, typer.Option("--user", "-u", help="Of this user, or of who acted for him.")]
ActorOption = Annotated[str | None, typer.Option(help="Of who proved to be this user, for himself or for others.")]
KindOption = Annotated[str | None, typer.Option(help="Of this kind (`token.issue`), or its first part (`token`).")]


@app.command("verify")
def verify_chain(
    config: ConfigOption = None,
    anchors: Annotated[
        list[Path] | None,
        typer.Option(help="Files of JSON lines with heads: a sink's file, the log. This host's own are always used."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Walk an exported file instead of the store.")] = None,
    after: Annotated[
        str | None, typer.Option(help="Begin behind a link that is known, SEQ:HASH: what is before was archived.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Walk the whole chain; exit code 1, and the first link that is wrong, if it is not what was written."""
    loaded = read_config(config)
    began = time.monotonic()
    report = _run(_verify(loaded, anchors or [], file, _head(after)))
    seconds = time.monotonic() - began
    if as_json:
        print(json.dumps(report.told(seconds)))
    else:
        _print(report, seconds)
    raise typer.Exit(0 if report.intact else 1)


@app.command("list")
def list_entries(
    config: ConfigOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    user: UserOption = None,
    actor: ActorOption = None,
    kind: KindOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show the newest entries, the oldest of them first. This does not verify them."""
    from gateway.audit.lines import to_line

    wanted = _wanted(since, user, kind, until, actor)
    links = _run(_newest(read_config(config), wanted, limit))
    for link in links:
        print(to_line(link).decode() if as_json else _row(link))
    if not links and not as_json:
        print("no entries", file=sys.stderr)


@app.command("export")
def export(
    config: ConfigOption = None,
    form: Annotated[
        Literal["jsonl", "syslog"], typer.Option("--format", help="jsonl can be verified again; syslog is RFC 5424.")
    ] = "jsonl",
    since: SinceOption = None,
    user: UserOption = None,
    kind: KindOption = None,
    after: Annotated[int | None, typer.Option(help="Only links behind this number.", min=0)] = None,
) -> None:
    """Write entries to stdout, one a line, in the chain's order."""
    from dataclasses import replace

    wanted = replace(_wanted(since, user, kind), after=after)
    _run(_export(read_config(config), wanted, form))


async def _verify(config: Config, anchors: Sequence[Path], file: Path | None, after: Head) -> Report:
    from gateway.audit.anchors import Anchors, heads_in
    from gateway.audit.keeping import audit_folder
    from gateway.audit.lines import pages_in
    from gateway.audit.links import ChainKeys
    from gateway.audit.reading import Wanted, pages, reading
    from gateway.audit.verify import verify

    keys, until = ChainKeys.of(config.audit.secrets), config.audit.unkeyed_until
    heads = [head for path in anchors for head in heads_in(path)]
    if file is not None:
        return await verify(pages_in(file), keys, heads, unkeyed_until=until, after=after)
    url = config.store.url.get_secret_value()
    heads += Anchors(audit_folder(config.data_dir), url).read()
    async with reading(url) as connection:
        walk: AsyncIterator[Sequence[Link]] = pages(connection, Wanted(after=after.seq or None))
        return await verify(walk, keys, heads, unkeyed_until=until, after=after)


async def _newest(config: Config, wanted: Wanted, limit: int) -> list[Link]:
    from gateway.audit.reading import newest, reading

    async with reading(config.store.url.get_secret_value()) as connection:
        return await newest(connection, wanted, limit)


async def _export(config: Config, wanted: Wanted, form: str) -> None:
    from gateway.audit.lines import to_line
    from gateway.audit.reading import pages, reading
    from gateway.audit.syslog import message

    write = sys.stdout.buffer.write
    async with reading(config.store.url.get_secret_value()) as connection:
        async for page in pages(connection, wanted):
            lines = [to_line(link) for link in page]
            write(b"".join((message(line) if form == "syslog" else line) + b"\n" for line in lines))
    sys.stdout.buffer.flush()


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, or say in a line what the store does not do."""
    import asyncio

    from sqlalchemy.exc import SQLAlchemyError

    try:
        return asyncio.run(work)
    except BrokenPipeError:
        raise typer.Exit(0) from None
    except ValueError as error:
        fail(str(error))
    except (SQLAlchemyError, OSError) as error:
        below = getattr(error, "orig", None) or error
        fail(f"the audit cannot be read: {type(error).__name__} ({type(below).__name__})", "Run `penstock migrate`?")


def _wanted(
    since: str | None, user: str | None, kind: str | None, until: str | None = None, actor: str | None = None
) -> Wanted:
    from gateway.audit.reading import Wanted

    return Wanted(_moment(since), _moment(until, "--until"), user, actor, kind)


def _moment(text: str | None, option: str = "--since") -> int | None:
    """Return a moment in microseconds since 1970; ends the command where the text is none."""
    if text is None:
        return None
    units = {"m": "minutes", "h": "hours", "d": "days"}
    try:
        if text[-1:] in units and text[:-1].isdigit():
            moment = dt.datetime.now(dt.UTC) - dt.timedelta(**{units[text[-1]]: int(text[:-1])})
        else:
            moment = dt.datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
        return round(moment.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        fail(f"{option} {text}: write 2026-01-31, 2026-01-31T12:00:00Z, or 15m, 12h, 7d", code=2)


def _head(text: str | None) -> Head:
    from gateway.audit.links import START, Head

    if text is None:
        return START
    number, _, digest = text.partition(":")
    if not number.isdigit() or len(digest) != len(START.hash):
        fail(f"--after {text}: write SEQ:HASH, as `penstock audit verify` prints the head", code=2)
    return Head(int(number), digest.lower())


def _print(report: Report, seconds: float) -> None:
    for fault in report.faults:
        print(f"{fault.kind}: {fault.text}")
    if report.fault_count > len(report.faults):
        print(f"... {report.fault_count} faults in all")
    if report.unkeyed:
        print(f"note: {report.unkeyed} links were made without a key: only anchors tell whether they were made anew")
    if not report.anchors:
        print("note: no anchor was held against the chain: links cut from its end would not be missed")
    print(f"head {report.head.seq}:{report.head.hash}")
    state = "intact" if report.intact else f"NOT intact: first wrong at {min(f.seq for f in report.faults)}"
    print(f"{report.links} links, {report.anchors} anchors, {seconds:.1f} s: {state}")


def _row(link: Link) -> str:
    """Write an entry for people; control characters are shown, not obeyed."""
    at = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=link.at)).isoformat(timespec="seconds")
    who = link.user_name if link.actor in ("", link.user_name) else f"{link.actor} as {link.user_name}"
    line = f"{link.seq:>8}  {at}  {link.kind:<16} {link.outcome:<9} {who or '-':<20} {link.subject}  {link.detail}"
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
