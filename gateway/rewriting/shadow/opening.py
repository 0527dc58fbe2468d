"""Open a worker's proofs of rewritings: certificates kept, and comparisons with the base."""

from __future__ import annotations

from contextlib import AsyncExitStack

from gateway.events import StatementFinished, StatementRewritten
from gateway.house import House
from gateway.recording.bounded import BoundedStore
from gateway.rewriting.certificates.keeping import CertificateKeeper
from gateway.rewriting.certificates.store import CertificateStore
from gateway.rewriting.shadow.counting import ComparisonStore
from gateway.rewriting.shadow.watching import ShadowSettings, ShadowViews
from gateway.rewriting.staging import Staging, StagingLimits


async def open_proofs(house: House, stack: AsyncExitStack) -> ShadowViews | None:
    """Begin to keep certificates and to compare; `stack` ends it."""
    if house.view_rooms is None:
        return None
    config = house.config.materialized_views
    url = house.config.store.url.get_secret_value()
    store = BoundedStore(url)
    stack.push_async_callback(store.close)
    keeper = CertificateKeeper(CertificateStore(store))
    shadow = ShadowViews(
        house.engines,
        Staging(house.engines, StagingLimits(config.staged_rows, config.staged_characters, config.staged_seconds)),
        house.view_rooms.quarantines,
        ComparisonStore(store),
        ShadowSettings(
            config.shadow.share,
            config.shadow.first,
            config.shadow.bytes_a_day,
            config.shadow.rows,
            config.shadow.seconds,
        ),
        house.bus.publish,
        house.view_rooms.views.kick,
    )
    keeper.start()
    stack.push_async_callback(keeper.close)
    shadow.start()
    stack.push_async_callback(shadow.close)
    for unsubscribe in (
        house.bus.subscribe(StatementRewritten, lambda event: _used(keeper, event)),
        house.bus.subscribe(StatementRewritten, shadow.begun),
        house.bus.subscribe(StatementFinished, shadow.over),
    ):
        stack.callback(unsubscribe)
    return shadow


def _used(keeper: CertificateKeeper, event: StatementRewritten) -> None:
    if event.planned.rewritten is not None:
        keeper.used(event.planned.rewritten)
