"""Print for people: tables, and values in which control characters are shown, not obeyed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 10_000
"""Columns of an output that is no terminal: nothing is cut or wrapped for programs such as grep."""


def plain(text: str) -> str:
    """Return text as one line that no terminal takes for commands."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def cell(value: object) -> str:
    """Return how a value of an answer looks in a table."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return plain(value)
        case list() | tuple() | set() | frozenset():
            return ", ".join(cell(each) for each in value) or "-"
        case dict():
            return plain(json.dumps(value))
    return str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "nothing") -> None:
    """Print rows under headings; without any, say so on stderr."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    if not table.row_count:
        print(empty, file=sys.stderr)
        return
    _console().print(table)


def print_json(value: object) -> None:
    """Print one JSON document for programs."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _console() -> Console:
    from rich.console import Console

    terminal = sys.stdout.isatty()
    return Console(highlight=False, width=None if terminal else _WIDE, force_terminal=None if terminal else False)
