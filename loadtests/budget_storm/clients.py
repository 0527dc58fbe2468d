"""People who all ask at once: each statement over HTTP as the Trino protocol has it, to its end or its gateway's."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

_numbers = itertools.count(1)


@dataclass(slots=True)
class Wave:
    """What became of the statements of one wave."""

    user: str
    answered: set[str] = field(default_factory=set)
    """The ids that gateways gave."""
    in_doubt: int = 0
    """Whose gateway died before it gave an id: it may have known of them or not."""
    ends: Counter[str] = field(default_factory=Counter)


async def storm(
    urls: Sequence[str], user: str, sql: str, count: int, wave: Wave | None = None, *, leaving: int = 0
) -> Wave:
    """Send so many statements at once, to the gateways in turn; one in `leaving` is cancelled as soon as it runs."""
    wave = wave or Wave(user)
    timeout = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        leaves = [leaving > 0 and n % leaving == 0 for n in range(count)]
        asked = [_statement(session, urls[n % len(urls)], sql, wave, leaves=leaves[n]) for n in range(count)]
        await asyncio.gather(*asked)
    return wave


async def _statement(session: aiohttp.ClientSession, url: str, sql: str, wave: Wave, *, leaves: bool) -> None:
    headers = {"X-Trino-User": wave.user, "X-Trino-Source": "storm"}
    try:
        async with session.post(f"{url}/v1/statement", data=sql.encode(), headers=headers) as answer:
            page = await answer.json() if answer.status == 200 else {}
    except (aiohttp.ClientError, TimeoutError):
        wave.in_doubt += 1
        return
    if not page:
        wave.ends["turned away"] += 1
        return
    wave.answered.add(page["id"])
    try:
        while "nextUri" in page:
            async with session.get(page["nextUri"], headers=headers) as answer:
                if answer.status == 503:
                    await asyncio.sleep(0.1)
                    continue
                if answer.status != 200:
                    wave.ends["lost its gateway"] += 1
                    return
                page = await answer.json()
            if leaves and "nextUri" in page and page["stats"]["state"] == "RUNNING":
                async with session.delete(page["nextUri"], headers=headers):
                    wave.ends["left"] += 1
                    return
    except (aiohttp.ClientError, TimeoutError):
        wave.ends["lost its gateway"] += 1
        return
    error = page.get("error")
    wave.ends[error["errorName"] if error else "finished"] += 1
