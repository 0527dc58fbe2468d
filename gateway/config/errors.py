"""Say what is wrong with a configuration: the path, the fault, and the nearest known key."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError


class ConfigError(Exception):
    """Hold every fault of a configuration, one line each."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Keep the faults in the file's order."""
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


def explain(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """Turn a validation error into lines `path: fault`, with the nearest key for an unknown one."""
    faults = []
    items = error.errors()
    for item in items:
        if item["type"] == "too_short" and any(_within(other["loc"], item["loc"]) for other in items):
            continue  # pydantic counts only the entries that passed; the faulty ones are named already
        loc, models = _walk(item["loc"], root)
        path = _dotted(loc)
        if item["type"] == "extra_forbidden":
            known = sorted({f.alias or n for model in models for n, f in model.model_fields.items()})
            faults.append(f"{path}: unknown key{_nearest(str(loc[-1]), known)}")
        elif item["type"] == "missing":
            faults.append(f"{path}: missing, and it has no default")
        else:
            message = item["msg"].removeprefix("Value error, ")
            faults.append(f"{path}: {message}" if path else message)
    return faults


def _within(inner: tuple[str | int, ...], outer: tuple[str | int, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _nearest(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; known keys: {', '.join(known)}" if known else ""


def _dotted(loc: Sequence[str | int]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _walk(loc: tuple[str | int, ...], root: type[BaseModel]) -> tuple[list[str | int], list[type[BaseModel]]]:
    """Follow a location through the models; drop the union tags that pydantic puts between."""
    kept: list[str | int] = []
    models: list[type[BaseModel]] = [root]
    for position, part in enumerate(loc):
        if isinstance(part, int):
            kept.append(part)
            continue
        inner = [
            m for model in models if part in model.model_fields for m in _models(model.model_fields[part].annotation)
        ]
        tagged = [m for m in models if _tag(m) == part]
        if tagged and not any(part in m.model_fields for m in models):
            models = tagged
            continue
        kept.append(part)
        if position < len(loc) - 1:
            models = inner
    return kept, models


def _tag(model: type[BaseModel]) -> str | None:
    kind = model.model_fields.get("kind")
    values = get_args(kind.annotation) if kind is not None else ()
    return values[0] if len(values) == 1 else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    origin = get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif origin is Annotated:
        yield from _models(get_args(annotation)[0])
    elif origin in (Union, types.UnionType, tuple, list, dict):
        for argument in get_args(annotation):
            yield from _models(argument)
