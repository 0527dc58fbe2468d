"""Change stored policies: read, apply, compile, check, write; the policies in force stay unless all of it succeeds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from catalog.errors import ErrorCode, Location, Refusal
from catalog.objects import TableName
from gateway.policy_files import PolicyFiles, compile_together
from gateway.policy_store.edits import EMPTY, PolicyEdit, document_text
from gateway.policy_store.store import ChangeUnknown, PolicyStore, PolicyStoreError, StaleVersion, Version
from policies.document import Document
from policies.faults import PolicyError
from policies.index import PolicySet

_TRIES = 8
"""How often a change is made anew of what another writer has just made live."""
Allowed = Callable[[PolicySet, TableName], bool]
Alone = Callable[[TableName], Awaitable[bool]]
"""Tell whether nobody else writes into a table now; False where that is not sure."""


def cannot_manage(table: TableName) -> Refusal:
    """Return the refusal of who may not manage a table's policies, the same whether there is such a table or not."""
    return Refusal(ErrorCode.PERMISSION_DENIED, f"Access Denied: Cannot manage policies of table {table}")


async def change_policies(files: PolicyFiles, edit: PolicyEdit, author: str, allowed: Allowed, alone: Alone) -> None:
    """Make a change live, here at once; others read it from the store. Raises Refusal, and nothing has changed then."""
    store = files.store
    if store is None:
        raise Refusal(ErrorCode.NOT_SUPPORTED, "This gateway keeps no policies beside its files.")
    async with files.lock:
        try:
            for _ in range(_TRIES):
                await files.follow_store()
                if edit.manages is not None and not allowed(files.current(), edit.manages):
                    raise cannot_manage(edit.manages)
                try:
                    return await _try(files, store, edit, author, alone)
                except StaleVersion:
                    continue
        except ChangeUnknown:
            message = "The policy store fell silent: whether the change was made is not known."
            raise Refusal(ErrorCode.GENERIC_EXTERNAL, message, hint="Look again when it answers.") from None
        except PolicyStoreError as error:
            message = "The policy store does not answer: nothing was changed, and the policies before stay in force."
            raise Refusal(ErrorCode.GENERIC_EXTERNAL, message, hint="Try again.", detail=str(error)) from None
    message = "Other changes of policies came before this one again and again: nothing was changed."
    raise Refusal(ErrorCode.TRANSACTION_CONFLICT, message, location=Location(1, 1), hint="Try again.")


async def _try(files: PolicyFiles, store: PolicyStore, edit: PolicyEdit, author: str, alone: Alone) -> None:
    """Make the change of what is live now. Raises StaleVersion where that is not live any more, Refusal.

    Who else writes is asked after that was read: who begins later makes a version of his own.
    """
    live, start = await store.live(), time.monotonic()
    before = next((each for each in live if each.name == edit.document), None)
    document = Document.model_validate_json(before.document) if before is not None else EMPTY
    after = edit.apply(document, alone=not edit.takes or (edit.into is not None and await alone(edit.into)))
    if after is None:
        return
    made = _unwritten(before, edit, document_text(after), author)
    others = tuple(each for each in live if each.name != edit.document)
    compiled = await asyncio.to_thread(_compiled, files, _sorted((*others, made)), edit, after)
    beside = {each.name: each.id for each in others}
    written = await store.replace(
        edit.document, made.parent, made.document, author=author, note=edit.note, beside=beside
    )
    await files.accept(_sorted((*others, written)), compiled, time.monotonic() - start)


def _compiled(files: PolicyFiles, live: tuple[Version, ...], edit: PolicyEdit, after: Document) -> PolicySet:
    try:
        compiled = compile_together(files.files, live, files.type_of)
    except PolicyError as error:
        raise edit.refusal(error.faults, after) from None
    edit.check(after, compiled)
    return compiled


def _unwritten(before: Version | None, edit: PolicyEdit, text: str, author: str) -> Version:
    parent = before.version if before is not None else 0
    return Version("", edit.document, parent + 1, parent, "live", author, edit.note, 0.0, text)


def _sorted(live: tuple[Version, ...]) -> tuple[Version, ...]:
    """Order documents as the store gives them: the version of policies depends on it."""
    return tuple(sorted(live, key=lambda each: each.name))
