"""Spent trees: let go of what planning has done with.

Nodes refer to their parents and parents to their nodes, so that nothing but the collector frees a tree, and its pauses
are felt by whoever asks just then. Without the parents a tree is freed at once, part by part.
"""

from __future__ import annotations

import asyncio

from sqlglot import exp


def let_go(*roots: exp.Expr) -> None:
    """Take trees apart that nobody looks at any more: after the statement has moved on, or at once in a thread."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        _take_apart(*roots)
    else:
        loop.call_soon(_take_apart, *roots)


def _take_apart(*roots: exp.Expr) -> None:
    for root in roots:
        for node in root.walk():
            node.parent = None
