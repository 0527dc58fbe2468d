"""Identifier folding, per engine, so that one asset has one key."""

from __future__ import annotations

from catalog.errors import ErrorCode, Refusal


def quoted(*parts: str) -> str:
    """Return identifiers quoted and dotted, as Trino reads them."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def fold_trino(identifier: str) -> str:
    """Fold an identifier, quoted or not, as Trino does: lower case, nothing trimmed, nothing split.

    Trino folds with Java's `toLowerCase(ENGLISH)`; where another folding could differ (non-ASCII letters with case)
    the identifier is refused rather than guessed. Raises Refusal SYNTAX_ERROR.
    Source: policy-semantics section 2, step 6.
    """
    if identifier.isascii():
        return identifier.lower()
    for char in identifier:
        if not char.isascii() and (char.lower() != char or char.upper() != char):
            raise Refusal(
                ErrorCode.SYNTAX_ERROR,
                f"identifiers must not contain the letter {char!r}, whose case folding is ambiguous",
                hint="Use ASCII letters.",
            )
    return identifier.lower()
