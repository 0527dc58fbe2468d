"""One gateway over the embedded lake, with short limits, for everything that no well-behaved client sends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from gateway.auth.secrets_files import hash_api_key, make_api_key
from tests.attacks.caller import Caller
from tests.attacks.process import ROOT, Gateway, run_gateway
from tests.attacks.world import fill_lake

POLICIES = (ROOT / "tests" / "fixtures" / "attacks" / "policies.yaml").read_text("utf-8")
ABANDON_SECONDS = 5
READ_SECONDS = 2
PATIENCE = 1.0
"""Seconds within which a small statement is answered whatever others send, on a machine that does nothing else."""
API_KEY = make_api_key()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run the gateway: queries are abandoned after 5 s, a request may take 2 s to arrive."""
    folder = tmp_path_factory.mktemp("bad-input")
    properties = {"uri": f"sqlite:///{folder / 'lake.db'}", "warehouse": f"file://{folder / 'warehouse'}"}
    catalog = SqlCatalog("lake", **properties)
    fill_lake(catalog)
    catalog.close()
    (folder / "keys").write_text(f"ana:{hash_api_key(API_KEY)}\n")
    (folder / "keys").chmod(0o600)
    engine = {"kind": "lake", "name": "lake", "catalog": "lake", **properties}
    sections = {
        "door": {"read_seconds": READ_SECONDS},
        "limits": {"abandon_seconds": ABANDON_SECONDS},
        "identity": {"api_key_file": str(folder / "keys")},
    }
    with run_gateway(folder, [engine], POLICIES, **sections) as running:
        yield running


@pytest.fixture
def patience() -> Callable[[], float]:
    """Return how many seconds somebody else's small statement may take: more where the processors are wanted elsewhere."""
    before = _busy()
    return lambda: max(PATIENCE, 1.5 * before, 1.5 * _busy())


def _busy() -> float:
    """Return how many processes want each processor."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


@pytest.fixture
def ana(gateway: Gateway) -> Caller:
    """Return the analyst of the attack world."""
    return Caller(gateway, "ana")
