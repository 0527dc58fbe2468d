"""Chains for the tests: made in a store, read back, bent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text

from gateway.audit.chain import Appended, Chain
from gateway.audit.entries import Entry, entry
from gateway.audit.links import START, ChainKeys, Head, Link
from gateway.audit.reading import pages, reading
from gateway.audit.verify import Report, verify
from gateway.recording.database import connect_engine
from gateway.recording.schema import migrate

KEYS = ChainKeys.of([("k1", "a secret of more than thirty-two characters")])


def some_entry(number: int, **changes: Any) -> Entry:
    given: dict[str, Any] = {"actor": f"user{number % 3}", "subject": f"q{number}", "detail": {"number": number}}
    return entry("read", **{**given, "entry_id": f"e{number}", "at": 1_760_000_000 + number, **changes})


async def append(url: str, entries: Sequence[Entry], chain: Chain | None = None) -> Appended:
    """Append in one transaction, as the recorder does."""
    await migrate(url)
    chain = chain or Chain(KEYS)
    engine = connect_engine(url)
    try:
        async with engine.begin() as connection:
            appended = await chain.append(connection, entries)
        chain.committed(appended)
        return appended
    finally:
        await engine.dispose()


async def read(url: str) -> list[Link]:
    async with reading(url) as connection:
        return [link async for page in pages(connection) for link in page]


async def walk(url: str, keys: ChainKeys = KEYS, anchors: Iterable[Head] = (), **options: Any) -> Report:
    async with reading(url) as connection:
        return await verify(pages(connection), keys, anchors, **options)


async def bend(url: str, *statements: str, **values: Any) -> None:
    """Change the table as its owner could, who first takes away what keeps it."""
    engine = connect_engine(url)
    try:
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execute(text("DROP TRIGGER IF EXISTS penstock_audit_kept ON penstock_audit"))
            else:
                for change in ("update", "delete"):
                    await connection.execute(text(f"DROP TRIGGER IF EXISTS penstock_audit_kept_{change}"))
            for statement in statements:
                await connection.execute(text(statement), values)
    finally:
        await engine.dispose()


async def one_page(links: Iterable[Link]) -> Any:
    yield list(links)


def chained(entries: Iterable[Entry], keys: ChainKeys = KEYS, head: Head = START) -> list[Link]:
    """Chain entries without a store."""
    links = []
    for each in entries:
        link = keys.link(each, head)
        head = Head(link.seq, link.hash)
        links.append(link)
    return links
