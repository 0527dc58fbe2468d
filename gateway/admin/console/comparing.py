"""Pages that judge policies before they act: lint, a comparison over recorded queries, what a shadow has shown."""

from __future__ import annotations

from uuid import UUID

from starlette.responses import Response

from gateway.admin.api.changeset_forms import ChangesetShown
from gateway.admin.api.changesets import get_changeset
from gateway.admin.api.diff import get_diff, list_diffs, start_diff
from gateway.admin.api.lint import Asked, lint_policies
from gateway.admin.api.paging import cursor, no_such_page
from gateway.admin.api.problems import Problem, unfit
from gateway.admin.api.shadow import get_shadow
from gateway.admin.console.visiting import Visit, see_other

_PAGE = 50
_FINDINGS = 100
_GROUPS = 100
"""How many groups of a comparison are shown."""
_CHOICES = {"days": (1, 7, 30, 90), "sample": (0, 5, 20)}


async def lint(visit: Visit) -> Response:
    """Show what lint finds in what is in force, or in what a changeset would make of it."""
    asked = visit.asked("changeset")
    changeset = await _changeset(visit, asked) if asked else None
    start = _place(visit)
    found = await lint_policies(Asked(changeset=changeset.id if changeset else None), visit.caller, visit.rooms)
    shown, end = found.findings[start : start + _FINDINGS], start + _FINDINGS
    return visit.page(
        "lint.html",
        found=found,
        changeset=changeset,
        shown=shown,
        next=visit.address(after=cursor(str(end)) if end < len(found.findings) else None),
        beyond=found.errors + found.warnings + found.notes - len(found.findings) if end >= len(found.findings) else 0,
    )


def _place(visit: Visit) -> int:
    """Return at which finding a page begins. Raises Problem 404."""
    text = visit.position("after") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise no_such_page()
    return int(text)


async def comparisons(visit: Visit) -> Response:
    """Show a changeset's comparisons, and the form to begin one."""
    changeset = await _changeset(visit, visit.request.path_params["id"])
    found = await list_diffs(changeset.id, visit.caller, visit.rooms, visit.position("after"), _PAGE)
    address = visit.address(after=found.next)
    return visit.page("diffs.html", changeset=changeset, diffs=found.items, next=address, choices=_CHOICES)


async def begin(visit: Visit) -> Response:
    """Begin to compare, and show how far it is."""
    changeset = await _changeset(visit, visit.request.path_params["id"])
    days, sample = (_choice(visit, name) for name in ("days", "sample"))
    made = await start_diff(changeset.id, visit.caller, visit.rooms, Response(), days, sample)
    return see_other(f"/ui/diffs/{made.id}")


def _choice(visit: Visit, name: str) -> int:
    given = visit.form.get(name, "")
    found = next((each for each in _CHOICES[name] if str(each) == given), None)
    if found is None:
        raise unfit(name, "is none of what the form offers", "Open the page again.")
    return found


async def comparison(visit: Visit) -> Response:
    """Show a comparison: how far it is, then its report."""
    found = await get_diff(_id(visit.request.path_params["id"]), visit.caller, visit.rooms)
    groups = found.report.groups[:_GROUPS] if found.report is not None else []
    return visit.page("diff.html", found=found, groups=groups)


async def shadow(visit: Visit) -> Response:
    """Show in what a shadow differed from what is live."""
    changeset = await _changeset(visit, visit.request.path_params["id"])
    found = await get_shadow(changeset.id, visit.caller, visit.rooms, visit.position("after"), _PAGE)
    return visit.page("shadow.html", changeset=changeset, found=found, next=visit.address(after=found.next))


async def _changeset(visit: Visit, text: str) -> ChangesetShown:
    return await get_changeset(_id(text), visit.caller, visit.rooms, Response())


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Problem(404, "not_found", "There is no such changeset or comparison.") from None
