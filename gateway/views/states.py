"""What a definition shows in the place of a state: it must be an aggregate of the very values that the state is of.

Matching relies on a state's arguments; were there a condition or another value in the definition's own text, the state
would hold something else than they say.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.parse import parse_expression
from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import State

EXTREMES = {"argMax": "max", "argMin": "min"}
SETS = frozenset({"uniqExact", "uniq"})
PERCENTILES = frozenset({"quantileExact", "quantileTDigest"})
_OF_SETS = frozenset({"array_agg", "approx_set", "approx_distinct", "count"})
_OF_PERCENTILES = frozenset({"array_agg", "approx_percentile", "tdigest_agg", "qdigest_agg"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a definition shows a state."""

    alias: exp.Alias
    call: exp.Anonymous
    """The aggregate there."""

    @property
    def listed(self) -> bool:
        """Tell whether the values themselves are shown, as an array."""
        return self.call.name.lower() == "array_agg" and not isinstance(self.alias.this, exp.Cast)


def place_of(tree: exp.Expr, state: State) -> Place:
    """Find a state's place. Raises Refusal NOT_SUPPORTED where the definition does not show what the state is of."""
    if not isinstance(tree, exp.Select) or tree.args.get("distinct"):
        raise unmade(state, "its definition is not one SELECT")
    alias = next((each for each in tree.expressions if each.alias_or_name.lower() == state.column), None)
    if not isinstance(alias, exp.Alias):
        raise unmade(state, "the column has no alias in its definition")
    call, where = _apart(alias.this)
    if not isinstance(call, exp.Anonymous) or call.name.lower() not in _names(state):
        raise unmade(state, f"the definition shows none of {', '.join(sorted(_names(state)))} there")
    wanted = [parse_expression(text) for text in state.arguments]
    found, distinct = _arguments(call, len(wanted))
    if found != wanted or (distinct and state.function not in SETS):
        raise unmade(state, "the definition's aggregate there is of other values than the state")
    if where is not None and where not in _harmless(wanted[-1]):
        raise unmade(state, "the definition's aggregate there has a condition of its own")
    return Place(alias, call)


def _names(state: State) -> frozenset[str]:
    if state.function in EXTREMES:
        return frozenset({f"{EXTREMES[state.function]}_by"})
    if state.function in SETS:
        return _OF_SETS
    if state.function in PERCENTILES:
        return _OF_PERCENTILES
    raise unmade(state, f"states of {state.function} are not kept")


def _apart(node: exp.Expr) -> tuple[exp.Expr, exp.Expr | None]:
    """Take a value apart into an aggregate's call and its filter, looking below casts and parentheses."""
    while isinstance(node, exp.Cast | exp.Paren):
        node = node.this
    return (node.this, node.expression.this) if isinstance(node, exp.Filter) else (node, None)


def _arguments(call: exp.Anonymous, count: int) -> tuple[list[exp.Expr], bool]:
    """Return the arguments that a state is of (not levels of percentiles, nor accuracies), and whether each is once."""
    given = call.expressions
    if len(given) == 1 and isinstance(given[0], exp.Distinct):
        return given[0].expressions[:], True
    if call.name.lower() == "count":
        return [], False  # `count(x)` counts rows
    return given[:count], False


def _harmless(argument: exp.Expr) -> list[exp.Expr]:
    """Write the conditions that change nothing: NULLs are in no state, and what is cast is NULL where its source is."""
    found: list[exp.Expr] = []
    while True:
        found.append(exp.Not(this=exp.Is(this=argument.copy(), expression=exp.Null())))
        if not isinstance(argument, exp.Cast | exp.Paren) or isinstance(argument, exp.TryCast):
            return found
        argument = argument.this


def unmade(state: State, why: str) -> Refusal:
    """Return the refusal of a state that the definition does not show."""
    return Refusal(
        ErrorCode.NOT_SUPPORTED,
        f"The state {state.column} cannot be made: {why}",
        hint="Write one SELECT whose column has the state's name and shows an aggregate of its arguments.",
    )
