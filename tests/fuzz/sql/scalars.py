"""Scalar expressions by the family of their type. Forms that can fail are marked, so that their share can be set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.fuzz.sql.drawing import Drawing, Field, of_family
from tests.fuzz.sql.literals import draw_literal, type_of_family

Fields = Sequence[Field]
Part = Callable[[str], str]
"""Draws a smaller expression of a family."""


def scalar(d: Drawing, family: str, fields: Fields, depth: int = 2) -> str:
    """Draw an expression of a family over the columns in sight."""
    own = of_family(fields, family)
    if depth <= 0 or d.choices.chance(45):
        if own and not d.choices.chance(12):
            return d.choices.pick(own).ref
        return draw_literal(d.choices, family)

    def part(wanted: str) -> str:
        return scalar(d, wanted, fields, depth - 1)

    if d.risky() and family in _RISKY:
        return d.choices.pick(_RISKY[family])(d, part)
    if d.choices.chance(20):
        return _any_family(d, family, fields, part, depth)
    return d.choices.pick(_FORMS[family])(d, part)


def _any_family(d: Drawing, family: str, fields: Fields, part: Part, depth: int) -> str:
    from tests.fuzz.sql.conditions import condition

    form = d.choices.below(7 if family not in ("arr", "row") else 4)
    if form == 0:
        return f"coalesce({part(family)}, {part(family)})"
    if form == 1:
        return f"IF({condition(d, fields, depth - 1)}, {part(family)}, {part(family)})"
    if form == 2:
        return f"CASE WHEN {condition(d, fields, depth - 1)} THEN {part(family)} ELSE {part(family)} END"
    if form == 3:
        return f"TRY({part(family)})"
    if form == 4:
        return f"nullif({part(family)}, {part(family)})"
    if form == 5:
        return f"{d.choices.pick(('greatest', 'least'))}({part(family)}, {part(family)})"
    # The lake refuses what Trino may decide by finding one expression on both sides, see self_comparisons.
    when = part(family) if d.trino else draw_literal(d.choices, family)
    return f"CASE {part(family)} WHEN {when} THEN {part(family)} END"


def _lambda(d: Drawing) -> str:
    d.lambdas += 1
    return f"x{d.lambdas}"


def _filtered(d: Drawing, part: Part) -> str:
    x = _lambda(d)
    return f"filter({part('arr')}, {x} -> {x} {d.choices.pick(('<>', '=', '>'))} {part('txt')})"


def _transformed(d: Drawing, part: Part) -> str:
    x = _lambda(d)
    body = d.choices.pick(
        (f"concat({x}, '!')", f"upper({x})", f"coalesce({x}, {part('txt')})", f"{x} || {part('txt')}")
    )
    return f"transform({part('arr')}, {x} -> {body})"


def _reduced(d: Drawing, part: Part) -> str:
    s, x = _lambda(d), _lambda(d)
    return (
        f"reduce({part('arr')}, CAST('' AS varchar), ({s}, {x}) -> concat({s}, coalesce({x}, '-')), {s} -> length({s}))"
    )


def _op(*operators: str) -> Callable[[str], Callable[[Drawing, Part], str]]:
    def of(family: str) -> Callable[[Drawing, Part], str]:
        return lambda d, p: f"({p(family)} {d.choices.pick(operators)} {p(family)})"

    return of


Form = Callable[[Drawing, Part], str]
_UNITS = ("day", "month", "year", "week", "quarter")
_FORMS: dict[str, tuple[Form, ...]] = {
    "int": (
        lambda d, p: f"length({p('txt')})",
        lambda d, p: f"cardinality({p('arr')})",
        lambda d, p: f"{d.choices.pick(('year', 'month', 'day', 'day_of_week', 'quarter'))}({p('date')})",
        lambda d, p: f"strpos({p('txt')}, {p('txt')})",
        lambda d, p: f"date_diff('{d.choices.pick(_UNITS)}', {p('date')}, {p('date')})",
        lambda d, p: f"sign({p('int')})",
        lambda d, p: f"({p('int')} % 7)",
        lambda d, p: f"({p('int')} + 1)",
        lambda d, p: f"({p('int')} - {p('int')})",
        lambda d, p: f"{p('row')}.code",
        lambda d, p: f"array_position({p('arr')}, {p('txt')})",
        lambda d, p: f"element_at(MAP(ARRAY['EU', 'a'], ARRAY[1, 2]), {p('txt')})",
        lambda d, p: f"array_position(ARRAY[1, 7], {p('int')})",
        lambda d, p: f"CAST(floor({p('dec')}) AS bigint)",
        lambda d, p: f"bitwise_and({p('int')}, 255)",
        lambda d, p: f"extract(hour FROM {p('ts')})",
        _reduced,
    ),
    "txt": (
        lambda d, p: f"{d.choices.pick(('lower', 'upper', 'trim', 'reverse', 'ltrim'))}({p('txt')})",
        lambda d, p: f"substr({p('txt')}, {d.choices.number(1, 3)}, {d.choices.number(1, 6)})",
        lambda d, p: f"concat({p('txt')}, {p('txt')})",
        lambda d, p: f"({p('txt')} || {p('txt')})",
        lambda d, p: f"replace({p('txt')}, {p('txt')}, '_')",
        lambda d, p: f"CAST({p(d.choices.pick(('int', 'date', 'bool', 'dec')))} AS varchar)",
        lambda d, p: f"CAST(({p('int')} % 7) * DECIMAL '0.01' AS varchar)",
        lambda d, p: f"CAST(CAST(({p('int')} % 7) * DECIMAL '0.01' AS decimal(2,2)) AS varchar)",
        lambda d, p: f"array_join({p('arr')}, ',', '-')",
        lambda d, p: f"element_at({p('arr')}, {d.choices.number(1, 3)})",
        lambda d, p: f"json_extract_scalar({p('txt')}, '$.{d.choices.pick(('a', 'b', 'c[0]'))}')",
        lambda d, p: f"{p('row')}.kind",
        lambda d, p: f"split_part({p('txt')}, '@', {d.choices.number(1, 2)})",
        lambda d, p: f"regexp_replace({p('txt')}, '[0-9]+', '#')",
        lambda d, p: f"regexp_extract({p('txt')}, '[a-z]+')",
        lambda d, p: f"to_hex(sha256(to_utf8({p('txt')})))",
        lambda d, p: f"date_format({p('ts')}, '%Y-%m')",
        lambda d, p: f"lpad({p('txt')}, 6, '.')",
        lambda d, p: f"typeof({p(d.choices.pick(('txt', 'int', 'dec', 'row')))})",
        lambda d, p: f"format('%s/%s', {p('txt')}, {p('int')})",
    ),
    "dec": (
        lambda d, p: f"({p('dec')} + {p('dec')})",
        lambda d, p: f"({p('dec')} - {p('dec')})",
        lambda d, p: f"abs({p('dec')})",
        lambda d, p: f"round({p('dec')}, 1)",
        lambda d, p: f"(- {p('dec')})",
        lambda d, p: f"CAST({p('int')} AS decimal(12,2))",
        lambda d, p: f"CAST(({p('dec')} * DECIMAL '0.5') AS decimal(12,2))",
    ),
    "dbl": (
        lambda d, p: f"CAST({p(d.choices.pick(('int', 'dec')))} AS double)",
        lambda d, p: f"({p('dbl')} + {p('dbl')})",
        lambda d, p: f"({p('dbl')} * {p('dbl')})",
        lambda d, p: f"({p('dbl')} / {p('dbl')})",
        lambda d, p: f"sqrt(abs({p('dbl')}))",
        lambda d, p: f"floor({p('dbl')})",
        lambda d, p: f"round({p('dbl')}, 1)",
        lambda d, p: f"CAST({p('dbl')} AS real)",
    ),
    "bool": (
        lambda d, p: f"({p('int')} > {p('int')})",
        lambda d, p: f"({p('txt')} = {p('txt')})",
        lambda d, p: f"starts_with({p('txt')}, {p('txt')})",
        lambda d, p: f"contains({p('arr')}, {p('txt')})",
        lambda d, p: f"contains(ARRAY['EU', 'a'], {p('txt')})",
        lambda d, p: f"contains(ARRAY[1, 2], {p('int')})",
        lambda d, p: f"is_nan({p('dbl')})",
    ),
    "date": (
        lambda d, p: f"date_add('{d.choices.pick(_UNITS)}', {d.choices.number(0, 5)}, {p('date')})",
        lambda d, p: f"date_trunc('{d.choices.pick(_UNITS)}', {p('date')})",
        lambda d, p: f"CAST({p('ts')} AS date)",
        lambda d, p: f"last_day_of_month({p('date')})",
        lambda d, p: f"({p('date')} + INTERVAL '3' DAY)",
    ),
    "ts": (
        lambda d, p: f"date_trunc('hour', {p('ts')})",
        lambda d, p: f"({p('ts')} - INTERVAL '2' HOUR)",
        lambda d, p: f"CAST({p('date')} AS timestamp(6))",
        lambda d, p: f"date_add('minute', {d.choices.number(0, 90)}, {p('ts')})",
    ),
    "arr": (
        _filtered,
        _transformed,
        lambda d, p: f"array_distinct({p('arr')})",
        lambda d, p: f"array_sort({p('arr')})",
        lambda d, p: f"concat({p('arr')}, {p('arr')})",
        lambda d, p: f"slice({p('arr')}, 1, 2)",
        lambda d, p: f"split({p('txt')}, ' ')",
        lambda d, p: f"ARRAY[{p('txt')}, {p('txt')}]",
        lambda d, p: f"array_remove({p('arr')}, {p('txt')})",
        lambda d, p: f"reverse({p('arr')})",
    ),
    "row": (lambda d, p: f"CAST(ROW({p('txt')}, {p('int')}) AS ROW(kind varchar, code bigint))",),
}
_RISKY: dict[str, tuple[Form, ...]] = {
    "int": (
        lambda d, p: f"({p('int')} / {p('int')})",
        lambda d, p: f"(10 / ({p('int')} - {draw_literal(d.choices, 'int')}))",
        lambda d, p: f"CAST({p('txt')} AS bigint)",
        lambda d, p: f"({p('int')} * {p('int')} * 1000000000)",
        lambda d, p: f"CAST({p('int')} AS tinyint)",
        lambda d, p: f"CAST({p('dbl')} AS integer)",
        lambda d, p: f"CAST(json_parse({p('txt')}) AS bigint)",
        lambda d, p: f"mod({p('int')}, {p('int')})",
    ),
    "txt": (
        lambda d, p: f"{p('arr')}[{d.choices.number(1, 2)}]",
        lambda d, p: f"json_format(json_parse({p('txt')}))",
        lambda d, p: f"chr({p('int')})",
        lambda d, p: (
            f"repeat_of({p('txt')})" if d.choices.chance(5) else f"element_at({p('arr')}, CAST({p('int')} AS integer))"
        ),
        lambda d, p: f"split_part({p('txt')}, ' ', CAST({p('int')} AS integer))",
        lambda d, p: f"from_utf8(from_hex({p('txt')}))",
    ),
    "dec": (
        lambda d, p: f"({p('dec')} / {p('dec')})",
        lambda d, p: f"CAST({p('txt')} AS {type_of_family('dec')})",
        lambda d, p: f"CAST({p('int')} AS decimal(4,2))",
    ),
    "dbl": (lambda d, p: f"CAST({p('txt')} AS double)",),
    "bool": (lambda d, p: f"CAST({p('txt')} AS boolean)", lambda d, p: f"regexp_like({p('txt')}, '(')"),
    "date": (lambda d, p: f"CAST({p('txt')} AS date)", lambda d, p: f"from_iso8601_date({p('txt')})"),
    "ts": (lambda d, p: f"CAST({p('txt')} AS timestamp(6))", lambda d, p: f"date_parse({p('txt')}, '%Y-%m-%d')"),
}
