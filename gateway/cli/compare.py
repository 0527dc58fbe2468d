"""`penstock compare`: does the gateway answer as Trino does?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from gateway.cli.options import fail

if TYPE_CHECKING:
    from gateway.compare.arena import Arena
    from gateway.compare.corpus import Statement
    from gateway.compare.run import Session, Tally


def compare(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Files of SQL statements with a semicolon behind each, or `tpch` and `tpcds` for those benchmarks.",
            show_default=False,
        ),
    ],
    direct: Annotated[str | None, typer.Option(metavar="URL", help="A Trino. Default: one is started.")] = None,
    gateway: Annotated[
        str | None, typer.Option(metavar="URL", help="The gateway in front of it. Default: one is started.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Who asks, on both sides.")] = None,
    catalog: Annotated[str, typer.Option(help="The session's catalog.")] = "tpch",
    schema: Annotated[str, typer.Option(help="The session's schema.")] = "tiny",
    scratch: Annotated[
        str, typer.Option(help="The catalog in which each side gets a schema; statements call it scratch_schema.")
    ] = "memory",
    out: Annotated[
        Path | None, typer.Option(help="Write differences here, as JSON lines. Default: standard output.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="The most time for one statement.", min=1)] = 300.0,
) -> None:
    """Run every statement directly on Trino and through the gateway, and compare the answers.

    Rows, types, names, order behind ORDER BY, update types and counts, session effects and error names have to be the
    same. Ends with `N passed, N failed`; exit code 1 if any failed, 2 if the comparison could not be made.
    """
    from gateway.compare.arena import USER
    from gateway.compare.run import Session

    if (direct is None) != (gateway is None):
        fail("give both --direct and --gateway, or neither: then a Trino and a gateway are started", code=2)
    statements = _read(files)
    session = Session(user or USER, catalog, schema, scratch, seconds)
    tally = _run(statements, direct, gateway, session, out)
    for line in tally.lines():
        print(line)
    raise typer.Exit(1 if tally.failed else 0)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _read(files: list[str]) -> list[Statement]:
    from gateway.compare.corpus import BENCHMARKS, benchmark, read_file
    from gateway.demo.downloads import DemoError

    statements: list[Statement] = []
    for name in files:
        try:
            found = benchmark(name, _tell) if name in BENCHMARKS else read_file(Path(name))
        except (OSError, UnicodeDecodeError, DemoError) as error:
            fail(f"{name}: {error.strerror if isinstance(error, OSError) else error}", code=2)
        if not found:
            fail(f"{name}: there is no statement in it", code=2)
        statements += found
    return statements


def _run(
    statements: list[Statement], direct: str | None, gateway: str | None, session: Session, out: Path | None
) -> Tally:
    import tempfile
    from contextlib import ExitStack

    from gateway.compare.arena import Arena, start_arena
    from gateway.demo.downloads import DemoError

    with ExitStack() as stack:
        try:
            file = stack.enter_context(out.open("w", encoding="utf-8")) if out is not None else sys.stdout
            if direct is not None and gateway is not None:
                arena = Arena(direct, gateway)
            else:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-compare-"))
                arena = stack.enter_context(start_arena(Path(folder), _tell))
            return _compare(statements, arena, session, file)
        except (OSError, DemoError) as error:
            fail(str(error), code=2)
        except KeyboardInterrupt:
            fail("stopped", code=130)


def _compare(statements: list[Statement], arena: Arena, session: Session, out: TextIO) -> Tally:
    import asyncio

    from gateway.compare.run import compare as compare_all

    return asyncio.run(compare_all(statements, arena, session, out=out, report=_tell))
