"""`penstock policy diff` and `shadow`: what a draft would change, by what people asked, and what a shadow does."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.calling import API, Admin, AsOption, JsonOption, TokenOption, UrlOption, at_gateway, reach
from gateway.cli.options import ConfigOption, fail, read_config
from gateway.cli.policy_changes import ChangesetArgument, found_changeset
from gateway.cli.tables import plain, print_json, print_table

DIFFERS = 3
"""The exit code where something would be different."""
_POLL_SECONDS = 0.5
_COLUMNS = ("kind", "table", "columns", "statements", "distinct", "users", "reason", "query", "rows")
_JOB_COLUMNS = ("id", "state", "revision", "author", "days", "sample", "done", "total", "made_at")
_SHADOW_COLUMNS = ("kind", "table", "columns", "user", "count", "last_seen", "reason", "example", "fingerprint")


def diff(
    drafts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHANGESET | FILE.yaml ...]", help="A changeset's id or number, or policy files."),
    ] = None,
    changeset: Annotated[
        str | None, typer.Option(help="The changeset: its id, or its number.", show_default=False)
    ] = None,
    days: Annotated[float, typer.Option(help="How far back recorded statements are looked at.", min=0, max=90)] = 7.0,
    sample: Annotated[
        int, typer.Option(help="Count the rows of so many differing queries both ways.", min=0, max=100)
    ] = 0,
    config: ConfigOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_user: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a draft with the policies in force over what people asked. Exit code 0: all the same; 3: differences.

    A changeset is compared by the gateway. Files are compared here, in the place of the configured ones, over the
    configured store and engines; what is stored counts on both sides.
    """
    named = drafts or []
    if changeset is None and len(named) == 1 and not _is_file(named[0]):
        changeset, named = named[0], []
    if (changeset is None) == (not named):
        fail("say what to compare: one changeset, or policy files", code=2)
    if changeset is not None:
        admin = reach(config, url, token, as_user, as_json=as_json)
        job = _compared(admin, str(found_changeset(admin, changeset)["id"]), days, sample)
        report, hidden = job["report"], job["groups_of_others"]
    else:
        report, hidden = _offline(config, [Path(each) for each in named], days, sample), 0
    print_json(report) if as_json else _print(report, hidden)
    raise typer.Exit(DIFFERS if report["kinds"] else 0)


@at_gateway
def diffs(
    admin: Admin,
    which: ChangesetArgument,
    report: Annotated[str | None, typer.Option(help="Print the report of this comparison, by its id.")] = None,
    most: Annotated[int, typer.Option("--most", help="How many to list at most.", min=1)] = 100,
) -> None:
    """List a changeset's comparisons, or print what one of them found."""
    changeset = found_changeset(admin, which)["id"]
    if report is None:
        found = list(admin.items(f"{API}/changesets/{changeset}/diff", most=most))
        rows = [[each[name] for name in _JOB_COLUMNS] for each in found]
        print_json(found) if admin.as_json else print_table(_JOB_COLUMNS, rows, empty="no comparisons")
        return
    job = admin.call("GET", f"{API}/diffs/{quote(report, safe='')}").body
    if admin.as_json:
        print_json(job)
    elif job["report"] is None:
        fail(f"the comparison {job['id']} is {job['state']}: {job['error'] or 'there is no report yet'}")
    else:
        _print(job["report"], job["groups_of_others"])


@at_gateway
def shadow(
    admin: Admin,
    which: ChangesetArgument,
    most: Annotated[int, typer.Option("--most", help="How many differences to print at most.", min=1)] = 1000,
) -> None:
    """Show in what a changeset in shadow differs so far. Exit code 0: in nothing; 3: there are differences."""
    path = f"{API}/changesets/{found_changeset(admin, which)['id']}/shadow"
    report = admin.call("GET", path, params={"limit": 1}).body
    report["items"] = list(admin.items(path, most=most))
    report.pop("next")
    if admin.as_json:
        print_json(report)
    else:
        rows = [[each[name] for name in _SHADOW_COLUMNS] for each in report["items"]]
        print_table(_SHADOW_COLUMNS, rows, empty="no differences")
        counts = f"{report['compared']} compared, {report['failed']} failed, {report['dropped']} dropped"
        print(f"{'in shadow' if report['running'] else report['state']}: {counts}; {_kinds(report['kinds'])}")
    raise typer.Exit(DIFFERS if report["kinds"] else 0)


def _is_file(text: str) -> bool:
    return text.endswith((".yaml", ".yml", ".json")) or Path(text).exists()


def _compared(admin: Admin, changeset: str, days: float, sample: int) -> dict[str, Any]:
    """Have the gateway compare, and wait; who interrupts ends the comparison too."""
    asked = {"days": days, "sample": sample}
    job: dict[str, Any] = admin.call("POST", f"{API}/changesets/{changeset}/diff", params=asked).body
    try:
        while job["state"] == "running":
            time.sleep(_POLL_SECONDS)
            job = admin.call("GET", f"{API}/diffs/{job['id']}").body
            _tell_progress(job["done"], job["total"])
    except KeyboardInterrupt:
        admin.call("POST", f"{API}/diffs/{job['id']}/cancel")
        raise
    if job["state"] != "done":
        fail(f"the comparison {job['id']} is {job['state']}: {job['error'] or 'somebody ended it'}", code=2)
    return job


def _offline(config: Path | None, files: list[Path], days: float, sample: int) -> dict[str, Any]:
    import asyncio

    from catalog.errors import Refusal
    from gateway.config import ConfigError
    from gateway.policy_files import PolicyError
    from gateway.recording.bounded import StoreAway
    from gateway.replay.offline import diff_files

    loaded = read_config(config)
    try:
        report = asyncio.run(diff_files(loaded, files, days, sample, _tell_progress))
    except PolicyError as error:
        fail(*(str(fault) for fault in error.faults))
    except StoreAway as error:
        fail(f"the store cannot be read: {error}", code=2)
    except (Refusal, ConfigError, OSError) as error:
        fail(f"cannot compare: {error.text if isinstance(error, Refusal) else error}", code=2)
    found: dict[str, Any] = report.model_dump(mode="json")
    return found


def _tell_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} statements", end="\n" if done == total else "", file=sys.stderr)


def _print(report: dict[str, Any], hidden: int) -> None:
    rows = [
        [
            group["kind"],
            group["table"],
            group["columns"],
            group["statements"],
            group["distinct"],
            _users(group),
            group["reason"],
            group["example"]["query_id"],
            _counted(group["rows"]),
        ]
        for group in report["groups"]
    ]
    print_table(_COLUMNS, rows, empty="no differences")
    for group in report["groups"]:
        for side in ("before", "after"):
            if group[side]:
                print(plain(f"{group['kind']} {group['table']} {', '.join(group['columns'])} {side}: {group[side]}"))
    for reason, count in report["not_compared"].items():
        print(plain(f"not compared: {count} ({reason})"))
    left = report["groups_left_out"] + hidden
    looked = f"{report['statements']} statements, {report['distinct']} of them different"
    more = [f"{left} groups are not shown"] if left else []
    more += [f"{report['approximate']} were asked nobody knows how"] if report["approximate"] else []
    more += [f"{report['left_out']} older ones left out"] if report["left_out"] else []
    print("; ".join([looked, *more, _kinds(report["kinds"])]))


def _users(group: dict[str, Any]) -> str:
    more = group["user_count"] - len(group["users"])
    return ", ".join(group["users"]) + (f" and {more} more" if more else "")


def _counted(rows: list[dict[str, Any]]) -> str:
    def side(count: int | None) -> str:
        return "-" if count is None else str(count)

    return ", ".join(each["error"] or f"{side(each['before'])} -> {side(each['after'])}" for each in rows[:5])


def _kinds(kinds: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(kinds.items())) or "no differences"
