"""Column masks: total, type-preserving expressions over raw columns.

Each is made of functions that all engines share (substr, length, concat, CASE, CAST), works on code points, never
fails, hides lengths, and keeps NULL unless told otherwise. What does not fit a column's type is refused here, when
policies meet the table, and not when a query runs. Source: policy-semantics section 8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlglot import exp

from catalog.dialect.types import data_type
from catalog.errors import Refusal
from catalog.objects import Column
from catalog.types import INTEGRAL, TrinoType, type_text
from policies.document import (
    ConstantMask,
    DateMask,
    EmailMask,
    HashMask,
    MaskSpec,
    NullMask,
    PartMask,
    RedactMask,
    RoundMask,
    SqlMask,
    TailMask,
)
from policies.faults import Unfit

HIDDEN = "****"
_TEMPLATES = {"ssn": "***-**-6789", "card": "****-****-****-1111", "phone": "***-***-4567"}
_SHORTEST = {"ssn": 9, "card": 12, "phone": 7}
"""Values with fewer characters than this show nothing of themselves."""
_BITS = {"tinyint": 7, "smallint": 15, "integer": 31, "bigint": 63}
_TEXT = ("varchar", "char")
_NUMERIC = (*INTEGRAL, "decimal", "double", "real")
_INSTANTS = ("timestamp", "timestamp with time zone")


@dataclass(frozen=True, slots=True)
class HashKey:
    """A key for hashes and the engines whose query text is safe from readers."""

    secret: bytes
    engines: frozenset[str]


def build_mask(
    spec: MaskSpec,
    column: Column,
    engine: str,
    keys: Mapping[str, HashKey],
    custom: exp.Expr | None = None,
) -> exp.Expr:
    """Return the expression that stands for a column, always of the column's own type.

    `custom` is the bound SQL of a mask of kind `sql`. Raises Unfit where a mask does not fit the column or engine.
    """
    to = _type(column.type)
    if isinstance(spec, SqlMask):
        value = exp.Null() if custom is None else custom.copy()
    elif isinstance(spec, HashMask):
        value = _hash(spec, column, engine, keys)
    else:
        value = _BUILDERS[type(spec)](spec, column)
    return exp.Cast(this=value, to=to)


def _type(kind: TrinoType) -> exp.DataType:
    try:
        return data_type(type_text(kind))
    except Refusal:
        raise Unfit(f"no mask can be of type {kind}") from None


def fits(found: TrinoType, wanted: TrinoType) -> bool:
    """Tell whether a custom mask's type turns into the column's without loss or failure."""
    if found == wanted or found.base == "unknown":
        return True
    if found.base in INTEGRAL and wanted.base in INTEGRAL:
        return INTEGRAL.index(found.base) <= INTEGRAL.index(wanted.base)
    if found.base == "varchar" == wanted.base:
        return not wanted.numbers or bool(found.numbers and found.numbers[0] <= wanted.numbers[0])
    if found.base == "decimal" == wanted.base:
        (p, s), (wp, ws) = found.numbers, wanted.numbers
        return s <= ws and p - s <= wp - ws
    return found.base in INTEGRAL and wanted.base == "double" and found.base != "bigint"


def _null(spec: NullMask, column: Column) -> exp.Expr:
    return exp.Null()


def _constant(spec: ConstantMask, column: Column) -> exp.Expr:
    value, kind = spec.value, column.type
    wrong = Unfit(f"the constant does not fit the type {kind} of `{column.name}`")
    if kind.base in _TEXT and isinstance(value, str):
        return _keeping(spec.nulls, column, _fitted(value, column))
    if kind.base == "boolean" and isinstance(value, bool):
        return _keeping(spec.nulls, column, exp.Boolean(this=value))
    if isinstance(value, bool):
        raise wrong
    if kind.base in INTEGRAL and isinstance(value, int) and -(2 ** _BITS[kind.base]) < value < 2 ** _BITS[kind.base]:
        return _keeping(spec.nulls, column, _typed(str(value), kind))
    if kind.base in ("decimal", "double", "real") and _is_number(str(value), kind):
        return _keeping(spec.nulls, column, _typed(str(value), kind))
    moment = _moment(str(value), kind)
    if moment is None:
        raise wrong
    return _keeping(spec.nulls, column, _typed(moment, kind))


def _redact(spec: RedactMask, column: Column) -> exp.Expr:
    kind = column.type
    if kind.base in _TEXT:
        return _keeping(spec.nulls, column, _text(HIDDEN[: kind.numbers[0] if kind.numbers else None]))
    if kind.base in _NUMERIC:
        return _keeping(spec.nulls, column, _number(0))
    if kind.base == "boolean":
        return _keeping(spec.nulls, column, exp.Boolean(this=False))
    neutral = {
        "date": "1970-01-01",
        "timestamp": "1970-01-01 00:00:00",
        "timestamp with time zone": "1970-01-01 00:00:00 UTC",
    }
    if kind.base in neutral:
        return _keeping(spec.nulls, column, _typed(neutral[kind.base], kind))
    raise Unfit(f"redact knows no neutral value of type {kind}", "Use the mask `null`.")


def _email(spec: EmailMask, column: Column) -> exp.Expr:
    if spec.template.count("@") != 1 or "*" not in spec.template:
        raise Unfit(f"`{spec.template}` is no e-mail template", "Write one like user-****@****.com.")
    return _keeping(spec.nulls, column, _fitted(spec.template, column))


def _tail(spec: TailMask, column: Column) -> exp.Expr:
    """Show the last digits of values that end in as many digits; hide all others whole."""
    template = spec.template or _TEMPLATES[spec.kind]
    stem = template.rstrip("0123456789")
    window = len(template) - len(stem)
    if not 0 < window <= 4 or "*" not in stem or any(c.isalnum() for c in stem):
        raise Unfit(
            f"`{template}` is no template for {spec.kind}",
            f"Write stars and separators, then at most four digits to show: {_TEMPLATES[spec.kind]}.",
        )
    hidden = _fitted(stem + "*" * window, column)
    raw = _column(column)
    last = [_call("substr", raw.copy(), _from_end(raw, window - i), _number(1)) for i in range(window)]
    shown: exp.Expr = exp.GTE(this=_call("length", raw.copy()), expression=_number(_SHORTEST[spec.kind]))
    for digit in last:
        is_digit = exp.Between(this=digit, low=_text("0"), high=_text("9"))
        shown = exp.And(this=shown, expression=is_digit)
    tail = _call("substr", raw.copy(), _from_end(raw, window), _number(window))
    return _case(column, (shown, _call("concat", _text(stem), tail)), otherwise=hidden)


def _part(spec: PartMask, column: Column) -> exp.Expr:
    raw = _column(column)
    _fitted("x" * spec.n + spec.fill, column)
    longer = exp.GT(this=_call("length", raw.copy()), expression=_number(spec.n))
    if spec.kind == "first_n":
        shown = _call("concat", _call("substr", raw.copy(), _number(1), _number(spec.n)), _text(spec.fill))
    else:
        tail = _call("substr", raw.copy(), _from_end(raw, spec.n), _number(spec.n))
        shown = _call("concat", _text(spec.fill), tail)
    return _case(column, (longer, shown), otherwise=_text(spec.fill))


def _hash(spec: HashMask, column: Column, engine: str, keys: Mapping[str, HashKey]) -> exp.Expr:
    key = keys.get(spec.key)
    if key is None:
        raise Unfit(f"there is no key `{spec.key}` under `keys`")
    if engine not in key.engines:
        raise Unfit(
            f"the key `{spec.key}` cannot be handed to the engine {engine} safely: it would stand in its query text",
            "Use `redact`, or list the engine under the key once nobody but operators can read its query texts.",
        )
    _fitted("0" * 64, column)
    secret = _call("from_hex", _text(key.secret.hex()))
    return _call("lower", _call("to_hex", _call("hmac_sha256", _call("to_utf8", _column(column)), secret)))


def _date(spec: DateMask, column: Column) -> exp.Expr:
    if column.type.base not in ("date", *_INSTANTS):
        raise Unfit(f"{spec.kind} masks dates and timestamps; `{column.name}` is {column.type}")
    return _call("date_trunc", _text(spec.kind), _column(column))


def _round(spec: RoundMask, column: Column) -> exp.Expr:
    """Subtract the remainder: total at the extremes of every numeric type, unlike rounding."""
    kind, step = column.type, str(spec.to)
    scale = len(step.partition(".")[2])
    if kind.base not in _NUMERIC:
        raise Unfit(f"round masks numbers; `{column.name}` is {kind}")
    if kind.base in INTEGRAL and (scale or int(step) >= 2 ** _BITS[kind.base]):
        raise Unfit(f"a column of type {kind} cannot be rounded to {step}")
    if kind.base == "decimal" and not _is_number(step, kind):
        raise Unfit(f"a column of type {kind} cannot be rounded to {step}")
    raw = _column(column)
    return exp.Sub(this=raw, expression=exp.Mod(this=raw.copy(), expression=_typed(step, kind)))


_BUILDERS: dict[type, Callable[..., exp.Expr]] = {
    NullMask: _null,
    ConstantMask: _constant,
    RedactMask: _redact,
    EmailMask: _email,
    TailMask: _tail,
    PartMask: _part,
    DateMask: _date,
    RoundMask: _round,
}


def _column(column: Column) -> exp.Column:
    return exp.Column(this=exp.Identifier(this=column.name, quoted=True))


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _text(value: str) -> exp.Literal:
    return exp.Literal.string(value)


def _number(value: int) -> exp.Literal:
    return exp.Literal(this=str(value), is_string=False)


def _typed(text: str, kind: TrinoType) -> exp.Cast:
    return exp.Cast(this=_text(text), to=_type(kind))


def _from_end(raw: exp.Expr, count: int) -> exp.Expr:
    """Return the position of the last `count` characters."""
    length = _call("length", raw.copy())
    return exp.Sub(this=length, expression=_number(count - 1)) if count > 1 else length


def _fitted(text: str, column: Column) -> exp.Literal:
    """Return a text literal that the column can hold. Raises Unfit: a mask is never cut off."""
    if column.type.base not in _TEXT:
        raise Unfit(f"this mask is for text; `{column.name}` is {column.type}")
    if column.type.numbers and len(text) > column.type.numbers[0]:
        raise Unfit(f"the masked value is longer than {column.type} of `{column.name}` allows")
    return _text(text)


def _case(column: Column, *branches: tuple[exp.Expr, exp.Expr], otherwise: exp.Expr) -> exp.Case:
    """Return a CASE that keeps NULL and then tries the branches; partial masks are for varchar only."""
    if column.type.base != "varchar":
        raise Unfit(f"this mask is for varchar; `{column.name}` is {column.type}")
    empty = exp.Is(this=_column(column), expression=exp.Null())
    ifs = [exp.If(this=empty, true=exp.Null()), *(exp.If(this=c, true=v) for c, v in branches)]
    return exp.Case(ifs=ifs, default=otherwise)


def _keeping(nulls: str, column: Column, value: exp.Expr) -> exp.Expr:
    if nulls == "hide":
        return value
    empty = exp.Is(this=_column(column), expression=exp.Null())
    return exp.Case(ifs=[exp.If(this=empty, true=exp.Null())], default=value)


def _is_number(text: str, kind: TrinoType) -> bool:
    try:
        number = Decimal(text)
    except ArithmeticError:
        return False
    if not number.is_finite() or kind.base != "decimal":
        return number.is_finite() and abs(number) < Decimal(10) ** 30
    precision, scale = kind.numbers
    digits = -int(number.normalize().as_tuple().exponent)
    return digits <= scale and abs(number) < Decimal(10) ** (precision - scale)


def _moment(text: str, kind: TrinoType) -> str | None:
    """Return a date or timestamp as Trino writes it; None for another type or an impossible day."""
    try:
        if kind.base == "date":
            return date.fromisoformat(text).isoformat()
        if kind.base == "timestamp":
            moment = datetime.fromisoformat(text)
            return moment.isoformat(sep=" ") if moment.tzinfo is None else None
    except ValueError:
        pass
    return None
