"""Calls of inline functions: their own overloads first, then the built-in function of that name, as Trino looks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from catalog.dialect.routine_names import WRITTEN
from catalog.errors import ErrorCode
from catalog.functions import AmbiguousCall, Bound, lookup
from catalog.functions.binding import resolve
from catalog.types import TrinoType
from rewrite_rules.analysis.env import Env, LocalFunction
from rewrite_rules.analysis.failures import refuse, unsupported


def local_call(whole: exp.Expr, call: exp.Expr, arguments: Sequence[exp.Expr], env: Env) -> TrinoType | None:
    """Type the call of an inline function; `whole` is the call with what is around it.

    Where no overload fits, a call that was renamed gets its written name back and means the built-in function.
    Raises Refusal FUNCTION_NOT_FOUND, AMBIGUOUS_FUNCTION_CALL, NOT_SUPPORTED (recursion).
    """
    function = env.walk.functions[call.name.lower()]
    written = call.meta.get(WRITTEN)
    if any(isinstance(argument, exp.Lambda) for argument in arguments):
        bound = None  # no inline function takes one
    else:
        kinds = [env.type_of(argument) for argument in arguments]
        known = [kind for kind in kinds if kind is not None]
        if len(known) < len(kinds):
            return _unknown(function, call, written)
        bound = _bound(function, known, call)
    if bound is None:
        return _builtin(function, whole, call, written, env)
    if bound.overload is function.open:
        raise unsupported(f"Recursive language functions are not supported: {call.name}", call)
    return bound.result


def _bound(function: LocalFunction, kinds: Sequence[TrinoType], call: exp.Expr) -> Bound | None:
    try:
        return resolve(function.overloads, kinds)
    except AmbiguousCall as error:
        what = f"Could not choose a best candidate for function {call.name}: {error}"
        raise refuse(ErrorCode.AMBIGUOUS_FUNCTION_CALL, what, call) from None


def _unknown(function: LocalFunction, call: exp.Expr, written: str | None) -> TrinoType | None:
    """Leave a call whose arguments are of unknown types to the engine, unless two functions could be meant."""
    if written is not None or function.open is not None:
        raise unsupported(f"A call of {written or call.name} with arguments whose types are not known", call)
    return None


def _builtin(
    function: LocalFunction, whole: exp.Expr, call: exp.Expr, written: str | None, env: Env
) -> TrinoType | None:
    if written is None:
        usage = ", ".join(f"{function.name}({overload.text})" for overload in function.overloads)
        what = f"Unexpected parameters for function {call.name}. Expected: {usage}"
        raise refuse(ErrorCode.FUNCTION_NOT_FOUND, what, call)
    builtin = lookup(written)
    if builtin is None or builtin.kind not in ("scalar", "special"):
        raise unsupported(f"A call of {written} that its inline overloads do not fit", call)
    call.set("this", exp.Identifier(this=written, quoted=True))  # without quotes it may begin syntax
    return env.type_of(whole)
