"""A door with real HTTP, tokens and queries; only planning and the engine are as a test needs them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from msgspec.structs import replace

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import BIGINT, VARCHAR
from engines.base import EngineStatement, Health, OutputColumn, ResultPage, Submission
from engines.executions import PageUnknown
from engines.rows import Progress, columns_json, stats_json
from gateway.auth.credentials import Credentials, Forbidden, Unauthorized
from gateway.events import Event, StatementFinished
from gateway.models import LocalAnswer, NotPlanned, Plan, Planned
from gateway.protocols.http import HttpLimits, HttpServer
from gateway.protocols.trino import DoorSettings, Ports, TokenKey, TrinoDoor
from gateway.received import Principal, Received
from gateway.usage_record import UsageRecord
from tests.gateway.protocols.wire import Answer, ask

KEYS = (TokenKey("k1", "0123456789abcdef" * 2),)
COLUMNS = (OutputColumn("n", BIGINT), OutputColumn("word", VARCHAR))

Step = ResultPage | BaseException | Callable[[], Any]


def page(rows: Sequence[Sequence[object]] = (), *, state: str = "RUNNING", **more: Any) -> ResultPage:
    """Make an engine's page; `more` are further members in plain JSON, or fields of ResultPage."""
    fields = {key: more.pop(key) for key in ("headers", "partial_cancel", "failed") if key in more}
    members = {"columns": columns_json(COLUMNS, frozenset()), "stats": stats_json(Progress(state)), "warnings": b"[]"}
    if rows:
        members["data"] = orjson.dumps(rows)
    members.update({name: value if isinstance(value, bytes) else orjson.dumps(value) for name, value in more.items()})
    return ResultPage(members, "next", rows=len(rows), bytes=len(members.get("data", b"")), state=state, **fields)


TWO_PAGES = [page([[1, "a"]]), page([[2, "b"]]), page(state="FINISHED")]


def failed_page(name: str, code: int, kind: str, message: str) -> ResultPage:
    error = {
        "message": message,
        "errorCode": code,
        "errorName": name,
        "errorType": kind,
        "errorLocation": {"lineNumber": 7, "columnNumber": 9},
        "failureInfo": {"type": "x", "message": message, "stack": ["io.trino.Secret.at(10.0.0.5)"], "suppressed": []},
    }
    return page(state="FAILED", error=error, failed=name)


class MemoryEngine:
    """Serve scripted pages by the token rules; a step may also raise, or wait."""

    catalogs = ("memory",)

    def __init__(self, name: str = "memory", kind: str = "lake", *, own_ids: bool = False) -> None:
        self.name, self.kind, self._own_ids = name, kind, own_ids
        self.scripts: dict[str, list[Step]] = {}
        self.submit_error: BaseException | None = None
        self.submitted: list[EngineStatement] = []
        self.asked: list[str] = []
        self.cancelled: list[str] = []
        self.heartbeats: list[str] = []
        self._queries: dict[str, list[Step]] = {}
        self._count = 0

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        return [SchemaName(catalog, "s")]

    async def tables(self, catalog: str) -> Sequence[Table]:
        return [Table(TableName(catalog, "s", "t"), (Column("n", BIGINT),), self.name)]

    async def describe(self, name: TableName) -> Table | None:
        return None

    async def submit(self, statement: EngineStatement, query_id: str) -> Submission:
        self.submitted.append(statement)
        if self.submit_error is not None:
            raise self.submit_error
        self._count += 1
        own = f"20260101_000000_{self._count:05}_trino" if self._own_ids else None
        self._queries[own or query_id] = list(self.scripts[statement.sql])
        return Submission(own, f"{own or query_id}/0")

    async def page(self, cursor: str) -> ResultPage:
        self.asked.append(cursor)
        query_id, _, number = cursor.partition("/")
        steps = self._queries.get(query_id)
        if steps is None or int(number) >= len(steps):
            raise PageUnknown(cursor)
        step = steps[int(number)]
        if callable(step) and not isinstance(step, type):
            step = await step()
        if isinstance(step, BaseException):
            raise step
        last = int(number) + 1 == len(steps)
        return replace(step, next=None if last else f"{query_id}/{int(number) + 1}")

    async def heartbeat(self, cursor: str) -> bool:
        self.heartbeats.append(cursor)
        return cursor.partition("/")[0] in self._queries

    async def cancel(self, cursor: str) -> None:
        self.cancelled.append(cursor)

    async def health(self) -> Health:
        return Health(True)


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


PASSWORDS = {"Basic alice": "alice", "Basic bob": "bob", "Basic service": "service", "Basic root": "root"}
IMPERSONATORS = {"service"}


async def authenticate(shown: Credentials) -> Principal:
    """Believe `Authorization: Basic NAME`, or the user header alone; `service` may act for anybody."""
    if shown.authorization is not None:
        proved = PASSWORDS.get(shown.authorization)
        if proved is None:
            raise Unauthorized("Invalid credentials", challenges=('Basic realm="Penstock"', 'Bearer realm="Penstock"'))
        if shown.user not in (None, proved) and proved not in IMPERSONATORS:
            text = f"Access Denied: User {proved} cannot impersonate user {shown.user}"
            raise Forbidden(text, principal=Principal(proved, proved, method="password"))
        return Principal(shown.user or proved, proved, frozenset({"viewer"}), method="password")
    if shown.user is None:
        raise Unauthorized("User must be set", challenges=('Basic realm="Penstock"',))
    return Principal(shown.user, shown.user, method="insecure")


@dataclass
class Site:
    """One worker under test, and what it said and did."""

    door: TrinoDoor
    engine: MemoryEngine
    port: int
    peer_port: int
    clock: Clock
    events: list[Event]
    plans: dict[str, Plan | NotPlanned | BaseException]
    invalidated: list[tuple[tuple[TableName, ...], bool]]
    greetings: list[tuple[str, str]]
    refuse_admission: list[Refusal] = field(default_factory=list)
    planned: dict[str, Planned] = field(default_factory=dict)
    """What planning gives for a text, where that is more than a plan."""

    @property
    def finished(self) -> list[UsageRecord]:
        return [event.record for event in self.events if isinstance(event, StatementFinished)]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def post(self, sql: str | bytes = "select", user: str | None = "alice", *headers: tuple[str, str]) -> Answer:
        named = (("X-Trino-User", user),) if user is not None else ()
        body = sql.encode() if isinstance(sql, str) else sql
        return await ask(self.port, "POST", "/v1/statement", (*named, *headers), body)

    async def get(self, uri: str, user: str | None = "alice", *headers: tuple[str, str], method: str = "GET") -> Answer:
        named = (("X-Trino-User", user),) if user is not None else ()
        return await ask(self.port, method, target(uri), (*named, *headers))

    async def delete(self, uri: str, user: str | None = "alice", *headers: tuple[str, str]) -> Answer:
        return await self.get(uri, user, *headers, method="DELETE")

    async def run(self, sql: str = "select", user: str = "alice") -> list[Answer]:
        """Run a statement to its end; return every answer."""
        answers = [await self.post(sql, user)]
        while "nextUri" in answers[-1].json:
            answers.append(await self.get(answers[-1].json["nextUri"], user))
        return answers


def target(uri: str) -> str:
    return "/" + uri.split("/", 3)[3] if uri.startswith("http") else uri


def engine_plan(sql: str = "select", **more: Any) -> Plan:
    return Plan(kind="SELECT", route="engine", engine="memory", sql=sql, **more)


def local_plan(answer: LocalAnswer, **more: Any) -> Plan:
    return Plan(kind="SHOW TABLES", route="local", answer=answer, **more)


@asynccontextmanager
async def site(
    engine: MemoryEngine | None = None,
    *,
    worker: str = "aaaaa",
    workers: Mapping[str, str] | None = None,
    keys: Sequence[TokenKey] = KEYS,
    kill: frozenset[str] = frozenset({"root"}),
    real_time: bool = False,
    new_worker_seconds: float = 0.0,
    ports: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Site]:
    """Open a door on free ports, with other connections than usual in `ports`.

    `workers` may be filled later with the peers' addresses.
    """
    engine = engine or MemoryEngine()
    clock, events = Clock(), list[Event]()
    plans: dict[str, Plan | NotPlanned | BaseException] = {}
    invalidated: list[tuple[tuple[TableName, ...], bool]] = []
    greetings: list[tuple[str, str]] = []
    refusals: list[Refusal] = []
    planned: dict[str, Planned] = {}

    async def plan(received: Received) -> Planned | NotPlanned:
        if received.sql in planned:
            return planned[received.sql]
        found = plans.get(received.sql) or engine_plan(received.sql)
        if isinstance(found, BaseException):
            raise found
        return found if isinstance(found, NotPlanned) else Planned(found, stage_ms={"parse": 0.1})

    def admit(_: Received) -> None:
        if refusals:
            raise refusals[0]

    async def invalidate(tables: Sequence[TableName], schemas: bool) -> None:
        invalidated.append((tuple(tables), schemas))

    def statement(plan: Plan, received: Received) -> EngineStatement:
        session = received.session
        return EngineStatement(plan.sql or "", received.principal.user, session.catalog, session.schema, "UTC")

    times: dict[str, Any] = {} if real_time else {"clock": clock, "monotonic": clock}
    made = Ports(
        authenticate=authenticate,
        plan=plan,
        engine_statement=statement,
        engines={engine.name: engine},
        publish=events.append,
        admit=admit,
        may_kill=lambda principal, _way: principal.authenticated in kill,
        invalidate=invalidate,
        greeted=lambda who, where: greetings.append((who, where)),
        **times,
        **(ports or {}),
    )
    known = workers if workers is not None else {}
    door = TrinoDoor(
        made,
        DoorSettings(worker=worker, new_worker_seconds=new_worker_seconds, **settings),
        keys,
        workers=lambda: known,
    )
    server, peers = HttpServer(door.handle, HttpLimits()), HttpServer(door.handle_peer)
    port, peer_port = await server.listen(), await peers.listen()
    door.start()
    try:
        yield Site(door, engine, port, peer_port, clock, events, plans, invalidated, greetings, refusals, planned)
    finally:
        await server.close()
        await peers.close()
        await door.close()


def wait_for(event: asyncio.Event, result: ResultPage) -> Callable[[], Any]:
    """Return a step that gives its page once `event` is set."""

    async def step() -> ResultPage:
        await event.wait()
        return result

    return step


def refusal(code: ErrorCode, message: str = "no") -> Refusal:
    return Refusal(code, message)


PAGES = [page([[1, "a"]]), page([[2, "b"]]), page([[3, "c"]]), page(state="FINISHED")]
"""Three pages of a row each, and the one that says that there are no more."""


def renumbered(uri: str, step: int) -> str:
    return re.sub(r"\d+$", lambda m: str(int(m.group()) + step), uri)


def same(one: Answer, other: Answer) -> bool:
    return (one.status, one.body, [h for h in one.headers if h[0] != "Date"]) == (
        other.status,
        other.body,
        [h for h in other.headers if h[0] != "Date"],
    )
