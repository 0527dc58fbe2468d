"""Terms of conditions that fail on no value: comparisons of plain columns and constants by casts that always fit.

DuckDB may compute such terms in any order, and so put them into joins and scans; the others wait behind a CASE.
"""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.node_kinds import SIGNS
from catalog.type_coercions import common_type_of
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.certain import casts_surely, is_calculated
from rewrite_rules.translate_duckdb.context import bare, type_of

_PLAIN = frozenset({*INTEGRAL, "decimal", "real", "double", "varchar", "date", "boolean"})
_LOGIC = (exp.And, exp.Or, exp.Not)
_CALCULATING = (exp.Add, exp.Sub, exp.Mul, exp.Neg)
_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}


def never_fails(term: exp.Expr) -> bool:
    """Tell whether a term of a condition is known to fail on no value; what is not known counts as failing."""
    pending = [term]
    while pending:
        node = bare(pending.pop())
        if isinstance(node, _LOGIC):
            pending.extend(node.iter_expressions())
        elif not _is_sure(node):
            return False
    return True


def _is_sure(node: exp.Expr) -> bool:
    if isinstance(node, exp.Is):
        return isinstance(node.expression, exp.Null) and _is_value(node.this)
    if node.__class__ in SIGNS:
        return _compares([node.this, node.expression])
    if isinstance(node, exp.Between):
        return _compares([node.this, node.args["low"], node.args["high"]])
    if isinstance(node, exp.In):
        return node.args.get("query") is None and _compares([node.this, *node.expressions])
    return _is_value(node)


def _compares(sides: list[exp.Expr]) -> bool:
    """Tell whether values can be compared whatever they are: each fits the type that all turn into."""
    if not all(map(_is_value, sides)):
        return False
    kinds = [type_of(side) for side in sides]
    common = common_type_of(kinds)
    return common is not None and all(_fits(kind, common) for kind in kinds)


def _is_value(node: exp.Expr) -> bool:
    """Tell whether an expression is a column or a constant of a plain type."""
    node = bare(node)
    if isinstance(node, exp.Column):
        return len(node.parts) <= 2 and type_of(node).base in _PLAIN
    if isinstance(node, exp.Literal | exp.Boolean):
        return type_of(node).base in _PLAIN
    if isinstance(node, exp.Cast):
        return isinstance(node.this, exp.Literal) and type_of(node).base in _PLAIN and casts_surely(node, type_of(node))
    return isinstance(node, _CALCULATING) and is_calculated(node, type_of(node))


def decimal_numbers(kind: TrinoType) -> tuple[int, int]:
    """Return the digits and the scale with which an exact number is taken as a decimal."""
    return (kind.numbers[0], kind.numbers[1]) if kind.base == "decimal" else (_DIGITS[kind.base], 0)


def _fits(kind: TrinoType, common: TrinoType) -> bool:
    if common.base != "decimal":
        return True
    precision, scale = decimal_numbers(kind)
    return precision - scale <= common.numbers[0] - common.numbers[1] and scale <= common.numbers[1]
