"""The admin port's application: the API, the partners' paths at its root, and health beside them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from gateway.admin.api import (
    audit,
    budgets,
    changesets,
    coach,
    costs,
    diff,
    entitlements,
    lint,
    me,
    overrides,
    partners,
    policies,
    policy_tests,
    rewriting,
    shadow,
    simulate,
    tokens,
    usage,
    views,
)
from gateway.admin.api.description import exact
from gateway.admin.api.problems import PROBLEMS, answer_problems
from gateway.admin.api.rooms import Rooms
from gateway.admin.api.strict import Strict
from gateway.admin.console.app import console
from gateway.admin.health import Check, health_routes

API = "/api/v1"
_VERSIONED = (
    audit.router,
    me.router,
    simulate.router,
    policy_tests.router,
    policies.router,
    lint.router,
    changesets.router,
    diff.router,
    shadow.router,
    overrides.router,  # before budgets: a budget is never called so
    budgets.router,
    coach.router,
    costs.router,
    views.router,
    rewriting.router,
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
    health = health_routes(checks)
    routes: list[BaseRoute] = [*health, *console(rooms, checks)]
    app.router.routes.extend(routes)
    _describe(app)
    app.add_middleware(Strict, describe=lambda: app.openapi(), apart={route.path for route in health})
    return app


def _describe(app: FastAPI) -> None:
    """Make the description exact where FastAPI's own is not: problems, parameters, required headers."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            exact(made())
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI means it to be replaced so
