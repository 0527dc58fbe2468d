"""What passes between who asks for money and the ledger: whole numbers of nanodollars or bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from gateway.budgets.leases import Lease
    from policies.budgets.model import Account


Word = Literal["last", "open", "leaving"]
"""What an engine has said of a statement that ends here: all; not all, and it will be asked here; not all, and this
worker goes."""


class Want(NamedTuple):
    """What a statement is expected to take of an account: `low` must be there, `high` is held where it is."""

    account: Account
    low: int
    likely: int
    high: int


@dataclass(slots=True)
class Hold:
    """What a running statement has reserved of one account, and from which lease."""

    account: Account
    lease: Lease
    amount: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a running statement has reserved; it ends when the ledger settles it."""

    query_id: str
    holds: tuple[Hold, ...]


@dataclass(frozen=True, slots=True)
class Short:
    """Why a statement may not begin: an account has less left than it takes at least."""

    account: Account
    limit: int
    used: int
    reserved: int
    """By running statements, the caller's and others'."""
    left: int


def in_unit(hold: Hold, nano: int, size: int) -> int:
    """Return what a statement took, in the unit that an account counts."""
    return size if hold.account.budget.unit == "bytes" else nano
