"""`penstock policy test`: run files of policy tests, offline or at a gateway."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.calling import API, AsOption, JsonOption, TokenOption, UrlOption, reach
from gateway.cli.options import ConfigOption, config_path, fail, read_config
from gateway.cli.tables import plain, print_json

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.simulation.case_files import ReadFile


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test, and where it stands."""

    file: str
    number: int
    name: str
    failures: Sequence[tuple[str, str, str]]
    """Expectation, what was expected, what was found."""


def run_tests(
    files: Annotated[list[Path], typer.Argument(help="Files of policy tests, in YAML.")],
    files_only: Annotated[
        bool, typer.Option("--files-only", help="Without the policies that the store holds.")
    ] = False,
    changeset: Annotated[str | None, typer.Option(help="At a gateway, as this changeset would make them.")] = None,
    config: ConfigOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
    as_user: AsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run policy tests on the configuration's policies, or with --url or --changeset at a gateway.

    Exit code 1 where one fails, 2 where a file cannot be read.
    """
    read = [_read(path) for path in files]
    if url is not None or changeset is not None:
        admin = reach(config, url, token, as_user, as_json=as_json)
        outcomes = []
        for each in read:
            if each.content.policies or each.content.catalog:
                print(f"{each.path}: the gateway's own policies and tables count, not the file's", file=sys.stderr)
            body: dict[str, Any] = {"tests": _as_json(each), "changeset": changeset}
            found = admin.call("POST", f"{API}/policies/test", body).body["results"]
            outcomes += [_of_answer(each, number, result) for number, result in enumerate(found)]
    else:
        outcomes = [outcome for each in read for outcome in _offline(each, config, files_only=files_only)]
    _tell(read, outcomes, as_json=as_json)
    if any(each.failures for each in outcomes):
        raise typer.Exit(1)


def _read(path: Path) -> ReadFile:
    from gateway.simulation.case_files import read_cases
    from policies.faults import PolicyError

    try:
        return read_cases(path)
    except PolicyError as error:
        fail(*map(str, error.faults), code=2)


def _as_json(read: ReadFile) -> list[Any]:
    cases = read.content.tests
    return [case.model_dump(mode="json", by_alias=True, exclude_unset=True) for case in cases]


def _of_answer(read: ReadFile, number: int, result: dict[str, Any]) -> Outcome:
    failures = [(f["expectation"], f["expected"], f["found"]) for f in result["failures"]]
    return Outcome(str(read.path), number, result["name"], failures)


def _offline(read: ReadFile, config: Path | None, *, files_only: bool) -> list[Outcome]:
    import asyncio

    from catalog.errors import Refusal
    from gateway.config import ConfigError
    from policies.faults import PolicyError

    whole = bool(read.content.policies) and bool(read.content.catalog)
    loaded = None if whole and config is None and not config_path(None).exists() else read_config(config)
    try:
        return asyncio.run(_run(read, loaded, files_only=files_only))
    except PolicyError as error:
        fail(*map(str, error.faults), code=2)
    except Refusal as refusal:
        fail(f"{read.path}: {refusal.code.name}: {refusal.text}", code=2)
    except (ConfigError, OSError) as error:
        fail(f"{read.path}: {error}", code=2)


async def _run(read: ReadFile, config: Config | None, *, files_only: bool) -> list[Outcome]:
    from gateway.simulation.offline import offline
    from gateway.simulation.running import run_cases

    content = read.content
    policies = [read.path.parent / name for name in content.policies]
    declared = content.catalog or None
    async with offline(
        config, files_only=files_only, policies=policies, declared=declared, file=str(read.path)
    ) as grounds:
        results = await run_cases(grounds, grounds.policies, content.tests, grounds.runner)
    return [
        Outcome(str(read.path), number, each.name, [(f.expectation, f.expected, f.found) for f in each.failures])
        for number, each in enumerate(results)
    ]


def _tell(read: Sequence[ReadFile], outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    by_file = {str(each.path): each for each in read}
    failed = [each for each in outcomes if each.failures]
    if as_json:
        told = [
            {
                "file": each.file,
                "line": by_file[each.file].line(each.number),
                "name": each.name,
                "passed": not each.failures,
                "failures": [{"expectation": e, "expected": w, "found": f} for e, w, f in each.failures],
            }
            for each in outcomes
        ]
        print_json({"passed": len(outcomes) - len(failed), "failed": len(failed), "results": told})
        return
    for each in failed:
        for expectation, expected, found in each.failures:
            line = by_file[each.file].line(each.number, "expect", expectation)
            print(f"{each.file}:{line}: {plain(each.name)}: {expectation}")
            print(f"    expected: {plain(expected)}")
            print(f"    found:    {plain(found)}")
    print(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed")
