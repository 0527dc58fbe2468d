"""What a Trino cluster says that a query took: its statistics, which it keeps for some minutes after the end."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from catalog.errors import ErrorCode, Refusal
from engines.estimates import Actuals
from engines.trino.attest import info_path
from engines.trino.http import HttpClient, UpstreamError

_SIZE = re.compile(r"(\d{1,19})B")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")


class _Stats(msgspec.Struct, rename="camel"):
    elapsed_time: str = ""
    physical_input_data_size: str = ""
    physical_input_positions: int | None = None


class _QueryInfo(msgspec.Struct, rename="camel"):
    query_id: str
    query_stats: _Stats
    final_query_info: bool = False
    """Whether all workers have reported: true some hundred milliseconds after the query was cancelled or failed."""


_INFO = msgspec.json.Decoder(_QueryInfo)


async def ask(http: HttpClient, engine: str, headers: Sequence[tuple[str, str]], query_id: str) -> Actuals | None:
    """Ask a cluster, as the gateway itself, what a query took; None where it has forgotten the query, or never knew it.

    Raises Refusal where it does not answer, or does not let the gateway's user see other people's queries.
    """
    try:
        answer = await http.request("GET", info_path(query_id), headers)
        if answer.status in (404, 410):
            return None
        if answer.status != 200:
            raise _unanswered(engine, f"status {answer.status}")
        return read_actuals(answer.body, query_id)
    except (UpstreamError, ValueError) as error:
        raise _unanswered(engine, str(error)) from None


def read_actuals(body: bytes, query_id: str) -> Actuals:
    """Read what a query's information says that it took. Raises ValueError (MsgspecError is one)."""
    info = _INFO.decode(body)
    if info.query_id != query_id:
        raise ValueError("the information is another query's")
    return Actuals(
        scanned_bytes=_bytes(info.query_stats.physical_input_data_size),
        rows_read=info.query_stats.physical_input_positions,
        seconds=_seconds(info.query_stats.elapsed_time),
        final=info.final_query_info,
    )


def _bytes(text: str) -> int | None:
    """Read a size as Trino writes it there, to the byte; None for any other."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) if found else None


def _seconds(text: str) -> float | None:
    found = _DURATION.fullmatch(text)
    return float(found[1]) * _SECONDS[found[2]] if found else None


def _unanswered(engine: str, detail: str) -> Refusal:
    text = f"The engine {engine} does not say what a query took"
    hint = "Let the gateway's user view queries in the cluster's access control." if "403" in detail else None
    return Refusal(ErrorCode.GENERIC_EXTERNAL, text, detail=detail, hint=hint)
