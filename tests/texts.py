"""Texts of trees, as the gateway would send them."""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.fixpoint import write_and_read


def generate_checked(tree: exp.Expr) -> str:
    """Write a tree as text that reads as the same tree."""
    return write_and_read(tree)[0]
