"""Trino's type syntax, read from lexemes into sqlglot data types and written back.

sqlglot's own type parser knows the types of thirty dialects and turns `int8` into TINYINT; this one knows Trino's.
Sources: Trino's SqlBase grammar, rule `type`; `TypeRegistry` for the names.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlglot import exp

from catalog.dialect.lexemes import Kind, Lexeme
from catalog.dialect.lexer import lex
from catalog.dialect.syntax import mismatched, place
from catalog.dialect.words import INTERVAL_FIELDS, RESERVED, words
from catalog.errors import ErrorCode, Refusal

_SIMPLE = {
    "BOOLEAN": exp.DType.BOOLEAN,
    "TINYINT": exp.DType.TINYINT,
    "SMALLINT": exp.DType.SMALLINT,
    "INTEGER": exp.DType.INT,
    "INT": exp.DType.INT,
    "BIGINT": exp.DType.BIGINT,
    "REAL": exp.DType.FLOAT,
    "DOUBLE": exp.DType.DOUBLE,
    "VARBINARY": exp.DType.VARBINARY,
    "JSON": exp.DType.JSON,
    "DATE": exp.DType.DATE,
    "UUID": exp.DType.UUID,
    "IPADDRESS": exp.DType.IPADDRESS,
    "HYPERLOGLOG": exp.DType.HLLSKETCH,
    "TDIGEST": exp.DType.TDIGEST,
}
_SIZED = {"DECIMAL": (exp.DType.DECIMAL, 2), "VARCHAR": (exp.DType.VARCHAR, 1), "CHAR": (exp.DType.CHAR, 1)}
_ZONED = {
    "TIMESTAMP": (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ),
    "TIME": (exp.DType.TIME, exp.DType.TIMETZ),
}
_OTHER = words(
    """
    P4HYPERLOGLOG SETDIGEST COLOR GEOMETRY SPHERICALGEOGRAPHY BINGTILE KDBTREE JSONPATH JSON2016 OBJECTID UNKNOWN
    """
)
"""Types without parameters that sqlglot has no kind for."""
_NESTED = frozenset({"ARRAY", "MAP", "ROW", "QDIGEST"})

TYPE_NAMES = frozenset({*_SIMPLE, *_SIZED, *_ZONED, *_OTHER, *_NESTED})
"""Words that name a type; the interval types and DOUBLE PRECISION apart."""

_WRITTEN = {
    exp.DType.INT: "INTEGER",
    exp.DType.FLOAT: "REAL",
    exp.DType.HLLSKETCH: "HYPERLOGLOG",
    exp.DType.STRUCT: "ROW",
    exp.DType.TEXT: "VARCHAR",
    exp.DType.BINARY: "VARBINARY",
}
_ZONE_WRITTEN = {exp.DType.TIMESTAMPTZ: "TIMESTAMP", exp.DType.TIMETZ: "TIME"}


def read_type(lexemes: list[Lexeme], at: int) -> tuple[exp.DataType, int]:
    """Read a type that begins at an index; return it and the index after it.

    Raises Refusal SYNTAX_ERROR for what is no type, TYPE_MISMATCH for a name that is no Trino type.
    """
    data_type, at = _read_base(lexemes, at)
    while lexemes[at].upper == "ARRAY":
        at += 1
        data_type = exp.DataType(this=exp.DType.ARRAY, expressions=[data_type], nested=True)
        if lexemes[at].text == "[":
            at = _expect(lexemes, _integer(lexemes, at + 1)[1], "]")
    return data_type, at


def type_sql(data_type: exp.DataType) -> str:
    """Write a type as Trino does; the inverse of `read_type`."""
    kind = data_type.this
    parts = data_type.expressions
    if isinstance(kind, exp.Interval):
        unit = kind.args["unit"]
        if isinstance(unit, exp.IntervalSpan):
            return f"INTERVAL {unit.this.name} TO {unit.expression.name}"
        return f"INTERVAL {unit.name}"
    if kind == exp.DType.USERDEFINED:
        name = str(data_type.args.get("kind"))
    elif kind in _ZONE_WRITTEN:
        return f"{_ZONE_WRITTEN[kind]}{_parameters(parts)} WITH TIME ZONE"
    else:
        name = _WRITTEN.get(kind) or kind.value
    return f"{name}{_parameters(parts)}"


@lru_cache(maxsize=512)
def _cached(text: str) -> exp.DataType:
    lexemes = lex(text)
    data_type, at = read_type(lexemes, 0)
    if lexemes[at].kind is not Kind.END:
        raise mismatched(lexemes[at])
    return data_type


def data_type(text: str) -> exp.DataType:
    """Return the data type a text names, as a fresh tree. Raises Refusal as `read_type` does."""
    twin: exp.DataType = _twin(_cached(text))
    return twin


def _twin(node: Any) -> Any:
    """Copy a small tree without notes; many times cheaper than sqlglot's own copy."""
    return node.__class__(
        **{
            key: _twin(value)
            if isinstance(value, exp.Expr)
            else [_twin(v) if isinstance(v, exp.Expr) else v for v in value]
            if value.__class__ is list
            else value
            for key, value in node.args.items()
        }
    )


def _parameters(parts: list[exp.Expr]) -> str:
    return f"({', '.join(map(_parameter, parts))})" if parts else ""


def _parameter(part: exp.Expr) -> str:
    if isinstance(part, exp.ColumnDef):
        name = part.this.name.replace('"', '""')
        return f'"{name}" {type_sql(part.args["kind"])}'
    if isinstance(part, exp.DataType):
        return type_sql(part)
    return str(part.this.name) if isinstance(part, exp.DataTypeParam) else str(part.name)


def _read_base(lexemes: list[Lexeme], at: int) -> tuple[exp.DataType, int]:
    lexeme, word = lexemes[at], lexemes[at].upper
    if lexeme.kind is not Kind.WORD or word in RESERVED:
        raise mismatched(lexeme, "<type>")
    if word in _SIMPLE:
        at += 1
        if word == "DOUBLE" and lexemes[at].upper == "PRECISION":
            at += 1
        if lexemes[at].text == "(":
            raise _unknown(lexeme)
        return exp.DataType(this=_SIMPLE[word], nested=False), at
    if word in _SIZED:
        kind, most = _SIZED[word]
        sizes, at = _sizes(lexemes, at + 1, most)
        return exp.DataType(this=kind, expressions=sizes, nested=False), at
    if word in _ZONED:
        return _read_zoned(lexemes, at)
    if word == "INTERVAL":
        return _read_interval(lexemes, at)
    if word in _NESTED:
        return _read_nested(lexemes, at)
    if word in _OTHER and lexemes[at + 1].text != "(":
        return exp.DataType(this=exp.DType.USERDEFINED, kind=lexeme.text), at + 1
    raise _unknown(lexeme)


def _read_zoned(lexemes: list[Lexeme], at: int) -> tuple[exp.DataType, int]:
    plain, zoned = _ZONED[lexemes[at].upper]
    sizes, at = _sizes(lexemes, at + 1, 1)
    following = [lexeme.upper for lexeme in lexemes[at : at + 3]]
    if following == ["WITH", "TIME", "ZONE"]:
        return exp.DataType(this=zoned, expressions=sizes, nested=False), at + 3
    if following == ["WITHOUT", "TIME", "ZONE"]:
        at += 3
    return exp.DataType(this=plain, expressions=sizes, nested=False), at


def _read_interval(lexemes: list[Lexeme], at: int) -> tuple[exp.DataType, int]:
    unit: exp.Expr = _field(lexemes[at + 1])
    at += 2
    if lexemes[at].upper == "TO":
        unit = exp.IntervalSpan(this=unit, expression=_field(lexemes[at + 1]))
        at += 2
    return exp.DataType(this=exp.Interval(unit=unit)), at


def _read_nested(lexemes: list[Lexeme], at: int) -> tuple[exp.DataType, int]:
    word, opening = lexemes[at].upper, lexemes[at + 1]
    if opening.text != "(" and not (opening.text == "<" and word in ("ARRAY", "MAP")):
        if opening.text in (")", ",") or opening.kind is Kind.END:
            raise _unknown(lexemes[at])  # to Trino a name like any other
        raise mismatched(opening, "'('")
    closing = ")" if opening.text == "(" else ">"
    parts: list[exp.Expr] = []
    at += 1
    while not parts or lexemes[at].text == ",":
        part, at = _read_field(lexemes, at + 1) if word == "ROW" else read_type(lexemes, at + 1)
        parts.append(part)
    if word != "ROW" and len(parts) != (2 if word == "MAP" else 1):
        raise mismatched(lexemes[at])
    at = _expect(lexemes, at, closing)
    if word == "QDIGEST":
        return exp.DataType(this=exp.DType.USERDEFINED, kind="qdigest", expressions=parts), at
    kind = {"ARRAY": exp.DType.ARRAY, "MAP": exp.DType.MAP, "ROW": exp.DType.STRUCT}[word]
    return exp.DataType(this=kind, expressions=parts, nested=True), at


def _read_field(lexemes: list[Lexeme], at: int) -> tuple[exp.Expr, int]:
    """Read a field of ROW: a type, or a name and a type."""
    lexeme = lexemes[at]
    if not lexeme.is_name:
        raise mismatched(lexeme, "<identifier>, <type>")
    following = lexemes[at + 1]
    named = lexeme.kind is Kind.QUOTED or (
        lexeme.kind is Kind.WORD
        and following.kind is Kind.WORD
        and (lexeme.upper, following.upper) not in _TYPE_PAIRS
        and not (lexeme.upper in TYPE_NAMES and following.upper in ("ARRAY", "WITH", "WITHOUT") and _ends(lexemes, at))
    )
    if not named:
        return read_type(lexemes, at)
    if lexeme.upper in RESERVED:
        raise mismatched(lexeme, "<identifier>")
    name = lexeme.identifier if lexeme.kind is Kind.QUOTED else lexeme.text.lower()
    kind, at = read_type(lexemes, at + 1)
    return exp.ColumnDef(this=exp.Identifier(this=name, quoted=True), kind=kind), at


_TYPE_PAIRS = frozenset({("DOUBLE", "PRECISION"), *(("INTERVAL", field) for field in INTERVAL_FIELDS)})


def _ends(lexemes: list[Lexeme], at: int) -> bool:
    """Tell `integer array` (a type) from `integer array(bigint)` (a field called integer)."""
    return lexemes[at + 1].upper != "ARRAY" or lexemes[at + 2].text not in ("(", "<")


def _sizes(lexemes: list[Lexeme], at: int, most: int) -> tuple[list[exp.Expr] | None, int]:
    """Read `(n, ...)` if it is there: at most so many integers."""
    if lexemes[at].text != "(":
        return None, at
    sizes: list[exp.Expr] = []
    while not sizes or (lexemes[at].text == "," and len(sizes) < most):
        number, at = _integer(lexemes, at + 1)
        sizes.append(exp.DataTypeParam(this=exp.Literal.number(number)))
    return sizes, _expect(lexemes, at, ")")


def _integer(lexemes: list[Lexeme], at: int) -> tuple[int, int]:
    lexeme = lexemes[at]
    if lexeme.kind is not Kind.NUMBER or not lexeme.text.isdigit() or len(lexeme.text) > 10:
        raise mismatched(lexeme, "<integer>")
    return int(lexeme.text), at + 1


def _field(lexeme: Lexeme) -> exp.Var:
    if lexeme.upper not in INTERVAL_FIELDS:
        raise mismatched(lexeme, "'DAY', 'HOUR', 'MINUTE', 'MONTH', 'SECOND', 'YEAR'")
    return exp.Var(this=lexeme.upper)


def _expect(lexemes: list[Lexeme], at: int, text: str) -> int:
    if lexemes[at].text != text:
        raise mismatched(lexemes[at], f"'{text}'")
    return at + 1


def _unknown(lexeme: Lexeme) -> Refusal:
    return Refusal(ErrorCode.TYPE_MISMATCH, f"Unknown type: {lexeme.text}", location=place(lexeme))
