"""Options that several commands share, and how a command ends badly."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.config import Config, ConfigError, load_config

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The configuration file. Default: $PENSTOCK_CONFIG, else the demo's, $PENSTOCK_DATA/penstock.yaml.",
        show_default=False,
    ),
]


def config_path(given: Path | None) -> Path:
    """Return the configuration file that a command means."""
    if given is not None:
        return given
    named = os.environ.get("PENSTOCK_CONFIG")
    return Path(named) if named else Path(os.environ.get("PENSTOCK_DATA", ".demo")) / "penstock.yaml"


def fail(*lines: str, code: int = 1) -> NoReturn:
    """Print what is wrong to stderr and exit."""
    for line in lines:
        print(line, file=sys.stderr)
    raise typer.Exit(code)


def read_config(given: Path | None) -> Config:
    """Load the configuration, or end with its faults and exit code 2."""
    path = config_path(given)
    try:
        return load_config(path)
    except ConfigError as error:
        fail(f"{path}:", *(f"  {fault}" for fault in error.faults), code=2)
