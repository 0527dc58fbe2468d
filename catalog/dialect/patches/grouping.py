"""GROUP BY: its set quantifier ALL says nothing, and AUTO is a word that stands for all that is not aggregated.

sqlglot knows no AUTO and would read a column; the token of another dialect's word without brackets stands for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.patches.set_quantifiers import skip_all
from catalog.dialect.syntax import mismatched
from catalog.dialect.tokens import reserved

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_SETS = frozenset({"ROLLUP", "CUBE", "AUTO"})
"""Reserved words that begin no operand and yet an element of GROUP BY."""


def group(writer: Writer, at: int) -> int:
    """Write GROUP BY without an ALL behind it."""
    end = reserved(writer, at)
    if end == at + 2 and writer.lexemes[end].upper == "ALL" and writer.lexemes[end + 1].upper in _SETS:
        return end + 1
    return skip_all(writer, end) if end == at + 2 else end


def auto(writer: Writer, at: int) -> int:
    """Write AUTO as the grouping element that it is."""
    if writer.lexemes[at + 1].text == "(" or at < 2:
        raise mismatched(writer.lexemes[at])
    writer.write(TokenType.CURRENT_ROLE, writer.lexemes[at], "AUTO")
    return at + 1


PATCHES: dict[str, Patch] = {"GROUP": group, "AUTO": auto}
