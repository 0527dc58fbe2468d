"""/v1/info and /v1/status: what clients and other gateways ask before they trust a server. Nothing internal is told."""

from __future__ import annotations

from gateway.protocols.http import Request, Response
from gateway.protocols.trino.context import Door
from gateway.protocols.trino.errors import NotAllowed
from gateway.protocols.trino.query_info import duration
from gateway.protocols.trino.serving import json_response


def node_resource(door: Door, request: Request) -> Response | None:
    """Answer the public paths at once; None for any other path. Raises NotAllowed."""
    path = request.path
    if path not in ("/v1/info", "/v1/info/state", "/v1/info/coordinator", "/v1/status"):
        return None
    if request.method not in ("GET", "HEAD"):
        raise NotAllowed("HEAD", "GET")
    state = "SHUTTING_DOWN" if door.draining else "ACTIVE"
    if path == "/v1/info/state":
        return json_response(state)
    if path == "/v1/info/coordinator":
        return Response(200)
    return json_response(_status(door) if path == "/v1/status" else _info(door, state))


def _info(door: Door, state: str) -> dict[str, object]:
    return {
        "nodeId": door.settings.worker,
        "state": state,
        "nodeVersion": {"version": door.settings.node_version},
        "environment": door.settings.environment,
        "coordinator": True,
        "coordinatorId": door.settings.worker,
        "starting": False,
        "uptime": duration(door.ports.clock() - door.started_at),
    }


def _status(door: Door) -> dict[str, object]:
    """Return Trino's NodeStatus with the figures of the machine left out."""
    return {
        "nodeId": door.settings.worker,
        "nodeVersion": {"version": door.settings.node_version},
        "environment": door.settings.environment,
        "coordinator": True,
        "uptime": duration(door.ports.clock() - door.started_at),
        "externalAddress": "",
        "internalAddress": "",
        "memoryInfo": {"availableProcessors": 0, "pool": {}},
        "processors": 0,
        "processCpuLoad": 0.0,
        "systemCpuLoad": 0.0,
        "heapUsed": 0,
        "heapAvailable": 0,
        "nonHeapUsed": 0,
    }
