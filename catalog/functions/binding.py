"""Fitting the types of a call's arguments to the overloads of a function, as Trino's resolver does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from catalog.functions.formulas import FORMULAS
from catalog.functions.signatures import LambdaShape, Overload, Shape, Template, Variable
from catalog.type_coercions import MAX_CHAR_LENGTH, can_coerce, coerce_base, common_super_type, comparable, orderable
from catalog.types import UNBOUNDED_LENGTH, UNKNOWN, TrinoType, varchar

Lambda = Callable[[tuple[TrinoType, ...]], TrinoType | None]
"""A lambda among the arguments: given the types of its parameters it tells the type of its body."""
Argument = TrinoType | Lambda

_NEEDS: dict[str, Callable[[TrinoType], bool]] = {"": lambda kind: True, "=": comparable, "<": orderable}
_TURNS = 4
_DEFAULT_NUMBERS = {"decimal": (1, 0), "varchar": (0,), "char": (0,)}


@dataclass(frozen=True, slots=True)
class Bound:
    """An overload that fits: the types its arguments are turned into, and its result."""

    overload: Overload
    arguments: tuple[TrinoType | None, ...]
    """None stands for a lambda."""
    result: TrinoType


@dataclass(slots=True)
class _Binding:
    coerce: bool
    types: dict[str, TrinoType] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)


def resolve(overloads: Sequence[Overload], arguments: Sequence[Argument]) -> Bound | None:
    """Choose the overload that a call with these arguments means; None if none fits.

    Exact fits win, those without variables first; then the most specific of those that fit by coercion.
    Raises AmbiguousCall.
    """
    for generic in (False, True):
        for overload in overloads:
            if overload.generic == generic:
                exact = bind(overload, arguments, coerce=False)
                if exact is not None:
                    return exact
    fitting = [b for o in overloads if (b := bind(o, arguments, coerce=True)) is not None]
    best = _most_specific(fitting)
    if len(best) > 1:
        only_nulls = [b for b in best if _turns_only_nulls(b, arguments)]
        best = only_nulls or best
    if len({b.result for b in best}) > 1:
        raise AmbiguousCall([b.overload.text for b in best])
    return best[0] if best and not _too_long(best[0].result) else None


def _too_long(kind: TrinoType) -> bool:
    return kind.base == "char" and kind.numbers[0] > MAX_CHAR_LENGTH


class AmbiguousCall(Exception):  # noqa: N818  (named for what the call is)
    """Say that several overloads fit a call equally well; the argument lists the overloads."""


def _most_specific(fitting: Sequence[Bound]) -> list[Bound]:
    """Drop every overload that a more specific one covers."""
    kept: list[Bound] = []
    for bound in fitting:
        if any(_more_specific(other, bound) for other in kept):
            continue
        kept = [other for other in kept if not _more_specific(bound, other)]
        kept.append(bound)
    return kept


def _more_specific(one: Bound, other: Bound) -> bool:
    types = [t for t in one.arguments if t is not None]
    return len(types) == len(one.arguments) and bind(other.overload, types, coerce=True) is not None


def _turns_only_nulls(bound: Bound, arguments: Sequence[Argument]) -> bool:
    return all(a in (UNKNOWN, b) for a, b in zip(arguments, bound.arguments, strict=True) if b is not None)


def bind(overload: Overload, arguments: Sequence[Argument], *, coerce: bool) -> Bound | None:
    """Fit arguments to one overload; without `coerce` every type must fit as it is."""
    templates = _repeated(overload, len(arguments))
    if templates is None:
        return None
    binding = _Binding(coerce)
    for template, argument in zip(templates, arguments, strict=True):
        if isinstance(argument, TrinoType) and not _fit(template, argument, binding):
            return None
    lambdas = [(t, a) for t, a in zip(templates, arguments, strict=True) if not isinstance(a, TrinoType)]
    if not _settle(lambdas, binding):
        return None
    if overload.formula is not None:
        binding.numbers.update(FORMULAS[overload.formula](binding.numbers))
    turned: list[TrinoType | None] = []
    for template, argument in zip(templates, arguments, strict=True):
        if not isinstance(argument, TrinoType):
            turned.append(None)
            continue
        target = _filled(template, binding)
        if not (can_coerce(argument, target) if coerce else _same(argument, target)):
            return None
        turned.append(target)
    return Bound(overload, tuple(turned), _filled(overload.result, binding))


def _repeated(overload: Overload, count: int) -> tuple[Template, ...] | None:
    templates = overload.arguments
    if overload.variadic:
        missing = count - len(templates)
        return templates[:count] if missing == -1 else templates + templates[-1:] * missing if missing >= 0 else None
    return templates if len(templates) == count else None


def _fit(template: Template, actual: TrinoType, binding: _Binding) -> bool:
    if isinstance(template, Variable):
        return _NEEDS[template.needs](actual) and _fit_variable(template.name, actual, binding)
    if isinstance(template, LambdaShape):
        return False
    if template.fixed is not None:
        return binding.coerce or _same(actual, template.fixed)
    if actual == UNKNOWN:
        return binding.coerce and _fit_unknown(template, binding)
    if actual.base != template.base:
        widened = coerce_base(actual, template.base) if binding.coerce else None
        if widened is None:
            return False
        actual = widened
    parameters = actual.parameters or ((UNBOUNDED_LENGTH,) if actual.base == "varchar" else ())
    if len(parameters) != len(template.parameters):
        return False
    return all(_fit_parameter(t, p, binding) for t, p in zip(template.parameters, parameters, strict=True))


def _fit_parameter(template: Template | int | str, actual: TrinoType | int, binding: _Binding) -> bool:
    if isinstance(actual, TrinoType):
        return not isinstance(template, int | str) and _fit(template, actual, binding)
    if isinstance(template, str):
        known = binding.numbers.setdefault(template, actual)
        if known != actual:
            if not binding.coerce:
                return False
            binding.numbers[template] = max(known, actual)
        return True
    return template == actual


def _fit_variable(name: str, actual: TrinoType, binding: _Binding) -> bool:
    known = binding.types.setdefault(name, actual)
    if known == actual:
        return True
    if not binding.coerce:
        return False
    common = common_super_type(known, actual)
    if common is None:
        return False
    binding.types[name] = common
    return True


def _fit_unknown(template: Shape, binding: _Binding) -> bool:
    numbers = _DEFAULT_NUMBERS.get(template.base, (3,))
    for position, parameter in enumerate(template.parameters):
        if isinstance(parameter, str):
            binding.numbers.setdefault(parameter, numbers[min(position, len(numbers) - 1)])
        elif not isinstance(parameter, int):
            _fit(parameter, UNKNOWN, binding)
    return True


def _settle(lambdas: Sequence[tuple[Template, Lambda]], binding: _Binding) -> bool:
    """Fit lambdas until none changes what is bound; False where one does not fit, or they never come to rest.

    What a body gives is never turned into another type, other than an argument: `reduce(a, BIGINT '0', (s, x) -> x,
    ...)` over integers is no call of `reduce` (measured on 476, which gives up after four turns, too).
    """
    for _ in range(_TURNS if lambdas else 0):
        before = {**binding.types}, {**binding.numbers}
        fits = [_fit_lambda(template, argument, binding) for template, argument in lambdas]
        if None in fits:
            return False
        if before == (binding.types, binding.numbers):
            return all(fits)
    return not lambdas


def _fit_lambda(template: Template, argument: Lambda, binding: _Binding) -> bool | None:
    """Fit one lambda: True where its body gives just what is bound, None where it never can."""
    if not isinstance(template, LambdaShape):
        return None
    result = argument(tuple(_filled(t, binding) for t in template.arguments))
    if result is None or not _fit(template.result, result, binding):
        return None
    return _same(result, _filled(template.result, binding))


def _filled(template: Template, binding: _Binding) -> TrinoType:
    if isinstance(template, Variable):
        return binding.types.get(template.name, UNKNOWN)
    if isinstance(template, LambdaShape):
        return UNKNOWN
    if template.fixed is not None:
        return template.fixed
    parameters: list[TrinoType | int] = []
    for parameter in template.parameters:
        if isinstance(parameter, int):
            parameters.append(parameter)
        elif isinstance(parameter, str):
            parameters.append(binding.numbers[parameter])
        else:
            parameters.append(_filled(parameter, binding))
    if template.base == "varchar":
        (length,) = parameters
        return varchar(length) if isinstance(length, int) else UNKNOWN
    names = (None,) * len(parameters) if template.base == "row" else ()
    return TrinoType(template.base, tuple(parameters), names)


def _same(actual: TrinoType, target: TrinoType) -> bool:
    return actual == target or (actual.base == "row" == target.base and actual.arguments == target.arguments)
