"""Casts from dates, times and timestamps, and the changes of precision that Trino rounds half up."""

from __future__ import annotations

from catalog.types import TrinoType
from rewrite_rules.translate_duckdb.cast_kinds import Cast
from rewrite_rules.translate_duckdb.text import case, icu_zone, let, refusing, string, unsupported

_MICROS, _NANOS = 6, 9


def from_time(sql: str, cast: Cast) -> str:
    """Cast a date, time or timestamp. Raises Refusal NOT_SUPPORTED."""
    source, target = cast.source.base, cast.target.base
    if source == "date":
        return _from_date(sql, cast)
    if source == "timestamp":
        return _from_timestamp(sql, cast)
    if source == "timestamp with time zone":
        return _from_zoned(sql, cast)
    if source == target == "time":
        return _time_precision(sql, cast.source.numbers[0], cast.target.numbers[0])
    if target == "varchar" and not cast.target.parameters:
        digits = cast.source.numbers[0]
        return f"left(strftime(DATE '2000-01-01' + {sql}, '%H:%M:%S.%f'), {9 + digits if digits else 8})"
    raise unsupported(f"a cast of {cast.source} to {cast.target}")


def _from_date(sql: str, cast: Cast) -> str:
    target = cast.target.base
    if target == "timestamp":
        return f"CAST({sql} AS {'TIMESTAMP_NS' if cast.target.numbers[0] > _MICROS else 'TIMESTAMP'})"
    if target == "timestamp with time zone":
        return in_zone(f"CAST({sql} AS TIMESTAMP)", cast.zone)
    if target == "varchar":
        return let(sql, "v", lambda v: _fitted(date_text(v), cast))
    raise unsupported(f"a cast of {cast.source} to {cast.target}")


def date_text(value: str) -> str:
    """Write a date as Trino does; years beyond 9999 have a plus sign."""
    return case(
        (f"year({value}) BETWEEN 0 AND 9999", f"CAST({value} AS VARCHAR)"),
        (f"year({value}) > 9999", f"'+' || CAST({value} AS VARCHAR)"),
        (f"{value} IS NULL", "NULL"),
        otherwise=refusing("a date before the year 0"),
    )


def _from_timestamp(sql: str, cast: Cast) -> str:
    target = cast.target.base
    precision = cast.source.numbers[0]
    if target == "timestamp":
        return timestamp_precision(sql, precision, cast.target.numbers[0])
    if target == "timestamp with time zone":
        rounded = timestamp_precision(sql, precision, cast.target.numbers[0])
        if cast.target.numbers[0] > _MICROS:
            raise unsupported(f"the type {cast.target}")
        return in_zone(rounded, cast.zone)
    if target == "date":
        return f"CAST({whole_micros(sql, precision)} AS DATE)"
    if target == "time" and precision <= _MICROS:
        return let(sql, "v", lambda v: _time_of(v, cast))
    if target == "varchar":
        return let(sql, "v", lambda v: _fitted(timestamp_text(v, precision), cast))
    raise unsupported(f"a cast of {cast.source} to {cast.target}")


def _time_of(value: str, cast: Cast) -> str:
    """Take the time of day; of parts of seconds before 1970 Trino 476 takes a whole second off."""
    precision = cast.source.numbers[0]
    time = _time_precision(f"CAST({value} AS TIME)", precision, cast.target.numbers[0])
    if not precision:
        return time
    early = f"epoch_us({value}) < 0 AND epoch_us({value}) % 1000000 <> 0"
    return case((early, refusing("the time of a timestamp before 1970")), otherwise=time)


def _from_zoned(sql: str, cast: Cast) -> str:
    target = cast.target.base
    local = f"timezone({icu_zone(cast.zone)}, {sql})"
    precision = cast.source.numbers[0]
    if target == "timestamp with time zone":
        return zoned_precision(sql, precision, cast.target.numbers[0])
    if target == "time":
        return _time_precision(f"CAST({local} AS TIME)", cast.source.numbers[0], cast.target.numbers[0])
    if target in ("timestamp", "date"):
        return _from_timestamp(local, Cast(TrinoType("timestamp", cast.source.parameters), cast.target, cast.zone))
    if target == "varchar":
        zone = string(f" {cast.zone}")
        return let(local, "v", lambda v: _fitted(f"({timestamp_text(v, precision)} || {zone})", cast))
    raise unsupported(f"a cast of {cast.source} to {cast.target}")


def in_zone(local: str, zone: str) -> str:
    """Turn a local time into the instant it is in a zone."""
    return f"timezone({icu_zone(zone)}, {local})"


def offset_text(instant: str, zone: str) -> str:
    """Write how far a zone is from UTC at an instant, as `+05:30`, or `Z` where it is not."""

    def text(z: str) -> str:
        sign = f"CASE WHEN {z} < 0 THEN '-' ELSE '+' END"
        clock = f"lpad(CAST(abs({z}) // 60 AS VARCHAR), 2, '0') || ':' || lpad(CAST(abs({z}) % 60 AS VARCHAR), 2, '0')"
        return case((f"{z} = 0", "'Z'"), otherwise=f"{sign} || {clock}")

    minutes = f"((epoch_us(timezone({icu_zone(zone)}, {instant})) - epoch_us({instant})) // 60000000)"
    return let(minutes, "z", text)


def timestamp_text(value: str, precision: int) -> str:
    """Write a timestamp with exactly its digits."""
    if precision > _MICROS:
        text = f"strftime({value}, '%Y-%m-%d %H:%M:%S.%n')"
        cut = _NANOS - precision
    else:
        text = f"strftime({value}, '%Y-%m-%d %H:%M:%S.%f')"
        cut = _MICROS - precision + (0 if precision else 1)
    shown = f"left({text}, -{cut})" if cut else text
    return case(
        (f"year({value}) BETWEEN 0 AND 9999", shown),
        (f"{value} IS NULL", "NULL"),
        otherwise=refusing("a timestamp outside the years 0 to 9999"),
    )


def timestamp_precision(sql: str, source: int, target: int) -> str:
    """Change a timestamp's precision, rounding half up towards the future."""
    if target >= source:
        return f"CAST({sql} AS TIMESTAMP_NS)" if target > _MICROS >= source else sql
    if source > _MICROS:
        unit = 10 ** (_NANOS - target)
        moved = f"(CAST(epoch_ns({sql}) AS HUGEINT) + {unit // 2})"
        nanos = let(moved, "w", lambda w: f"({w} - (({w} % {unit} + {unit}) % {unit}))")
        if target > _MICROS:
            return f"make_timestamp_ns(CAST({nanos} AS BIGINT))"
        return f"make_timestamp(CAST({nanos} // 1000 AS BIGINT))"
    return f"make_timestamp({_rounded_micros(f'epoch_us({sql})', target)})"


def whole_micros(sql: str, precision: int) -> str:
    """Cut a timestamp off to microseconds, also before 1970, where DuckDB's own cast goes towards the future."""
    if precision <= _MICROS:
        return sql
    micros = let(
        f"CAST(epoch_ns({sql}) AS HUGEINT)",
        "w",
        lambda w: f"CAST(({w} - ({w} % 1000 + 1000) % 1000) // 1000 AS BIGINT)",
    )
    return f"make_timestamp({micros})"


def zoned_precision(sql: str, source: int, target: int) -> str:
    """Change the precision of an instant, rounding half up."""
    if target >= source:
        return sql
    return f"make_timestamptz({_rounded_micros(f'epoch_us({sql})', target)})"


def _rounded_micros(micros: str, target: int) -> str:
    unit = 10 ** (_MICROS - target)
    return let(f"({micros} + {unit // 2})", "w", lambda w: f"({w} - (({w} % {unit} + {unit}) % {unit}))")


def _time_precision(sql: str, source: int, target: int) -> str:
    """Round half up; past midnight it is 0 o'clock again."""
    if target >= source:
        return sql
    day = 86_400_000_000
    return f"CAST(make_timestamp({_rounded_micros(f'epoch_us({sql})', target)} % {day}) AS TIME)"


def _fitted(text: str, cast: Cast) -> str:
    if not cast.target.parameters:
        return text
    if cast.tried:
        raise unsupported(f"TRY_CAST of {cast.source} to {cast.target}")
    length = cast.target.numbers[0]
    longer = (
        cast.fails() if cast.source.base == "date" else refusing(f"a cast to {cast.target} that Trino leaves longer")
    )
    return let(text, "w", lambda w: case((f"length({w}) > {length}", longer), otherwise=w))
