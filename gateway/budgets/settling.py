"""Move what statements took into the accounts, in the very transaction that brings their usage rows: exactly once.

The row that the store keeps of a statement says what it took; its charges say what the accounts have of that. Both are
brought together here, so that sending a row again changes nothing, and a row that replaces another one, which a crash
had cut off, changes what was charged by the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.recording.budget_tables import budget_accounts, budget_charges, budget_leases
from gateway.recording.tables import usage
from gateway.usage_record import Bill, Charge, UsageRecord
from policies.cost.money import MOST


class _Key(NamedTuple):
    query_id: str
    account: str


@dataclass(slots=True)
class _Moves:
    """What is to change; by account, by lease and by charge."""

    spent: dict[str, int] = field(default_factory=dict)
    settled: dict[tuple[str, str], int] = field(default_factory=dict)
    """By account and lease."""
    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)

    def add(self, key: _Key, charge: Charge, target: int, known: Charge | None) -> None:
        """Bring one charge to its target; `charge` is what was sent, or what is known where none was."""
        difference = target - (known.charged if known else 0)
        self.spent[key.account] = self.spent.get(key.account, 0) + difference
        if charge.lease and (known is None or not known.lease):
            lease = (key.account, charge.lease)
            self.settled[lease] = self.settled.get(lease, 0) + charge.charged
        if known is None:
            values = {"reserved": charge.reserved, "charged": target, "lease": charge.lease}
            self.new.append({"query_id": key.query_id, "account": key.account, **values})
        elif difference or (charge.lease and not known.lease):
            values = {"to": target, "by": charge.lease or known.lease}
            self.changed.append({"q": key.query_id, "a": key.account, **values})


async def move_charges(connection: AsyncConnection, records: Sequence[UsageRecord]) -> None:
    """Bring the accounts to what the rows say that were just written on this connection, which holds them."""
    sent = {record.query_id: record.bill for record in records if record.bill is not None}
    if not sent:
        return
    known = await _known(connection, list(sent))
    charges = {_Key(query_id, each.account): each for query_id, bill in sent.items() for each in bill.charges}
    keys = sorted(known.keys() | charges.keys())
    if not keys:
        return
    kept = await _kept(connection, sorted({key.query_id for key in keys}))
    moves = _Moves()
    patched: dict[str, list[Charge]] = {}
    for key in keys:
        charge = charges.get(key) or known[key]
        target = _target(kept.get(key.query_id), key.account)
        moves.add(key, charge, target, known.get(key))
        patched.setdefault(key.query_id, []).append(msgspec.structs.replace(charge, charged=target))
    await _write(connection, moves)
    await _patch(connection, kept, patched)


async def adjust(
    connection: AsyncConnection,
    query_id: str,
    entry: str,
    total: Bill,
    *,
    entries: Sequence[str] = (),
    leases: Mapping[str, str] | None = None,
) -> None:
    """Bring each account that a statement was charged to, to what it took in all; `entry` names the correction.

    `total` holds what it took in nanodollars and bytes, `entries` the names of its earlier corrections. `leases` keep
    for it, by account, what it may have taken beyond its charge. A second time nothing happens.
    """
    known = await _known(connection, [query_id, *entries, entry])
    charged: dict[str, int] = {}
    for key, charge in known.items():
        charged[key.account] = charged.get(key.account, 0) + charge.charged
    moves = _Moves()
    for account in sorted(charged):
        target = max(-MOST, min(amount_of(total, account), MOST)) - charged[account]
        if target:
            lease = (leases or {}).get(account, "") if target > 0 else ""
            moves.add(_Key(entry, account), Charge(account, 0, target, lease), target, None)
    if moves.spent:
        await _write(connection, moves)


def unit_of(account: str) -> str:
    """Return what an account counts by its id."""
    return unquote(account.split("/")[2]) if account.count("/") >= 2 else "usd"


def amount_of(bill: Bill, account: str) -> int:
    """Return what a bill takes of an account, in the account's unit."""
    return bill.bytes if unit_of(account) == "bytes" else bill.nano


def _target(bill: Bill | None, account: str) -> int:
    """Return what an account is charged where this is the bill that counts."""
    if bill is None:
        return 0
    told = next((each.charged for each in bill.charges if each.account == account), None)
    return max(-MOST, min(amount_of(bill, account) if told is None else told, MOST))


async def _known(connection: AsyncConnection, ids: Sequence[str]) -> dict[_Key, Charge]:
    found = await connection.execute(select(budget_charges).where(budget_charges.c.query_id.in_(ids)))
    return {_Key(row.query_id, row.account): Charge(row.account, row.reserved, row.charged, row.lease) for row in found}


async def _kept(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Bill | None]:
    """Return the bills of the rows that the store keeps of statements."""
    found = await connection.execute(select(usage.c.query_id, usage.c.bill).where(usage.c.query_id.in_(ids)))
    return {row.query_id: None if row.bill is None else msgspec.convert(row.bill, Bill) for row in found}


async def _write(connection: AsyncConnection, moves: _Moves) -> None:
    """Change the accounts in the order of their ids, so that two who do so wait for one another and never in a ring."""
    accounts = await _locked_accounts(connection, sorted(moves.spent))
    released = await _settle_leases(connection, moves.settled)
    changes = [
        {"key": name, "to": _bounded(row.spent + moves.spent[name]), "left": row.leased - released.get(name, 0)}
        for name, row in accounts.items()
    ]
    change = update(budget_accounts).where(budget_accounts.c.id == bindparam("key"))
    await connection.execute(change.values(spent=bindparam("to"), leased=bindparam("left")), changes)
    if moves.new:
        await connection.execute(insert(budget_charges), moves.new)
    if moves.changed:
        row = budget_charges.c
        change = update(budget_charges).where(row.query_id == bindparam("q"), row.account == bindparam("a"))
        await connection.execute(change.values(charged=bindparam("to"), lease=bindparam("by")), moves.changed)


async def _locked_accounts(connection: AsyncConnection, names: Sequence[str]) -> dict[str, Any]:
    """Return the accounts' rows, held until the transaction ends; one that is not there is opened."""
    row = budget_accounts.c
    query = select(row.id, row.spent, row.leased).where(row.id.in_(names)).order_by(row.id).with_for_update()
    found = {each.id: each for each in await connection.execute(query)}
    missing = [name for name in names if name not in found]
    if not missing:
        return found
    await connection.execute(insert(budget_accounts), [_unknown(name) for name in missing])
    return {each.id: each for each in await connection.execute(query)}


def _unknown(account: str) -> dict[str, Any]:
    """Return the row of an account of which only its id is known: its store was another one when it was opened."""
    parts = [unquote(part) for part in account.split("/")]
    holder = parts[1] if len(parts) > 1 else ""
    names = {"budget": parts[0], "holder": holder, "unit": unit_of(account)}
    bounds = {"starts_at": 0.0, "ends_at": 0.0, "most": 0}
    return {"id": account, **names, **bounds, "spent": 0, "leased": 0, "called_at": 0.0}


async def _settle_leases(connection: AsyncConnection, settled: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Take what was charged out of the leases that held it; return by account by how much they shrank."""
    accounts = {lease: account for account, lease in settled}
    if not accounts:
        return {}
    row = budget_leases.c
    query = select(row.id, row.amount, row.settled).where(row.id.in_(sorted(accounts)))
    shrunk: dict[str, int] = {}
    changes = []
    for lease in (await connection.execute(query.order_by(row.id).with_for_update())).all():
        account = accounts[lease.id]
        charged = settled[account, lease.id]
        taken = max(0, min(lease.amount, charged))
        shrunk[account] = shrunk.get(account, 0) + taken
        changes.append({"key": lease.id, "to": lease.amount - taken, "sum": _bounded(lease.settled + charged)})
    if changes:
        change = update(budget_leases).where(row.id == bindparam("key"))
        await connection.execute(change.values(amount=bindparam("to"), settled=bindparam("sum")), changes)
    return shrunk


async def _patch(
    connection: AsyncConnection, kept: Mapping[str, Bill | None], charges: Mapping[str, Sequence[Charge]]
) -> None:
    """Let the rows kept say what was charged, where somebody else knew of it than who sent them."""
    for query_id, told in charges.items():
        bill = kept.get(query_id)
        if bill is None or len(bill.charges) == len(told):
            continue
        whole = msgspec.to_builtins(msgspec.structs.replace(bill, charges=tuple(told)))
        await connection.execute(update(usage).where(usage.c.query_id == query_id).values(bill=whole))


def _bounded(value: int) -> int:
    return max(-MOST, min(value, MOST))
