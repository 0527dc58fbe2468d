"""Trino's types: one frozen value for each, and the texts that name them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from catalog.errors import ErrorCode, Refusal

MAX_DECIMAL_PRECISION = 38
MAX_PARTS = 16_384
"""A type that holds another twice is twice as large: twenty names of WITH make one of a million parts."""
UNBOUNDED_LENGTH = 2_147_483_647
"""The length argument by which the wire says that a varchar has no bound."""


@dataclass(frozen=True, slots=True)
class TrinoType:
    """Describe a Trino type: `base` as in `rawType` (`decimal`, `timestamp with time zone`, `row`).

    `parameters` are ints (precision, scale, length) and nested types; `fields` names the fields of a row
    (None for an anonymous field), parallel to `parameters`. One type has one value: a varchar without bound has
    no parameter, decimals always have two, times and timestamps always one (none only in the downgraded form that
    a client without PARAMETRIC_DATETIME is told). Raises Refusal NOT_SUPPORTED for one of more than MAX_PARTS parts.
    """

    base: str
    parameters: tuple[TrinoType | int, ...] = ()
    fields: tuple[str | None, ...] = ()
    parts: int = field(init=False, repr=False, compare=False)
    """How many types are named in it, itself among them."""

    def __post_init__(self) -> None:
        """Count the parts."""
        parts = 1 + sum([p.parts for p in self.parameters if isinstance(p, TrinoType)])
        if parts > MAX_PARTS:
            message = f"A type of more than {MAX_PARTS} parts is not supported."
            raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint="Put less into rows, arrays and maps.")
        object.__setattr__(self, "parts", parts)

    def __str__(self) -> str:
        """Return the display text."""
        return display_text(self)

    @property
    def arguments(self) -> tuple[TrinoType, ...]:
        """Return the nested types: element, key and value, or fields."""
        return tuple(p for p in self.parameters if isinstance(p, TrinoType))

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the numeric parameters: length, precision, scale."""
        return tuple(p for p in self.parameters if isinstance(p, int))


UNKNOWN = TrinoType("unknown")
"""The type of NULL without context."""
BOOLEAN = TrinoType("boolean")
TINYINT = TrinoType("tinyint")
SMALLINT = TrinoType("smallint")
INTEGER = TrinoType("integer")
BIGINT = TrinoType("bigint")
REAL = TrinoType("real")
DOUBLE = TrinoType("double")
VARCHAR = TrinoType("varchar")
VARBINARY = TrinoType("varbinary")
JSON = TrinoType("json")
DATE = TrinoType("date")
UUID = TrinoType("uuid")
IPADDRESS = TrinoType("ipaddress")
TIME = TrinoType("time", (3,))
TIME_TZ = TrinoType("time with time zone", (3,))
TIMESTAMP = TrinoType("timestamp", (3,))
TIMESTAMP_TZ = TrinoType("timestamp with time zone", (3,))
INTERVAL_DAY = TrinoType("interval day to second")
INTERVAL_YEAR = TrinoType("interval year to month")
HYPER_LOG_LOG = TrinoType("HyperLogLog")
TDIGEST = TrinoType("tdigest")

INTEGRAL = ("tinyint", "smallint", "integer", "bigint")
"""The integer types, narrowest first."""
DATETIME_WITH_PRECISION = ("time", "time with time zone", "timestamp", "timestamp with time zone")
CANONICAL_BASES = {
    name.lower(): name
    for name in (
        *INTEGRAL,
        *DATETIME_WITH_PRECISION,
        *("unknown", "boolean", "real", "double", "decimal", "number", "varchar", "char", "varbinary", "json"),
        *("date", "interval day to second", "interval year to month", "uuid", "ipaddress", "variant"),
        *("array", "map", "row", "HyperLogLog", "P4HyperLogLog", "SetDigest", "qdigest", "tdigest"),
        *("Geometry", "SphericalGeography", "BingTile", "KdbTree", "color", "Classifier", "Regressor"),
        *("JoniRegExp", "JsonPath", "JsonPath2016", "CodePoints", "LikePattern", "Model", "ObjectId"),
    )
}
"""Base names as the engine spells them, by their lower-case form."""
ALIASES = {"int": "integer", "dec": "decimal", "double precision": "double", "float": "real"}


_DEFAULTS: dict[str, tuple[int, ...]] = {"decimal": (38, 0), "char": (1,)}
SHAPE = re.compile(r"([^()\"]*)(?:\((.*)\))?([^()\"]*)", re.DOTALL)
"""A type's text as words before, arguments inside, and words after the brackets."""
_QUOTED_NAME = re.compile(r'"((?:[^"]|"")*)"\s+(.+)', re.DOTALL)


def decimal(precision: int, scale: int = 0) -> TrinoType:
    """Make `decimal(precision, scale)`."""
    return TrinoType("decimal", (precision, scale))


def varchar(length: int | None = None) -> TrinoType:
    """Make `varchar(length)`, or varchar without bound."""
    return VARCHAR if length is None or length >= UNBOUNDED_LENGTH else TrinoType("varchar", (length,))


def char(length: int = 1) -> TrinoType:
    """Make `char(length)`."""
    return TrinoType("char", (length,))


def time(precision: int = 3, *, zone: bool = False) -> TrinoType:
    """Make `time(precision)`, with time zone if asked."""
    return TrinoType("time with time zone" if zone else "time", (precision,))


def timestamp(precision: int = 3, *, zone: bool = False) -> TrinoType:
    """Make `timestamp(precision)`, with time zone if asked."""
    return TrinoType("timestamp with time zone" if zone else "timestamp", (precision,))


def array(element: TrinoType) -> TrinoType:
    """Make `array(element)`."""
    return TrinoType("array", (element,))


def map_of(key: TrinoType, value: TrinoType) -> TrinoType:
    """Make `map(key, value)`."""
    return TrinoType("map", (key, value))


def row(*fields: tuple[str | None, TrinoType]) -> TrinoType:
    """Make a row of (name or None, type) pairs."""
    return TrinoType("row", tuple(t for _, t in fields), tuple(name for name, _ in fields))


def display_text(kind: TrinoType) -> str:
    """Return the text Trino shows in messages, SHOW COLUMNS, information_schema and typeof: `decimal(9,2)`.

    Field names stand as they are, never quoted.
    """
    if kind.base == "row":
        parts = (f"{name} {t}" if name is not None else str(t) for name, t in _fields(kind))
        return f"row({', '.join(parts)})"
    if not kind.parameters:
        return kind.base
    separator = "," if kind.base == "decimal" else ", "
    inner = separator.join(str(p) for p in kind.parameters)
    stem, space, rest = kind.base.partition(" ")
    return f"{stem}({inner}){space}{rest}"


def type_text(kind: TrinoType) -> str:
    """Return the text of the wire's `type`: `decimal(9, 2)`, `row(a bigint, "B b" varchar)`.

    It differs from `display_text` in decimals, intervals and the quoting of field names. Measured on Trino 476.
    """
    if kind.base == "row":
        parts = (f"{_quoted(name)} {type_text(t)}" if name else type_text(t) for name, t in _fields(kind))
        return f"row({', '.join(parts)})"
    if kind.base.startswith("interval "):
        return kind.base.upper()
    if not kind.parameters:
        return kind.base
    inner = ", ".join(type_text(p) if isinstance(p, TrinoType) else str(p) for p in kind.parameters)
    stem, space, rest = kind.base.partition(" ")
    return f"{stem}({inner}){space}{rest}"


def _fields(kind: TrinoType) -> zip[tuple[str | None, TrinoType]]:
    return zip(kind.fields, kind.arguments, strict=True)


def _quoted(name: str) -> str:
    plain = name.isascii() and name[:1].isalpha() and name.replace("_", "a").isalnum()
    if plain and name.upper() not in RESERVED_WORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


@lru_cache(maxsize=4096)
def parse_type(text: str) -> TrinoType:
    """Read a type from its display text, its wire text or SQL; case does not matter.

    Defaults: `timestamp` and `time` have 3 digits, `decimal` is (38, 0), `char` is (1). A base nobody knows is kept
    by its name. Raises ValueError for what is no type text.
    """
    match = SHAPE.fullmatch(text.strip())
    base = _base(text.strip())
    if match is None or not base:
        raise ValueError(f"not a type: {text!r}")
    inside = match[2]
    parts = split_arguments(inside) if inside is not None else []
    if base == "row":
        return _row(parts, text)
    return _with_parameters(base, tuple(_parameter(part) for part in parts))


def is_known(kind: TrinoType) -> bool:
    """Tell whether Trino has this type, nested types included."""
    return kind.base.lower() in CANONICAL_BASES and all(is_known(t) for t in kind.arguments)


def _with_parameters(base: str, parameters: tuple[TrinoType | int, ...]) -> TrinoType:
    if base == "varchar" and parameters:
        (length,) = parameters
        if not isinstance(length, int):
            raise ValueError("the length of a varchar is a number")
        return varchar(length)
    if base in DATETIME_WITH_PRECISION and not parameters:
        return TrinoType(base, (3,))
    if base in _DEFAULTS:
        parameters = (*parameters, *_DEFAULTS[base][len(parameters) :])
    return TrinoType(base, parameters)


def _parameter(text: str) -> TrinoType | int:
    return int(text) if text.strip().isdigit() else parse_type(text.strip())


def _row(parts: list[str], text: str) -> TrinoType:
    if not parts:
        raise ValueError(f"a row needs fields: {text!r}")
    fields = [_field(part.strip()) for part in parts]
    return TrinoType("row", tuple(kind for _, kind in fields), tuple(name for name, _ in fields))


def _field(text: str) -> tuple[str | None, TrinoType]:
    quoted = _QUOTED_NAME.fullmatch(text)
    if quoted:
        return quoted[1].replace('""', '"'), parse_type(quoted[2])
    words = text.split(" ")
    # Display text does not quote names: take the shortest name that leaves a known type, else the first word.
    for count in range(len(words)):
        rest = " ".join(words[count:])
        if _base(rest).lower() in CANONICAL_BASES:
            return " ".join(words[:count]) or None, parse_type(rest)
    return (words[0], parse_type(" ".join(words[1:]))) if len(words) > 1 else (None, parse_type(text))


def _base(text: str) -> str:
    match = SHAPE.fullmatch(text)
    if match is None:
        return ""
    base = " ".join(f"{match[1]} {match[3]}".lower().split())
    base = ALIASES.get(base, base)
    return CANONICAL_BASES.get(base, base)


def split_arguments(text: str) -> list[str]:
    """Split text at its commas, leaving alone those inside brackets and quotes. Raises ValueError if unbalanced."""
    parts, depth, start, quoted = [], 0, 0, False
    for position, char in enumerate(text):
        if char == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    if depth or quoted:
        raise ValueError(f"unbalanced type text: {text!r}")
    return [*parts, text[start:]]


RESERVED_WORDS = frozenset(
    """
    ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH
    CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT
    DROP ELSE END ESCAPE EXCEPT EXECUTE EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT
    INTERSECT INTO IS JOIN JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LEFT LIKE LISTAGG
    LOCALTIME LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT
    SKIP TABLE THEN TRIM TRUE UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH
    """.split()  # noqa: SIM905  (words read better than a list)
)
"""Trino's reserved words, which an identifier must be quoted to use."""
