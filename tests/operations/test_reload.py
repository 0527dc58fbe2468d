"""Reloading: good files take effect for the next statement, bad ones change nothing and are told."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import POLICIES, Gateway, eventually, make_gateway, running, trino_backend

COUNT = "SELECT id FROM tri.trading.trades"
FILTER = "row_filters: [{id: none-of-it, table: tri.trading.trades, roles: [analyst], filter: desk = 'NOWHERE'}]\n"


@pytest.fixture(scope="module")
def engine() -> Iterator[Coordinator]:
    with serving(Coordinator()) as found:
        yield found
        found.released.set()


@pytest.fixture(scope="module")
def served(engine: Coordinator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(make_gateway(tmp_path_factory.mktemp("reload"), [trino_backend(engine.url)])) as found:
        yield found


@pytest.fixture
def gateway(served: Gateway, engine: Coordinator) -> Iterator[Gateway]:
    """Use the module's gateway, its files whole again afterwards."""
    configuration = served.path.read_text()
    yield served
    engine.released.clear()
    served.path.write_text(configuration)
    served.policies.write_text(POLICIES)
    eventually(lambda: sent(served, engine) == "plain")


def sent(gateway: Gateway, engine: Coordinator) -> str:
    """Tell what the engine is given: the filter, the plain table, or nothing."""
    before = len(engine.posted)
    gateway.client.run(COUNT)
    if len(engine.posted) == before:
        return "nothing"
    return "filtered" if "NOWHERE" in engine.posted[-1] else "plain"


@pytest.mark.parametrize("how", ["saved", "SIGHUP"])
def test_new_rules_hold_for_the_next_statement(gateway: Gateway, engine: Coordinator, how: str) -> None:
    assert sent(gateway, engine) == "plain"
    gateway.policies.write_text(POLICIES + FILTER)
    if how == "SIGHUP":
        loads = gateway.metric("penstock_policy_loads_total", result="success")
        gateway.send(signal.SIGHUP)
        eventually(lambda: gateway.metric("penstock_policy_loads_total", result="success") > loads, seconds=20)
        assert sent(gateway, engine) == "filtered"
    eventually(lambda: sent(gateway, engine) == "filtered", seconds=20)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (POLICIES + "row_filtres: []\n", "policies.yaml:9"),
        (POLICIES.replace("allow: [read]", "allow: [reed]"), "policies.yaml:7"),
        (POLICIES + "row_filters: [\n", "policies.yaml"),
        ("", "policies.yaml"),
        (None, "cannot be read"),
    ],
    ids=["unknown key", "unknown privilege", "half a file", "empty", "gone"],
)
def test_a_bad_file_changes_nothing_and_is_told(
    gateway: Gateway, engine: Coordinator, bad: str | None, said: str
) -> None:
    failures = gateway.metric("penstock_policy_loads_total", result="failure")
    start = len(gateway.log())
    if bad is None:
        gateway.policies.unlink()
    else:
        gateway.policies.write_text(bad)
    eventually(lambda: gateway.metric("penstock_policy_loads_total", result="failure") == failures + 1, seconds=20)
    assert sent(gateway, engine) == "plain"
    told = gateway.log()[start:]
    assert "policies not loaded" in told
    assert said in told
    assert gateway.status("readyz") == 200


def test_a_file_written_slowly_takes_effect_only_when_it_is_whole(gateway: Gateway, engine: Coordinator) -> None:
    """The grants come first: read too early, the file would grant without its filter."""
    gateway.policies.write_text(POLICIES + FILTER)
    eventually(lambda: sent(gateway, engine) == "filtered", seconds=20)
    whole = POLICIES + "# more\n" * 40 + FILTER
    seen = set()
    with gateway.policies.open("w") as file:
        for at in range(0, len(whole), 20):
            file.write(whole[at : at + 20])
            file.flush()
            seen.add(sent(gateway, engine))
            time.sleep(0.1)
    assert seen == {"filtered"}


def test_a_statement_keeps_the_decision_it_began_with(gateway: Gateway, engine: Coordinator) -> None:
    page = gateway.client.next(gateway.client.begin("SELECT id AS hold FROM tri.trading.trades"))
    gateway.policies.write_text(POLICIES.replace('"tri.trading.*", ', ""))
    eventually(lambda: sent(gateway, engine) == "nothing", seconds=20)
    engine.released.set()
    assert gateway.client.finish(page)["rows"] == [[1, "CAISO"]]


@pytest.mark.parametrize("text", ["door: {prot: 1}", "no: [yaml", "keys: []"])
def test_a_broken_configuration_at_sighup_keeps_the_gateway_running(
    gateway: Gateway, engine: Coordinator, text: str
) -> None:
    failures = gateway.metric("penstock_config_loads_total", result="failure")
    gateway.path.write_text(text)
    gateway.send(signal.SIGHUP)
    eventually(lambda: gateway.metric("penstock_config_loads_total", result="failure") == failures + 1, seconds=20)
    assert "configuration not loaded" in gateway.log()
    assert sent(gateway, engine) == "plain"


def test_sighup_says_what_waits_for_a_restart(gateway: Gateway) -> None:
    gateway.path.write_text(gateway.path.read_text().replace("drain_seconds: 10", "drain_seconds: 11"))
    gateway.send(signal.SIGHUP)
    eventually(lambda: "bound until a restart: drain_seconds" in gateway.log(), seconds=20)
