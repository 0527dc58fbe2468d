"""The function cases that others share with us, and our own: queries over one table of traps with Trino's answers.

Our own (`tests/fixtures/traps/cases.jsonl`) were drawn by `loadtests.traps` and recorded from the real Trino 476.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parents[2] / "shared" / "cases" / "functions"
OWN = Path(__file__).parent / "fixtures" / "traps" / "cases.jsonl"


def load() -> dict[str, Mapping[str, Any]]:
    """Return all cases by name; none where the table of traps is not here, which in CI is an error."""
    file = SHARED / "cases.jsonl"
    if not file.exists():
        if os.environ.get("CI") == "true":
            raise FileNotFoundError(f"the function cases are missing: {file}")
        return {}
    lines = [*file.read_text("utf-8").splitlines(), *OWN.read_text("utf-8").splitlines()]
    return {case["id"]: case for case in map(json.loads, lines)}
