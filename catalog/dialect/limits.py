"""How large and how deep a statement may be before anything tries to understand it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound one statement text; each refusal names the limit it met.

    The defaults keep the slowest text that passes them under about a second of parsing.
    Source: policy-semantics section 10.
    """

    max_bytes: int = 1_048_576
    """Size of the text in UTF-8."""
    max_depth: int = 100
    """Nesting of brackets and CASE, counted together."""
    max_nodes: int = 20_000
    """Nodes of the syntax tree; also bounds what backtracking in the parser can cost."""
    max_prefix_operators: int = 50
    """Length of a run of prefix operators: `NOT NOT x`, `- - x`."""
    max_tokens: int = 100_000
    """Lexemes of the text."""
    max_lambdas: int = 10
    """Lambdas inside one another: engines, Trino among them, take time and memory that double with each."""
    max_chain: int = 50
    """Length of a chain of postfix accesses: `a.b.c`, `a[1][2]`."""
