"""`penstock demo`: the whole world in the foreground."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from gateway.cli.options import fail


def demo(
    engine: Annotated[
        Literal["lake", "trino"],
        typer.Option(help="`lake`: the embedded engine; `trino`: a real Trino over the same tables."),
    ] = "lake",
) -> None:
    """Make the demo world (kept in $PENSTOCK_DATA, default .demo) and serve it until Ctrl-C."""
    from gateway.demo.run import DemoError, run_demo

    try:
        run_demo(engine, lambda line: print(line, flush=True))
    except DemoError as error:
        fail(str(error))
