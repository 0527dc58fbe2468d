"""Calls of functions: arguments, lambdas, aggregates with their modifiers, special forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.functions import AmbiguousCall, Argument, Function, lookup
from catalog.type_coercions import comparable, orderable
from catalog.types import BIGINT, BOOLEAN, INTEGER, VARCHAR, TrinoType, time, timestamp
from rewrite_rules.analysis.conditionals import coalesce, nullif, row_of, try_
from rewrite_rules.analysis.elsewhere import check_told_apart
from rewrite_rules.analysis.env import Clause, Env, Handler
from rewrite_rules.analysis.failures import mismatch, refuse
from rewrite_rules.analysis.keys import key_of
from rewrite_rules.analysis.local_calls import local_call
from rewrite_rules.analysis.operators import need_boolean
from rewrite_rules.analysis.shown import text_of

_MAX_INTEGER_GROUPINGS = 31
_MERGE = "$merge"
_SYNTAX = frozenset({"grouping", "json_array", "json_exists", "json_object", "json_query", "json_value", "row"})


@dataclass(slots=True)
class Call:
    """A call taken apart: its plain arguments and the modifiers around and inside it."""

    node: exp.Expr
    name: str
    arguments: list[exp.Expr]
    distinct: bool = False
    order: Sequence[exp.Expr] = ()
    filter: exp.Expr | None = None
    star: bool = False


def take_apart(node: exp.Expr) -> Call:
    """Separate a call's arguments from FILTER, DISTINCT and ORDER BY."""
    filter_ = None
    if isinstance(node, exp.Filter):
        filter_ = node.expression.this if isinstance(node.expression, exp.Where) else node.expression
        node = node.this
    call = Call(node, node.name.lower(), [], filter=filter_)
    for argument in node.expressions:
        _add(argument, call)
    return call


def _add(argument: exp.Expr | None, call: Call) -> None:
    if isinstance(argument, exp.Order):
        call.order = argument.expressions
        _add(argument.args.get("this"), call)
    elif isinstance(argument, exp.Distinct):
        call.distinct = True
        for inner in argument.expressions:
            _add(inner, call)
    elif isinstance(argument, exp.Star):
        call.star = True
    elif argument is not None:
        call.arguments.append(argument)


def plain_call(node: exp.Expr, env: Env) -> TrinoType | None:
    """Type a call without OVER, with or without FILTER."""
    call = take_apart(node)
    if not isinstance(call.node, exp.Anonymous):
        return _filtered_form(node, call, env)
    if env.walk.functions and call.name in env.walk.functions:
        _refuse_modifiers(call)
        return local_call(node, call.node, call.arguments, env)
    if isinstance(call.node.this, exp.Identifier):
        _refuse_syntax(call)
    if call.name == _MERGE and "state" in call.node.meta:
        return _merged(call, env)
    special = _SPECIAL.get(call.name)
    if special is not None and not (call.filter or call.distinct or call.order):
        if call.name in _OF_SESSION:
            env.walk.volatile = True
        return special(call.arguments, call.node, env)
    if lookup(call.name) is None:
        for argument in call.arguments:
            if not isinstance(argument, exp.Lambda):
                env.type_of(argument)
    function = known_function(call)
    if function.kind == "window":
        raise refuse(
            ErrorCode.MISSING_OVER, f"Window function system.builtin.{call.name} requires an OVER clause", call.node
        )
    if function.kind != "aggregate":
        _refuse_modifiers(call)
        return typed_call(function, call, env)
    return aggregate(function, call, node, env)


def _refuse_syntax(call: Call) -> None:
    """Refuse a name in quotes that is known to Trino's grammar alone: there is no function of that name."""
    if call.name in _SYNTAX or (call.name == "normalize" and len(call.arguments) == 1):
        raise refuse(ErrorCode.FUNCTION_NOT_FOUND, f"Function '{call.name}' not registered", call.node)


def _filtered_form(node: exp.Expr, call: Call, env: Env) -> TrinoType | None:
    kind = env.type_of(call.node)
    env.clause.aggregates.append(node)
    if call.filter is not None:
        need_boolean(env.type_of(call.filter), call.filter, "Filter expression")
    return kind


def _merged(call: Call, env: Env) -> TrinoType | None:
    """Type the merging of a view's states, which rewriting writes and no text can: it says the type itself."""
    kind = call.node.meta.get("type")
    for argument in call.arguments:
        Env(env.walk, env.scope, env.named, Clause(), env.parameters).type_of(argument)
    env.clause.aggregates.append(call.node)
    return kind if isinstance(kind, TrinoType) else None


def known_function(call: Call) -> Function:
    """Find the function a call names. Raises Refusal FUNCTION_NOT_FOUND."""
    function = lookup(call.name)
    if function is None:
        raise refuse(ErrorCode.FUNCTION_NOT_FOUND, f"Function '{call.name}' not registered", call.node)
    return function


def _refuse_modifiers(call: Call) -> None:
    for present, what in (
        (call.distinct, "DISTINCT is not supported for non-aggregation functions"),
        (call.filter is not None, "Filter is only valid for aggregation functions"),
        (bool(call.order), "ORDER BY is only valid for aggregation functions"),
    ):
        if present:
            raise refuse(ErrorCode.FUNCTION_NOT_AGGREGATE, what, call.node)


def aggregate(function: Function, call: Call, whole: exp.Expr, env: Env) -> TrinoType | None:
    """Type an aggregate and note it in its clause. Raises Refusal NESTED_AGGREGATION, NESTED_WINDOW."""
    inner = Env(env.walk, env.scope, env.named, Clause(), env.parameters)
    kind = typed_call(function, call, inner)
    type_modifiers(call, inner)
    if inner.clause.aggregates or inner.clause.groupings:
        nested = text_of((inner.clause.aggregates or inner.clause.groupings)[0])
        raise refuse(
            ErrorCode.NESTED_AGGREGATION,
            f"Cannot nest aggregations inside aggregation '{call.name}': [{nested}]",
            call.node,
        )
    if inner.clause.windows:
        raise refuse(
            ErrorCode.NESTED_WINDOW,
            f"Cannot nest window functions or row pattern measures inside aggregation '{call.name}': "
            f"[{text_of(inner.clause.windows[0])}]",
            call.node,
        )
    env.clause.aggregates.append(whole)
    if kind is not None:
        call.node.meta["type"] = kind
    return kind


def type_modifiers(call: Call, env: Env) -> None:
    """Type ORDER BY and FILTER inside a call."""
    keys = {key_of(argument) for argument in call.arguments} if call.distinct and call.order else set()
    for item in call.order:
        kind = env.type_of(item.this if isinstance(item, exp.Ordered) else item)
        if kind is not None and not orderable(kind):
            raise mismatch(f"ORDER BY can only be applied to orderable types (actual: {kind})", item)
        if call.distinct and key_of(item.this) not in keys:
            what = "For aggregate function with DISTINCT, ORDER BY expressions must appear in arguments"
            raise refuse(ErrorCode.EXPRESSION_NOT_IN_DISTINCT, what, item)
    for argument in call.arguments if call.distinct else ():
        kind = argument.meta.get("type")
        if kind is not None and not comparable(kind):
            raise mismatch(f"DISTINCT can only be applied to comparable types (actual: {kind})", call.node)
        check_told_apart(kind, call.node, env.walk)
    if call.filter is not None:
        need_boolean(env.type_of(call.filter), call.filter, "Filter expression")


def typed_call(function: Function, call: Call, env: Env) -> TrinoType | None:
    """Type the arguments and choose the overload. Raises Refusal FUNCTION_NOT_FOUND, AMBIGUOUS_FUNCTION_CALL."""
    if function.volatile:
        env.walk.volatile = True
    lambdas: list[_Lambda] = []
    arguments: list[Argument | None] = []
    for argument in call.arguments:
        if isinstance(argument, exp.Lambda):
            lambdas.append(_Lambda(argument, env))
            arguments.append(lambdas[-1])
        else:
            arguments.append(env.type_of(argument))
    if None in arguments:
        for lambda_ in lambdas:
            lambda_.type_openly()
        return function.constant_type
    known = [a for a in arguments if a is not None]
    try:
        result = function.return_type(known)
    except AmbiguousCall as error:
        raise refuse(
            ErrorCode.AMBIGUOUS_FUNCTION_CALL,
            f"Could not choose a best candidate for function {call.name}: {error}",
            call.node,
        ) from None
    if result is None and any(lambda_.open for lambda_ in lambdas):
        return function.constant_type
    if result is None and call.name == "concat" and len(known) < 2:
        raise _too_few(call)
    if result is None:
        shown = ", ".join(str(a) if isinstance(a, TrinoType) else "<function>" for a in known)
        raise refuse(
            ErrorCode.FUNCTION_NOT_FOUND,
            f"Unexpected parameters ({shown}) for function {call.name}. Expected: {function.usage}",
            call.node,
        )
    return result


def _too_few(call: Call) -> Refusal:
    """Return what Trino says of a concat of one value or none."""
    if call.arguments:
        what = "There must be two or more concatenation arguments"
        return refuse(ErrorCode.INVALID_FUNCTION_ARGUMENT, what)
    return refuse(ErrorCode.AMBIGUOUS_FUNCTION_CALL, "Could not choose a best candidate operator", call.node)


class _Lambda:
    """A lambda among the arguments, typed whenever the types of its parameters are known.

    It is asked several times for each overload, and so are those in its body: asked again with the same types, it does
    not read its body again, whose notes are still those of these types.
    """

    __slots__ = ("_last", "env", "node", "open")

    def __init__(self, node: exp.Expr, env: Env) -> None:
        self.node = node
        self.env = env
        self.open = False
        self._last: tuple[tuple[TrinoType, ...], TrinoType | None] | None = None

    def __call__(self, given: tuple[TrinoType, ...]) -> TrinoType | None:
        names = [parameter.name.lower() for parameter in self.node.expressions]
        if len(names) != len(given):
            raise refuse(
                ErrorCode.INVALID_PARAMETER_USAGE,
                f"Expected a lambda that takes {len(given)} argument(s) but got {len(names)}",
                self.node,
            )
        if self._last is None or self._last[0] != given:
            self._last = given, self._body(dict(zip(names, given, strict=True)))
        return self._last[1]

    def type_openly(self) -> None:
        """Type the body without knowing its parameters, so that the names in it are resolved all the same."""
        self._body({parameter.name.lower(): None for parameter in self.node.expressions})

    def _body(self, parameters: Mapping[str, TrinoType | None]) -> TrinoType | None:
        self.env.walk.lambda_body()
        clause = self.env.clause
        before = len(clause.aggregates), len(clause.windows)
        kind = self.env.inside_lambda(parameters).type_of(self.node.this)
        if (len(clause.aggregates), len(clause.windows)) != before:
            raise refuse(
                ErrorCode.EXPRESSION_NOT_SCALAR,
                "Lambda expression cannot contain aggregations, window functions or grouping operations: "
                f"[{text_of((clause.aggregates + clause.windows)[-1])}]",
                self.node,
            )
        self.open = self.open or kind is None
        return kind


def lambda_alone(node: exp.Expr, env: Env) -> TrinoType | None:
    """Refuse a lambda that is no argument."""
    raise refuse(ErrorCode.TYPE_MISMATCH, "Lambda expression should always be used inside a function", node)


def _grouping(arguments: Sequence[exp.Expr], node: exp.Expr, env: Env) -> TrinoType | None:
    for argument in arguments:
        env.type_of(argument)
    env.clause.groupings.append(node)
    return INTEGER if len(arguments) <= _MAX_INTEGER_GROUPINGS else BIGINT


def _of_type(kind: TrinoType) -> Callable[[Sequence[exp.Expr], exp.Expr, Env], TrinoType | None]:
    def typed(arguments: Sequence[exp.Expr], node: exp.Expr, env: Env) -> TrinoType | None:
        for argument in arguments:
            env.type_of(argument)
        return kind

    return typed


def _clock(
    make: Callable[[int], TrinoType],
) -> Callable[[Sequence[exp.Expr], exp.Expr, Env], TrinoType | None]:
    def typed(arguments: Sequence[exp.Expr], node: exp.Expr, env: Env) -> TrinoType | None:
        return make(int(arguments[0].name) if arguments else 3)

    return typed


SpecialForm = Callable[[Sequence[exp.Expr], exp.Expr, Env], TrinoType | None]
_OF_SESSION = frozenset({"current_time", "current_timestamp", "localtime", "localtimestamp"})
_SPECIAL: Mapping[str, SpecialForm] = {
    "coalesce": coalesce,
    "nullif": nullif,
    "try": try_,
    "row": row_of,
    "grouping": _grouping,
    "format": _of_type(VARCHAR),
    "json_array": _of_type(VARCHAR),
    "json_object": _of_type(VARCHAR),
    "json_query": _of_type(VARCHAR),
    "json_value": _of_type(VARCHAR),
    "json_exists": _of_type(BOOLEAN),
    "version": _of_type(VARCHAR),
    "current_time": _clock(lambda p: time(p, zone=True)),
    "current_timestamp": _clock(lambda p: timestamp(p, zone=True)),
    "localtime": _clock(lambda p: time(p)),
    "localtimestamp": _clock(lambda p: timestamp(p)),
}

HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.Anonymous: plain_call,
    exp.Filter: plain_call,
    exp.Lambda: lambda_alone,
}
