"""`$merge`: the value of an aggregate over the states that a materialized view keeps.

    "$merge"(u)  with a state of uniqExact   ->  toInt64(uniqExactMerge(t1.`u`))
    "$merge"(CASE WHEN c THEN u END)         ->  toInt64(uniqExactMergeIf(t1.`u`, ifNull(c, 0)))

Rewriting writes such calls, never a client. The engine's settings turn `aggregate_functions_null_for_empty` on, under
which `-Merge` refuses states that were made without it; the setting does not reach names in the text of `arrayReduce`,
so that other functions than those of distinct values are merged by that. A state of quantiles over NULLs, or with a
level in its type, merges at that one level only (measured on ClickHouse 26.9), and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from catalog.names import fold_trino
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.translate_clickhouse.decimals import rounded_half_up
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.native import cast
from rewrite_rules.translate_clickhouse.scope import Field, Scope
from rewrite_rules.translate_clickhouse.text import call, either, string

MERGE = "$merge"
_NATIVE = re.compile(r"AggregateFunction\((\w+), (.+)\)")
_LEVEL = re.compile(r"(?:0(?:\.\d+)?|1(?:\.0+)?)(?:[eE]0)?")
_EMPTY = "'00'"
"""How a state of quantiles over no values is written."""


@dataclass(frozen=True, slots=True)
class States:
    """A column of states, and the condition of the rows whose states count; None: all."""

    sql: str
    condition: str | None = None

    def apply(self, function: str, *arguments: str) -> str:
        """Call an aggregate over just these rows."""
        if self.condition is None:
            return call(function, *arguments)
        return call(f"{function}If", *arguments, self.condition)


Writer = Callable[[States, str, TrinoType, tuple[str, ...]], str]


def merge(node: exp.Anonymous, scope: Scope) -> str:
    """Translate a `$merge`. Raises Refusal NOT_SUPPORTED for a state that is not known to merge rightly."""
    column, condition = _taken(node, scope)
    field, kind = _state(column, node, scope), scope.type_of(node)
    native = _NATIVE.fullmatch(field.state or "")
    writer = _WRITERS.get(native[1]) if native is not None else None
    if native is None or writer is None:
        raise unsupported(f"A state of the type {field.state}", node)
    return writer(States(field.sql, condition), native[2], kind, _parameters(node))


def is_state(native_type: str | None) -> bool:
    """Tell whether a stored column keeps states of an aggregate."""
    return (native_type or "").startswith("AggregateFunction(")


def _taken(node: exp.Anonymous, scope: Scope) -> tuple[exp.Expr | None, str | None]:
    """Return the column of states, and the condition of the rows whose states are merged; None for all rows."""
    inner = node.expressions[0] if len(node.expressions) == 1 else None
    if not isinstance(inner, exp.Case):
        return inner, None
    branches = inner.args["ifs"]
    if inner.args.get("this") is not None or inner.args.get("default") is not None or len(branches) != 1:
        raise unsupported("Merging one of several states", node)
    return branches[0].args["true"], call("ifNull", scope.value(branches[0].this), "0")


def _state(column: exp.Expr | None, node: exp.Anonymous, scope: Scope) -> Field:
    if isinstance(column, exp.Column) and "state" in node.meta:
        found = scope.find([fold_trino(part.name) for part in column.parts])
        if found is not None and found.state is not None:
            return found
    raise unsupported("Merging what is no state", node)


def _parameters(node: exp.Anonymous) -> tuple[str, ...]:
    return tuple(each.name if isinstance(each, exp.Expr) else str(each) for each in node.meta.get("parameters") or ())


def _distinct(function: str) -> Writer:
    def write(states: States, _: str, __: TrinoType, parameters: tuple[str, ...]) -> str:
        if parameters:
            raise unsupported(f"A state of {function} with parameters")
        return call("toInt64", states.apply(f"{function}Merge", states.sql))

    return write


def _quantile(function: str, *, exact: bool) -> Writer:
    """Return what merges quantiles; a digest gives floats whatever it was made of, which are rounded for integers."""

    def write(states: States, argument: str, kind: TrinoType, parameters: tuple[str, ...]) -> str:
        if argument.startswith("Nullable(") or len(parameters) != 1 or not _LEVEL.fullmatch(parameters[0]):
            raise unsupported(f"A state of {function} over {argument}")
        merged = _reduced(f"{function}Merge({float(parameters[0])})", states)
        filled = f"{call('hex', states.sql)} != {_EMPTY}"
        nothing = f"countIf({filled if states.condition is None else f'{filled} AND {states.condition}'}) = 0"
        rounds = kind.base in INTEGRAL and not exact
        value = rounded_half_up(call("toFloat64", merged)) if rounds else merged
        return either(nothing, "NULL", cast(value, kind))

    return write


def _chosen(function: str) -> Writer:
    def write(states: States, arguments: str, kind: TrinoType, parameters: tuple[str, ...]) -> str:
        if parameters or not arguments.startswith("Tuple("):
            raise unsupported(f"A state of {function} over {arguments}")
        return cast(call("tupleElement", _reduced(f"{function}Merge", states), "1"), kind)

    return write


def _reduced(function: str, states: States) -> str:
    return call("arrayReduce", string(function), states.apply("groupArray", states.sql))


_WRITERS: Mapping[str, Writer] = {
    "uniqExact": _distinct("uniqExact"),
    "uniq": _distinct("uniq"),
    "quantileExact": _quantile("quantileExact", exact=True),
    "quantileTDigest": _quantile("quantileTDigest", exact=False),
    "argMax": _chosen("argMax"),
    "argMin": _chosen("argMin"),
}
