"""What a usage row keeps of how a statement was asked, so that it can be planned again under other policies."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

from catalog.objects import TableName
from policies.entitlements import Scope, Share

if TYPE_CHECKING:
    from gateway.received import Principal, Session

Pairs = tuple[tuple[str, str], ...]
ShareTold = tuple[str, str | None, tuple[str, ...] | None, tuple[str, ...]]
"""Of a partner's token: a table, which of its rows, which columns (None: all), which columns not."""
_KEPT_CHARACTERS = 16_384
"""Of a session's prepared statements and properties; beyond that they are left out, and `cut` says so."""
_REMEMBERED, _REMEMBERED_CHARACTERS = 1_024, 4_096


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """The session and what the credential itself said of the caller; what policy files add is looked up anew."""

    catalog: str | None = None
    schema: str | None = None
    path: str | None = None
    time_zone: str = "UTC"
    role: str | None = None
    """The role that the session chose, as Trino's header has it."""
    original: str = ""
    properties: Pairs = ()
    prepared: Pairs = ()
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    attributes: Pairs = ()
    scope: tuple[str, tuple[ShareTold, ...]] | None = None
    """What a partner's token carries: its id, and the shares."""
    cut: bool = False
    """Prepared statements or properties were too long to be kept."""


def asked(principal: Principal, session: Session) -> Asked:
    """Return how a principal asks in a session. Raises nothing."""
    properties, prepared = tuple(session.properties.items()), tuple(session.prepared.items())
    cut = _characters(session) > _KEPT_CHARACTERS
    claimed = principal.claimed
    return Asked(
        catalog=session.catalog,
        schema=session.schema,
        path=session.path,
        time_zone=session.time_zone,
        role=session.roles.get("system"),
        original=principal.original,
        properties=() if cut else properties,
        prepared=() if cut else prepared,
        roles=tuple(sorted(claimed.roles)),
        groups=tuple(sorted(claimed.groups)),
        attributes=claimed.attributes,
        scope=_told(principal.scope),
        cut=cut,
    )


def _characters(session: Session) -> int:
    return sum(
        len(name) + len(value) for each in (session.properties, session.prepared) for name, value in each.items()
    )


def _told(scope: Scope | None) -> tuple[str, tuple[ShareTold, ...]] | None:
    if scope is None:
        return None
    return scope.token, tuple(
        (
            str(share.table),
            share.row_filter,
            tuple(sorted(share.allowed_columns)) if share.allowed_columns is not None else None,
            tuple(sorted(share.denied_columns)),
        )
        for share in scope.shares
    )


def scope_of(asked: Asked) -> Scope | None:
    """Return what the partner's token carried; None for everybody else."""
    if asked.scope is None:
        return None
    token, told = asked.scope
    shares = (
        Share(
            TableName(*table.split(".")), rows, frozenset(columns) if columns is not None else None, frozenset(hidden)
        )
        for table, rows, columns, hidden in told
    )
    return Scope(token, tuple(shares))


class AskedOnce:
    """Remember how the last principals asked in their sessions: both are shared by all statements of a connection."""

    def __init__(self) -> None:
        """Know nobody yet."""
        self._known: OrderedDict[tuple[int, int], tuple[Principal, Session, Asked]] = OrderedDict()

    def __call__(self, principal: Principal, session: Session) -> Asked:
        """Return how a principal asks in a session, made once for the very same two objects."""
        known = self._known.get((id(principal), id(session)))
        if known is not None and known[0] is principal and known[1] is session:
            return known[2]
        made = asked(principal, session)
        if _characters(session) > _REMEMBERED_CHARACTERS:
            return made  # doors make such a session anew for each statement, and it must not fill the memory
        self._known[id(principal), id(session)] = (principal, session, made)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return made


asked_once = AskedOnce()
"""The memory of this process; the objects that it holds keep their ids from being used again."""
