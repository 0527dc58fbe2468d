"""JSON_TABLE: what stands in it is typed, and its columns have the types that it names."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from catalog.errors import ErrorCode
from catalog.types import BIGINT
from rewrite_rules.analysis.env import Env, Relation
from rewrite_rules.analysis.failures import refuse, unsupported
from rewrite_rules.analysis.literals import type_of_node
from rewrite_rules.analysis.scopes import Field

_PARTS = (exp.JSONKeyValue, exp.FormatJson, exp.OnCondition, exp.JSONSchema, exp.JSONColumnDef)
_NO_VALUES = (exp.Identifier, exp.Var, exp.DataType)


def json_table(node: exp.JSONTable, env: Env, number: int) -> Relation:
    """Return the columns of JSON_TABLE; `env` sees what stands to the left of it.

    Raises Refusal NOT_SUPPORTED for engines that need types, DUPLICATE_COLUMN_OR_PATH_NAME.
    """
    if env.walk.context.strict:
        raise unsupported("JSON_TABLE is not supported by this engine", node)
    _type_values(node, env)
    columns = list(_columns(node.args["schema"]))
    names = [column.name for column in columns]  # in upper case unless quoted, as Trino compares them
    paths = [part.args["path_name"].name for part in node.walk() if part.args.get("path_name")]
    taken: set[str] = set()
    for name in (*paths, *names):
        if name in taken:
            what = f"All column and path names in JSON_TABLE invocation must be unique: {name}"
            raise refuse(ErrorCode.DUPLICATE_COLUMN_OR_PATH_NAME, what, node)
        taken.add(name)
    return Relation(tuple(_field(column, number) for column in columns))


def _field(column: exp.Expr, number: int) -> Field:
    kind = BIGINT if column.args.get("ordinality") else type_of_node(column.args["kind"])
    return Field(column.name, kind, (), number)


def _columns(schema: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the columns in the order of the result: nested ones in their place."""
    for column in schema.expressions:
        nested = column.args.get("nested_schema")
        if nested is None:
            yield column
        else:
            yield from _columns(nested)


def _type_values(part: exp.Expr, env: Env) -> None:
    for child in part.iter_expressions():
        if isinstance(child, _PARTS):
            _type_values(child, env)
        elif not isinstance(child, _NO_VALUES):
            env.type_of(child)
