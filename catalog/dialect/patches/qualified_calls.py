"""`system.builtin.abs(x)`: the full name of a built-in function is its plain name.

sqlglot reads a chain of fields there. Functions of other schemas stay as written and are refused where the tree is
looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


def qualifies(writer: Writer, at: int) -> bool:
    """Tell whether a name is the first part of the full name of a built-in function that is called."""
    lexemes = writer.lexemes
    return (
        lexemes[at].identifier.lower() == "system"
        and lexemes[at - 1].text != "."
        and lexemes[at + 1].text == lexemes[at + 3].text == "."
        and lexemes[at + 2].is_name
        and lexemes[at + 2].identifier.lower() == "builtin"
        and lexemes[at + 4].is_name
        and writer.last > at + 5
        and lexemes[at + 5].text == "("
    )


def system(writer: Writer, at: int) -> int:
    """Leave out the qualifier of a call of a built-in function, else write the name `system`.

    The quoted name is no word; the patch `brackets` looks at it when it meets the dot behind it.
    """
    if qualifies(writer, at):
        return at + 4
    writer.write(TokenType.VAR, writer.lexemes[at])
    return at + 1


PATCHES: dict[str, Patch] = {"SYSTEM": system}
