"""The Trino engine: statements go up under the gateway's own credentials, pages come back as bytes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Change
from catalog.objects import SchemaName, Table, TableName
from catalog.statistics import Scan, ScanEstimate, TableStatistics
from engines.base import EngineStatement, Health, ResultPage, Submission
from engines.estimates import Actuals
from engines.executions import PageGone, PageUnknown
from engines.history import Asked
from engines.reads import Reads, Unanswered
from engines.spooled import SegmentAnswer
from engines.trino import actuals, attest, describe
from engines.trino.credentials import Credentials, NoCredentials, authorization
from engines.trino.estimates import TrinoEstimates
from engines.trino.explained import Explained
from engines.trino.failures import TRANSIENT, lost, nonsense, rejected
from engines.trino.headers import request_headers, response_headers
from engines.trino.http import Answer, Fault, HttpClient, Timeouts, UpstreamError
from engines.trino.owners import Owners
from engines.trino.pages import NotAPageError, UpstreamPage, is_cursor, read_page
from engines.trino.segments import SegmentClient


class TrinoEngine:
    """Relay statements to one Trino cluster; see `engines.base.Engine`.

    A cursor is the path of the engine's own page address, so any replica of the gateway can go on with any query.
    """

    kind = "trino"

    def __init__(
        self,
        name: str,
        catalogs: Sequence[str],
        base_url: str,
        *,
        user: str = "penstock",
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        tls: ssl.SSLContext | None = None,
        connections: int = 256,
        compression: str = "identity",
        max_page: int = 512 << 20,
        recover_seconds: float = 15.0,
        cancel_seconds: float = 30.0,
        spooling: bool = False,
        iceberg: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Serve `catalogs` of the cluster at `base_url`; `user` is who reads the catalog.

        `max_page` bounds a page in bytes: Trino aims at 1 MB, but a single row may be far larger.
        `recover_seconds` bounds how long a poll waits for an engine that was lost, `cancel_seconds` how long a
        cancellation is repeated until the engine confirms it. With `spooling` results may come in segments.
        `iceberg` has pyiceberg's properties of those catalogs whose manifests the gateway may read itself. Raises
        ValueError for an unusable address.
        """
        self.name = name
        self.catalogs = tuple(catalogs)
        self._user = user
        self._credentials = credentials or NoCredentials()
        self._recover_seconds = recover_seconds
        self._cancel_seconds = cancel_seconds
        self.spooling = spooling
        limits = timeouts or Timeouts()
        self._segments = SegmentClient(base_url, tls, connect=limits.connect, idle=limits.idle)
        self._http = HttpClient(
            base_url,
            timeouts=timeouts,
            tls=tls,
            connections=connections,
            compression=compression,
            max_body=max_page,
        )
        self._explained = Explained(lambda statement: attest.explain_io(self, statement))
        self._estimates = TrinoEstimates(self, user, self._explained, iceberg)
        self._owners = Owners(self, user, lambda query_id: self._information(query_id, user))

    async def start(self) -> None:
        """Open no connection yet: they open with the first request."""
        self._estimates.warm()

    async def close(self) -> None:
        """Close connections. Queries go on: another replica may be serving them, and Trino ends abandoned ones."""
        self._explained.close()
        await self._estimates.close()
        await self._http.close()
        await self._segments.close()

    # -- what exists

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        """List the schemas of a catalog."""
        return await describe.schemas(self, catalog, self._user)

    async def tables(self, catalog: str) -> Sequence[Table]:
        """Describe every table of a catalog, in three statements however many there are; views take some more."""
        return await self._owners.of_catalog(catalog, await describe.tables(self, catalog, self._user))

    async def describe(self, name: TableName) -> Table | None:
        """Describe one table now; None if it does not exist."""
        found = await describe.table(self, name, self._user)
        return None if found is None else await self._owners.of_table(found)

    # -- how much it holds; see `engines.estimates.EstimatingEngine`

    async def data_versions(self, tables: Sequence[Table]) -> Mapping[TableName, str]:
        """Name the present versions of tables whose manifests can be read."""
        return await self._estimates.data_versions(tables)

    async def statistics(self, table: Table) -> TableStatistics | None:
        """Return a table's figures."""
        return await self._estimates.statistics(table)

    async def estimate(
        self, scans: Sequence[Scan], tables: Mapping[TableName, Table], statement: EngineStatement
    ) -> tuple[ScanEstimate, ...]:
        """Say what each scan of a governed statement would read."""
        return await self._estimates.estimate(scans, tables, statement)

    async def changes(self, table: Table, since: str, until: str) -> Change:
        """Enclose what differs between two versions of a table; see `engines.history.HistoryEngine`."""
        return await self._estimates.changes(table, since, until)

    async def snapshot(self, table: Table, version: str) -> int | None:
        """Return the snapshot of a version; see `engines.history.PinningEngine`."""
        return await self._estimates.snapshot(table, version)

    async def shown_by(self, table: Table, versions: Sequence[str], present: str, asked: Asked) -> Mapping[str, int]:
        """Return the versions that show the snapshot asked for; see `engines.history.TravellingEngine`."""
        return await self._estimates.shown_by(table, versions, present, asked)

    # -- statements

    async def submit(self, statement: EngineStatement, query_id: str) -> Submission:
        """Hand over a statement; the engine starts it with the first page asked for. Never sent twice."""
        headers = (*request_headers(statement, spooling=self.spooling), ("Content-Type", "text/plain; charset=utf-8"))
        answer = await self._post(headers, statement.sql.encode())
        if answer.status != 200:
            raise rejected(self.name, answer)
        page = self._read(answer)
        if page.next is not None:
            return Submission(page.query_id, page.next)
        return Submission(page.query_id, "", _result_page(page, answer))

    async def page(self, cursor: str) -> ResultPage:
        """Return the page a cursor names; the engine itself waits a second for rows.

        Raises PageUnknown and PageGone as the engine says, Refusal when the engine is lost or talks nonsense.
        """
        _check(cursor)
        answer = await self._get(cursor)
        if answer.status == 404:
            raise PageUnknown(cursor)
        if answer.status == 410:
            raise PageGone(cursor)
        if answer.status != 200:
            raise rejected(self.name, answer)
        page = self._read(answer)
        if f"/{page.query_id}/" not in cursor:
            raise nonsense("the page belongs to another query")
        return _result_page(page, answer)

    async def foretell(self, statement: EngineStatement) -> Reads:
        """Say what a statement would read; see `engines.reads.ForetellingEngine`."""
        return await attest.foretell(self._explained, statement)

    async def witness(self, query_id: str, user: str) -> Reads:
        """Say what a query reads; see `engines.reads.WitnessingEngine`."""
        try:
            return attest.read_info(await self._information(query_id, user), query_id)
        except msgspec.MsgspecError as error:
            raise Unanswered(str(error)) from None

    async def _information(self, query_id: str, user: str) -> bytes:
        """Return the cluster's information about a query, asked as its user. Raises Unanswered."""
        try:
            headers = (("X-Trino-User", user), *authorization(self._credentials))
            answer = await self._http.request("GET", attest.info_path(query_id), headers)
        except (UpstreamError, ValueError) as error:
            raise Unanswered(str(error)) from None
        if answer.status != 200:
            raise Unanswered(f"status {answer.status} for the query's information")
        return answer.body

    async def actuals(self, query_id: str, engine_query_id: str | None) -> Actuals | None:
        """Say what a query took; see `engines.estimates.AccountingEngine`. Trino knows its own id alone."""
        if engine_query_id is None:
            return None
        headers = (("X-Trino-User", self._user), *authorization(self._credentials))
        return await actuals.ask(self._http, self.name, headers, engine_query_id)

    async def heartbeat(self, cursor: str) -> bool:
        """Keep a query alive without moving it; False only if the engine says that it is unknown."""
        _check(cursor)
        try:
            answer = await self._http.request("HEAD", cursor, authorization(self._credentials))
        except UpstreamError:
            return True
        return answer.status not in (404, 410)

    async def cancel(self, cursor: str) -> None:
        """Cancel the query, or the stage, that a cursor belongs to; repeated until the engine confirms it.

        Raises Refusal REMOTE_HOST_GONE when it never does.
        """
        _check(cursor)
        last = ""
        for pause in _pauses(self._cancel_seconds):
            if pause:
                await asyncio.sleep(pause)
            try:
                answer = await self._http.request("DELETE", cursor, authorization(self._credentials))
            except UpstreamError as error:
                last = str(error)
                continue
            if answer.status in (200, 202, 204, 404, 410):
                return
            last = f"status {answer.status}"
        raise Refusal(
            ErrorCode.REMOTE_HOST_GONE,
            f"The engine {self.name} did not confirm that the query was cancelled",
            detail=last,
        )

    async def segment(self, path: str, headers: Mapping[str, str]) -> SegmentAnswer:
        """Ask for a segment, or say that it was read; see `engines.spooled.SpoolingEngine`."""
        return await self._segments.ask(path, headers, authorization(self._credentials))

    async def health(self) -> Health:
        """Ask the coordinator whether it has started."""
        try:
            answer = await self._http.request("GET", "/v1/info", authorization(self._credentials))
            starting = msgspec.json.decode(answer.body, type=_Info).starting
        except (UpstreamError, msgspec.MsgspecError) as error:
            return Health(False, str(error))
        if answer.status != 200:
            return Health(False, f"status {answer.status}")
        return Health(not starting, "starting" if starting else "")

    # -- transport

    async def _post(self, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Post a statement; repeated only while no connection could be opened, so that nothing was sent."""
        error: UpstreamError | None = None
        for pause in (0.0, 0.2, 0.8):
            if pause:
                await asyncio.sleep(pause)
            try:
                signed = (*headers, *authorization(self._credentials))
                return await self._http.request("POST", "/v1/statement", signed, body)
            except ValueError as unfit:
                raise Refusal(
                    ErrorCode.INVALID_ARGUMENTS,
                    "The session holds characters that headers cannot carry",
                    detail=str(unfit),
                ) from None
            except UpstreamError as failed:
                error = failed
                if failed.sent:
                    break
        assert error is not None  # noqa: S101  (for mypy: a failed page has its error)
        raise lost(self.name, error, started=error.sent)

    async def _get(self, cursor: str) -> Answer:
        """Get a page, waiting out a short outage: asking twice for a page is harmless."""
        error: UpstreamError | None = None
        answer: Answer | None = None
        for pause in _pauses(self._recover_seconds):
            if pause:
                await asyncio.sleep(pause)
            try:
                answer = await self._http.request("GET", cursor, authorization(self._credentials))
            except UpstreamError as failed:
                if failed.fault in (Fault.NONSENSE, Fault.TOO_LARGE):
                    raise lost(self.name, failed, started=True) from None
                error, answer = failed, None
                continue
            if answer.status not in TRANSIENT:
                return answer
        error = error or UpstreamError(Fault.GONE, f"status {answer and answer.status}")
        raise lost(self.name, error, started=True)

    def _read(self, answer: Answer) -> UpstreamPage:
        try:
            return read_page(answer.body, self._http.prefix, spooling=self.spooling)
        except NotAPageError as error:
            raise nonsense(str(error)) from None


class _Info(msgspec.Struct):
    starting: bool = True


def _check(cursor: str) -> None:
    """Refuse a cursor that is no page of a statement: nothing else of the engine may be reached through it."""
    if not is_cursor(cursor):
        raise PageUnknown(cursor)


def _result_page(page: UpstreamPage, answer: Answer) -> ResultPage:
    return ResultPage(
        members=page.members,
        next=page.next,
        partial_cancel=page.partial_cancel,
        headers=response_headers(answer.headers, spooling=page.spooled is not None),
        rows=page.rows,
        bytes=len(page.members.get("data", b"")) if page.spooled is None else page.spooled.size,
        state=page.state,
        failed=page.failed,
        scanned_bytes=page.scanned,
        spooled=page.spooled,
    )


def _pauses(seconds: float) -> Iterator[float]:
    """Yield pauses before tries: none at first, then growing, until about `seconds` have passed since the start."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    pause = 0.0
    while pause == 0.0 or loop.time() + pause < deadline:
        yield pause
        pause = min(max(0.1, pause * 2), 2.0)
