"""Compare policy files with those in force over a store's recorded statements, without a running gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from gateway.config import Config
from gateway.events import EventBus
from gateway.house import add_stored
from gateway.policy_files import PolicyFiles
from gateway.recording.bounded import StoreAway
from gateway.recording.database import connect_engine, store_url
from gateway.recording.schema import pending
from gateway.replay.compare import Comparison, at_one_moment
from gateway.replay.counting import count_rows
from gateway.replay.diff import diff, reported
from gateway.replay.recorded import Recorded, recorded
from gateway.replay.report import Report
from gateway.simulation.offline import offline
from policies.index import PolicySet
from rewrite_rules.analysis import analyze_expression

_DAY = 86_400.0


async def diff_files(
    config: Config, files: Sequence[Path], days: float, sample: int, progress: Callable[[int, int], None]
) -> Report:
    """Compare files, in the place of the configured ones, with what is in force; what is stored counts on both sides.

    Raises PolicyError for bad files, Refusal and ConfigError as the gateway's own parts, StoreAway.
    """
    start, now = time.monotonic(), time.time()
    since = now - days * _DAY
    async with offline(config) as ground:
        draft = await _draft(config, files, ground.policies)
        known = await _recorded(config.store.url.get_secret_value(), since, now)
        before, after = at_one_moment(ground.policies, draft, now)
        comparison = Comparison(ground.pipeline, ground.runner.catalog, before, after)
        found = await diff(known, comparison, now, sample=sample, progress=progress)
        rows = await count_rows(found.sample, ground.runner.engines)
    return reported(found, rows, since=since, until=now, seconds=time.monotonic() - start)


async def _draft(config: Config, files: Sequence[Path], live: PolicySet) -> PolicySet:
    """Return the policies of other files with what is stored, typed as those in force. Raises PolicyError, Refusal."""
    read = PolicyFiles(files, EventBus().publish, type_of=live.type_of or analyze_expression)
    await add_stored(read, config)
    return read.current()


async def _recorded(url: str, since: float, until: float) -> Recorded:
    """Read the recorded statements, making no store and no tables. Raises StoreAway."""
    where = store_url(url)
    if where.get_backend_name() == "sqlite" and not await asyncio.to_thread(Path(where.database or "").exists):
        return Recorded()
    try:
        if await pending(url):
            raise StoreAway("its tables are not up to date: penstock migrate")
        engine = connect_engine(url)
        try:
            return await recorded(engine, since, until)
        finally:
            await engine.dispose()
    except (SQLAlchemyError, OSError) as error:
        raise StoreAway(type(error).__name__) from None
