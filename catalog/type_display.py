"""How Trino shows a type to people: in metadata and messages `decimal(10,2)`, where result columns have a blank."""

from __future__ import annotations

import re

from catalog.types import TrinoType, type_text

_DECIMAL = re.compile(r"\bdecimal\((\d+), (\d+)\)")


def display_text(kind: TrinoType) -> str:
    """Return a type's name as DESCRIBE, information_schema and error texts give it."""
    return _DECIMAL.sub(r"decimal(\1,\2)", type_text(kind))
