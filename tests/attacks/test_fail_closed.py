"""Without policies that hold, nothing is answered: a bad file keeps the gateway from starting and changes nothing later."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.arena import Arena
from tests.attacks.judge import plain
from tests.attacks.process import reload, start, stop, write_config
from tests.attacks.stages import POLICIES

BROKEN = {
    "not YAML": "version: [1",
    "unknown key": POLICIES + "\nsurprise: 1\n",
    "a filter that is no SQL": POLICIES.replace("region = 'EU'", "region = = 'EU'"),
    "a mask that does not parse": POLICIES.replace("attrs.note) AS ROW", "attrs.note AS ROW"),
}


@pytest.mark.parametrize("name", [*BROKEN, "missing"])
def test_a_gateway_whose_policies_do_not_load_does_not_start(tmp_path: Path, name: str) -> None:
    properties = {"uri": f"sqlite:///{tmp_path / 'lake.db'}", "warehouse": f"file://{tmp_path / 'warehouse'}"}
    engine = {"kind": "lake", "name": "lake", "catalog": "lake", **properties}
    config, _, _ = write_config(tmp_path, [engine], BROKEN.get(name, POLICIES))
    if name == "missing":
        (tmp_path / "policies.yaml").unlink()
    process = start(config, tmp_path / "log")
    try:
        assert process.wait(90) != 0
    finally:
        stop(process)
    assert "policies.yaml" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("name", [*BROKEN, "missing"])
def test_i33_policies_that_vanish_or_break_leave_the_last_good_ones_in_force(lake: Arena, name: str) -> None:
    """Refusing everybody would be as secure; never answering without a filter is what counts."""
    path = lake.gateway.folder / "policies.yaml"
    expected = plain(lake.oracle("SELECT * FROM orders"))
    try:
        if name == "missing":
            path.unlink()
        else:
            path.write_text(BROKEN[name], "utf-8")
        reload(lake.gateway, "configuration not loaded")
        assert plain(lake.caller("ana").ask("SELECT * FROM orders")) == expected
        assert lake.caller("ana").ask("SELECT * FROM lake.hr.salaries").refused
    finally:
        path.write_text(POLICIES, "utf-8")
        reload(lake.gateway, "configuration loaded")
