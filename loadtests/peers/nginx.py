"""Run nginx with a configuration of ours, as the stub and as the plainest of proxies."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.demo.children import start_child
from gateway.demo.ports import free_port
from loadtests.peers.tools import Tool

Nginx = Tool
START_SECONDS = 20.0
_COMMON = """
{user}
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    {servers}
}}
"""


@contextmanager
def running(nginx: Nginx, folder: Path, servers: str, workers: int = 1) -> Iterator[int]:
    """Run nginx with some servers, in which @PORT@ stands for a free port; yield the port."""
    folder.mkdir(parents=True)
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    text = _COMMON.format(user=user, workers=workers, folder=folder, servers=servers.replace("@PORT@", str(port)))
    (folder / "nginx.conf").write_text(text)
    command = [str(nginx.path), "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    child = start_child(command, log=folder / "nginx.log", env=nginx.environment)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"http://127.0.0.1:{port}/v1/info"):
            if not child.running or time.monotonic() > deadline:
                raise SystemExit(f"nginx did not start:\n{child.last_words()}")
            time.sleep(0.05)
        yield port
    finally:
        child.stop()


def proxy(backend: int) -> str:
    """Return the server that passes everything on, over connections that are kept."""
    return f"""
    upstream backend {{ server 127.0.0.1:{backend}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:@PORT@;
        location / {{ proxy_pass http://backend; proxy_set_header Host $http_host; }}
    }}
"""


def answers(url: str) -> bool:
    """Tell whether a server answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
