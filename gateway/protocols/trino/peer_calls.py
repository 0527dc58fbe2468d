"""What workers ask of one another, and the asking: authenticated calls over HTTP to a listener of their own."""

from __future__ import annotations

import asyncio
import hmac
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import aiohttp
import msgspec

from catalog.objects import TableName
from gateway.protocols.http import Response
from gateway.protocols.trino.tokens import TokenKey

SIGNATURE = "X-Penstock-Signature"
PROOF = "X-Penstock-Proof"
PATH = "/peer"
_FRESH_SECONDS = 60


class PageCall(msgspec.Struct, frozen=True, tag="page"):
    """Serve a page whose token was checked where the poll arrived."""

    method: Literal["GET", "HEAD", "DELETE"]
    base: str
    token: str
    number: int
    queued: bool


class EndCall(msgspec.Struct, frozen=True, tag="end"):
    """End a query, if its owner is `user` or `anybody` is set."""

    query_id: str
    user: str
    anybody: bool
    manner: Literal["cancel", "kill", "preempt"]
    message: str = ""


class InfoCall(msgspec.Struct, frozen=True, tag="info"):
    """Describe a query, under the same condition."""

    query_id: str
    user: str
    anybody: bool
    base: str


class ListCall(msgspec.Struct, frozen=True, tag="list"):
    """Describe a user's queries, or everybody's."""

    user: str
    state: str | None
    base: str
    anybody: bool = False


class InvalidateCall(msgspec.Struct, frozen=True, tag="invalidate"):
    """Read catalog entries again."""

    tables: tuple[tuple[str, str, str], ...]
    schemas: bool


class PoliciesCall(msgspec.Struct, frozen=True, tag="policies"):
    """Read the stored policies again, now."""


class BudgetsCall(msgspec.Struct, frozen=True, tag="budgets"):
    """Give back what no statement holds of these accounts of budgets."""

    accounts: tuple[str, ...]


class WritersCall(msgspec.Struct, frozen=True, tag="writers"):
    """Say whether a statement brings rows, and what follows them, into a table."""

    table: tuple[str, str, str]


class HelloCall(msgspec.Struct, frozen=True, tag="hello"):
    """Know of the worker that calls, and of its address."""

    worker: str
    address: str


Call = PageCall | EndCall | InfoCall | ListCall | InvalidateCall | PoliciesCall | BudgetsCall | WritersCall | HelloCall
_DECODER = msgspec.msgpack.Decoder(Call)


class ForgedCall(Exception):  # noqa: N818  (named for what became of it)
    """A call is not from a worker of this cluster, not for this one, or not of now."""


class Signatures:
    """Sign and check calls with the cluster's keys: the first signs, any may have signed."""

    def __init__(self, keys: Sequence[TokenKey]) -> None:
        """Derive a key for this purpose alone."""
        self._keys = {key.id: key.derive("peer calls") for key in keys}
        self._current = keys[0].id

    def sign(self, body: bytes, target: str, now: float) -> str:
        """Return the signature of a call to the worker `target`."""
        return self._make(self._current, body, target, int(now))

    def check(self, signature: str, body: bytes, target: str, now: float) -> Call:
        """Return the call. Raises ForgedCall."""
        key_id, _, rest = signature.partition(".")
        stamp = rest.partition(".")[0]
        if key_id not in self._keys or not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
            raise ForgedCall
        fresh = abs(now - int(stamp)) <= _FRESH_SECONDS
        genuine = hmac.compare_digest(self._make(key_id, body, target, int(stamp)).encode(), signature.encode())
        if not (fresh and genuine):
            raise ForgedCall
        try:
            call: Call = _DECODER.decode(body)
        except msgspec.MsgspecError:
            raise ForgedCall from None
        return call

    def sign_answer(self, signature: str, status: int, body: bytes) -> str:
        """Return the proof that an answer is to the call with this signature, and from a worker of the cluster."""
        key = self._keys.get(signature.partition(".")[0], self._keys[self._current])
        signed = b"\n".join((b"answer", signature.encode(), str(status).encode(), body))
        return hmac.new(key, signed, "sha256").hexdigest()

    def _make(self, key_id: str, body: bytes, target: str, stamp: int) -> str:
        signed = b"\n".join((target.encode(), str(stamp).encode(), body))
        return f"{key_id}.{stamp}.{hmac.new(self._keys[key_id], signed, 'sha256').hexdigest()}"


def nobody_else() -> Mapping[str, str]:
    """Return the registry of a worker that is alone."""
    return {}


class Peers:
    """Reach the other workers. `workers` gives their ids and addresses (`host:port`) as they are now."""

    def __init__(
        self,
        me: str,
        keys: Sequence[TokenKey],
        workers: Callable[[], Mapping[str, str]] = nobody_else,
        *,
        tls: ssl.SSLContext | None = None,
        answer_seconds: float = 60.0,
        broadcast_seconds: float = 2.0,
    ) -> None:
        """Open no connection yet."""
        self._me = me
        self._signatures = Signatures(keys)
        self._workers = workers
        self._tls = tls
        self._answer_seconds = answer_seconds
        self._broadcast_seconds = broadcast_seconds
        self._client: aiohttp.ClientSession | None = None

    async def call(self, worker: str, call: Call, *, wait_seconds: float = 0.0) -> Response | None:
        """Ask one worker; None when it is not there any more or does not answer.

        A worker that is not known may have started this moment: it is waited for so long.
        """
        deadline = time.monotonic() + wait_seconds
        while (address := self._workers().get(worker)) is None:
            if time.monotonic() >= deadline:
                return None
            await asyncio.sleep(0.1)
        return await self._post(worker, address, call, self._answer_seconds)

    async def ask_all(self, call: Call) -> list[Response]:
        """Ask every other worker; those that do not answer soon are left out."""
        others = {worker: address for worker, address in self._workers().items() if worker != self._me}
        answers = await asyncio.gather(
            *(self._post(worker, address, call, self._broadcast_seconds) for worker, address in others.items())
        )
        return [answer for answer in answers if answer is not None and answer.status == 200]

    @property
    def leads(self) -> bool:
        """Tell whether this worker's id is the first of all that are known."""
        return all(self._me <= other for other in self._workers())

    async def invalidate(self, tables: Sequence[TableName], *, schemas: bool) -> None:
        """Have every other worker read catalog entries again."""
        await self.ask_all(InvalidateCall(tuple((t.catalog, t.schema, t.table) for t in tables), schemas))

    async def give_back(self, accounts: Sequence[str]) -> bool:
        """Have every other worker give back what it does not use of accounts; tell whether all of them did."""
        return await self._all_agree(BudgetsCall(tuple(accounts)))

    async def nobody_writes(self, table: TableName) -> bool:
        """Tell whether every other worker says that no statement of its own writes into a table."""
        return await self._all_agree(WritersCall((table.catalog, table.schema, table.table)))

    async def greet(self, address: str) -> None:
        """Tell every other worker that this one serves, at an address."""
        await self.ask_all(HelloCall(self._me, address))

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _all_agree(self, call: Call) -> bool:
        others = len(self._workers().keys() - {self._me})
        return len(await self.ask_all(call)) >= others

    async def _post(self, worker: str, address: str, call: Call, seconds: float) -> Response | None:
        if self._client is None:
            self._client = aiohttp.ClientSession(auto_decompress=False)
        body = msgspec.msgpack.encode(call)
        signature = self._signatures.sign(body, worker, time.time())
        headers = {SIGNATURE: signature, "Accept-Encoding": "identity"}
        url = f"{'https' if self._tls else 'http'}://{address}{PATH}"
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=1.0)
        try:
            async with self._client.post(
                url, data=body, headers=headers, timeout=limits, ssl=self._tls or True
            ) as answer:
                given = await answer.read()
                proof = self._signatures.sign_answer(signature, answer.status, given)
                if not hmac.compare_digest(proof.encode(), answer.headers.get(PROOF, "").encode()):
                    return None  # whoever has the address now, it is not that worker
                kept = tuple((n, v) for n, v in answer.headers.items() if n.lower() not in _HOP)
                return Response(answer.status, kept, given, compressible=True)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None


_HOP = frozenset(
    {
        PROOF.lower(),
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
        "vary",
    }
)
