"""Judge how an attack ended: nothing hidden was seen, and what was seen is what the reduced copy shows.

A case that wants a refusal and is answered has failed, with three exceptions, which hold for whole classes. An EXPLAIN
may be answered in the very words in which it is to who stands under another policy: it tells nothing of either. Where the danger is
that a parser misreads or stalls (classes L and M), the answer counts that the engine itself gives to the very text over
the copy. And a bare request may be answered with what is the caller's own, if who never asked anything is given nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from tests.attacks import faults, lines, sandbox
from tests.attacks.arena import Arena, reducer
from tests.attacks.caller import Seen
from tests.attacks.cases import Case
from tests.attacks.setting import Asking, NotActedOnError, asking_of, twin_of
from tests.attacks.world import CANARIES, NAMES, TWINS, Twin

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

INTERNAL = ("GENERIC_INTERNAL_ERROR", "HTTP 500", "HTTP 502")
BY_ENGINE = "The engine could not finish the query"
"""How a failure begins that came while rows were read: no refusal, and maybe one that tells of them."""
UNKNOWN_NAMES = ("CATALOG_NOT_FOUND", "SCHEMA_NOT_FOUND", "TABLE_NOT_FOUND", "COLUMN_NOT_FOUND", "FUNCTION_NOT_FOUND")
HIDDEN_NAMES = ("card_number", "salaries", "saler", "salea", "salen", "sandbor", "kept")
"""Names that a refusal may not tell, unless the attacker said them."""
_DESCRIBES_OUTPUT = re.compile(r"(?i)\s*DESCRIBE\s+OUTPUT\b")
_EXPLAINS = re.compile(r"(?i)\s*EXPLAIN\b(?!\s+ANALYZE)")
Result = Literal["passed", "failed", "skipped"]


@dataclass(slots=True)
class Verdict:
    """How a case ended."""

    result: Result
    outcome: str = ""
    """`refused` or `answered`."""
    reason: str = ""
    error: str = ""
    seen: Seen | None = field(default=None, repr=False)


class OtherwiseError(AssertionError):
    """Say how a case ended otherwise than its file says."""


def judge(arena: Arena, case: Case) -> Verdict:
    """Run a case and hold it to its file."""
    if case.engine not in (None, arena.engine):
        return Verdict("skipped", reason=f"written for {case.engine}")
    try:
        if "fault" in case.session:
            return _under_fault(arena, case)
        return _line(arena, case) if lines.is_line(case) else _statement(arena, case)
    except NotActedOnError as words:
        return Verdict("skipped", reason=str(words))
    except OtherwiseError as failed:
        return Verdict("failed", reason=str(failed))


def _under_fault(arena: Arena, case: Case) -> Verdict:
    """Judge a case at every gateway that lives under its fault, by the copies that a healthy one shows."""
    verdicts = [Verdict("passed", "refused", "no gateway comes up under this fault")]
    with faults.under(str(case.session["fault"]), arena) as living:
        for each in living:
            asking = asking_of(each, case)
            seen = asking.ask()
            no_leaks(each, case, seen)
            verdicts.append(_ended(arena, case, asking, seen, lenient=each.gateway is arena.gateway))
    return next((v for v in verdicts if v.result == "failed"), verdicts[0] if len(living) < 2 else verdicts[1])


def _line(arena: Arena, case: Case) -> Verdict:
    line = lines.send(arena, case)
    own = " ".join(str(row["sql_text"]) for row in arena.gateway.usage(user_name=case.user))
    no_leaks(arena, case, line.seen, said=f"{case.texts} {own}")
    if not line.undisturbed:
        raise OtherwiseError("somebody else's query was disturbed")
    outcome = "refused" if line.refused else "answered"
    if (line.refused and "refuse" in case.ends) or (not line.refused and case.ends != ("refuse",)):
        return Verdict("passed", outcome, error=f"HTTP {line.seen.status}" if line.refused else "", seen=line.seen)
    if line.owns_only:
        return Verdict("passed", outcome, "answered with the caller's own only", seen=line.seen)
    raise OtherwiseError(f"{outcome} with HTTP {line.seen.status}: {line.seen.raw[:200]}")


def _statement(arena: Arena, case: Case) -> Verdict:
    sandbox.prepare(arena, case)
    asking = asking_of(arena, case)
    seen = asking.ask()
    _remember(arena, case, asking, seen)
    try:
        return _held(arena, case, asking, seen)
    finally:
        if not seen.refused and arena.writes and sandbox.may_write(case):
            sandbox.reset(arena)


def _held(arena: Arena, case: Case, asking: Asking, seen: Seen) -> Verdict:
    twin = twin_of(case)
    no_leaks(arena, case, seen, lambda: arena.twin_asks(twin, case.sql, asking.headers, session=asking.caller))
    return _ended(arena, case, asking, seen)


def _remember(arena: Arena, case: Case, asking: Asking, seen: Seen) -> None:
    if seen.query_id:
        arena.asked[seen.query_id] = case
        arena.answered[seen.query_id] = not seen.refused
    elif seen.status in (400, 403) and [n.lower() for n, _ in case.headers].count("x-trino-user") < 2:
        answer = seen.raw.partition("\n")[0].removeprefix("Error 400 Bad Request: ")  # which is not recorded
        arena.turned_away.append((case.user, asking.sql, answer))


def no_leaks(
    arena: Arena, case: Case, seen: Seen, copy: Callable[[], Seen] | None = None, said: str | None = None
) -> None:
    """Raise OtherwiseError where something hidden is in the answer, the log, the metrics or what is told of it later.

    What the copy shows as often is not hidden from who asks.
    """
    said = case.texts if said is None else said
    for canary in _canaries(seen.raw, said):
        if seen.refused or copy is None or copy().raw.count(canary) < seen.raw.count(canary):
            raise OtherwiseError(f"the answer shows {canary}: {_around(seen.raw, canary)}")
    assert_no_canary("the log", arena.gateway.new_log(), said)
    assert_no_canary("the metrics", arena.gateway.metrics(), said)
    if seen.query_id:
        assert_no_canary("the record", arena.caller(case.user).get(f"/v1/query/{seen.query_id}").raw, said)
    if seen.refused:
        told = [name for name in HIDDEN_NAMES if name in seen.raw and name not in said.lower()]
        if told:
            raise OtherwiseError(f"the refusal names {told}: {seen.message}")
    if seen.says in INTERNAL:
        raise OtherwiseError(f"{seen.says}: {seen.message}")


def _canaries(text: str, said: str = "") -> list[str]:
    """Return what a text shows of the hidden world; an attacker may be shown what he said himself."""
    return [
        c for c in CANARIES if c not in said and re.search(rf"(?<![\d.]){c}" if c[0].isdigit() else re.escape(c), text)
    ]


def _around(text: str, canary: str) -> str:
    at = text.find(canary)
    return f"...{text[max(0, at - 120) : at + 80]}..."


def assert_no_canary(where: str, text: str, said: str = "") -> None:
    """Raise OtherwiseError where a text holds something of the hidden world."""
    for canary in _canaries(text, said):
        raise OtherwiseError(f"{where} shows {canary}: {_around(text, canary)}")


def _ended(arena: Arena, case: Case, asking: Asking, seen: Seen, *, lenient: bool = False) -> Verdict:
    """Hold an end to the file; `lenient` lets an answer like the copy's stand for a refusal."""
    outcome = "refused" if seen.refused else "answered"
    verdict = Verdict("passed", outcome, error=seen.says if seen.refused else "", seen=seen)
    if seen.refused and "refuse" in case.ends and (case.expect == "refuse" or BY_ENGINE not in seen.message):
        if seen.rows:
            raise OtherwiseError("rows came before the refusal")
        return verdict
    twin = twin_of(case)
    if seen.refused:
        return _failing(arena, case, asking, seen, twin, verdict)
    if case.ends == ("refuse",) and not lenient:
        return _answered_nevertheless(arena, case, asking, seen, twin, verdict)
    copy = arena.twin_asks(twin, case.sql, asking.headers, session=asking.caller)
    if copy.says == "NOT_SUPPORTED" and copy.refused and "refuse" in case.ends:
        verdict.reason = "over raw columns the engine does not offer it, so there is nothing to compare with"
        return verdict
    _same(arena, case, asking, seen, copy, twin)
    if sandbox.may_write(case) and arena.writes and (found := sandbox.differences(arena)):
        raise OtherwiseError("; ".join(found))
    return verdict


def _failing(arena: Arena, case: Case, asking: Asking, seen: Seen, twin: Twin, verdict: Verdict) -> Verdict:
    """Judge an error where no refusal is wanted: it must be the one that the copy gives."""
    if seen.says == "NOT_SUPPORTED" and arena.engine != (case.engine or "trino"):
        return Verdict("skipped", "refused", f"{arena.engine} does not offer it: {seen.message}", seen.says, seen)
    copy = arena.twin_asks(twin, case.sql, asking.headers, session=asking.caller)
    if not copy.refused or copy.says != seen.says:
        shown = copy.message if copy.refused else copy.rows[:5]
        raise OtherwiseError(f"{seen.says}: {seen.message}; while the reduced copy: {shown}")
    whole = arena.caller("eva", asking.caller.schema).ask(asking.sql, asking.headers)
    if seen.says in UNKNOWN_NAMES and whole.refused and whole.says in UNKNOWN_NAMES:
        return Verdict("skipped", "refused", f"the fixture does not have it: {seen.message}", seen.says, seen)
    never_tried = seen.says in ("NOT_SUPPORTED", "SYNTAX_ERROR", *UNKNOWN_NAMES) or "PERMISSION_DENIED" in seen.says
    if never_tried and "refuse" not in case.ends:
        raise OtherwiseError(f"{seen.says}: {seen.message}")
    verdict.reason = "fails as it does over the copy"
    return verdict


def _timeless(rows: list[list[Any]]) -> list[list[Any]]:
    """Leave out what a moment later is another: how long a statement takes, and when figures were read or learnt."""
    told = [row for row in rows if "costs" not in row or "Widest step" in str(row)]
    return [[_MOMENT.sub("", each) if isinstance(each, str) else each for each in row] for row in told]


_MOMENT = re.compile(r"Time: about [^ ]+ s\.")


def _answered_nevertheless(
    arena: Arena, case: Case, asking: Asking, seen: Seen, twin: Twin, verdict: Verdict
) -> Verdict:
    """Judge an answer where the file wants a refusal."""
    if _EXPLAINS.match(case.sql) and case.user == "ana":
        told = replace(asking, caller=replace(asking.caller, user="bob")).ask()
        if told.refused or _timeless(told.rows) != _timeless(seen.rows):
            raise OtherwiseError(f"explained to ana as {seen.rows}, under another policy as {told.rows}")
        verdict.reason = "explained in the words in which it is under another policy"
        return verdict
    if case.letter in "LM" and case.user == "ana":
        if arena.itself is None:
            return Verdict("skipped", "answered", "a difference of parsers is judged on Trino", seen=seen)
        direct = arena.itself(reducer(twin, case.user)(asking.sql), twin.schema)
        if not direct.refused and plain(direct, twin, case.user) == plain(seen, twin, case.user):
            verdict.reason = "answered as the engine itself answers this very text over the copy"
            return verdict
    raise OtherwiseError(f"answered: {seen.rows[:5]}")


def _same(arena: Arena, case: Case, asking: Asking, seen: Seen, copy: Seen, twin: Twin) -> None:
    """Raise OtherwiseError where an answer is not the one of the copy: columns, rows, or an error."""
    if copy.refused:
        raise OtherwiseError(f"answered {seen.rows[:5]}; while the reduced copy: {copy.message}")
    mine, twins = plain(seen, twin, case.user), plain(copy, twin, case.user)
    if _DESCRIBES_OUTPUT.match(case.sql):  # where a policy applies it does not tell the tables behind the columns
        mine = ([(name, "") for name, _ in mine[0]], sorted(_named(seen)))
        twins = ([(name, "") for name, _ in twins[0]], sorted(_named(copy)))
    if mine == twins:
        return
    again = plain(arena.twin_asks(twin, case.sql, asking.headers, session=asking.caller), twin, case.user)
    if again == twins or mine[0] != twins[0]:  # otherwise the statement answers anew each time
        raise OtherwiseError(f"seen: {str(mine)[:600]}\n  the reduced copy: {str(twins)[:600]}")


def _named(seen: Seen) -> Iterable[str]:
    return (json.dumps([row[0], *row[4:]]) for row in seen.rows)


def plain(seen: Seen, twin: Twin = TWINS["EU"], user: str = "ana") -> tuple[list[tuple[str, str]], list[str]]:
    """Return what a result says, without the order of rows and of maps, and in the originals' names."""
    names = {twin.user: user, **{copy: name for name, copies in NAMES.items() for copy in copies}}
    word = re.compile(rf"(?<![0-9A-Za-z_])({'|'.join(names)})(?![0-9A-Za-z_])")

    def say(text: str) -> str:
        return word.sub(lambda match: names[match[1]], text)

    columns = [(say(column["name"]), column["type"]) for column in seen.columns or []]
    return columns, sorted(say(json.dumps(row, sort_keys=True)) for row in seen.rows)


def ask_some(arena: Arena, share: Sequence[ParameterSet]) -> None:
    """Ask a few cases where nothing was asked yet: a test of what they leave is tried once more alone."""
    for each in share[:20] if not arena.asked else ():
        judge(arena, cast(Case, each.values[0]))


def assert_recorded(arena: Arena) -> None:
    """Fail where a statement left no usage row, or two, or one with the wrong end."""
    assert arena.asked
    rows = arena.gateway.await_usage(arena.asked)
    for query_id, case in arena.asked.items():
        own: list[dict[str, Any]] = [r for r in rows if query_id in (r["query_id"], r["engine_query_id"])]
        assert len(own) == 1, f"{case.id}: {len(own)} rows"
        ends = ("FINISHED",) if arena.answered[query_id] else ("REFUSED", "FAILED")
        assert own[0]["outcome"] in ends, case.id
        assert own[0]["user_name"] == case.user
        assert own[0]["sql_text"][:1000] == _recorded(arena.spelled(case.sql)), case.id
    left = Counter(
        (r["user_name"], r["sql_text"][:1000], r["error_message"]) for r in rows if r["outcome"] == "REFUSED"
    )
    for (user, sql, answer), times in Counter(arena.turned_away).items():
        assert left[user, _recorded(sql), answer] >= times, (sql, answer)


def _recorded(sql: str) -> str:
    return sql.replace("\0", "\ufffd")[:1000]
