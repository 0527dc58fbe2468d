"""What statements are told while nobody can say what is left of a budget."""

from __future__ import annotations

from catalog.errors import ErrorCode, Refusal
from policies.budgets.model import Account


def store_away() -> Refusal:
    """Return the refusal of who needs more than is lent here, while the store is away."""
    return Refusal(
        ErrorCode.SERVER_STARTING_UP,
        "The gateway cannot tell what is left of a budget that pays for this: its store does not answer.",
        hint="Try again in a few minutes.",
    )


def wrong_clock(account: Account) -> Refusal:
    """Return the refusal of what would be paid from a period that is over, or not begun, by the store's clock."""
    return Refusal(
        ErrorCode.SERVER_STARTING_UP,
        f"The gateway's clock and its store's disagree about the period of the budget {account.budget.id}.",
        hint="Try again in a few minutes; operators set the clock of this host.",
    )
