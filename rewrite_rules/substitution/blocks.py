"""The canonical form that queries and view definitions are compared in: select, project, join, group.

All expressions are sqlglot nodes of Trino's dialect with `meta["type"]` (a TrinoType), whose columns are
`exp.Column(this=<column>, table=<occurrence's alias>)`: columns of base tables and of nothing else. Derived tables,
barriers, CTEs and column aliases are written out. Two expressions mean the same where `keys.key` of both is equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from catalog.objects import TableName
from catalog.types import TrinoType


@dataclass(frozen=True, slots=True)
class Condition:
    """One conjunct that every row of a block meets (is TRUE for it)."""

    value: exp.Expr
    policed: bool = False
    """A row filter of policy: it comes before every condition of the caller, see `scans`."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One use of a base table, or (`table` is None) of what a block cannot look into: VALUES, UNNEST, UNION."""

    alias: str
    """Unique in its block: `t0`, `t1`, in order of mention."""
    table: TableName | None
    join: Literal["inner", "left", "full"] = "inner"
    """How it is joined to all before it; `left`: the rows before it are kept. A right join is written as left."""
    on: tuple[exp.Expr, ...] = ()
    """Conjuncts of an outer join's condition; an inner join's are conditions of the block."""
    guarded: tuple[exp.Expr, ...] = ()
    """Those of them that `leaf` asks itself: row filters of policy."""
    leaf: exp.Expr | None = None
    """The node of the governed tree that stands for it, barrier included: what a part over the base reads."""
    columns: tuple[tuple[str, TrinoType], ...] = ()
    """What it shows, where `table` is None."""
    version: str | None = None
    """The version of the data that time travel names; None for the present."""


@dataclass(frozen=True, slots=True)
class Output:
    """One result column: its name (as Trino would show it) and its value."""

    name: str
    value: exp.Expr
    type: TrinoType


@dataclass(frozen=True, slots=True)
class Block:
    """SELECT outputs FROM occurrences WHERE conditions GROUP BY keys HAVING having.

    In a grouped block outputs and `having` hold aggregate calls over columns, and keys. What stands on top (ORDER BY,
    LIMIT, window functions) stays in `select`, the node of the tree that the block was read from.
    """

    occurrences: tuple[Occurrence, ...]
    conditions: tuple[Condition, ...]
    outputs: tuple[Output, ...]
    keys: tuple[exp.Expr, ...] | None = None
    """None: not grouped; (): one group, also of no rows."""
    distinct: bool = False
    having: tuple[exp.Expr, ...] = ()
    select: exp.Select | None = None
    fields: Mapping[tuple[int, str], exp.Expr] = field(default_factory=dict, compare=False)
    """What each column in sight of `select` stands for, over base columns: by the relation's number and the folded
    name, as `meta["resolved"]` of a reference has them. With it ORDER BY, windows and QUALIFY are read.
    """
    top: str | None = None
    """What stands on top of the groups: a window, ORDER BY with LIMIT, OFFSET. A query may have it, and its outputs
    then hold windows over aggregates; a view that has it is matched by its exact fingerprint only.
    """
    odd: str | None = None
    """Why only an exact fingerprint can match it: ROLLUP, a sample, a nested aggregate, a set operation."""
