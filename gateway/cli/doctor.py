"""`penstock doctor`: look at everything the gateway stands on, one line each."""

from __future__ import annotations

import typer

from gateway.cli.options import ConfigOption, read_config

_MARKS = {"ok": "ok   ", "warn": "WARN ", "bad": "BAD  "}


def doctor(config: ConfigOption = None) -> None:
    """Check files, store, engines and what the gateway alone cannot close. Exit code 1 when a line is BAD."""
    import asyncio

    from gateway.doctor import examine

    findings = asyncio.run(examine(read_config(config)))
    for finding in findings:
        print(f"{_MARKS[finding.state]} {finding.name}: {finding.text}")
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)
