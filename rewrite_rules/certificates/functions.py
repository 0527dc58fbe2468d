"""Makers of calls: casts that change nothing go, constants are worked out, buckets of time are seen through."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from catalog.types import BIGINT, BOOLEAN, INTEGRAL, UNKNOWN, VARCHAR, TrinoType, parse_type
from rewrite_rules.certificates.conditions import (
    case,
    compare,
    conjunction,
    disjunction,
    is_null,
    is_true,
    negation,
)
from rewrite_rules.certificates.intervals import DAY, SECOND, added, moved, of_day, shifted
from rewrite_rules.certificates.moments import fixed_offset, moment_call
from rewrite_rules.certificates.quotients import average, decimal_average
from rewrite_rules.certificates.terms import FALSE, TRUE, ZERO, Term, not_null, type_of

_SAME = {"dow": "day_of_week", "doy": "day_of_year", "yow": "year_of_week", "week_of_year": "week", "every": "bool_and"}
_SAME |= {"day_of_month": "day", "substring": "substr", "ceil": "ceiling", "power": "pow", "date": "cast:date"}
_COMMUTE = frozenset({"+", "*"})
_MOMENT = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,12}))?)?)?\s*(\S.*)?")
_WHOLE, _DECIMAL = re.compile(r"-?\d+", re.ASCII), re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_RANGES = {"tinyint": 7, "smallint": 15, "integer": 31, "bigint": 63}


def call(name: str, arguments: tuple[Term, ...]) -> Term:
    """Return the call of a function or operator."""
    name = _SAME.get(name, name)
    if name.startswith("cast:"):
        return cast(arguments[0], parse_type(name.removeprefix("cast:")))
    if name == "coalesce":
        return coalesce(arguments)
    if name == "if":
        return case([(arguments[0], arguments[1])], arguments[2] if len(arguments) > 2 else ("const", UNKNOWN, None))
    if name == "nullif" and len(arguments) == 2 and arguments[1][0] == "const" and arguments[0] == arguments[1]:
        return ("const", arguments[0][1], None)
    if name == "neg" and arguments[0][0] == "const" and isinstance(arguments[0][2], Fraction):
        return ("const", arguments[0][1], -arguments[0][2])
    if name == "like":
        return _like(arguments) or ("f", name, *arguments)
    if name == "/" and len(arguments) == 2:
        mean = average(("f", name, *arguments))
        if mean is not None:
            return mean
    folded = (
        _parsed(name, arguments)
        or _folded(name, arguments)
        or _joined(name, arguments)
        or moved(name, arguments)
        or _added(name, arguments)
    )
    if folded is not None:
        return folded
    seen = moment_call(name, arguments)
    if seen is not None:
        return seen
    if name in _COMMUTE and all(_exact(each) for each in arguments):
        arguments = tuple(sorted(arguments, key=repr))
    return ("f", name, *arguments)


def _folded(name: str, arguments: tuple[Term, ...]) -> Term | None:
    """Return arithmetic over whole constants, worked out where it fits the type; quotients are truncated."""
    if len(arguments) != 2 or name not in ("+", "-", "*", "/"):
        return None
    left, right = arguments
    if any(each[0] != "const" or each[2] is None or each[1].base not in INTEGRAL for each in arguments):
        return None
    a, b = int(left[2]), int(right[2])
    if name == "/":
        if b == 0:
            return None
        value = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    else:
        value = {"+": a + b, "-": a - b, "*": a * b}[name]
    kind = max(left[1], right[1], key=lambda each: INTEGRAL.index(each.base))
    return ("const", kind, Fraction(value)) if _fits(Fraction(value), kind) else None


def _added(name: str, arguments: tuple[Term, ...]) -> Term | None:
    """Return date_add as the sum that it is."""
    done = shifted(arguments) if name == "date_add" else None
    if done is not None:
        return done
    by = added(arguments) if name == "date_add" else None
    return call("+" if by[0] >= 0 else "-", (arguments[2], by[1])) if by is not None else None


def _joined(name: str, arguments: tuple[Term, ...]) -> Term | None:
    """Return two constant texts as one."""
    if name != "||" or any(each[0] != "const" or not isinstance(each[2], str) for each in arguments):
        return None
    plain = all(each[1].base == "varchar" for each in arguments)
    return ("const", VARCHAR, arguments[0][2] + arguments[1][2]) if plain else None


def _exact(term: Term) -> bool:
    kind = type_of(term)
    return kind is not None and kind.base in (*INTEGRAL, "decimal")


def coalesce(arguments: tuple[Term, ...]) -> Term:
    """Return the first value that is not NULL."""
    kept: list[Term] = []
    for each in arguments:
        if each[0] == "const" and each[2] is None:
            continue
        kept.append(each)
        if not_null(each):
            break
    if not kept:
        return arguments[0]
    if len(kept) == 1:
        return kept[0]
    first, rest = kept[0], kept[1:]
    if first[:2] == ("agg", "count?") and _is_zero(rest[0]):
        return ("agg", "countif", first[3])
    if rest == [FALSE]:
        return is_true(first)
    if rest == [TRUE]:
        return negation(is_true(negation(first)))
    return ("f", "coalesce", *kept)


def _is_zero(term: Term) -> bool:
    return term[0] == "const" and term[2] == ZERO and term[1].base in INTEGRAL


def cast(value: Term, target: TrinoType) -> Term:
    """Return a value as another type."""
    if type_of(value) == target and value[0] != "const":
        return value
    if value[0] == "const":
        made = _constant(value, target)
        if made is not None:
            return made
    mean = decimal_average(value, target)
    if mean is not None:
        return mean
    name = f"cast:{target}"
    return moment_call(name, (value,)) or ("f", name, value)


def _constant(value: Term, target: TrinoType) -> Term | None:
    """Return a constant of another type, where that is the very same value."""
    kind, content = value[1], value[2]
    if content is None:
        return ("const", _plain(target), None)
    if kind.base in ("varchar", "char") and target.base == "varchar":
        short = not target.parameters or len(content) <= target.numbers[0]
        return ("const", VARCHAR, content) if short and kind.base == "varchar" else None
    if kind.base == "varchar":
        return _digits(content, target) or _read(content, target)
    if isinstance(content, Fraction) and kind.base in (*INTEGRAL, "decimal"):
        return ("const", target, content) if _fits(content, target) else None
    if (kind.base, target.base) in (("date", "timestamp"), ("timestamp", "timestamp")):
        return ("const", target, content) if content % _step(target) == 0 else None
    return ("const", target, content) if kind.base == target.base == "date" else None


def _plain(target: TrinoType) -> TrinoType:
    return VARCHAR if target.base == "varchar" else target


def _fits(value: Fraction, target: TrinoType) -> bool:
    if target.base in _RANGES:
        return value.denominator == 1 and -(1 << _RANGES[target.base]) <= value < 1 << _RANGES[target.base]
    if target.base == "decimal":
        precision, scale = target.numbers
        scaled = value * 10**scale
        return bool(scaled.denominator == 1 and abs(scaled) < 10**precision)
    return False


def _step(target: TrinoType) -> Fraction:
    return Fraction(10) ** (6 - target.numbers[0])


def _digits(text: str, target: TrinoType) -> Term | None:
    """Read a text of digits as a number that has that very value."""
    form = _WHOLE if target.base in _RANGES else _DECIMAL if target.base == "decimal" else None
    if form is None or form.fullmatch(text) is None or not _fits(Fraction(text), target):
        return None
    return ("const", target, Fraction(text))


def _read(text: str, target: TrinoType) -> Term | None:
    """Read a text as a moment: what TIMESTAMP '...' and DATE '...' say."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None or target.base not in ("date", "timestamp", "timestamp with time zone"):
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        start = of_day(datetime(int(year), int(month), int(day)).date())  # noqa: DTZ001  (a date)
    except ValueError:
        return None
    clock = Fraction(int(hour or 0) * 3600 + int(minute or 0) * 60 + int(second or 0)) * SECOND
    clock += Fraction(int(fraction or 0), 10 ** len(fraction or "")) * SECOND
    if clock >= DAY or (target.base == "date" and (clock or zone)):
        return None
    if target.base != "timestamp with time zone":
        return None if zone else ("const", target, start + clock)
    instant = _instant(start + clock, zone) if zone else None
    return None if instant is None else ("const", target, instant)


def _parsed(name: str, arguments: tuple[Term, ...]) -> Term | None:
    """Return date_parse of a constant text in one of a few formats, which it follows to the digit."""
    if name != "date_parse" or any(each[0] != "const" or not isinstance(each[2], str) for each in arguments):
        return None
    form = _FORMS.get(arguments[1][2])
    match = form.fullmatch(arguments[0][2]) if form is not None else None
    if match is None:
        return None
    day, clock = "-".join(match.groups()[:3]), ":".join(match.groups()[3:]) or "00:00:00"
    return _read(f"{day} {clock}", TrinoType("timestamp", (3,)))


_FORMS = {
    "%Y-%m-%d": re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII),
    "%Y%m%d": re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII),
    "%Y-%m-%d %H:%i:%s": re.compile(r"(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})", re.ASCII),
}


def _instant(local: Fraction, zone: str) -> Fraction | None:
    """Return the instant that a local time names; None where there are two, or none."""
    offset = fixed_offset(zone)
    if offset is not None:
        return local - Fraction(int(offset.total_seconds()) * SECOND)
    try:
        known = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return None
    wall = datetime(1970, 1, 1) + timedelta(seconds=int(local // SECOND))  # noqa: DTZ001  (its zone is what is asked)
    early, late = (wall.replace(tzinfo=known, fold=fold).utcoffset() for fold in (0, 1))
    if early is None or early != late:
        return None
    return local - Fraction(int(early.total_seconds()) * SECOND)


def number(text: str) -> Term:
    """Return the constant that a numeric literal is."""
    lowered = text.lower()
    if "e" in lowered:
        return ("const", TrinoType("double"), Fraction(float(lowered)))
    value = Fraction(lowered)
    if "." in lowered:
        whole, _, fraction = lowered.partition(".")
        precision = max(1, len(whole.lstrip("0")) + len(fraction))
        return ("const", TrinoType("decimal", (precision, len(fraction))), value)
    return ("const", TrinoType("integer") if abs(value) < 1 << 31 else BIGINT, value)


def matches(text: str, pattern: str) -> bool:
    """Tell whether a text is LIKE a pattern without an escape."""
    parts = (".*" if each == "%" else "." if each == "_" else re.escape(each) for each in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _like(arguments: tuple[Term, ...]) -> Term | None:
    """Return LIKE of two constants, worked out."""
    if len(arguments) != 2 or any(each[0] != "const" or each[1].base != "varchar" for each in arguments):
        return None
    text, pattern = arguments[0][2], arguments[1][2]
    return ("const", BOOLEAN, None) if text is None or pattern is None else boolean(matches(text, pattern))


def boolean(value: bool) -> Term:
    """Return TRUE or FALSE."""
    return ("const", BOOLEAN, value)


def null_safe_equal(left: Term, right: Term) -> Term:
    """Return IS NOT DISTINCT FROM."""
    if not_null(left) and not_null(right):
        return compare("=", left, right)
    both = conjunction([is_null(left), is_null(right)])
    return disjunction([is_true(compare("=", left, right)), both])
