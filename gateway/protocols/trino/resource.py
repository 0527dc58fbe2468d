"""The Trino protocol at one door: every path a client may ask, and where it leads."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from catalog.objects import TableName
from gateway.auth.credentials import Forbidden, Unauthorized
from gateway.events import DrainFinished, DrainStarted
from gateway.protocols.http import Request, Response
from gateway.protocols.trino.accepting import need_json
from gateway.protocols.trino.addresses import Addresses
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.errors import NotAllowed, NotHere, TryLater, TurnedAway, plain_answer
from gateway.protocols.trino.identity import authenticate
from gateway.protocols.trino.ids import QueryIds
from gateway.protocols.trino.node_resource import node_resource
from gateway.protocols.trino.page_resource import page_resource, partial_cancel
from gateway.protocols.trino.peer_calls import ListCall, Peers, PoliciesCall, Signatures, nobody_else
from gateway.protocols.trino.peer_listener import answer_peer
from gateway.protocols.trino.ports import DoorSettings, Ports
from gateway.protocols.trino.posting import post_statement
from gateway.protocols.trino.queries import Queries
from gateway.protocols.trino.query_resource import kill_resource, list_anywhere, list_resource, query_resource
from gateway.protocols.trino.segment_tokens import SegmentTokens
from gateway.protocols.trino.spooling import segment_resource
from gateway.protocols.trino.tokens import PageTokens, TokenKey
from gateway.protocols.trino.transaction_ids import TransactionIds
from gateway.protocols.trino.transactions import abort_if_failed

_log = logging.getLogger("penstock.door")
_QUERY_ID = re.compile(r"[_a-z0-9]+")
_TEXT = ("Content-Type", "text/plain;charset=utf-8")


class TrinoDoor:
    """Serve the protocol for one worker: `handle` to clients, `handle_peer` to the other workers."""

    def __init__(
        self,
        ports: Ports,
        settings: DoorSettings,
        keys: Sequence[TokenKey],
        *,
        workers: Callable[[], Mapping[str, str]] = nobody_else,
        peer_tls: ssl.SSLContext | None = None,
    ) -> None:
        """Put the parts together; `workers` maps worker ids to the addresses of their peer listeners."""
        self._door = Door(
            ports=ports,
            settings=settings,
            tokens=PageTokens(keys),
            transactions=TransactionIds(keys),
            segments=SegmentTokens(keys),
            queries=Queries(ports, settings),
            addresses=Addresses(settings.public_url, settings.trusted_proxies, settings.certificate_header),
            ids=QueryIds(settings.worker),
            peers=Peers(settings.worker, keys, workers, tls=peer_tls),
            started_at=ports.clock(),
        )
        self._signatures = Signatures(keys)
        self._door.queries.stopped = partial(abort_if_failed, self._door)

    def start(self) -> None:
        """Begin to look for abandoned queries; needs a running loop."""
        self._door.queries.start()

    @property
    def running(self) -> int:
        """Return how many statements have not ended."""
        return self._door.queries.running

    @property
    def draining(self) -> bool:
        """Tell whether new statements are turned away."""
        return self._door.draining

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """Answer a client."""
        try:
            answer = node_resource(self._door, request)
        except TurnedAway as turned_away:
            return turned_away.answer(request.method)
        return answer if answer is not None else self._answer(request)

    async def handle_peer(self, request: Request) -> Response:
        """Answer another worker."""
        return await answer_peer(self._door, self._signatures, request)

    async def greet(self, address: str) -> None:
        """Tell every other worker that this one serves, at an address of its own."""
        await self._door.peers.greet(address)

    async def announce_policies(self) -> None:
        """Have every other worker read the stored policies now."""
        await self._door.peers.ask_all(PoliciesCall())

    async def announce_tables(self, tables: Sequence[TableName]) -> None:
        """Have every other worker read the catalog's entries of some tables now."""
        await self._door.peers.invalidate(tables, schemas=False)

    @property
    def leads(self) -> bool:
        """Tell whether this worker is the one of all that does what one alone should; for a moment two may think so."""
        return self._door.peers.leads

    async def call_back(self, accounts: Sequence[str]) -> bool:
        """Have every other worker give back what it does not use of accounts of budgets; tell whether all did."""
        return await self._door.peers.give_back(accounts)

    async def settled(self) -> bool:
        """Wait until statements that have ended are settled, for a moment; False where all are."""
        return await self._door.queries.settling.settled()

    def review(self) -> None:
        """End running statements whose callers may not see what they read any more."""
        self._door.queries.review_all()

    async def statements(self, user: str, *, anybody: bool) -> list[dict[str, object]]:
        """Describe a user's statements on all workers, or everybody's, as `/v1/query` lists them."""
        return await list_anywhere(self._door, ListCall(user, None, "", anybody))

    async def drain(self, seconds: float) -> int:
        """Turn new statements away and let running ones finish; return how many did not in time."""
        self._door.draining = True
        self._door.ports.publish(DrainStarted(self.running))
        left = await self._door.queries.drained(seconds)
        self._door.ports.publish(DrainFinished(left))
        return left

    async def close(self) -> None:
        """Settle what still runs and let go of everything."""
        self._door.draining = True
        await self._door.queries.close()
        await self._door.peers.close()

    async def _answer(self, request: Request) -> Response:
        method = request.method
        try:
            return await _route(self._door, request)
        except TurnedAway as turned_away:
            return turned_away.answer(method)
        except Unauthorized as refused:
            challenges = tuple(("WWW-Authenticate", challenge) for challenge in refused.challenges)
            return plain_answer(method, 401, refused.text, (_TEXT, *challenges))
        except Forbidden as refused:
            return plain_answer(method, 403, refused.text, (_TEXT,))
        except Exception:  # noqa: BLE001  (a poll is never answered 500: the client would give its query up)
            _log.exception("a request failed")
            return TryLater("The gateway could not answer this request").answer(method)


async def _route(door: Door, request: Request) -> Response:
    match request.path.split("/")[1:]:
        case ["v1", "statement"]:
            return await _statement(door, request)
        case ["v1", "statement", ("queued" | "executing") as stage, query_id, token, number]:
            _need_address(query_id, number)
            need_json(request)
            return await page_resource(door, request, query_id, token, number, queued=stage == "queued")
        case ["v1", "statement", "executing", "partialCancel", query_id, token, _]:
            return await partial_cancel(door, request, query_id, token)
        case ["v1", "statement", "executing", "partialCancel", _, _, _, _]:
            raise NotHere  # as Trino's own address is written, which the gateway never gives
        case ["v1", "spooled", ("download" | "ack") as verb, token]:
            return await segment_resource(door, request, verb, token)
        case ["v1", "query"]:
            need_json(request)
            return await list_resource(door, request)
        case ["v1", "query", query_id]:
            _need_address(query_id)
            need_json(request)
            return await query_resource(door, request, query_id)
        case ["v1", "query", query_id, ("killed" | "preempted") as verb]:
            return await kill_resource(door, request, query_id, verb)
    raise NotHere("HTTP 404 Not Found")


def _need_address(query_id: str, number: str = "0") -> None:
    """Turn away what is no address of a query or page, without a word, as Trino does."""
    if not _QUERY_ID.fullmatch(query_id) or not (number.isascii() and number.isdigit()):
        raise NotHere("")


async def _statement(door: Door, request: Request) -> Response:
    if request.method == "POST":
        need_json(request)
        return await post_statement(door, request)
    if request.method == "HEAD":
        await authenticate(door, door.addresses.credentials(request))
        return Response(200, (("Content-Type", "application/json"),))
    raise NotAllowed("HEAD", "POST")
