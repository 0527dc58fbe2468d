"""The audit's page: the newest entries, and whether the end of the chain holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from gateway.admin.api.problems import Problem, unfit
from gateway.admin.console.visiting import Visit
from gateway.audit.anchors import Anchors
from gateway.audit.entries import Kind
from gateway.audit.keeping import audit_folder
from gateway.audit.links import START, ChainKeys, Head
from gateway.audit.reading import Wanted, newest, pages, reading
from gateway.audit.verify import Report, verify

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.config import Config

_SHOWN = 100
_WALKED = 500
"""How much of the chain's end is walked for the page, on the loop; the whole is for `penstock audit verify`."""
_KINDS = sorted({*get_args(Kind), *(kind.partition(".")[0] for kind in get_args(Kind) if "." in kind)})


async def page(visit: Visit) -> Response:
    """Show the newest entries of a kind, or of a person, and the state of the chain."""
    wanted = _wanted(visit)
    config = visit.rooms.house.config
    try:
        async with reading(config.store.url.get_secret_value()) as connection:
            report = await _end_of_chain(connection, config)
            links = await newest(connection, wanted, _SHOWN + 1)
    except (SQLAlchemyError, OSError) as error:
        raise Problem(503, "generic_external", f"The audit cannot be read: {type(error).__name__}.") from None
    more, shown = len(links) > _SHOWN, links[-_SHOWN:][::-1]
    older = visit.address(before=shown[-1].seq) if more else None
    return visit.page("audit.html", links=shown, older=older, report=report, kinds=_KINDS, asked=_asked(visit))


def _asked(visit: Visit) -> Mapping[str, str]:
    return {name: visit.asked(name) for name in ("kind", "user", "before")}


def _wanted(visit: Visit) -> Wanted:
    asked = _asked(visit)
    before = asked["before"]
    if before and not (before.isascii() and before.isdigit() and len(before) <= 18):
        raise unfit("before", "must be the number of an entry")
    return Wanted(user=asked["user"] or None, kind=asked["kind"] or None, before=int(before) if before else None)


async def _end_of_chain(connection: AsyncConnection, config: Config) -> Report:
    """Walk the last links and hold this host's anchors against them, those read first: what they tell of was there."""
    url = config.store.url.get_secret_value()
    anchors = await asyncio.to_thread(Anchors(audit_folder(config.data_dir), url).read)
    last = await newest(connection, Wanted(), 1)
    after = await _before(connection, last[-1].seq - _WALKED) if last else START
    walk: Any = pages(connection, Wanted(after=after.seq))
    keys = ChainKeys.of(config.audit.secrets)
    told = [each for each in anchors if each.seq > after.seq]
    return await verify(walk, keys, told, unkeyed_until=config.audit.unkeyed_until, after=after)


async def _before(connection: AsyncConnection, seq: int) -> Head:
    """Return the link of a number as what the walk begins behind; the chain's beginning where there is none."""
    found = await newest(connection, Wanted(before=seq + 1), 1) if seq > 0 else []
    return Head(found[-1].seq, found[-1].hash) if found else START
