"""What a gateway and its comparing process say to each other: one message, one answer, over the process's own pipes.

Both are the same program, so messages are pickled. While it works on one, the process may ask for tables and tell how
far it has come.
"""

from __future__ import annotations

import os
import pickle
import struct
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_expression
from catalog.objects import Table, TableName
from gateway.planning.context import EngineKinds
from gateway.replay.diff import Found
from gateway.replay.differences import Difference
from gateway.replay.snapshot import Known
from gateway.replay.statements import Statement
from policies.compile import compile_policies
from policies.entitlements import PartnerAccess
from policies.expressions import TypeOf
from policies.index import PolicySet
from policies.sources import Source

if TYPE_CHECKING:
    import asyncio

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Catalogs:
    """What exists; in the place of all that was sent before where `first`."""

    part: Known
    first: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A policy set as it was written, which is compiled again: trees of long expressions are too deep to be sent."""

    sources: tuple[Source, ...]
    version: str
    type_of: TypeOf | None
    partners: PartnerAccess

    @classmethod
    def of(cls, policies: PolicySet, partners: PartnerAccess) -> Written:
        """Return what a policy set was compiled from, over what partners were given."""
        return cls(policies.sources, policies.version, policies.type_of, partners)

    def compiled(self) -> PolicySet:
        """Return the policy set; its keys come from this process's environment. Raises PolicyError."""
        found = compile_policies(
            self.sources, parse_expression, version=self.version, secrets=os.environ.get, type_of=self.type_of
        )
        return replace(found, partners=self.partners)


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy sets to compare: the live one, and drafts by a name of the sender's."""

    live: Written
    drafts: dict[str, Written]
    kinds: EngineKinds
    limits: Limits


@dataclass(frozen=True, slots=True)
class DiffAsked:
    """Compare recorded statements under the live policies and the one draft."""

    store_url: str
    since: float
    until: float
    now: float
    sample: int
    part: int = 0
    """Which of the parts that processes share: every so many-th statement."""
    parts: int = 1


@dataclass(frozen=True, slots=True)
class ShadowAsked:
    """Compare statements that have just been answered, under the live policies and every draft."""

    statements: tuple[tuple[Statement, float], ...]
    """Each with when it was asked."""


@dataclass(frozen=True, slots=True)
class ShadowFound:
    """What is different, by draft: for each statement its place among those that were sent, and the differences."""

    compared: int
    failed: dict[str, int]
    found: dict[str, list[tuple[int, tuple[Difference, ...]]]]


@dataclass(frozen=True, slots=True)
class TableAsked:
    """The process asks for a table that it was not sent."""

    name: TableName


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the process has come."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The process could not do what it was asked; the kind of the error only."""

    error: str


Asked = Catalogs | Rules | DiffAsked | ShadowAsked
Told = Found | ShadowFound | TableAsked | Progress | Failed | Table | None


def packed(message: object) -> bytes:
    """Write a message with its length in front."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def read_message(stream: IO[bytes]) -> object:
    """Read a message, waiting for it. Raises EOFError at the end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    return pickle.loads(stream.read(_LENGTH.unpack(head)[0]))  # noqa: S301  (our own process)


async def receive(stream: asyncio.StreamReader) -> object:
    """Read a message. Raises asyncio.IncompleteReadError when the process has ended."""
    (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    return pickle.loads(await stream.readexactly(length))  # noqa: S301  (our own process)
