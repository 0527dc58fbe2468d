"""Read plain YAML fast, with the line of every key: what policies of many thousand rules need to be reloaded by.

libyaml's events are turned into data in one loop. Whatever is unusual (anchors, tags, merges, keys given twice, deep
nesting, errors) is left to PyYAML's own loader, which knows it all and says what is wrong.
"""

from __future__ import annotations

from typing import Any

import yaml

Lines = dict[tuple[str | int, ...], int]
"""From a path of keys to its line, from 1."""
_DEEPEST = 64
_TEXT = "tag:yaml.org,2002:str"
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp"))


class _Unusual(Exception):  # noqa: N818  (an answer, not an error)
    """Say that a text is for the other loader."""


class _Open:
    """A mapping or list that is being filled."""

    __slots__ = ("data", "key", "path", "waiting")

    def __init__(self, data: dict[Any, Any] | list[Any], path: tuple[str | int, ...]) -> None:
        self.data = data
        self.path = path
        self.waiting = False
        """A key has been read, and its value has not."""
        self.key: Any = None


def read_quickly(text: str) -> tuple[object, Lines] | None:
    """Return the data of a YAML text and the lines of its keys; None where it takes another loader to tell."""
    loader = getattr(yaml, "CSafeLoader", None)
    if loader is None:
        return None
    try:
        return _read(loader(text))
    except (_Unusual, yaml.YAMLError, ValueError):
        return None


def _read(loader: Any) -> tuple[object, Lines]:
    lines: Lines = {}
    known: dict[tuple[str, tuple[bool, bool]], Any] = {}
    stack: list[_Open] = []
    root: list[object] = []
    while loader.check_event():
        event = loader.get_event()
        kind = event.__class__
        if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            stack.pop()
            continue
        if kind is not yaml.ScalarEvent and kind is not yaml.MappingStartEvent and kind is not yaml.SequenceStartEvent:
            if kind is yaml.AliasEvent or (kind is yaml.DocumentStartEvent and root):
                raise _Unusual
            continue
        if event.anchor is not None or event.tag is not None or len(stack) > _DEEPEST:
            raise _Unusual
        above = stack[-1] if stack else None
        line = event.start_mark.line + 1
        if above is not None and above.data.__class__ is dict and not above.waiting:
            _begin(above, event, _scalar(loader, event, known), line, lines)
            continue
        path = _path(above, line, lines)
        if kind is yaml.ScalarEvent:
            _put(above, _scalar(loader, event, known), root)
        else:
            opened: dict[Any, Any] | list[Any] = {} if kind is yaml.MappingStartEvent else []
            _put(above, opened, root)
            stack.append(_Open(opened, path))
    if not root:
        raise _Unusual
    return root[0], lines


def _scalar(loader: Any, event: Any, known: dict[tuple[str, tuple[bool, bool]], Any]) -> Any:
    if event.__class__ is not yaml.ScalarEvent:
        raise _Unusual
    key = (event.value, event.implicit)
    if key not in known:
        tag = loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag not in _PLAIN_TAGS:
            raise _Unusual
        node = yaml.ScalarNode(tag, event.value)
        known[key] = event.value if tag == _TEXT else loader.construct_object(node)
    return known[key]


def _begin(mapping: _Open, event: Any, key: Any, line: int, lines: Lines) -> None:
    """Note a key and its line; the value comes next."""
    below = (*mapping.path, event.value)
    if below in lines:
        raise _Unusual
    lines[below] = line
    mapping.key, mapping.waiting = key, True
    mapping.path = (*mapping.path, event.value)


def _path(above: _Open | None, line: int, lines: Lines) -> tuple[str | int, ...]:
    """Return the path of a value, noting its line where it has no key."""
    if above is None:
        lines[()] = line
        return ()
    if above.data.__class__ is dict:
        return above.path
    path = (*above.path, len(above.data))
    lines[path] = line
    return path


def _put(above: _Open | None, value: object, root: list[object]) -> None:
    if above is None:
        root.append(value)
    elif isinstance(above.data, list):
        above.data.append(value)
    else:
        above.data[above.key] = value
        above.waiting = False
        above.path = above.path[:-1]
