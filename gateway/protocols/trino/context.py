"""What the door's functions share: one per worker."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalog.objects import TableName
from gateway.protocols.trino.addresses import Addresses
from gateway.protocols.trino.ids import QueryIds
from gateway.protocols.trino.peer_calls import Peers
from gateway.protocols.trino.ports import DoorSettings, Ports
from gateway.protocols.trino.queries import Queries
from gateway.protocols.trino.segment_tokens import SegmentTokens
from gateway.protocols.trino.tokens import PageTokens
from gateway.protocols.trino.transaction_ids import TransactionIds


@dataclass(slots=True)
class Door:
    """Hold the parts; only `draining` and `rereading` ever change."""

    ports: Ports
    settings: DoorSettings
    tokens: PageTokens
    transactions: TransactionIds
    segments: SegmentTokens
    queries: Queries
    addresses: Addresses
    ids: QueryIds
    peers: Peers
    started_at: float
    draining: bool = False
    rereading: set[TableName] = field(default_factory=set)
    """Tables that attestation has found changed and that the catalog reads again now."""
