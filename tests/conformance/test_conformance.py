"""Row filters and column masks end as in Trino's own tests or stricter, on the real Trino and on the embedded lake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import TrinoServer
from policies.faults import PolicyError
from policies.reload import load_policies
from tests.attacks.process import Gateway
from tests.conformance.judge import faults
from tests.conformance.scenarios import Held, Scenario, document, policies, read_scenarios
from tests.conformance.stages import lake_gateway, make_tables, trino_gateway
from tests.conformance.table import PAGE, counted, page

SCENARIOS = read_scenarios()
SAID = {
    "sql", "each", "as", "rows", "types", "columns", "refused", "hides", "same_for", "schema", "info", "forms",
    "reads_like", "tells",
}  # fmt: skip
BAD = [(scenario, held) for scenario in SCENARIOS for held in scenario.bad]


@pytest.fixture(scope="module")
def tables(trino_server: TrinoServer) -> TrinoServer:
    make_tables(trino_server)
    return trino_server


@pytest.fixture(scope="module")
def on_trino(tables: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with trino_gateway(tmp_path_factory.mktemp("conforming-trino"), tables, policies(SCENARIOS)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def on_lake(
    tables: TrinoServer,
    postgres_server: PostgresServer,
    trino_warehouse: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("conforming-lake")
    with lake_gateway(folder, postgres_server, trino_warehouse, policies(SCENARIOS)) as gateway:
        yield gateway


def test_the_table_has_its_sixty_rows() -> None:
    assert [scenario.n for scenario in SCENARIOS] == list(range(1, 61))
    assert {scenario.ends for scenario in SCENARIOS} == {"equal", "stricter"}
    assert all(scenario.steps or scenario.bad for scenario in SCENARIOS)
    said = {word for scenario in SCENARIOS for step in (*scenario.steps, *(scenario.lake or ())) for word in step}
    assert said <= SAID, "a step says what nobody reads"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: str(scenario.n))
def test_it_ends_on_trino_as_the_table_says(on_trino: Gateway, scenario: Scenario) -> None:
    assert faults(on_trino, scenario, "trino") == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: str(scenario.n))
def test_it_ends_on_the_lake_as_the_table_says(on_lake: Gateway, scenario: Scenario) -> None:
    assert faults(on_lake, scenario, "lake") == []


@pytest.mark.parametrize(("scenario", "held"), BAD, ids=lambda each: str(getattr(each, "n", "")))
def test_a_policy_of_the_table_that_must_not_load_does_not(tmp_path: Path, scenario: Scenario, held: Held) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text(document({"bad": [held]}))
    with pytest.raises(PolicyError):
        load_policies([path])


def test_the_page_is_written_from_the_table() -> None:
    assert PAGE.read_text("utf-8") == page(SCENARIOS)
    assert counted(SCENARIOS) in page(SCENARIOS)
