"""One statement's attestation: the questions to its engine, and what becomes of the statement by the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from catalog.errors import ErrorCode, Refusal
from engines.base import Engine, EngineStatement
from engines.reads import ForetellingEngine, Unanswered, WitnessingEngine
from gateway.attestation.compare import differences
from gateway.attestation.expected import Expected, expected, lasts
from gateway.events import AttestationResult, Event, StatementAttested
from gateway.models import Plan

DIFFERENT = "The engine would read other data than was authorised, so the query was stopped."
SILENT = "The engine did not confirm what the query reads, so the query was stopped."
_LONG_TEXT = 16_384
"""Characters of governed text above which it is read again outside the event loop."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attestation came to."""

    refusal: Refusal | None = None
    """The statement must end with this, whatever its engine says."""
    confirmed: bool = True
    """Where not, the engine's words about the statement are not to be passed on."""
    error: bytes | None = None
    """The engine's own error about the statement, which its question met first."""


class Attesting:
    """Ask the engine about one statement; made just before the statement is handed over."""

    __slots__ = (
        "_engine", "_foretelling", "_plan", "_publish", "_seconds", "_statement", "_strict", "_told", "pending"
    )  # fmt: skip

    def __init__(
        self,
        plan: Plan,
        statement: EngineStatement,
        engine: Engine,
        publish: Callable[[Event], None],
        *,
        strict: bool,
        seconds: float,
    ) -> None:
        """Begin. With `strict` a question without an answer ends the statement; each is waited for `seconds`."""
        self._plan, self._statement, self._engine, self._publish = plan, statement, engine, publish
        self._strict, self._seconds = strict, seconds
        self._told = False
        self.pending = True
        """Nothing of the result may leave yet."""
        self._foretelling: asyncio.Task[tuple[str, ...]] | None = None
        new = not plan.standing.confirmed or not isinstance(engine, WitnessingEngine)
        if new and statement.transaction is None and isinstance(engine, ForetellingEngine):
            self._foretelling = asyncio.get_running_loop().create_task(self._foretell(engine))

    @property
    def strict(self) -> bool:
        """Tell whether the statement may not go on without an answer."""
        return self._strict

    @property
    def ahead(self) -> bool:
        """Tell whether the answer must be there before the statement is handed over.

        What is written cannot be taken back, and an engine that says nothing later has to say it now.
        """
        return self._plan.write is not None or not isinstance(self._engine, WitnessingEngine)

    async def before_running(self) -> Verdict:
        """Wait for the answer of the question in front, see `ahead`."""
        if not isinstance(self._engine, WitnessingEngine):
            return await self.settle(None, failed=False)
        if self._foretelling is None:
            return Verdict()
        try:
            found = await self._answer(self._foretelling)
        except Unanswered as silent:
            return Verdict(error=silent.error) if silent.error is not None else self._silent(silent)
        return self._different(found) if found else Verdict()

    async def settle(self, query_id: str | None, *, failed: bool) -> Verdict:
        """Return what the engine's answers mean, now that the statement runs or has `failed`; asked once.

        A statement that failed by itself needs no more questions than one: whether its error may be told.
        """
        self.pending = False
        try:
            found = await self._answers(query_id, failed=failed)
        except Unanswered as silent:
            return Verdict(confirmed=not self._strict) if failed else self._silent(silent)
        finally:
            self.close()
        if found:
            return self._different(found)
        if not failed and lasts(self._plan):
            self._plan.standing.asked = self._plan.standing.confirmed = True
        self._tell("same")
        return Verdict()

    def close(self) -> None:
        """Stop asking; on the engine, too."""
        if self._foretelling is not None:
            self._foretelling.cancel()
            self._foretelling = None

    async def _answers(self, query_id: str | None, *, failed: bool) -> tuple[str, ...]:
        found: tuple[str, ...] = ()
        asked = False
        if self._foretelling is not None and not failed:
            found, asked = await self._answer(self._foretelling), True
        if not found and query_id is not None and isinstance(self._engine, WitnessingEngine):
            found, asked = await self._answer(self._witness(self._engine, query_id)), True
        if not asked and not self._plan.standing.confirmed:
            raise Unanswered("the engine cannot be asked")
        return found

    async def _answer(self, question: Awaitable[tuple[str, ...]]) -> tuple[str, ...]:
        task = asyncio.ensure_future(question)
        await asyncio.wait({task}, timeout=self._seconds)
        if not task.done():
            task.cancel()
            raise Unanswered(f"no answer within {self._seconds:g} s")
        if task.cancelled():
            raise Unanswered("the question was cancelled")
        return task.result()

    async def _foretell(self, engine: ForetellingEngine) -> tuple[str, ...]:
        wanted = await self._expected()
        if wanted.views and isinstance(self._engine, WitnessingEngine):
            return ()  # the plan of inputs does not tell by which view a table is read; the query itself will
        question = msgspec.structs.replace(
            self._statement, sql=wanted.question, tables=tuple(wanted.described.values())
        )
        return differences(wanted, await engine.foretell(question))

    async def _witness(self, engine: WitnessingEngine, query_id: str) -> tuple[str, ...]:
        wanted = await self._expected()
        return differences(wanted, await engine.witness(query_id, self._statement.user))

    async def _expected(self) -> Expected:
        standing = self._plan.standing
        if not isinstance(standing.expected, Expected):
            long = len(self._plan.governed_sql or "") > _LONG_TEXT
            try:
                standing.expected = await asyncio.to_thread(self._read_plan) if long else self._read_plan()
            except Refusal as refusal:
                raise Unanswered(f"the governed text cannot be read again: {refusal.text}") from None
        return standing.expected  # type: ignore[return-value]  # what was kept there is one

    def _read_plan(self) -> Expected:
        return expected(self._plan, self._engine.kind)

    def _different(self, found: tuple[str, ...]) -> Verdict:
        self._plan.standing.asked = self._plan.standing.confirmed = False
        self._tell("different", found)
        hint = f"Ask an administrator for query {self._statement.trace}."
        return Verdict(Refusal(ErrorCode.QUERY_REJECTED, DIFFERENT, hint=hint), confirmed=False)

    def _silent(self, silent: Unanswered) -> Verdict:
        self._plan.standing.asked = lasts(self._plan)
        self._tell("unanswered", (str(silent),))
        if not self._strict:
            return Verdict()
        hint = f"Try again, or ask an administrator for query {self._statement.trace}."
        return Verdict(Refusal(ErrorCode.QUERY_REJECTED, SILENT, hint=hint), confirmed=False)

    def _tell(self, result: AttestationResult, found: tuple[str, ...] = ()) -> None:
        if not self._told:
            self._told = True
            self._publish(StatementAttested(self._statement.trace or "", self._engine.name, result, found))
