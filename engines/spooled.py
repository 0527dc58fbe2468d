"""Results in segments (Trino's spooled protocol): their addresses are read and replaced, their data never is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import msgspec


class SegmentFacts(msgspec.Struct, rename="camel"):
    """What a segment's metadata says of it."""

    rows_count: int = 0
    segment_size: int = 0


_ABSENT = msgspec.Raw(b"")


class Segment(msgspec.Struct, rename="camel"):
    """One segment: its data, or where they are to be had."""

    type: str
    metadata: msgspec.Raw
    uri: str | None = None
    ack_uri: str | None = None
    data: msgspec.Raw = _ABSENT
    headers: dict[str, list[str]] | None = None


class SpooledData(msgspec.Struct):
    """The `data` member of a page whose rows lie in segments."""

    encoding: str
    segments: list[Segment]
    metadata: msgspec.Raw = _ABSENT


_DATA = msgspec.json.Decoder(SpooledData)
_FACTS = msgspec.json.Decoder(SegmentFacts)


@dataclass(frozen=True, slots=True)
class Spooled:
    """A page's segments, how many rows they hold and how many bytes."""

    data: SpooledData
    rows: int
    size: int


def read_spooled(raw: bytes, path_of: Callable[[str], str]) -> Spooled:
    """Read the member; `path_of` gives the path of an address or raises ValueError. Raises msgspec.DecodeError."""
    data = _DATA.decode(raw)
    facts = [_FACTS.decode(segment.metadata) for segment in data.segments]
    for segment in data.segments:
        if (segment.type == "spooled") != (segment.uri is not None and segment.ack_uri is not None):
            raise ValueError("a segment has no address, or one too many")
        segment.uri = path_of(segment.uri) if segment.uri is not None else None
        segment.ack_uri = path_of(segment.ack_uri) if segment.ack_uri is not None else None
    return Spooled(data, sum(f.rows_count for f in facts), sum(f.segment_size for f in facts))


def write_spooled(spooled: Spooled, address_of: Callable[[str, Sequence[str]], str]) -> bytes:
    """Write the member with other addresses; `address_of` is given a path and the names of the segment's headers."""
    members: dict[str, object] = {"encoding": spooled.data.encoding}
    if spooled.data.metadata != _ABSENT:
        members["metadata"] = spooled.data.metadata
    members["segments"] = [_moved(segment, address_of) for segment in spooled.data.segments]
    return msgspec.json.encode(members)


def _moved(segment: Segment, address_of: Callable[[str, Sequence[str]], str]) -> dict[str, object]:
    names = tuple(segment.headers or ())
    members: dict[str, object] = {"type": segment.type}
    if segment.data != _ABSENT:
        members["data"] = segment.data
    if segment.uri is not None and segment.ack_uri is not None:
        members |= {"uri": address_of(segment.uri, names), "ackUri": address_of(segment.ack_uri, names)}
    members["metadata"] = segment.metadata
    if segment.headers is not None:
        members["headers"] = segment.headers
    return members


@dataclass(frozen=True, slots=True)
class SegmentAnswer:
    """An engine's answer to who asks for a segment; `chunks` must be read to the end or closed."""

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: AsyncGenerator[bytes]


@runtime_checkable
class SpoolingEngine(Protocol):
    """An engine that can hand results out in segments."""

    spooling: bool
    """Whether it does."""

    async def segment(self, path: str, headers: Mapping[str, str]) -> SegmentAnswer:
        """Ask for a segment, or say that it was read. Raises Refusal when the engine is lost."""
        ...
