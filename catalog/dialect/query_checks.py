"""What Trino's grammar asks of the nodes that make a query, beyond the list of their arguments.

Each check returns what is wrong, None for nothing. sqlglot's parser forgives all of this.
"""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.node_kinds import QUERIES, Check, every, has, is_constant, operands_are_values, under
from catalog.errors import ErrorCode, Refusal

_RELATIONS = (exp.Table, exp.Subquery, exp.Unnest, exp.Lateral, exp.Values, exp.TableFromRows)
_QUERY_HOLDERS = (
    *(exp.Subquery, exp.SetOperation, exp.CTE, exp.Exists, exp.Any, exp.All, exp.In, exp.Lateral),
    exp.InputModelProperty,
)


def _is_held(node: exp.Expr) -> str | None:
    """Refuse a query where a value is expected and no parentheses make it one."""
    held = node.parent is None or isinstance(node.parent, _QUERY_HOLDERS)
    return None if held else "mismatched input: a query needs parentheses here"


def _select(node: exp.Select) -> str | None:
    distinct = node.args.get("distinct")
    if not node.expressions:
        return "mismatched input: SELECT needs an item"
    if distinct is not None and distinct.expressions:
        return "mismatched input: DISTINCT takes no list here"
    if node.args.get("laterals"):
        return "mismatched input 'LATERAL'"
    if node.args.get("joins") and not node.args.get("from_"):
        return "mismatched input: a join needs FROM"
    return _is_held(node)


def _set_operation(node: exp.SetOperation) -> str | None:
    if bool(node.args.get("by_name")) != (str(node.args.get("kind") or "").upper() == "INNER"):
        return "mismatched input: only CORRESPONDING names the columns of a set operation"
    for side in (node.this, node.expression):
        if not isinstance(side, QUERIES):
            return "mismatched input: a set operation takes queries"
        bare = not isinstance(side, exp.Subquery)
        if bare and any(side.args.get(key) for key in ("order", "limit", "offset", "with_")):
            return "mismatched input: ORDER BY, LIMIT and WITH inside a set operation need parentheses"
        if not bare and side.args.get("alias"):
            return "mismatched input: a set operation takes no alias"
    return _is_held(node)


def _values_query(node: exp.Values) -> str | None:
    if isinstance(node.parent, (exp.From, exp.Join)):
        return None
    return "mismatched input: VALUES takes no alias here" if node.args.get("alias") else _is_held(node)


def _query(key: str) -> Check:
    def check(node: exp.Expr) -> str | None:
        return None if isinstance(node.args.get(key), QUERIES) else "mismatched input: a query is expected"

    return check


def _subquery(node: exp.Subquery) -> str | None:
    inner = node.this
    related = isinstance(inner, _RELATIONS) and node.find_ancestor(exp.From, exp.Join) is not None
    if not related and not isinstance(inner, QUERIES):
        return "mismatched input: a query is expected"
    if inner.args.get("with_") and isinstance(_outside(node).parent, (exp.SetOperation, exp.CTE)):
        return "mismatched input 'WITH': within a query, brackets hold a query without WITH"
    if not isinstance(inner, exp.Select) and any(_is_comma(join) for join in inner.args.get("joins") or ()):
        return "mismatched input ','"
    return None


def _outside(node: exp.Expr) -> exp.Expr:
    """Return the outermost of the brackets that stand directly around each other."""
    while isinstance(node.parent, exp.Subquery):
        node = node.parent
    return node


def _grouping_sets(node: exp.GroupingSets | exp.Rollup | exp.Cube) -> str | None:
    if any(isinstance(part, (exp.GroupingSets, exp.Rollup, exp.Cube)) for part in node.expressions):
        return "mismatched input: grouping sets hold columns, not further grouping sets"
    empty = isinstance(node, exp.GroupingSets) and not node.expressions
    return "mismatched input ')': GROUPING SETS needs a set" if empty else None


def _is_comma(join: exp.Join) -> bool:
    return not any(join.args.get(key) for key in ("kind", "side", "method", "on", "using"))


def _lateral(node: exp.Lateral) -> str | None:
    inner = node.this
    while isinstance(inner, exp.Subquery):
        inner = inner.this
    return None if isinstance(inner, QUERIES) else "mismatched input: a query is expected"


def _relation(node: exp.From | exp.Join) -> str | None:
    return None if isinstance(node.this, _RELATIONS) else "mismatched input: a table is expected"


def _table(node: exp.Table) -> str | None:
    if isinstance(node.this, exp.Dot):
        return f"Too many dots in table name: {'.'.join(part.name for part in node.parts)}"
    if not all(isinstance(part, exp.Identifier) for part in node.parts):
        return "mismatched input '('"
    return None


def _join(node: exp.Join) -> str | None:
    if any(_is_comma(inner) for inner in node.this.args.get("joins") or ()):
        return "mismatched input ','"
    conditions = bool(node.args.get("on")) + bool(node.args.get("using"))
    if node.kind == "CROSS" or node.method == "NATURAL":
        crossed = node.kind == "CROSS" and (node.side or node.method)
        return "mismatched input: this join takes no condition" if conditions or crossed else None
    if node.kind not in ("", "INNER", "OUTER") or node.method or (node.kind == "INNER" and node.side):
        return "mismatched input: unknown kind of join"
    if node.kind == "OUTER" and not node.side:
        return "mismatched input 'OUTER'"
    if (node.kind or node.side) and not conditions:
        return "mismatched input: the join needs a condition. Expecting: 'ON', 'USING'"
    if any(not isinstance(column, exp.Identifier) for column in node.args.get("using") or ()):
        return "mismatched input: USING takes column names"
    return None


def _table_function(node: exp.TableFromRows) -> str | None:
    matched = isinstance(node.parent, exp.Subquery) and node.args.get("match") is not None
    if not matched and not isinstance(node.parent, (exp.From, exp.Join)):
        return "mismatched input 'TABLE'"
    call = node.this
    if isinstance(call, exp.JSONTable):
        return None
    if not isinstance(call, exp.Anonymous):  # those of catalogs read what no tree shows
        what = f"Table function '{'.'.join(_names_of(call)).lower()}' not registered"
        raise Refusal(ErrorCode.FUNCTION_NOT_FOUND, what)
    if call.name.lower() != "sequence":
        return None
    values = [item.expression if isinstance(item, exp.Kwarg) else item for item in call.expressions]
    if not all(is_constant(value) or isinstance(value, exp.Placeholder) for value in values):
        raise Refusal(ErrorCode.NOT_SUPPORTED, "Arguments of table functions other than literals are not supported")
    return None


def _names_of(call: exp.Expr) -> list[str]:
    """Return the parts of a function's full name."""
    if isinstance(call, exp.Dot):
        return [*_names_of(call.this), *_names_of(call.expression)]
    return [call.name]


def _table_argument(node: exp.InputModelProperty) -> str | None:
    if not isinstance(node.this, QUERIES):
        return "mismatched input: a query is expected"
    holder = node.parent.parent if isinstance(node.parent, exp.Kwarg) else node.parent
    return None if _is_called(holder) else "mismatched input 'TABLE'"


def _is_called(node: exp.Expr | None) -> bool:
    call = node.parent if node is not None and isinstance(node.parent, exp.Dot) else node
    return isinstance(node, exp.Anonymous) and call is not None and isinstance(call.parent, exp.TableFromRows)


def _descriptor(node: exp.Tags) -> str | None:
    holder = node.parent.parent if isinstance(node.parent, exp.Kwarg) else node.parent
    held = node.arg_key == "copartition" or _is_called(holder)
    return None if held else "mismatched input 'DESCRIPTOR'"


def _table_alias(node: exp.TableAlias) -> str | None:
    if not isinstance(node.this, exp.Identifier):
        return "mismatched input: an alias is expected"
    if not all(isinstance(column, exp.Identifier) for column in node.columns):
        return "mismatched input: column aliases are plain names"
    return None


def _row_pattern(node: exp.MatchRecognize) -> str | None:
    if isinstance(node.parent, exp.Select):
        return "mismatched input 'MATCH_RECOGNIZE'"
    return None


def _json_table(node: exp.JSONTable) -> str | None:
    return None if isinstance(node.parent, exp.TableFromRows) else "mismatched input 'JSON_TABLE'"


def _processing(node: exp.Final) -> str | None:
    held = isinstance(node.this, exp.Anonymous) and node.find_ancestor(exp.MatchRecognize) is not None
    return None if held else "mismatched input: RUNNING and FINAL belong to row patterns"


def _auto(node: exp.CurrentRole) -> str | None:
    return None if isinstance(node.parent, exp.Group) else "mismatched input 'AUTO'"


def _group(node: exp.Group) -> str | None:
    return None if node.expressions else "mismatched input: GROUP BY needs an expression"


def _routine(node: exp.UserDefinedFunction) -> str | None:
    held = node.arg_key == "functions" and node.parent is not None and node.parent.parent is None
    return None if held else "mismatched input 'FUNCTION'"


QUERY_CHECKS: dict[type[exp.Expr], Check] = {
    exp.CurrentRole: _auto,
    exp.Exists: _query("this"),
    exp.Select: _select,
    exp.Union: _set_operation,
    exp.Except: _set_operation,
    exp.Intersect: _set_operation,
    exp.Subquery: _subquery,
    exp.CTE: _query("this"),
    exp.From: _relation,
    exp.Join: every(_relation, _join),
    exp.Table: _table,
    exp.TableFromRows: _table_function,
    exp.InputModelProperty: _table_argument,
    exp.Tags: _descriptor,
    exp.TableAlias: _table_alias,
    exp.Unnest: under(exp.From, exp.Join, exp.Subquery, what="UNNEST"),
    exp.Lateral: every(under(exp.From, exp.Join, exp.Subquery, what="LATERAL"), _lateral),
    exp.Values: _values_query,
    exp.Version: every(has("expression"), operands_are_values("expression")),
    exp.TableSample: has("percent"),
    exp.Group: _group,
    exp.GroupingSets: _grouping_sets,
    exp.Rollup: _grouping_sets,
    exp.Cube: _grouping_sets,
    exp.JSONTable: _json_table,
    exp.MatchRecognize: _row_pattern,
    exp.Final: _processing,
    exp.UserDefinedFunction: _routine,
}
"""Checks by node type."""
