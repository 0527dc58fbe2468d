"""The transaction ids that clients carry, sealed: any worker can go on with the transaction, for its owner only."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.protocols.trino.errors import TurnedAway
from gateway.protocols.trino.tokens import Sealer, TokenKey
from gateway.received import Principal, Transaction


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    engine: str
    id: str
    user: str
    authenticated: str
    expires: int


_DECODER = msgspec.msgpack.Decoder(_Sealed)


class TransactionIds:
    """The ids that clients carry: they name an engine's transaction and whose it is."""

    def __init__(self, keys: Sequence[TokenKey]) -> None:
        """Derive keys for this purpose alone."""
        self._sealer = Sealer(keys, "transaction id")

    def seal(self, transaction: Transaction, user: str, authenticated: str, expires: int) -> str:
        """Return the id to hand out."""
        sealed = _Sealed(transaction.engine, transaction.id, user, authenticated, expires)
        return self._sealer.seal(msgspec.msgpack.encode(sealed))

    def open(self, text: str | None, principal: Principal, now: float) -> Transaction | None:
        """Return the transaction; None for no id, and for one that is forged, expired or somebody else's."""
        if text is None or text == "NONE":
            return None
        try:
            sealed = _DECODER.decode(self._sealer.open(text))
        except (TurnedAway, msgspec.MsgspecError):
            return None
        owner = (sealed.user, sealed.authenticated)
        if sealed.expires <= now or owner != (principal.user, principal.authenticated):
            return None
        return Transaction(sealed.engine, sealed.id)
