"""The functions the embedded lake answers, each with how it is written for DuckDB; what is not here is refused."""

from __future__ import annotations

from collections.abc import Mapping

from rewrite_rules.translate_duckdb.functions import (
    aggregates,
    binary,
    collections,
    datetimes,
    jsons,
    maps,
    numbers,
    parsing,
    patterns,
    sequences,
    strings,
    windows,
)
from rewrite_rules.translate_duckdb.functions.call import Function

SCALARS: Mapping[str, Function] = {
    **numbers.SCALARS,
    **strings.SCALARS,
    **patterns.SCALARS,
    **datetimes.SCALARS,
    **parsing.SCALARS,
    **collections.SCALARS,
    **maps.SCALARS,
    **sequences.SCALARS,
    **binary.SCALARS,
    **jsons.SCALARS,
}
AGGREGATES: Mapping[str, Function] = aggregates.AGGREGATES
WINDOWS: Mapping[str, Function] = windows.WINDOWS
