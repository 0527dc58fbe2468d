"""Read policy files: all of them together, or none. The caller keeps the last good PolicySet."""

from __future__ import annotations

import difflib
import hashlib
import os
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from catalog.dialect.parse import parse_expression as parse_trino
from policies.compile import Secrets, compile_policies
from policies.document import Document
from policies.expressions import ParseExpression, TypeOf
from policies.faults import Fault, Origin, PolicyError
from policies.index import PolicySet
from policies.overlay import overlay, stored_origin
from policies.quick_yaml import Lines, read_quickly
from policies.sources import Source, dotted


@dataclass(frozen=True, slots=True)
class Files:
    """Policy files as they were read together: their documents, and a hash of their texts."""

    sources: tuple[Source, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A policy document that is kept elsewhere than in a file, in JSON."""

    name: str
    text: str


def load_policies(
    paths: Sequence[Path],
    parse_expression: ParseExpression = parse_trino,
    *,
    type_of: TypeOf | None = None,
    secrets: Secrets = os.environ.get,
) -> PolicySet:
    """Read files into one PolicySet. Raises PolicyError that lists every fault with file, path, line and mend.

    `parse_expression` reads one Trino expression and raises Refusal; `type_of` types it over a table's raw columns,
    at the first sight of that table; `secrets` looks up the keys of hashes.
    """
    return join_policies(read_files(paths), (), parse_expression, type_of=type_of, secrets=secrets)


def read_files(paths: Sequence[Path]) -> Files:
    """Read files, not compiled yet. Raises PolicyError that lists every fault."""
    faults: list[Fault] = []
    sources: list[Source] = []
    digest = hashlib.sha256()
    if not paths:
        raise PolicyError([Fault(Origin("", "", 0), "no policy file is configured")])
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault(Origin(str(path), "", 0), f"cannot be read: {error}"))
            continue
        digest.update(len(text).to_bytes(8, "big") + text.encode())
        source = read_document(text, str(path), faults)
        if source is not None:
            sources.append(source)
    if faults:
        raise PolicyError(faults)
    return Files(tuple(sources), digest.hexdigest())


def join_policies(
    files: Files,
    stored: Sequence[StoredDocument],
    parse_expression: ParseExpression = parse_trino,
    *,
    type_of: TypeOf | None = None,
    secrets: Secrets = os.environ.get,
) -> PolicySet:
    """Compile files, and documents kept elsewhere, into one PolicySet. Raises PolicyError as `load_policies` does."""
    faults: list[Fault] = []
    above = [source for each in stored if (source := _read_stored(each, faults)) is not None]
    if faults:
        raise PolicyError(faults)
    digest = files.digest
    for each in stored:
        digest = hashlib.sha256(f"{digest} {each.name} {each.text}".encode()).hexdigest()
    sources = overlay(files.sources, above)
    return compile_policies(sources, parse_expression, version=digest[:16], secrets=secrets, type_of=type_of)


def _read_stored(stored: StoredDocument, faults: list[Fault]) -> Source | None:
    origin = stored_origin(stored.name)
    try:
        return Source(origin, Document.model_validate_json(stored.text))
    except ValidationError as error:
        found = error.errors()
        faults.extend(Fault(Origin(origin, dotted(each["loc"]), 1), each["msg"]) for each in found)
        return None


def read_document(text: str, file: str, faults: list[Fault]) -> Source | None:
    """Check the form of one file; None if it has faults, which are added to the list."""
    found = len(faults)
    quick = read_quickly(text)
    if quick is not None:
        data, lines = quick
    else:
        try:
            data, lines = _read_slowly(text, file, faults)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            faults.append(Fault(Origin(file, "", line), f"not YAML: {error.problem}"))
            return None
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            faults.append(Fault(Origin(file, "", 1), f"not YAML: {error}"))
            return None
    try:
        document = Document.model_validate(_undotted(data))
    except ValidationError as error:
        faults.extend(_explain(error, file, lines))
        return None
    return Source(file, document, lines) if len(faults) == found else None


def _read_slowly(text: str, file: str, faults: list[Fault]) -> tuple[object, Lines]:
    """Read YAML in all its forms; keys that stand twice are faults. Raises YAMLError, RecursionError, ValueError."""
    lines: Lines = {}
    loader = yaml.SafeLoader(text)
    node = loader.get_single_node()
    faults.extend(_note(node, (), lines, file))
    lines.setdefault((), 1)  # an empty file has no node, and its faults need a line too
    return (loader.construct_document(node) if node is not None else None), lines


def _note(node: yaml.Node | None, path: tuple[str | int, ...], lines: Lines, file: str) -> Iterator[Fault]:
    """Note the line of every path of keys, and report keys given twice."""
    if node is None:
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, key.value)
            line = key.start_mark.line + 1
            if below in lines:
                yield Fault(Origin(file, dotted(below), line), "this key stands twice")
            lines[below] = line
            yield from _note(value, below, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _note(item, (*path, number), lines, file)


def _undotted(data: object) -> object:
    """Read `clickhouse.column_masks:` as `column_masks` under `clickhouse`."""
    if not isinstance(data, dict):
        return data
    plain = {key: value for key, value in data.items() if not str(key).startswith("clickhouse.")}
    for key, value in data.items():
        if str(key).startswith("clickhouse."):
            part = plain.setdefault("clickhouse", {})
            if isinstance(part, dict):
                part.setdefault(str(key).removeprefix("clickhouse."), value)
    return plain


def _explain(error: ValidationError, file: str, lines: Lines) -> Iterator[Fault]:
    """Turn a validation error into faults with line and nearest known key."""
    for item in error.errors():
        path: tuple[str | int, ...] = ()
        models: list[type[BaseModel]] = [Document]
        for depth, part in enumerate(item["loc"], start=1):
            absent = item["type"] == "missing" and depth == len(item["loc"])
            if (*path, part) in lines or absent:
                path = (*path, part)
                models = [m for model in models for m in _models_at(model, part)] or models
        known = path
        while known not in lines:
            known = known[:-1]
        origin = Origin(file, dotted(path), lines[known])
        if item["type"] == "extra_forbidden":
            names = sorted({f.alias or n for model in models for n, f in model.model_fields.items()})
            near = difflib.get_close_matches(str(path[-1]), names, n=1, cutoff=0.5)
            hint = f"Did you mean `{near[0]}`?" if near else f"Known keys: {', '.join(names)}"
            yield Fault(origin, f"unknown key `{path[-1]}`", hint)
        elif item["type"] == "missing":
            yield Fault(origin, "is missing, and it has no default")
        else:
            yield Fault(origin, item["msg"].removeprefix("Value error, "))


def _models_at(model: type[BaseModel], part: str | int) -> Iterator[type[BaseModel]]:
    """Yield the models that may stand below a key."""
    for name, info in model.model_fields.items():
        if part in (name, info.alias):
            yield from _models(info.annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    origin = get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif origin is Annotated:
        yield from _models(get_args(annotation)[0])
    elif origin in (Union, types.UnionType, tuple, list, dict):
        for argument in get_args(annotation):
            yield from _models(argument)
