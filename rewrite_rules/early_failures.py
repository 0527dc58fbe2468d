"""Early failures: find the statements whose conditions could fail on a row that the caller may not see.

An engine may evaluate a caller's condition before the filter of a barrier: `WHERE 1 / (salary - 100) > 0` then fails
exactly if a hidden row holds 100, and the failure tells. A statement is harmless if everything that its conditions
compute from columns is known never to fail; such conditions may be pushed down as ever. Source: policy-semantics
section 7; PostgreSQL calls such functions leakproof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sqlglot import exp

from catalog.dialect.node_kinds import kinds_of
from catalog.functions import registry
from catalog.types import TrinoType
from rewrite_rules import certain
from rewrite_rules.places import Places, places_of

__all__ = ["is_apart", "is_outermost", "is_sure", "may_fail", "may_fail_early"]

_ENDS = frozenset({exp.Column, exp.Identifier, exp.Literal, exp.HexString, exp.Boolean, exp.Null, exp.DataType})
"""Nodes with nothing below them that could fail."""
_HARMLESS = frozenset({
    exp.Placeholder, exp.Var, exp.Star, exp.Paren, exp.Dot, exp.Tuple, exp.Array, exp.Case, exp.If, exp.Alias, exp.And,
    exp.Or, exp.Not, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.Like, exp.Exists, exp.Any, exp.All, exp.TryCast,
    exp.Extract, exp.Trim, exp.Substring, exp.StrPosition, exp.DPipe, exp.Interval, exp.Subquery,
})  # fmt: skip
"""Nodes that fail on no value; what stands below them is judged on its own."""
_ORDERED = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)
_NESTED = frozenset({"array", "map", "row"})
"""Types whose comparison fails where a part is NULL."""
_FLOATS = frozenset({"real", "double"})
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg)
_TOTAL = frozenset({
    "ceil", "ceiling", "coalesce", "concat", "day", "day_of_month", "day_of_week", "day_of_year", "dow", "doy",
    "ends_with", "floor", "hour", "is_finite", "is_infinite", "is_nan", "last_day_of_month",
    "length", "lower", "ltrim", "md5", "millisecond", "minute", "month", "quarter", "reverse", "row",
    "rtrim", "second", "sha256", "sign", "starts_with", "strpos", "substr", "substring", "to_hex", "to_unixtime",
    "to_utf8", "trim", "upper", "week", "week_of_year", "xxhash64", "year", "year_of_week", "yow",
})  # fmt: skip
"""Functions that fail on no value."""
_COMPARING = frozenset({"greatest", "least", "nullif"})
"""Functions that fail where a comparison of their arguments does."""
_GOOD_AT: Mapping[str, tuple[int, Callable[[exp.Expr], bool]]] = {
    "regexp_like": (1, certain.is_pattern),
    "regexp_extract": (1, certain.is_pattern),
    "json_extract_scalar": (1, certain.is_json_path),
}
"""Functions that fail on one of their arguments only: harmless where that one is a literal known to be good."""
_INTEGERS = ("tinyint", "smallint", "integer", "bigint")
_NOW = frozenset({exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime})
_MOMENTS = frozenset({"date", "timestamp", "timestamp with time zone"})


def may_fail_early(tree: exp.Expr, places: Places | None = None) -> bool:
    """Tell whether a condition of an analyzed query could fail on a value, and so on a hidden one.

    `places` are those of the tree, where they are known already.
    """
    known = places or places_of(tree)
    conditions, names = known.conditions, known.names
    selects = [query for query in known.queries if isinstance(query, exp.Select)]
    if not conditions and not names:
        return False
    if any(may_fail(condition) for condition in conditions):
        return True
    computed = _computed([select for select in selects if not is_outermost(select, tree)])
    if computed is None:
        return True
    if not computed:
        return False
    return bool(computed & names) or any(
        part.name.casefold() in computed for condition in conditions for part in condition.find_all(exp.Identifier)
    )


def may_fail(root: exp.Expr) -> bool:
    """Tell whether a part of an expression that depends on columns can fail; queries inside are judged apart."""
    stack = [root]
    depending: frozenset[int] | None = None
    while stack:
        node = stack.pop()
        kind = node.__class__
        if kind in _ENDS:
            continue
        if kind not in _HARMLESS:
            if is_apart(node):
                continue
            if not _is_total(node):
                depending = _depending(root) if depending is None else depending
                if id(node) in depending:
                    return True
        stack.extend(node.iter_expressions())
    return False


def _fails_by_chance(item: exp.Expr) -> bool:
    """Tell whether columns may say if a failing constant is computed: `CASE WHEN a > 1 THEN 1 / 0 END`."""
    depending = _depending(item)
    return bool(depending) and any(
        part.__class__ not in _HARMLESS and not _is_end(part) and id(part) not in depending and not is_sure(part)
        for part in item.walk(prune=_is_end)
    )


def _is_end(node: exp.Expr) -> bool:
    return node.__class__ in _ENDS or is_apart(node)


def is_sure(root: exp.Expr) -> bool:
    """Tell whether a constant is computed without failing."""
    stack = [root]
    while stack:
        node = stack.pop()
        kind = node.__class__
        if kind in _ENDS or _is_sure_form(node):
            continue
        if isinstance(node, exp.Query) or not (kind in _HARMLESS or kind in _NOW or _is_total(node)):
            return False
        stack.extend(node.iter_expressions())
    return True


def _is_sure_form(node: exp.Expr) -> bool:
    """Tell whether a node as a whole is known to succeed."""
    if isinstance(node, exp.Cast) and certain.casts_surely(node, _type(node)):
        return True
    if isinstance(node, _ARITHMETIC) and certain.is_calculated(node, _type(node)):
        return True
    if isinstance(node, exp.Anonymous) and node.name.lower() in ("now", "random") and not node.expressions:
        return True
    return certain.is_moved_moment(node, _base(node))


def _depending(root: exp.Expr) -> frozenset[int]:
    """Return the nodes below a root, by identity, whose values depend on columns before anything is aggregated."""
    found: set[int] = set()
    for part in root.walk(prune=is_apart):
        if isinstance(part, exp.Column):
            above: exp.Expr | None = part
            while above is not None and id(above) not in found:
                found.add(id(above))
                above = above.parent if above is not root else None
    return frozenset(found)


def is_apart(node: exp.Expr) -> bool:
    """Tell whether nothing below a node is computed before the filter: queries, aggregates and windows."""
    kind = node.__class__
    return kind in _APART or (kind is exp.Anonymous and _kind(node.name) == "aggregate")


_APART = (kinds_of(exp.Query) - kinds_of(exp.Subquery)) | kinds_of(exp.Window, exp.Filter, exp.GroupConcat)


def _kind(call: str) -> str:
    function = registry.lookup(call)
    return function.kind if function is not None else ""


def _is_total(node: exp.Expr) -> bool:
    if isinstance(node, _ORDERED):
        return all(_is_flat(child) for child in node.iter_expressions() if not isinstance(child, exp.Query))
    if isinstance(node, exp.Cast):
        return _casts(_type(node.this), _type(node))
    if isinstance(node, _ARITHMETIC):
        return _base(node) in _FLOATS
    if isinstance(node, exp.AtTimeZone):
        return certain.is_zone(node.args.get("zone"))
    if isinstance(node, exp.Escape):
        return _is_escaped(node)
    return isinstance(node, exp.Anonymous) and _is_total_call(node)


def _is_total_call(node: exp.Anonymous) -> bool:
    name, arguments = node.name.lower(), node.expressions
    if name in _COMPARING:
        return all(_is_flat(argument) for argument in arguments)
    if name == "date_trunc" and len(arguments) == 2:
        return certain.is_unit(arguments[0], _base(arguments[1]))
    at, is_good = _GOOD_AT.get(name, (0, None))
    return name in _TOTAL or (is_good is not None and len(arguments) > at and is_good(arguments[at]))


def _is_escaped(node: exp.Escape) -> bool:
    """Tell whether a LIKE with ESCAPE has a pattern and a character that fit each other."""
    escape, pattern = node.expression, node.this.expression
    if not isinstance(escape, exp.Literal) or not isinstance(pattern, exp.Literal) or len(escape.name) != 1:
        return False
    parts = pattern.name.replace(escape.name * 2, "").split(escape.name)
    return all(part[:1] in ("%", "_") for part in parts[1:])


def _type(node: exp.Expr) -> TrinoType | None:
    found = node.meta.get("type")
    return found if isinstance(found, TrinoType) else None


def _base(node: exp.Expr) -> str:
    found = _type(node)
    return found.base if found is not None else ""


def _is_flat(node: exp.Expr) -> bool:
    """Tell whether a value's type is known and has no parts."""
    return isinstance(node, exp.Literal | exp.Null) or _base(node) not in _NESTED | {""}


def _casts(source: TrinoType | None, target: TrinoType | None) -> bool:
    """Tell whether a cast succeeds for every value."""
    if source is None or target is None:
        return False
    if source == target:
        return True
    old, new = source.base, target.base
    if new == "varchar":
        return old in ("varchar", "char") or (old != "json" and old not in _NESTED and not target.parameters)
    if new == "double":
        return old in (*_INTEGERS, "decimal", "real", "double", "boolean")
    if new in _INTEGERS:
        return old in _INTEGERS[: _INTEGERS.index(new) + 1]
    return old in _MOMENTS and new in _MOMENTS


def _computed(selects: list[exp.Select]) -> set[str] | None:
    """Return the names of inner queries' columns that may fail; None where one is compared without having a name.

    Conditions of outer queries on such columns are conditions on what they are computed from. Names are followed
    through renaming without regard to scopes, and folded more than Trino does: too many are harmless.
    """
    found: set[str] = set()
    before = -1
    while len(found) > before:
        before = len(found)
        for select in selects:
            names = [i for i in select.expressions if may_fail(i) or _fails_by_chance(i) or _mentions(i, found)]
            if names and _is_value(select):
                return None
            if names:
                found.update(_names_for(select, names))
    return found


def is_outermost(select: exp.Select, tree: exp.Expr) -> bool:
    """Tell whether a query's rows are the statement's own, or a part of them."""
    node: exp.Expr = select
    while node is not tree:
        above = node.parent
        if not isinstance(above, exp.Subquery | exp.SetOperation) or node.arg_key not in ("this", "expression"):
            return False
        node = above
    return True


def _is_value(select: exp.Select) -> bool:
    """Tell whether a query stands in an expression, where its result is compared under no name."""
    around = _around(select)
    return not isinstance((around[-1] if around else select).parent, exp.CTE | exp.From | exp.Join | exp.Lateral)


def _around(select: exp.Select) -> list[exp.Expr]:
    """Return the set operations and parentheses that hand the rows of a SELECT on, from the inside out."""
    around: list[exp.Expr] = []
    node: exp.Expr = select
    while isinstance(node.parent, exp.SetOperation | exp.Subquery):
        node = node.parent
        around.append(node)
    return around


def _mentions(item: exp.Expr, names: set[str]) -> bool:
    """Tell whether an item shows one of the columns; a star shows all that there are."""
    return bool(names) and (
        item.is_star or any(column.name.casefold() in names for column in item.find_all(exp.Column))
    )


def _names_for(select: exp.Select, items: list[exp.Expr]) -> Iterator[str]:
    """Yield every name under which the items may be known outside, in the query that reads them or a join within it."""
    yield from (item.output_name.casefold() for item in items if item.output_name)
    node = select.parent
    while node is not None and not isinstance(node, exp.Select):
        alias = node.args.get("alias")
        if isinstance(alias, exp.TableAlias):
            yield from (column.name.casefold() for column in alias.columns)
        if isinstance(node, exp.SetOperation):  # its first query names the columns of all
            yield from (name.casefold() for name in node.named_selects)
        node = node.parent
