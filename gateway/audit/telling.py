"""Tell who listens what the chain took, once the transaction is committed."""

from __future__ import annotations

from gateway.audit.chain import Appended, Chain
from gateway.events import AuditAppended, AuditChainBroken, EventBus


def tell_appended(chain: Chain, appended: Appended, bus: EventBus) -> None:
    """Remember the chain's new end, and publish what came to it and whether the old one was still there."""
    chain.committed(appended)
    bus.publish(AuditAppended(appended.new, appended.known, appended.head))
    if appended.broken is not None:
        bus.publish(AuditChainBroken(*appended.broken))
