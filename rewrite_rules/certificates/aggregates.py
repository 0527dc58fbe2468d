"""Makers of aggregates, and the one law by which an aggregate of aggregates is an aggregate of the rows themselves.

("agg", "countif", c)          how many rows make c TRUE: count(*), count(x), count_if(c), each with its FILTER
("agg", "count?", p, c)        the same, but NULL where no row makes p TRUE: what a sum of counts is
("agg", "distinct", x)         count(DISTINCT x)
("agg", name, *arguments)      the others; FILTER stands inside as CASE, where NULLs do not count
("agg", "filter", c, ("agg", ...))   a FILTER that cannot
("agg", "state", function, parameters, *arguments)   what a column keeps for `$merge`
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.type_coercions import can_coerce
from catalog.types import INTEGRAL, UNKNOWN
from rewrite_rules.certificates.conditions import case, conjunction, disjunction, is_true, negation, present
from rewrite_rules.certificates.functions import call
from rewrite_rules.certificates.logic import entails
from rewrite_rules.certificates.monotone import step
from rewrite_rules.certificates.terms import FALSE, TRUE, ZERO, Term, Unclear, has_aggregate, type_of

NULL: Term = ("const", UNKNOWN, None)
SKIP_NULLS = frozenset({"sum", "min", "max", "avg", "distinct", "bool_and", "bool_or", "arbitrary", "any_value"})
SKIP_NULLS |= {"approx_distinct", "approx_percentile", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop"}
SKIP_NULLS |= {"var_samp", "geometric_mean", "bitwise_and_agg", "bitwise_or_agg"}
_BLIND = frozenset({"min", "max", "distinct", "bool_and", "bool_or", "approx_distinct", "arbitrary", "any_value"})
"""They do not see how often a value comes."""
_SELF = frozenset({"min", "max", "bool_and", "bool_or", "arbitrary", "any_value", "bitwise_and_agg", "bitwise_or_agg"})
"""Of its own results it gives its result."""
STATES = {"uniqExact": "distinct", "uniq": "approx_distinct", "argMax": "max_by", "argMin": "min_by"}
_QUANTILES = frozenset({"quantileExact", "quantileTDigest"})


def aggregate(name: str, arguments: tuple[Any, ...]) -> Term:
    """Return an aggregate in its one form."""
    if name == "sum":
        return _sum(arguments[0])
    if name in ("countif", "count?"):
        return ("agg", name, *(is_true(each) for each in arguments))
    if name == "count_if":
        return ("agg", "countif", is_true(arguments[0]))
    return ("agg", name, *arguments)


def count(argument: Term | None) -> Term:
    """Return count(*) or count(x)."""
    return ("agg", "countif", TRUE if argument is None else present(argument))


def _sum(value: Term) -> Term:
    value = _narrowed(value)
    if value[0] == "const" and value[2] == 1 and value[1].base in INTEGRAL:
        return ("agg", "count?", TRUE, TRUE)
    if value[0] == "case" and len(value[1]) == 1 and value[2][0] == "const":
        (condition, shown), otherwise = value[1][0], value[2][2]
        if shown[0] == "const" and shown[2] == 1 and shown[1].base in INTEGRAL and otherwise in (None, ZERO):
            held = is_true(condition)
            return ("agg", "count?", held if otherwise is None else TRUE, held)
    factor = _factor(value)
    if factor is not None:
        return call("*", (factor[0], _sum(factor[1])))
    return _shifted(value) or ("agg", "sum", value)


def _narrowed(value: Term) -> Term:
    """Return a whole number without casts to wider ones: its sum is a bigint in any case."""
    if value[0] == "case":
        return case([(condition, _narrowed(shown)) for condition, shown in value[1]], _narrowed(value[2]))
    if value[0] != "f" or not value[1].startswith("cast:"):
        return value
    kind, target = type_of(value[2]), type_of(value)
    if kind is None or target is None or kind.base not in INTEGRAL or target.base not in INTEGRAL:
        return value
    return _narrowed(value[2]) if can_coerce(kind, target) else value


def _shifted(value: Term) -> Term | None:
    """Return the sum of `x + k` of a constant k: it is added once for each row that has an x."""
    if value[:2] not in (("f", "+"), ("f", "-")) or len(value) != 4:
        return None
    rest, constant = (value[2], value[3]) if value[3][0] == "const" else (value[3], value[2])
    kinds = [type_of(each) for each in (rest, constant)]
    if constant[0] != "const" or any(kind is None or kind.base not in INTEGRAL for kind in kinds):
        return None
    if constant[2] is None or (value[1] == "-" and constant is value[2]):
        return None
    return call(value[1], (_sum(rest), call("*", (constant, count(rest)))))


def _factor(value: Term) -> tuple[Term, Term] | None:
    """Return the constant and the rest of a product that is exact, and of one type before it is summed and after."""
    if value[:2] != ("f", "*"):
        return None
    for constant, rest in ((value[2], value[3]), (value[3], value[2])):
        kind = type_of(rest)
        if constant[0] != "const" or kind is None:
            continue
        if constant[1].base in INTEGRAL and kind.base in INTEGRAL:
            return constant, rest
        if constant[1].base in (*INTEGRAL, "decimal") and kind.base == "decimal":
            return constant, rest
    return None


def filtered(made: Term, condition: Term) -> Term:
    """Return an aggregate over the rows only that make a condition TRUE."""
    name = made[1]
    if name == "countif":
        return ("agg", "countif", conjunction([is_true(condition), made[2]]))
    if name == "count?":
        return ("agg", name, *(conjunction([is_true(condition), each]) for each in made[2:]))
    if name in SKIP_NULLS:
        return aggregate(name, (case([(condition, made[2])], NULL), *made[3:]))
    if name in ("max_by", "min_by") and len(made) == 4:
        return aggregate(name, (made[2], case([(condition, made[3])], NULL)))
    if made[0] != "agg":
        raise Unclear("FILTER over a product of aggregates")
    return ("agg", "filter", is_true(condition), made)


# --- Aggregates of aggregates ------------------------------------------------------------------------------------

Meaning = Callable[[Term], Term]
"""Writes an outer expression over the inner query's outputs as one over what those are."""


def compose(outer: Term, meaning: Meaning, *, filled: bool) -> Term:
    """Return what an aggregate over groups is over the groups' rows. Raises Unclear where no law says so.

    `outer` speaks of columns that the inner query shows; `meaning` writes those out, keys and aggregates alike. Groups
    are `filled` if each has a row, as all have but the one group of a query without keys.
    """
    name = outer[1]
    written = [meaning(each) if isinstance(each, tuple) else each for each in outer[2:]]
    if name == "merge":
        return _merged(written[0], outer[3:])
    if name == "sum" and filled and _is_zero(written[0]):
        return ("agg", "count?", TRUE, FALSE)  # as many zeros as there are groups: of none it is NULL
    if not any(has_aggregate(each) for each in written if isinstance(each, tuple)):
        if name in _BLIND or name.startswith("distinct ") or (name in ("max_by", "min_by") and len(written) == 2):
            return aggregate(name, tuple(written))
        raise Unclear(f"{name} of a key counts groups, not rows")
    if name == "sum":
        return _sum_of(written[0], filled=filled)
    if name in _SELF and len(written) == 1:
        return aggregate(name, (_leaves(written[0], lambda leaf: _own(leaf, name)),))
    if name in ("max_by", "min_by") and len(written) == 2:
        return _by(name, written[0], written[1])
    raise Unclear(f"{name} of an aggregate")


def _leaves(value: Term, image: Callable[[Term], Term]) -> Term:
    """Return CASE over keys with the image of each value."""
    if value[0] != "case":
        return image(value)
    for condition, _ in value[1]:
        if has_aggregate(condition):
            raise Unclear("a condition on an aggregate inside an aggregate")
    branches = [(condition, _leaves(shown, image)) for condition, shown in value[1]]
    return case(branches, _leaves(value[2], image))


_OPPOSITE = {"min": "max", "max": "min"}


def _own(leaf: Term, name: str) -> Term:
    """Return what each row gives to an extreme of extremes: the same, or its negation of the opposite extreme."""
    if leaf[:2] == ("agg", name):
        return leaf[2]  # type: ignore[no-any-return]  # a term is a nested tuple
    if leaf[:2] == ("f", "neg") and leaf[2][:2] == ("agg", _OPPOSITE.get(name, "")):
        return call("neg", (leaf[2][2],))
    if not has_aggregate(leaf):
        return leaf
    found = step(leaf, name)
    if found is None:
        raise Unclear(f"{name} of another aggregate")
    at, inner = found
    arguments = [*leaf[2:]]
    arguments[at - 2] = _own(leaf[at], inner)
    return call(leaf[1], tuple(arguments))


def _sum_of(value: Term, *, filled: bool) -> Term:
    """Return the sum of sums, or of counts."""
    if value[:2] == ("f", "*") and _factor_of_sum(value):
        constant, rest = (value[2], value[3]) if value[2][0] == "const" else (value[3], value[2])
        return call("*", (constant, _sum_of(rest, filled=filled)))
    if _counts(value):
        return _sum_of_counts(value)
    return _sum(_leaves(value, lambda leaf: _summand(leaf, filled=filled)))


def _repeated(value: Term) -> Term | None:
    """Return the key that a product repeats as often as its group has rows: the sum of these is that of the key."""
    if value[:2] != ("f", "*"):
        return None
    for times, key in ((value[2], value[3]), (value[3], value[2])):
        if times == ("agg", "countif", TRUE) and not has_aggregate(key) and type_of(key) is not None:
            return key  # type: ignore[no-any-return]  # a term is a nested tuple
    return None


def _factor_of_sum(value: Term) -> bool:
    return any(each[0] == "const" and each[1].base in (*INTEGRAL, "decimal") for each in value[2:])


def _summand(leaf: Term, *, filled: bool) -> Term:
    """Return what each row adds to a sum of sums; where 0 stands for the sum of no values, it does for each of them."""
    added = _added(leaf) or (_repeated(leaf) if filled else None)
    if added is not None:
        return added
    if filled and leaf[:2] == ("f", "coalesce") and leaf[2][:2] == ("agg", "sum") and _is_zero(leaf[3]):
        return call("coalesce", (leaf[2][2], leaf[3]))
    if leaf[:2] == ("f", "neg") and leaf[2][:2] == ("agg", "sum"):
        return call("neg", (leaf[2][2],))
    if leaf[:2] == ("agg", "sum"):
        return leaf[2]  # type: ignore[no-any-return]  # a term is a nested tuple
    if leaf[0] == "const" and (leaf[2] is None or leaf[2] == ZERO):
        return leaf
    raise Unclear("a sum of what is no sum")


def _added(leaf: Term) -> Term | None:
    """Return `x + k` where a leaf is the sum of x and k times the number of rows that have one."""
    if leaf[:2] not in (("f", "+"), ("f", "-")) or leaf[2][:2] != ("agg", "sum"):
        return None
    value, times = leaf[2][2], leaf[3]
    for constant, counted in ((times[2], times[3]), (times[3], times[2])) if times[:2] == ("f", "*") else ():
        if constant[0] == "const" and counted == count(value):
            return call(leaf[1], (value, constant))
    return None


def _counts(value: Term) -> bool:
    """Tell whether a value is a count, or CASE over keys that shows one."""
    if value[0] == "case":
        return any(_counts(shown) for _, shown in value[1]) or _counts(value[2])
    return value[:2] in (("agg", "countif"), ("agg", "count?"))


def _sum_of_counts(value: Term) -> Term:
    """Return how many rows are counted, and where that is NULL instead of 0."""
    present: list[Term] = []
    counted: list[Term] = []

    def look(part: Term, under: tuple[Term, ...]) -> None:
        if part[0] == "case":
            before: tuple[Term, ...] = ()
            for condition, shown in part[1]:
                if has_aggregate(condition):
                    raise Unclear("a condition on an aggregate inside an aggregate")
                held = is_true(condition)
                look(shown, (*under, *before, held))
                before = (*before, negation(held))
            look(part[2], (*under, *before))
        elif part[:2] == ("agg", "countif"):
            present.append(conjunction(under))
            counted.append(conjunction([*under, part[2]]))
        elif part[:2] == ("agg", "count?"):
            present.append(conjunction([*under, part[2]]))
            counted.append(conjunction([*under, part[3]]))
        elif part[0] == "const" and part[2] == ZERO:
            present.append(conjunction(under))
        elif part[0] != "const" or part[2] is not None:
            raise Unclear("a sum of counts and of something else")

    look(value, ())
    if len(counted) != 1:
        raise Unclear("a sum of several counts")
    shown = is_true(disjunction(present))
    return ("agg", "count?", TRUE if entails((), shown) else shown, is_true(counted[0]))


def _is_zero(term: Term) -> bool:
    return term[0] == "const" and term[2] == ZERO and term[1].base in INTEGRAL


def _by(name: str, value: Term, instant: Term) -> Term:
    """Return the last value of last values: by the very instants that those were the last by."""
    extreme = "max" if name == "max_by" else "min"
    if value[:2] == ("agg", name) and instant == ("agg", extreme, value[3]):
        return value
    raise Unclear(f"{name} of values whose instants are not kept")


def _merged(state: Term, parameters: tuple[Any, ...]) -> Term:
    """Return what merging states gives; by CASE, of the groups only that meet a condition on their keys."""
    if state[0] == "case" and len(state[1]) == 1 and state[2][0] == "const" and state[2][2] is None:
        condition, kept = state[1][0]
        if has_aggregate(condition):
            raise Unclear("states of groups that an aggregate chooses")
        return filtered(_merged(kept, parameters), condition)
    if state[:2] != ("agg", "state"):
        raise Unclear("a merge of what is no state")
    function, own, arguments = state[2], state[3], state[4:]
    if function in STATES:
        if parameters and any(parameters):
            raise Unclear(f"{function} takes no parameters")
        return aggregate(STATES[function], tuple(arguments))
    if function in _QUANTILES:
        level = parameters[0] if parameters else (own[0] if own else None)
        if level is None or len(parameters) > 1:
            raise Unclear(f"{function} without its level")
        return aggregate("approx_percentile", (*arguments, level))
    raise Unclear(f"states of {function}")


def settled(term: Term) -> Term:
    """Return an aggregate as it is in a group that has rows: a sum of its counts is never NULL."""
    if term[:2] == ("agg", "count?") and term[2] == TRUE:
        return ("agg", "countif", term[3])
    return term
