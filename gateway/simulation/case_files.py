"""Read files of policy tests: each whole, or every fault with its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from gateway.simulation.cases import CaseFile
from policies.faults import Fault, Origin, PolicyError
from policies.sources import dotted

Lines = dict[tuple[str | int, ...], int]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file of tests, and where each stands."""

    path: Path
    content: CaseFile
    lines: Lines

    def line(self, number: int, *keys: str) -> int:
        """Return the line of a test, or of a key in it."""
        for depth in range(len(keys), -1, -1):
            known = self.lines.get(("tests", number, *keys[:depth]))
            if known is not None:
                return known
        return 1


def read_cases(path: Path) -> ReadFile:
    """Read one file. Raises PolicyError with every fault."""
    try:
        text = path.read_text(encoding="utf-8")
        lines: Lines = {}
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        twice = list(_note(node, (), lines, str(path)))
        data = loader.construct_document(node) if node is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError([Fault(Origin(str(path), "", 0), f"cannot be read: {error}")]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PolicyError([Fault(Origin(str(path), "", line), f"not YAML: {error.problem}")]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise PolicyError([Fault(Origin(str(path), "", 1), f"not YAML: {error}")]) from None
    if twice:
        raise PolicyError(twice)
    try:
        return ReadFile(path, CaseFile.model_validate(data), lines)
    except ValidationError as error:
        raise PolicyError(list(_faults(error, str(path), lines))) from None


def _note(node: yaml.Node | None, path: tuple[str | int, ...], lines: Lines, file: str) -> Iterator[Fault]:
    """Note the line of every path of keys, and report keys given twice."""
    if node is None:
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below, line = (*path, str(key.value)), key.start_mark.line + 1
            if below in lines:
                yield Fault(Origin(file, dotted(below), line), "this key stands twice")
            lines[below] = line
            yield from _note(value, below, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _note(item, (*path, number), lines, file)


def _faults(error: ValidationError, file: str, lines: Lines) -> Iterator[Fault]:
    seen = set()
    for item in error.errors():
        path: tuple[str | int, ...] = ()
        for part in item["loc"]:
            if (*path, part) in lines or item["type"] == "missing":
                path = (*path, part)
        known = path
        while known and known not in lines:
            known = known[:-1]
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "unknown key"
        elif item["type"] == "missing":
            message = "is missing, and it has no default"
        found = Fault(Origin(file, dotted(path), lines.get(known, 1)), message)
        if found not in seen:
            seen.add(found)
            yield found
