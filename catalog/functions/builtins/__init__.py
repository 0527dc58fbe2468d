"""Trino 476's built-in functions as data, one file a topic, in the language of `catalog.functions.signatures`.

The names and types are those that the engine itself lists (SHOW FUNCTIONS), plus the special forms of its grammar.
"""

from __future__ import annotations

from catalog.functions.builtins import (
    aggregates,
    binary,
    collections,
    datetimes,
    digests,
    mathematics,
    operators,
    specialised,
    text,
)

SCALARS = (
    mathematics.SCALARS
    + text.SCALARS
    + binary.SCALARS
    + datetimes.SCALARS
    + collections.SCALARS
    + digests.SCALARS
    + specialised.SCALARS
)
OPERATORS = operators.OPERATORS
AGGREGATES = aggregates.AGGREGATES + specialised.AGGREGATES
WINDOWS = aggregates.WINDOWS

SPECIAL_FORMS = frozenset(
    """
    coalesce nullif if try row grouping format json_array json_exists json_object json_query json_value
    current_time current_timestamp localtime localtimestamp current_user current_catalog current_schema
    current_path listagg extract version
    """.split()  # noqa: SIM905  (words read better than a list)
)
"""Names of Trino's grammar rather than of its library; their types follow rules of their own."""
SESSION_FORMS = frozenset(
    """
    current_time current_timestamp localtime localtimestamp current_user current_catalog current_schema
    current_path
    """.split()  # noqa: SIM905  (words read better than a list)
)
TABLE_FUNCTIONS = {"sequence": (("sequential_number", "bigint"),)}
"""Table functions a statement may call, with the columns they give; all others are refused."""
