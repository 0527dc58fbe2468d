"""From a plan to what an engine is handed: the only place where client headers are chosen to travel on."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.cache import CatalogCache
from engines.base import EngineStatement
from gateway.metadata.visible import Sight, View
from gateway.models import Plan
from gateway.planning.session_properties import OWN
from gateway.received import Received


def engine_statement(plan: Plan, received: Received, view: View | None = None) -> EngineStatement:
    """Return the statement for an engine: governed text, the mapped user, allowed properties, no credentials."""
    session, transaction = received.session, received.transaction
    return EngineStatement(
        sql=plan.sql or "",
        user=received.principal.user,
        # Governed text names everything in full; without defaults a bare name would fail instead of meaning something.
        catalog=None,
        schema=None,
        time_zone=session.time_zone,
        columns=plan.columns,
        tables=plan.engine_tables,
        session_properties=_for_engines(session.properties),
        headers=tuple(_travelling(received, exportable=plan.exportable)),
        capabilities=session.capabilities,
        update_type=plan.update_type,
        write=plan.write,
        caller=view,
        transaction=transaction.id if transaction is not None and transaction.engine == plan.engine else None,
        prepared=plan.prepared,
        trace=received.query_id,
    )


def _for_engines(properties: Mapping[str, str]) -> Mapping[str, str]:
    """Leave out the properties that are the gateway's own."""
    if OWN.isdisjoint(properties):
        return properties
    return {name: value for name, value in properties.items() if name not in OWN}


def _travelling(received: Received, *, exportable: bool) -> list[tuple[str, str]]:
    """Choose the headers a Trino engine may see: attribution and presentation, nothing that grants anything.

    What must not be exported is not handed out in compressed files (segments) either: the client gets plain pages.
    """
    session = received.session
    headers = [("X-Trino-Client-Tags", ",".join(session.client_tags))] if session.client_tags else []
    headers += [("X-Trino-Source", session.source)] if session.source else []
    headers += [("X-Trino-Client-Info", session.client_info)] if session.client_info else []
    headers += [("X-Trino-Language", session.language)] if session.language else []
    headers += [("X-Trino-Trace-Token", session.trace_token)] if session.trace_token else []
    estimates = ",".join(f"{name}={value}" for name, value in session.resource_estimates.items())
    headers += [("X-Trino-Resource-Estimate", estimates)] if estimates else []
    encodings = ",".join(session.data_encodings if exportable else ())
    headers += [("X-Trino-Query-Data-Encoding", encodings)] if encodings else []
    headers += [("X-Trino-Transaction-Id", "NONE")] if session.transaction == "NONE" else []
    return headers


def caller_view(catalog: CatalogCache, policies: Sight, received: Received) -> View:
    """Return the caller's sight of the catalog, for the metadata engine."""
    return View(catalog, policies, received.subject)
