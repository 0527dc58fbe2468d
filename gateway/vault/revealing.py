"""Turn tokens back into values: with a grant, with a reason, and never without a record of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table
from gateway.audit.entries import Entry, entry
from gateway.vault.asked import Reveal
from gateway.vault.store import Sealed, VaultError, VaultStore
from policies.decisions import Action, Subject
from policies.faults import Unfit
from policies.index import PolicySet
from policies.vault import Tampered, Vaulted, token_masks, vaulted

Record = Callable[[Entry], Awaitable[None]]
"""Writes an entry of the audit for good, or raises."""
_SHORTEST_REASON, _LONGEST_REASON = 8, 500


async def reveal(
    asked: Reveal,
    subject: Subject,
    table: Table | None,
    policies: PolicySet,
    store: VaultStore,
    record: Record,
    query_id: str = "",
) -> str:
    """Return the value behind a token. Raises Refusal; either way the audit says who asked for what and why."""
    try:
        value = await _value(asked, subject, table, policies, store)
    except Refusal as refusal:
        await _note(asked, subject, record, query_id, "refused", refusal.code.name)
        raise
    await _note(asked, subject, record, query_id, "done", "")
    return value


async def _note(asked: Reveal, subject: Subject, record: Record, query_id: str, outcome: str, code: str) -> None:
    detail = {"column": asked.column, "token": asked.token[:128], "reason": asked.reason[:_LONGEST_REASON]}
    made = entry(
        "detokenise",
        actor=subject.authenticated or subject.user,
        user=subject.user,
        subject=str(asked.table),
        outcome=outcome,
        detail={**detail, **({"code": code} if code else {}), **({"query": query_id} if query_id else {})},
    )
    try:
        await record(made)
    except Exception:  # noqa: BLE001  (whatever keeps the audit from being written, nothing is revealed without it)
        message = "The audit cannot be written, and nothing is revealed without it."
        raise Refusal(ErrorCode.GENERIC_EXTERNAL, message, hint="Try again.") from None


async def _value(asked: Reveal, subject: Subject, table: Table | None, policies: PolicySet, store: VaultStore) -> str:
    reason = asked.reason.strip()
    if not _SHORTEST_REASON <= len(reason) <= _LONGEST_REASON:
        message = f"A token is revealed for a reason: write {_SHORTEST_REASON} to {_LONGEST_REASON} characters of it."
        raise Refusal(ErrorCode.INVALID_PROCEDURE_ARGUMENT, message)
    spaces = openable(asked, subject, table, policies)
    for space in spaces:
        beginning = space.beginning(asked.token)
        found = await _found(space, beginning, store) if beginning is not None else ()
        if len(found) > 1:
            raise Refusal(ErrorCode.NOT_SUPPORTED, "Two values have this token: it cannot be turned back.")
        if found:
            return _opened(space, found[0])
    message = "The vault keeps no value for this token."
    raise Refusal(ErrorCode.NOT_FOUND, message, hint="Values are kept ahead: run `penstock vault fill`.")


def openable(asked: Reveal, subject: Subject, table: Table | None, policies: PolicySet) -> tuple[Vaulted, ...]:
    """Return how the tokens of a column are made that the caller may turn back.

    Raises Refusal, the same for all that the caller may not know of.
    """
    denied = Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: Cannot reveal tokens of {asked.table}")
    if table is None:
        raise denied
    seen = policies.decide(subject, Action.SELECT, table)
    may = policies.decide(subject, Action.REVEAL, table)
    if not (seen.allowed and may.allowed) or asked.column not in seen.columns or asked.column not in may.columns:
        raise denied
    column = table.by_name[asked.column]
    specs = token_masks(policies, table.name, column.name)
    if not specs:
        message = f"Column '{asked.column}' has no tokens that can be turned back"
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint="Its mask must be of kind token with `vault: true`.")
    try:
        return tuple(vaulted(spec, column.type, policies.keys, subject) for spec in specs)
    except Unfit:
        raise denied from None


async def _found(space: Vaulted, beginning: str, store: VaultStore) -> tuple[Sealed, ...]:
    try:
        return await store.find(space.space, beginning)
    except VaultError as error:
        message = "The vault does not answer."
        raise Refusal(ErrorCode.GENERIC_EXTERNAL, message, hint="Try again.", detail=str(error)) from None


def _opened(space: Vaulted, found: Sealed) -> str:
    try:
        return space.open(found.digest, found.sealed)
    except Tampered:
        message = "What the vault keeps for this token was not sealed by this gateway's key."
        raise Refusal(ErrorCode.GENERIC_EXTERNAL, message, hint="Tell an administrator.") from None
