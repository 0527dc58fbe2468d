"""Open a house's way through materialized views."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.objects import TableName
from gateway.house import House
from gateway.rewriting.staging import Staging, StagingLimits
from gateway.rewriting.step import Rewrites, RewriteSettings
from gateway.rewriting.way import ViewsWay
from gateway.spending import Spending


def views_way(house: House, spending: Spending) -> ViewsWay:
    """Return the way of planned statements to their engines."""
    settings, publish = house.config.materialized_views, house.bus.publish

    def kick(tables: Iterable[TableName]) -> None:
        if house.views is not None:
            house.views.kick(tables)

    rewrites = Rewrites(house.engines, RewriteSettings(settings.cost_margin), publish, kick, spending.estimate)
    limits = StagingLimits(settings.staged_rows, settings.staged_characters, settings.staged_seconds)
    return ViewsWay(
        rewrites,
        Staging(house.engines, limits, spending.cap),
        spending.after_plan,
        spending.budgets.gate.release,
        publish,
    )
