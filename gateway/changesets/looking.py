"""Entries by section and key, of a stored document and of the policy files: read once for many questions."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from policies.reload import Files
from policies.sections import SECTIONS, SectionName, entries, unfold

_KEPT = 2
_files: OrderedDict[str, Mapping[tuple[SectionName, str], tuple[Any, ...]]] = OrderedDict()


@lru_cache(maxsize=8)
def known_in(text: str) -> Mapping[tuple[SectionName, object], tuple[Any, ...]]:
    """Return the JSON of a stored document's entries by section and key; nobody may change them."""
    document: dict[str, Any] = json.loads(text)
    return {
        (section, key): tuple(values)
        for section in SECTIONS
        if section in document
        for key, values in unfold(document, section).items()
    }


def known_in_files(files: Files) -> Mapping[tuple[SectionName, str], tuple[Any, ...]]:
    """Return what policy files have in whose place something stored can stand, by section and key."""
    if files.digest not in _files:
        found: dict[tuple[SectionName, str], tuple[Any, ...]] = {}
        for source in files.sources:
            for section, key, _, value in entries(source.document):
                shape = SECTIONS[section]
                if not shape.own and (key or shape.shape == "one"):
                    found[section, key] = (*found.get((section, key), ()), value)
        _files[files.digest] = found
        while len(_files) > _KEPT:
            _files.popitem(last=False)
    return _files[files.digest]
