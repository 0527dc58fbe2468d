"""The fix-point: a tree is written, what was written is read again, and that must be the tree.

Source: policy-semantics section 2, step 12.
"""

from __future__ import annotations

from sqlglot import exp

from catalog.dialect.allowed import check_allowed
from catalog.dialect.generate import generate
from catalog.dialect.sameness import same
from catalog.dialect.trees import reread
from catalog.errors import ErrorCode, Refusal


def write_and_read(tree: exp.Expr) -> tuple[str, exp.Expr]:
    """Write a query's tree as Trino SQL; return the text and the tree that was parsed from it, which is the same.

    Every node of the given tree was held to the list of allowed ones when it was read, so whatever equals the tree is
    on the list too. Raises Refusal GENERIC_INTERNAL_ERROR when the text means another tree: such text never reaches
    an engine.
    """
    try:
        text = generate(tree)
        again = reread(text)
        if not same(again, tree):  # perhaps only because of notes that the check makes: quotes, counted subscripts
            check_allowed(again, parsed=True)
            check_allowed(tree)
            if not same(again, tree):
                raise _differs(text)
    except Refusal as refusal:
        raise _differs(refusal.text) from refusal
    return text, again


def _differs(detail: str) -> Refusal:
    return Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, "The rewritten query could not be verified", detail=detail)
