"""Changesets in the store: each change in one transaction with its audit entry, by who knows the revision."""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Select, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.admin.api.problems import Problem
from gateway.audit.entries import Entry, entry
from gateway.changesets.model import Changeset, Moved, State, edits_text
from gateway.changesets.proposing import Write, differences
from gateway.changesets.rows import (
    HEAD_COLUMNS,
    Change,
    Head,
    listed,
    short_key,
    to_change,
    to_changeset,
    to_head,
    to_row,
)
from gateway.policy_files import PolicyFiles
from gateway.policy_store.store import (
    Declined,
    PolicyStore,
    StaleVersion,
    Version,
    alone,
    change_entry,
    put_version,
    read_heads,
    retire,
)
from gateway.recording.changeset_tables import changesets, policy_changes
from gateway.recording.tables import policies

Step = Literal["begin", "edit", "submit", "recall", "rebase", "promote", "roll back", "discard"]
_TRIES = 8


class StaleRevision(Declined):
    """The changeset is not what the writer saw any more; nothing was written."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a step left: the changeset as it is, and the versions that it made live."""

    changeset: Changeset
    made: tuple[Version, ...] = ()


def changesets_of(files: PolicyFiles) -> ChangesetStore:
    """Return the changesets beside a gateway's policies. Raises Problem 409 where it keeps none."""
    if files.store is None:
        raise Problem(409, "no_policy_store", "This gateway keeps no policies beside its files (store.policies).")
    return ChangesetStore(files.store)


class ChangesetStore:
    """Keep changesets beside the documents that they edit. Methods raise as those of PolicyStore."""

    def __init__(self, store: PolicyStore) -> None:
        """Share the connections of the policies' own store."""
        self.policies = store

    async def get(self, changeset_id: str) -> Changeset:
        """Return a changeset. Raises Problem 404."""
        found = await self._read(select(changesets).where(changesets.c.id == changeset_id))
        if not found:
            raise Problem(404, "not_found", f"There is no changeset {changeset_id}.")
        return found[0]

    async def page(
        self, state: State | None, author: str | None, before: int | None, limit: int
    ) -> tuple[Changeset, ...]:
        """Return changesets, the youngest first, that were begun before a number."""
        return await self._read(listed(select(changesets), state, author, before).limit(limit))

    async def heads(self, state: State | None, author: str | None, before: int | None, limit: int) -> tuple[Head, ...]:
        """Return what lists show of changesets, as `page` does: without reading their edits."""
        query = listed(select(*(changesets.c[name] for name in HEAD_COLUMNS)), state, author, before).limit(limit)

        async def work(connection: AsyncConnection) -> tuple[Head, ...]:
            return tuple(to_head(row) for row in (await connection.execute(query)).mappings())

        return await self.policies.read(work)

    async def begin(self, made: Changeset) -> Changeset:
        """Keep a new changeset."""
        for left in reversed(range(_TRIES)):
            try:
                return await self._begin(made)
            except StaleVersion:  # another had the same number first
                if not left:
                    raise
        raise AssertionError

    async def _begin(self, made: Changeset) -> Changeset:
        async def work(connection: AsyncConnection) -> Changeset:
            await alone(connection)
            last = select(func.coalesce(func.max(changesets.c.number), 0))
            numbered = replace(made, number=int((await connection.execute(last)).scalar_one()) + 1)
            await connection.execute(insert(changesets).values(to_row(numbered)))
            return numbered

        async def written(connection: AsyncConnection) -> Changeset | None:
            return await _find(connection, made.id)

        return await self.policies.write(work, lambda done: [step_entry("begin", done, done.author)], written)

    async def change(self, seen: Changeset, made: Changeset, step: Step, by: str) -> Changeset:
        """Put a changeset in the place of the one seen. Raises StaleRevision."""
        changed = replace(made, revision=seen.revision + 1, changed_at=time.time())

        async def work(connection: AsyncConnection) -> Changeset:
            await _replace(connection, seen, changed)
            return changed

        return await self.policies.write(
            work, lambda done: [step_entry(step, done, by)], lambda connection: _come(connection, changed)
        )

    async def apply(
        self, seen: Changeset, made: Changeset, step: Step, by: str, writes: Sequence[Write], heads: Mapping[str, str]
    ) -> Done:
        """Make writes live with the changeset that is about them, all or nothing.

        `heads` are the live versions that they were found to go with. Raises StaleVersion where others are live by
        now, StaleRevision where the changeset is not the one seen.
        """
        changed = replace(made, revision=seen.revision + 1, changed_at=time.time())
        versions = {each.name: _version(each, changed, step, by) for each in writes}
        changes = await asyncio.to_thread(lambda: {each.name: tuple(differences(each)) for each in writes})

        async def work(connection: AsyncConnection) -> Done:
            await alone(connection)
            if await read_heads(connection) != dict(heads):
                raise StaleVersion
            made_live = []
            for write in writes:
                version = versions[write.name]
                if version is not None:
                    version = await put_version(connection, version)
                    made_live.append(version)
                elif write.before is not None:
                    await retire(connection, write.name, write.before.version)
            kept = changed if step != "promote" else replace(changed, moved=_moved(writes, versions))
            await _replace(connection, seen, kept)
            await _note_changes(connection, changes, versions, kept, by)
            return Done(kept, tuple(made_live))

        async def written(connection: AsyncConnection) -> Done | None:
            come = await _come(connection, changed)
            return Done(come) if come is not None else None

        def told(done: Done) -> list[Entry]:
            gone = [each.name for each in writes if each.text is None]
            return [*map(change_entry, done.made), step_entry(step, done.changeset, by, gone=gone)]

        return await self.policies.write(work, told, written)

    async def history(self, section: str, key: str, before: int | None, limit: int) -> tuple[Change, ...]:
        """Return who changed an entry, the latest change first."""
        its = policy_changes.c
        query = select(policy_changes).where(its.section == section, its.entry_key == short_key(key))
        if before is not None:
            query = query.where(its.serial < before)

        async def work(connection: AsyncConnection) -> tuple[Change, ...]:
            rows = await connection.execute(query.order_by(its.serial.desc()).limit(limit))
            return tuple(to_change(row) for row in rows.mappings())

        return await self.policies.read(work)

    async def versions(self, name: str, before: int | None, limit: int, *, texts: bool = False) -> tuple[Version, ...]:
        """Return the versions of a document below a number, the latest first; without what they say, if not asked."""
        kept = [
            column if texts or column.name != "document" else literal("").label("document") for column in policies.c
        ]
        query = select(*kept).where(policies.c.name == name)
        if before is not None:
            query = query.where(policies.c.version < before)
        ordered = query.order_by(policies.c.version.desc()).limit(limit)

        async def work(connection: AsyncConnection) -> tuple[Version, ...]:
            return tuple(Version(**row) for row in (await connection.execute(ordered)).mappings())

        return await self.policies.read(work)

    async def _read(self, query: Select[Any]) -> tuple[Changeset, ...]:
        async def work(connection: AsyncConnection) -> tuple[Changeset, ...]:
            return tuple(to_changeset(row) for row in (await connection.execute(query)).mappings())

        return await self.policies.read(work)


def step_entry(step: Step, changeset: Changeset, by: str, *, outcome: str = "done", **more: object) -> Entry:
    """Return what the audit keeps of a step: which edits, by their hash, and where the changeset is now."""
    detail = {
        "step": step,
        "state": changeset.state,
        "revision": changeset.revision,
        "title": changeset.title,
        "documents": list(changeset.documents),
        "edits": len(changeset.edits),
        "edits_sha256": hashlib.sha256(edits_text(changeset.edits).encode()).hexdigest(),
        **more,
    }
    return entry("policy.changeset", actor=by, subject=changeset.id, outcome=outcome, detail=detail)


async def _find(connection: AsyncConnection, changeset_id: str) -> Changeset | None:
    rows = (await connection.execute(select(changesets).where(changesets.c.id == changeset_id))).mappings()
    return next((to_changeset(row) for row in rows), None)


async def _come(connection: AsyncConnection, changed: Changeset) -> Changeset | None:
    """Return a changeset if it was changed as we did it, not as somebody else did meanwhile."""
    found = await _find(connection, changed.id)
    if found is None or found.revision != changed.revision:
        return None
    same = (found.state, found.edits, found.edited_by, found.promoted_by, round(found.changed_at, 3))
    ours = (changed.state, changed.edits, changed.edited_by, changed.promoted_by, round(changed.changed_at, 3))
    return found if same == ours else None


async def _replace(connection: AsyncConnection, seen: Changeset, changed: Changeset) -> None:
    its = changesets.c
    query = update(changesets).where(its.id == seen.id, its.revision == seen.revision, its.state == seen.state)
    if (await connection.execute(query.values(to_row(changed)))).rowcount != 1:
        raise StaleRevision(seen.id)


async def _note_changes(
    connection: AsyncConnection,
    changes: Mapping[str, Sequence[tuple[str, str, str]]],
    versions: Mapping[str, Version | None],
    by: Changeset,
    who: str,
) -> None:
    """Note which entries were changed; their order is that of the transactions, whatever the clocks say."""
    last = select(func.coalesce(func.max(policy_changes.c.serial), 0))
    serial = int((await connection.execute(last)).scalar_one()) + 1
    rows: dict[tuple[str, str, str], dict[str, object]] = {}
    for document, its in changes.items():
        version = versions[document]
        for section, key, op in its:
            version_id = version.id if version is not None else f"{by.id}:{by.revision}:{document}"
            rows[version_id, section, short_key(key)] = {
                "version_id": version_id,
                "section": section,
                "entry_key": short_key(key),
                "document": document,
                "op": op,
                "changeset": by.id,
                "author": who,
                "made_at": by.changed_at,
                "serial": serial,
            }
    if rows:
        await connection.execute(insert(policy_changes), list(rows.values()))


def _version(write: Write, changeset: Changeset, step: Step, by: str) -> Version | None:
    made = write.unwritten
    if made is None:
        return None
    note = f"{step} changeset {changeset.number}: {changeset.title}"
    return replace(made, id=str(uuid.uuid4()), author=by, note=note, made_at=changeset.changed_at)


def _moved(writes: Sequence[Write], versions: Mapping[str, Version | None]) -> dict[str, Moved]:
    found = {}
    for write in writes:
        version = versions[write.name]
        before = write.before.id if write.before is not None else None
        found[write.name] = Moved(before, version.id if version is not None else None)
    return found
