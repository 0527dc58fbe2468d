"""The admin port's application: the API, the partners' paths at its root, and health beside them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from gateway.admin.api import (
    changesets,
    diff,
    entitlements,
    lint,
    me,
    partners,
    policies,
    policy_tests,
    simulate,
    tokens,
    usage,
)
from gateway.admin.api.problems import PROBLEMS, ProblemBody, answer_problems
from gateway.admin.api.rooms import Rooms
from gateway.admin.console.app import console
from gateway.admin.health import Check, health_routes

API = "/api/v1"
_VERSIONED = (
    me.router,
    simulate.router,
    policy_tests.router,
    policies.router,
    lint.router,
    changesets.router,
    diff.router,
)
_AT_THE_ROOT = (partners.router, entitlements.router, tokens.router, usage.router)
"""The partners' paths, where their contract puts them."""


def admin_app(rooms: Rooms, checks: Mapping[str, Check]) -> FastAPI:
    """Return the application of the admin port."""
    app = FastAPI(
        title="Penstock admin API",
        version=version("penstock"),
        description="Policies as versions, partners as tenants, and an audit. Refusals are problem+json (RFC 9457).",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.rooms = rooms
    answer_problems(app)
    api = APIRouter(prefix=API, responses=PROBLEMS)
    for router in _VERSIONED:
        api.include_router(router)
    app.include_router(api)
    for router in _AT_THE_ROOT:
        app.include_router(router, responses=PROBLEMS)
    routes: list[BaseRoute] = [*health_routes(checks), *console(rooms, checks)]
    app.router.routes.extend(routes)
    _describe_problems(app)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Put the form of problems into the description, in the place of FastAPI's own."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = made()
            schemas = described.setdefault("components", {}).setdefault("schemas", {})
            found = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(found.pop("$defs"))
            schemas["ProblemBody"] = found
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]
