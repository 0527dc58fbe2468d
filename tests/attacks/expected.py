"""Hold the verdicts of a suite: no more fails or is skipped than what is written down with its reason."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from tests.attacks.arena import Arena
from tests.attacks.cases import FIXTURES, Case
from tests.attacks.judge import Verdict

_NOTES: Mapping[str, Mapping[str, Mapping[str, str]]] = yaml.safe_load((FIXTURES / "notes.yaml").read_text("utf-8"))
"""By verdict and engine, the cases that end so, and why."""


def hold(arena: Arena, case: Case, verdict: Verdict) -> None:
    """Fail where a case ended otherwise than its file or the notes say; what is noted and ends well is noted in vain."""
    expected = "passed"
    if case.id in _NOTES["skipped"][arena.engine]:
        expected = "skipped"
    elif case.id in _NOTES["answered"][arena.engine]:
        expected = "failed"
        assert verdict.reason.startswith("answered:"), verdict.reason
    assert verdict.result == expected, f"{verdict.result}: {verdict.reason or verdict.outcome}"
