"""Make FastAPI's description say what is: the form of problems, which every operation may answer, what is required."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.admin.api.problems import MEDIA_TYPE, ProblemBody

_SCHEMA = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
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
    for operation in operations(described):
        for parameter in operation.get("parameters", ()):
            _without_null(parameter)
        if "requestBody" in operation:
            operation["responses"] |= _WITH_BODY


def operations(described: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every operation of a description."""
    for item in described["paths"].values():
        yield from item.values()


def _without_null(parameter: dict[str, Any]) -> None:
    """Take NULL out of what a parameter may be: a URL and a header cannot say it, a parameter can be left out."""
    schema = parameter["schema"]
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1 and len(choices) < len(schema["anyOf"]):
        del schema["anyOf"]
        schema |= choices[0]
        if schema.get("default", "") is None:
            del schema["default"]
