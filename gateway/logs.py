"""The gateway's log: one JSON object a line on stderr for machines, or plain lines for people.

No SQL text, no literals, no secrets: a statement is logged by id, kind and outcome, an error by its code. Texts of
exceptions may hold values, so an exception is logged by type and place only.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from typing import TYPE_CHECKING, Any, Literal, TextIO

import orjson
import structlog

from gateway import events

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["json", "console"]

_LENGTH = 300
"""Characters kept of a text that a client chose."""

_SECRETS = re.compile(
    r"(?i)(?P<scheme>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]+"
    r"|(?P<name>\b(?:password|passwd|secret|token|api[_-]?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;]+"
    r"|(?P<user>://[^\s/:@]*:)[^\s/@]+(?=@)"
)
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def configure_logging(form: LogFormat = "json", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send the log of the gateway and of its libraries to `stream`, by default stderr.

    Libraries are heard from WARNING up: their lower levels hold addresses and page tokens. Raises ValueError for an
    unknown level.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"unknown log level {level!r}")
    target = stream or sys.stderr
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exception_without_text,
    ]
    render = _render_json if form == "json" else _render_console
    structlog.configure(
        processors=[*shared, render],
        logger_factory=structlog.WriteLoggerFactory(file=target),
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared, _scrub_event],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(number, logging.WARNING))
    logging.getLogger("penstock").setLevel(number)


def scrub(text: str) -> str:
    """Remove what looks like a credential from a text of somebody else's: tokens, passwords, those in URLs."""
    return _SECRETS.sub(lambda found: f"{found['scheme'] or found['name'] or found['user']}***", text)


def clip(text: str | None) -> str | None:
    """Shorten a text that a client chose, and make it encodable."""
    return None if text is None else text[:_LENGTH].encode("utf-8", "replace").decode()


def log_events(bus: events.EventBus) -> None:
    """Log what the bus tells, by the configuration in force now."""
    log = structlog.get_logger().bind()
    _log_statements(bus, log)
    _log_door(bus, log)
    _log_parts(bus, log)
    _log_recording(bus, log)
    _log_audit(bus, log)


def _log_statements(bus: events.EventBus, log: Any) -> None:
    def finished(event: events.StatementFinished) -> None:
        record = event.record
        write = log.warning if record.outcome in ("ABANDONED", "CUT_OFF") else log.info
        write(
            "statement",
            query_id=record.query_id,
            trace_token=clip(record.trace_token),
            user=clip(record.user),
            source=clip(record.source),
            kind=record.kind,
            engine=record.engine,
            engine_query_id=record.engine_query_id,
            outcome=record.outcome,
            error_code=record.error_code,
            seconds=round(record.finished_at - record.received_at, 6),
            stage_ms={name: round(value, 3) for name, value in record.stage_ms.items()},
            plan_cached=record.plan_cached,
            policy_version=record.policy_version,
            rows=record.rows,
            bytes=record.bytes,
        )

    def refused(event: events.StatementRefused) -> None:
        log.info("refused", query_id=event.query_id, stage=event.stage, error_code=event.code.name)

    def attested(event: events.StatementAttested) -> None:
        if event.result in ("different", "unanswered"):
            write = log.error if event.result == "different" else log.warning
            found = [scrub(text)[:_LENGTH] for text in event.found]
            write("attestation", query_id=event.query_id, engine=event.engine, result=event.result, found=found)

    bus.subscribe(events.StatementFinished, finished)
    bus.subscribe(events.StatementRefused, refused)
    bus.subscribe(events.StatementAttested, attested)
    bus.subscribe(
        events.ProbingNoticed,
        lambda event: log.warning(
            "probing",
            user=event.user,
            authenticated=event.authenticated,
            failures=event.failures,
            verdict=event.verdict,
        ),
    )


def _log_door(bus: events.EventBus, log: Any) -> None:
    bus.subscribe(
        events.AuthenticationFailed,
        lambda event: log.warning(
            "authentication failed", method=event.method, reason=clip(event.reason), address=event.address
        ),
    )
    bus.subscribe(events.DrainStarted, lambda event: log.info("draining", running=event.running))
    bus.subscribe(events.DrainFinished, lambda event: log.info("drained", left=event.left))


def _log_parts(bus: events.EventBus, log: Any) -> None:
    def policies(event: events.PolicyReloaded) -> None:
        if event.ok:
            log.info("policies loaded", version=event.version, seconds=round(event.seconds, 6))
        else:
            log.error("policies not loaded", in_force=event.version, error=scrub(event.error))

    def config(event: events.ConfigReloaded) -> None:
        if event.ok:
            log.info("configuration loaded")
        else:
            log.error("configuration not loaded", error=scrub(event.error))

    def engine(event: events.EngineHealthChanged) -> None:
        write = log.info if event.healthy else log.error
        write("engine", engine=event.engine, healthy=event.healthy, detail=scrub(event.detail))

    def changeset(event: events.ChangesetStepped) -> None:
        write = log.info if event.ok else log.warning
        write("changeset", changeset=event.changeset, step=event.step, done=event.ok, by=scrub(event.author))

    bus.subscribe(events.PolicyReloaded, policies)
    bus.subscribe(events.ChangesetStepped, changeset)
    bus.subscribe(events.ConfigReloaded, config)
    bus.subscribe(events.EngineHealthChanged, engine)
    bus.subscribe(
        events.CatalogRefreshed,
        lambda event: log.debug("catalog read", catalog=event.catalog, tables=event.tables, seconds=event.seconds),
    )
    bus.subscribe(
        events.CatalogRefreshFailed,
        lambda event: log.warning("catalog not read", catalog=event.catalog, reason=scrub(event.reason)),
    )
    bus.subscribe(
        events.SubscriberFailed,
        lambda event: log.error("subscriber failed", subscriber=event.subscriber, on=event.event, error=event.error),
    )


def _log_recording(bus: events.EventBus, log: Any) -> None:
    bus.subscribe(events.StoreUnavailable, lambda event: log.error("usage store is down", reason=scrub(event.reason)))
    bus.subscribe(events.StoreAvailable, lambda _: log.info("usage store takes rows"))
    bus.subscribe(
        events.LeasesOrphaned,
        lambda event: log.error("leases of budgets orphaned", workers=event.workers, leases=event.leases),
    )
    bus.subscribe(events.RowsLost, lambda event: log.error("usage rows lost", rows=event.rows, reason=event.reason))
    bus.subscribe(events.RecordingRefused, lambda event: log.error("statement not recordable", reason=event.reason))
    bus.subscribe(
        events.JournalRecovered,
        lambda event: log.warning(
            "journal of a dead worker recovered",
            finished=event.finished,
            cut_off=event.cut_off,
            damaged=event.damaged,
        ),
    )


def _log_audit(bus: events.EventBus, log: Any) -> None:
    """Log anchors and faults; of entries the log has the statements' own lines."""

    def sink(event: events.AuditSinkChanged) -> None:
        write = log.info if event.up else log.error
        write("audit sink", sink=event.sink, up=event.up, reason=scrub(event.reason))

    def broken(event: events.AuditChainBroken) -> None:
        log.error("audit chain broken", expected=list(event.expected), found=list(event.found))

    bus.subscribe(
        events.AuditAnchored, lambda event: log.info("audit anchor", seq=event.head.seq, hash=event.head.hash)
    )
    bus.subscribe(events.AuditChainBroken, broken)
    bus.subscribe(events.AuditSinkChanged, sink)
    bus.subscribe(
        events.AuditForwardingLost,
        lambda event: log.error("audit not forwarded", sink=event.sink, entries=event.entries, reason=event.reason),
    )


def _exception_without_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and the places it passed: its text may hold what logs must not."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["exception"] = type(error).__name__
        event["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
    return event


def _scrub_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Scrub a library's own words."""
    event["event"] = scrub(str(event.get("event", "")))[:2000]
    return event


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:  # a lone surrogate, which orjson refuses
        return json.dumps(event, default=str, ensure_ascii=False).encode("utf-8", "replace").decode()


def _render_console(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Write a line for people; control characters are shown, not obeyed."""
    head = f"{event.pop('timestamp', '')} {event.pop('level', '')!s:<8} {event.pop('event', '')}"
    told = [f"{name}={value}" for name, value in event.items() if value not in (None, "", {}, [])]
    line = "  ".join([head, *told])
    return line.translate(_CONTROL).encode("utf-8", "replace").decode()
