"""The compact language in which function signatures are written, and what it is read into.

One overload a line: `names(arguments) -> result`. Aliases share a line (`pow, power(double, double) -> double`).
A capital letter, with or without a digit, is a type variable (`T`, `K1`; `T<` must have an order, `T=` an equality);
a small letter inside decimal, char, varchar or a time is a number variable. `X...` repeats the last argument,
`lambda(T, boolean)` takes a T and gives a boolean, `where rule` names the formula of the number variables that only
the result has (`catalog.functions.formulas`). `$num` and its like stand for each member of a family in turn. A leading
`!` marks a function that answers differently each time, `~` one that depends on the session. An indented line
continues the one above.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from catalog.types import CANONICAL_BASES, SHAPE, TrinoType, parse_type, split_arguments

FAMILIES = {
    "$num": ("tinyint", "smallint", "integer", "bigint", "real", "double"),
    "$int": ("tinyint", "smallint", "integer", "bigint"),
    "$fp": ("real", "double"),
    "$bd": ("bigint", "double"),
    "$stamp": ("date", "timestamp(p)", "timestamp(p) with time zone"),
    "$moment": ("timestamp(p)", "timestamp(p) with time zone"),
    "$clock": ("time(p)", "time(p) with time zone"),
    "$kind": ("time", "timestamp"),
    "$str": ("char(x)", "varchar(x)"),
    "$json": ("json", "varchar(x)"),
}
_VARIABLE = re.compile(r"([A-Z][0-9]?)([<=]?)")
_LINE = re.compile(r"([!~]?)([\w, ]+)\((.*)\) -> (.*?)(?: where (\w+))?")


@dataclass(frozen=True, slots=True)
class Variable:
    """Stand for any type; the same name is the same type throughout a signature."""

    name: str
    needs: str = ""
    """`<` or `=`: only types with an order, or with an equality, will do."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Stand for types of one base; `parameters` are numbers, number variables (str) and nested templates."""

    base: str
    parameters: tuple[Template | int | str, ...] = ()
    fixed: TrinoType | None = None
    """The type itself, where nothing in it varies."""


@dataclass(frozen=True, slots=True)
class LambdaShape:
    """Stand for a lambda: the types it is given and the type it gives."""

    arguments: tuple[Template, ...]
    result: Template


Template = Variable | Shape | LambdaShape


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function. `variadic`: the last argument may be repeated, also not given at all."""

    arguments: tuple[Template, ...]
    result: Template
    variadic: bool = False
    formula: str | None = None
    text: str = ""
    """Arguments as messages show them."""

    @property
    def generic(self) -> bool:
        """Tell whether anything in the arguments varies."""
        return any(not isinstance(a, Shape) or a.fixed is None for a in self.arguments)


@dataclass(frozen=True, slots=True)
class Line:
    """One overload as written, before it is read: cheap to keep for functions nobody calls."""

    names: tuple[str, ...]
    mark: str
    arguments: str
    result: str
    formula: str | None


def lines(text: str) -> Iterator[Line]:
    """Split a block of signatures into lines, families spelt out. Raises ValueError for what is none."""
    for written in re.sub(r"\n\s+", " ", text).splitlines():
        for line in _spelt_out(written):
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError(f"not a signature: {line!r}")
            mark, names, arguments, result, formula = match.groups()
            yield Line(tuple(n.strip().lower() for n in names.split(",")), mark, arguments, result, formula)


def _spelt_out(line: str) -> Iterator[str]:
    for family, members in FAMILIES.items():
        if family in line:
            for member in members:
                yield from _spelt_out(line.replace(family, member))
            return
    yield line


def overload(line: Line) -> Overload:
    """Read one overload."""
    parts = split_arguments(line.arguments) if line.arguments else []
    variadic = bool(parts) and parts[-1].endswith("...")
    arguments = tuple(template(p.strip().removesuffix("...")) for p in parts)
    return Overload(arguments, template(line.result), variadic, line.formula, line.arguments)


def template(text: str) -> Template:
    """Read one type of a signature. Raises ValueError."""
    text = text.strip()
    variable = _VARIABLE.fullmatch(text)
    if variable is not None:
        return Variable(variable[1], variable[2])
    match = SHAPE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a type: {text!r}")
    before, inside, after = match.groups()
    base = f"{before}{after}".strip()
    parts = [p.strip() for p in split_arguments(inside)] if inside else []
    if base == "lambda":
        *given, result = (template(p) for p in parts)
        return LambdaShape(tuple(given), result)
    if base == "row" and any(" " in part for part in parts):
        return Shape("row", (), parse_type(text))
    if base.lower() not in CANONICAL_BASES:
        raise ValueError(f"unknown type in a signature: {text!r}")
    return _shape(base, tuple(_parameter(base, p) for p in parts))


def _parameter(base: str, text: str) -> Template | int | str:
    if text.isdigit():
        return int(text)
    if base in ("decimal", "char", "varchar") or base.startswith("time"):
        return text
    return template(text)


def _shape(base: str, parameters: tuple[Template | int | str, ...]) -> Shape:
    fixed: list[TrinoType | int] = []
    for parameter in parameters:
        if isinstance(parameter, int):
            fixed.append(parameter)
        elif isinstance(parameter, Shape) and parameter.fixed is not None:
            fixed.append(parameter.fixed)
        else:
            return Shape(base, parameters)
    names = (None,) * len(parameters) if base == "row" else ()
    return Shape(base, parameters, TrinoType(base, tuple(fixed), names))
