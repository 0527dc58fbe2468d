"""Row pattern recognition: which columns it gives, and that every name in it is a column of its input.

Types of measures are left to the engine. Names are not: a withheld column has to fail as an unknown one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from catalog.dialect.routine_names import WRITTEN
from catalog.errors import ErrorCode
from catalog.functions import lookup
from rewrite_rules.analysis.columns import record_read
from rewrite_rules.analysis.env import Env, Relation
from rewrite_rules.analysis.failures import refuse, unsupported
from rewrite_rules.analysis.model import ResolvedColumn
from rewrite_rules.analysis.scopes import Field, Scope

_OF_PATTERNS = frozenset({"classifier", "first", "last", "match_number", "next", "prev"})
"""Functions that only row patterns have."""
_LABEL = re.compile(r'"((?:[^"]|"")+)"')


def matched(node: exp.Expr, given: Relation, env: Env, number: int) -> Relation:
    """Return what MATCH_RECOGNIZE gives: partition columns and measures, and all other columns for all rows.

    `env` stands in the scope of the input. Raises Refusal COLUMN_NOT_FOUND, NOT_SUPPORTED where types are needed.
    """
    if env.walk.context.strict:
        raise unsupported("MATCH_RECOGNIZE is not supported by this engine", node)
    partition = [_input(key, given, env) for key in node.args.get("partition_by") or ()]
    order = node.args.get("order")
    sorted_by = [_input(item.this, given, env) for item in order.expressions] if order is not None else []
    check_names(node, given, env)
    measures = [Field(measure.alias, None, (), number) for measure in node.args.get("measures") or ()]
    rows = node.args.get("rows")
    if rows is None or rows.name.startswith("ONE"):
        return Relation((*_plain(partition, number), *measures), given.is_open)
    first = list(dict.fromkeys((*partition, *sorted_by)))
    rest = [field for field in given.fields if field not in first]
    return Relation((*_plain(first, number), *measures, *_plain(rest, number)), given.is_open)


def _plain(fields: list[Field], number: int) -> Iterator[Field]:
    return (Field(f.name, f.type, (), number, f.table, f.sources, origins=f.origins) for f in fields)


def _input(key: exp.Expr, given: Relation, env: Env) -> Field:
    """Return the input column that PARTITION BY or ORDER BY names."""
    env.type_of(key)
    inner = key.unnest()
    parts = [part.name.lower() for part in inner.parts] if isinstance(inner, exp.Column) else []
    found = Scope(given.fields).matches(parts) if parts else []
    return found[0] if found else Field(None, None)


def check_names(node: exp.Expr, given: Relation, env: Env) -> None:
    """Check the names in measures and definitions of a row pattern; queries in them see nothing of the pattern.

    Raises Refusal COLUMN_NOT_FOUND, INVALID_LABEL and what queries raise.
    """
    labels = _labels(node)
    for measure in node.args.get("measures") or ():
        _check(measure.this, given, labels, env)
    pattern = node.args.get("pattern")
    for definition in node.args.get("define") or ():
        if pattern is not None and definition.alias not in _quoted(pattern.name):
            what = f"defined variable: {definition.alias} is not a primary pattern variable"
            raise refuse(ErrorCode.INVALID_LABEL, what, definition)
        _check(definition.this, given, labels, env)


def _labels(node: exp.Expr) -> frozenset[str]:
    """Return the labels of a pattern and its subsets."""
    pattern = node.args.get("pattern")
    texts = [pattern.name if pattern is not None else "", *(subset.name for subset in node.args.get("subset") or ())]
    return frozenset(label for text in texts for label in _quoted(text))


def _quoted(text: str) -> set[str]:
    return {label.replace('""', '"') for label in _LABEL.findall(text)}


def _check(expression: exp.Expr, given: Relation, labels: frozenset[str], env: Env) -> None:
    """Raise Refusal COLUMN_NOT_FOUND for a name that is no column of the input."""
    scope = Scope(given.fields)
    for part in expression.walk(prune=_is_query):
        if _is_query(part):
            env.walk.query(part, Scope((), boundary=True), env.named, env.walk)
        elif isinstance(part, exp.Column):
            _check_column(part, scope, given.is_open, labels, env)
        elif isinstance(part, exp.Anonymous):
            _check_call(part, env)


def _check_call(call: exp.Anonymous, env: Env) -> None:
    """Refuse a function that is none of Trino's own, of patterns or of the query's."""
    name = call.name.lower()
    if name in _OF_PATTERNS:
        return
    function = lookup(name)
    if name in env.walk.functions and WRITTEN in call.meta:
        raise unsupported(f"{call.meta[WRITTEN]} in a row pattern, where two functions have that name,", call)
    if function is None and name not in env.walk.functions:
        raise refuse(ErrorCode.FUNCTION_NOT_FOUND, f"Function '{name}' not registered", call)
    if function is not None and function.volatile:
        env.walk.volatile = True


def _is_query(node: exp.Expr) -> bool:
    return isinstance(node, exp.Query | exp.Values)


def _check_column(column: exp.Column, scope: Scope, is_open: bool, labels: frozenset[str], env: Env) -> None:
    parts = [part.name for part in column.parts]
    labelled = parts[0] in labels
    if labelled and (len(parts) == 1 or isinstance(column.this, exp.Star)):
        return  # CLASSIFIER(label), count(label.*)
    name = parts[1] if labelled and len(parts) > 1 else parts[0]
    found = scope.matches((name.lower(),))
    if not found and not is_open:
        shown = ".".join(part.lower() for part in parts)
        raise refuse(ErrorCode.COLUMN_NOT_FOUND, f"Column '{shown}' cannot be resolved", column)
    for field in found:
        record_read(field, env.walk)
        column.meta["resolved"] = ResolvedColumn(field.relation, field.table, field.name or "", output=field.output)
