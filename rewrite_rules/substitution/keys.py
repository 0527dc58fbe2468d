"""Keys: two expressions with equal keys mean the same in Trino, for all rows, NULL, NaN and failures included.

A key is the shape of an expression with its spelling taken out: brackets, the order of what commutes, which of two
names of one function was written, BETWEEN, `IN (1, 2)`, NOT before a comparison. What gives another value each time
it is asked, and what is not known, has a key that equals nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from catalog.dialect.node_kinds import kinds_of
from catalog.functions import lookup
from rewrite_rules.substitution import condition_keys, value_keys
from rewrite_rules.substitution.constants import constant_key
from rewrite_rules.substitution.key_parts import Key, Of

__all__ = ["CANONICAL", "HOLE", "Columns", "Key", "column_key", "is_volatile", "key", "never"]

Columns = Callable[[exp.Column], Key]
"""How a key speaks of a column."""
CANONICAL, HOLE = "canonical", "hole"
"""Notes in the nodes of subqueries, see `subqueries`: the form of a query, and the outer columns that fill it."""

_OF_SESSION = frozenset({"current_time", "current_timestamp", "localtime", "localtimestamp", "now", "version"})
_FORMS = frozenset({"coalesce", "nullif", "try", "row", "format", "grouping"})
"""Called like functions, and known to the analysis alone."""
_VOLATILE_NODES = kinds_of(
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentTimestamp,
    exp.Localtime,
    exp.Localtimestamp,
    exp.CurrentUser,
    exp.CurrentCatalog,
    exp.CurrentSchema,
    exp.SessionUser,
    exp.Placeholder,
)
_CONSTANTS = kinds_of(exp.Literal, exp.Boolean, exp.Null, exp.Neg, exp.Cast, exp.Paren)
"""What may be a constant, see `constants`."""
_QUERIES = kinds_of(exp.Query, exp.Values)
_HANDLERS: Mapping[type[exp.Expr], Callable[[exp.Expr, Of], Key]] = {
    **condition_keys.HANDLERS,
    **value_keys.HANDLERS,
}


def key(node: exp.Expr, columns: Columns | None = None) -> Key:
    """Return what an expression has in common exactly with those of the same meaning; `columns` names its columns."""
    return (_Keys(columns) if columns is not None and columns is not column_key else _PLAIN)(node)


class _Keys:
    """Keys of expressions whose columns are called in one way."""

    __slots__ = ("columns",)  # a function that called itself would be a cycle, and there are hundreds a statement

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def __call__(self, part: exp.Expr) -> Key:
        if isinstance(part, exp.Column):
            return self.columns(part)
        kind = part.__class__
        if kind in _CONSTANTS:
            constant = constant_key(part)
            if constant is not None:
                return constant
        elif kind in _QUERIES:
            return _query(part, self)
        elif is_volatile(part):
            return never()
        return _HANDLERS.get(kind, value_keys.structure)(part, self)


def column_key(node: exp.Column) -> Key:
    """Name a column by its occurrence; a lambda's parameter has none."""
    return ("column", node.table, node.name)


_PLAIN = _Keys(column_key)


def never() -> Key:
    """Return a key that equals nothing."""
    return object()


def is_volatile(node: exp.Expr) -> bool:
    """Tell whether this very node gives another value each time, or one of the session; what is not known may."""
    kind = node.__class__
    if kind is not exp.Anonymous:
        return kind in _VOLATILE_NODES
    name = node.name.lower()
    if name in _OF_SESSION:
        return True
    function = lookup(name)
    return function.volatile if function is not None else name not in _FORMS and not name.startswith("json_")


def _query(node: exp.Expr, of: Of) -> Key:
    """Compare subqueries by the form noted when they were flattened, and by the outer columns that fill it."""
    form = node.meta.get(CANONICAL)
    if form is None:
        return never()
    filled: dict[int, Key] = {}
    for column in node.find_all(exp.Column):
        hole = column.meta.get(HOLE)
        if hole is not None and filled.setdefault(hole, of(column)) != of(column):
            return never()
    count, template = form
    if set(filled) != set(range(count)):
        return never()  # an outer column was replaced by what is no column
    return ("query", template, tuple(filled[hole] for hole in range(count)))
