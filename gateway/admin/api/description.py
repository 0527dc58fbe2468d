"""Make FastAPI's description say what is: the form of problems, which every operation may answer, what is required."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.admin.api.problems import MEDIA_TYPE, ProblemBody

_SCHEMA = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
_NO_NUL = r"^[^\x00]*$"
_WITH_BODY = {
    "413": {"description": "The body is too large", "content": _SCHEMA},
    "415": {"description": "The body is of another media type", "content": _SCHEMA},
}


def exact(described: dict[str, Any]) -> None:
    """Correct a description in place."""
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    found = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(found.pop("$defs"))
    schemas["ProblemBody"] = found
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _in_place(described, {name for name, schema in schemas.items() if not schema})
    for operation in operations(described):
        for parameter in operation.get("parameters", ()):
            _without_null(parameter)
            _without_nul(parameter["schema"])
        if "requestBody" in operation:
            operation["responses"] |= _WITH_BODY
    for schema in _taken(described):
        _without_nul(schema)


def operations(described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every operation of a description."""
    for item in described["paths"].values():
        yield from item.values()


def _taken(described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every schema that bodies of requests are held against, each once."""
    known = described["components"]["schemas"]
    waiting = [operation["requestBody"] for operation in operations(described) if "requestBody" in operation]
    seen: set[str] = set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting += found
            continue
        if not isinstance(found, dict):
            continue
        yield found
        waiting += [each for name, each in found.items() if name not in ("examples", "example", "default")]
        name = str(found.get("$ref", "")).removeprefix("#/components/schemas/")
        if name and name not in seen:
            seen.add(name)
            waiting.append(known[name])


def _in_place(described: dict[str, Any], anything: set[str]) -> None:
    """Say in its place that a value may be anything: a name for it tells nobody more, and its negation is nothing."""
    references = {f"#/components/schemas/{name}" for name in anything}
    waiting: list[Any] = [described]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict) and found.get("$ref") in references:
            del found["$ref"]
        waiting += found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    for name in anything:
        del described["components"]["schemas"][name]


def _without_nul(schema: dict[str, Any]) -> None:
    """Say of texts, and of names of members, what holds for all: no NUL bytes, which no store keeps."""
    if schema.get("type") == "string" and not schema.keys() & {"pattern", "format", "enum", "const"}:
        schema["pattern"] = _NO_NUL
    if isinstance(schema.get("additionalProperties"), dict | bool) and schema["additionalProperties"] is not False:
        schema["propertyNames"] = {"pattern": _NO_NUL, **schema.get("propertyNames", {})}


def _without_null(parameter: dict[str, Any]) -> None:
    """Take NULL out of what a parameter may be: a URL and a header cannot say it, a parameter can be left out."""
    schema = parameter["schema"]
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1 and len(choices) < len(schema["anyOf"]):
        del schema["anyOf"]
        schema |= choices[0]
        if schema.get("default", "") is None:
            del schema["default"]
