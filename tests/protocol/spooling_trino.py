"""The real Trino with its spooling manager, whose segments lie in an object store of the test's own."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.demo.downloads import TRINO_SERVER, cache_folder, fetch, trino_home, unpack
from gateway.demo.trino_server import TrinoServer, start_trino
from tests.protocol.object_store import ObjectStore, object_store

PLUGIN = "spooling-filesystem"


def plugins(folder: Path) -> Path:
    """Make a folder of links to the usual plugins and to the one for spooling, which is unpacked once."""
    usual = trino_home(print)
    kept = cache_folder() / f"trino-{TRINO_SERVER.version}-{PLUGIN}"
    if not kept.is_dir():
        unpack(fetch(TRINO_SERVER, print), folder / "unpacked", [f"plugin/{PLUGIN}"])
        try:
            (folder / "unpacked" / "plugin" / PLUGIN).rename(kept)
        except OSError:
            if not kept.is_dir():  # somebody else was quicker: theirs is as good
                raise
    linked = folder / "plugins"
    linked.mkdir(parents=True)
    for plugin in ("memory", "tpch", "tpcds", "blackhole"):
        (linked / plugin).symlink_to(usual / "plugin" / plugin)
    (linked / PLUGIN).symlink_to(kept)
    return linked


@contextmanager
def spooling_trino(folder: Path) -> Iterator[tuple[TrinoServer, ObjectStore]]:
    """Run Trino so that the coordinator itself hands segments out, small ones among them."""
    with object_store() as store:
        settings = {
            "plugin.dir": str(plugins(folder)),
            "protocol.spooling.enabled": "true",
            "protocol.spooling.shared-secret-key": base64.b64encode(b"s" * 32).decode(),
            "protocol.spooling.retrieval-mode": "COORDINATOR_PROXY",
            "protocol.spooling.initial-segment-size": "64kB",
            "protocol.spooling.max-segment-size": "1MB",
            "protocol.spooling.inlining.max-size": "16kB",
        }
        spooling = {
            "spooling-manager.name": "filesystem",
            "fs.s3.enabled": "true",
            "fs.location": "s3://spool/segments/",
            "fs.segment.encryption": "false",
            "s3.endpoint": store.url,
            "s3.region": "us-east-1",
            "s3.aws-access-key": "key",
            "s3.aws-secret-key": "secret",
            "s3.path-style-access": "true",
        }
        with start_trino(folder / "trino", print, heap="1600M", settings=settings, spooling=spooling) as found:
            yield found, store
