"""What would be in force if a changeset were live now: its edits over the live documents, compiled with the files."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from gateway.admin.api.problems import Problem
from gateway.admin.api.rooms import Rooms
from gateway.changesets.model import OPEN, Changeset
from gateway.changesets.naming import tables_of
from gateway.changesets.placing import placed
from gateway.changesets.proposing import Write, after, conflicts, written
from gateway.changesets.store import ChangesetStore, changesets_of
from gateway.house import House
from gateway.policy_files import PolicyFiles, compile_together
from gateway.policy_store.store import Version
from policies.faults import PolicyError
from policies.index import PolicySet
from policies.overlay import stored_origin

_KEPT = 8
Key = tuple[object, ...]
_recent: WeakKeyDictionary[PolicyFiles, OrderedDict[Key, PolicySet]] = WeakKeyDictionary()
"""Sets compiled of late: a draft is simulated, tested and compared before it changes again."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A changeset over what is live: what would be written, and the policies that would come of it."""

    changeset: Changeset
    live: tuple[Version, ...]
    writes: tuple[Write, ...]
    policies: PolicySet

    @property
    def heads(self) -> Mapping[str, str]:
        """Return the ids of the live versions that it was compiled with."""
        return {each.name: each.id for each in self.live}


async def candidate(rooms: Rooms | House, changeset_id: str) -> tuple[Changeset, PolicySet]:
    """Return an open changeset, and the policies as they would be if it were live now.

    Raises Problem where there is none, where it has ended, or where what it edits was changed meanwhile; PolicyError
    with every fault where the policies are not whole with it; PolicyStoreError.
    """
    house = rooms.house if isinstance(rooms, Rooms) else rooms
    store = changesets_of(house.policies)
    changeset = await store.get(changeset_id)
    if changeset.state not in OPEN:
        detail = f"The changeset {changeset_id} is {changeset.state}: only drafts and shadows are yet to come."
        raise Problem(409, "not_open", detail)
    proposal = await propose(house, store, changeset, await store.policies.live())
    return changeset, proposal.policies.with_partners(house.policies.current().partners)


async def propose(house: House, store: ChangesetStore, changeset: Changeset, live: tuple[Version, ...]) -> Proposal:
    """Compile a changeset over live documents, off the loop, and hold it against the tables that it names.

    Raises as `candidate`.
    """
    now = {each.name: each for each in live}
    moved = conflicts(changeset, await based_on(store, changeset, now), now)
    if moved:
        raise Problem(409, "changed_meanwhile", f"{moved[0].field}: {moved[0].reason}", errors=moved)
    writes = await asyncio.to_thread(written, changeset.edits, now, house.policies.files)
    try:
        policies = await compiled(house.policies, (changeset.id, changeset.revision), live, writes)
        await check_tables(house, changeset, policies, writes)
    except PolicyError as error:
        raise placed(error, changeset.edits, writes) from None
    return Proposal(changeset, live, writes, policies)


async def based_on(store: ChangesetStore, changeset: Changeset, now: Mapping[str, Version]) -> dict[str, Version]:
    """Return the versions of the documents that a changeset edits as they were when it was begun."""
    found: dict[str, Version] = {}
    for name in changeset.documents:
        head, live = changeset.base.get(name), now.get(name)
        if head is not None:
            version = live if live is not None and live.id == head else await store.policies.version(head)
            if version is not None:
                found[name] = version
    return found


async def compiled(files: PolicyFiles, which: Key, live: Sequence[Version], writes: Sequence[Write]) -> PolicySet:
    """Return the policies of files and documents with writes made, compiled once for the same. Raises PolicyError."""
    kept = _recent.setdefault(files, OrderedDict())
    key = (*which, files.files.digest, tuple((each.name, each.id) for each in live))
    if key not in kept:
        documents = after(live, writes)
        kept[key] = await asyncio.to_thread(compile_together, files.files, documents, files.type_of)
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    return kept[key]


async def check_tables(house: House, changeset: Changeset, policies: PolicySet, writes: Sequence[Write]) -> None:
    """Hold what a changeset says of tables against their columns and types. Raises PolicyError."""
    own = {stored_origin(each.name) for each in writes}
    faults = {}
    for name in sorted(tables_of(changeset.edits)):
        table = await house.catalog.fetch(name) if name.catalog in house.catalog.catalogs else None
        if table is not None:
            found = await asyncio.to_thread(policies.check, table)
            faults.update({(fault.origin, fault.message): fault for fault in found if fault.origin.file in own})
    if faults:
        raise PolicyError(tuple(faults.values()))
