"""A coordinator at the speed of nginx: every answer is a text in its configuration, made once.

What a gateway asks about tables goes on to the Python stub of `loadtests.statement`. A statement's source says how long
it is: a `short` one has one page of rows and an end, as in `make bench-statement`; a `long` one has many such pages, so
that a client that follows them does nothing but poll.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtests.peers.nginx import Nginx, running
from loadtests.statement.processes import stub_coordinator
from loadtests.statement.stub import COLUMNS, STATS

LONG_PAGES = 200
SERVICE_USER = "penstock"
"""As whom the gateway asks about tables."""
_DESCRIBED = "y0123456789abcdef"
"""The slug of the Python stub's pages."""


@contextmanager
def stub(nginx: Nginx, folder: Path) -> Iterator[int]:
    """Run the stub; yield its port."""
    with stub_coordinator() as describing, running(nginx, folder, _configuration(describing)) as port:
        yield port


def _configuration(describing: int) -> str:
    following = [("short:1", 2), *((f"long:{number}", number + 1) for number in range(1, LONG_PAGES))]
    pages = "\n".join(f'        "{page}" {number};' for page, number in following)
    return f"""
    map $http_x_trino_source $length {{ ~long long; default short; }}
    map "$kind:$number" $following {{
        default "";
{pages}
    }}
    upstream describing {{ server 127.0.0.1:{describing}; keepalive 4; }}
    default_type application/json;
    server {{
        listen 127.0.0.1:@PORT@;
        location = /v1/info {{ return 200 '{{"starting":false,"coordinator":true}}'; }}
        location = /v1/statement {{
            if ($http_x_trino_user = {SERVICE_USER}) {{ rewrite ^ /describing last; }}
            return 200 '{_queued()}';
        }}
        location = /describing {{
            internal;
            proxy_pass http://describing/v1/statement;
            proxy_set_header Host $http_host;
        }}
        location ~ /{_DESCRIBED}/ {{
            proxy_pass http://describing;
            proxy_set_header Host $http_host;
        }}
        location ~ ^/v1/statement/[a-z]+/(?<id>\\w+)/y(?<kind>short|long)/(?<number>\\d+)$ {{
            if ($following = "") {{ return 200 '{_page(last=True)}'; }}
            return 200 '{_page(last=False)}';
        }}
    }}
"""


def _queued() -> str:
    stats = {**STATS, "state": "QUEUED", "queued": True}
    page = _head("20260101_000000_00000_$request_id", "queued", "$length", "1") | {"stats": stats, "warnings": []}
    return json.dumps(page, separators=(",", ":"))


def _page(*, last: bool) -> str:
    columns = [{"name": n, "type": t, "typeSignature": {"rawType": t, "arguments": []}} for n, t in COLUMNS]
    if last:
        page = {"id": "$id", "infoUri": "http://$http_host/ui/query.html?$id", "columns": columns}
        page |= {"stats": {**STATS, "state": "FINISHED"}, "warnings": []}
    else:
        rows = [[n, "CAISO", 1000 + n, 41.25 + n] for n in range(14)]
        page = _head("$id", "executing", "$kind", "$following")
        page |= {"columns": columns, "data": rows, "stats": STATS, "warnings": []}
    return json.dumps(page, separators=(",", ":"))


def _head(query: str, stage: str, kind: str, number: str) -> dict[str, object]:
    base = "http://$http_host"
    following = f"{base}/v1/statement/{stage}/{query}/y{kind}/{number}"
    return {"id": query, "infoUri": f"{base}/ui/query.html?{query}", "nextUri": following}
