"""`penstock migrate`: bring the store to this version's schema."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.options import ConfigOption, fail, read_config


def migrate(
    config: ConfigOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is pending; exit code 1 if anything is.")
    ] = False,
) -> None:
    """Create or upgrade the store's tables. Safe to run again and while others start."""
    import asyncio

    from gateway.recording import schema

    url = read_config(config).store.url.get_secret_value()
    try:
        waiting = asyncio.run(schema.pending(url))
        if check:
            print("\n".join(f"pending: {name}" for name in waiting) or "up to date")
            raise typer.Exit(1 if waiting else 0)
        asyncio.run(schema.migrate(url))
    except OSError as error:
        fail(f"the store cannot be reached: {error}")
    print(f"applied {len(waiting)}: {', '.join(waiting)}" if waiting else "up to date")
