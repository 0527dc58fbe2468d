"""Label values: few, short, and never able to break the exposition."""

from __future__ import annotations

import re

OTHER = "other"
"""The label value that stands for all beyond a cap."""

_LENGTH = 120


class Capped:
    """Let the first `limit` distinct values through and call all further ones `other`."""

    __slots__ = ("_known", "_limit")

    def __init__(self, limit: int) -> None:
        """Start with none known."""
        self._limit = limit
        self._known: dict[str, str] = {}

    def __call__(self, value: str | None) -> str:
        """Return the label value to use for a text, whatever it holds; empty for None."""
        if value is None:
            return ""
        label = self._known.get(value)
        if label is None:
            if len(self._known) >= self._limit:
                return OTHER
            label = value[:_LENGTH].encode("utf-8", "replace").decode()
            self._known[value] = label
        return label


def without_particulars(text: str) -> str:
    """Cut a reason where its particulars begin: `wrong password for 'ann'` counts as `wrong password for`."""
    return re.split(r"['\":]", text, maxsplit=1)[0].strip()
