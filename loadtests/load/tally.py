"""Count what the users met: every statement's time, every exchange's, what failed and what was asked again."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from pathlib import Path

from loadtests.load.client import Answer

SHOWN_FAILURES = 20


class Tally:
    """Keep figures from the moment that all users are there; failures from the beginning."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.failures: Counter[str] = Counter()
        self.begin()

    def begin(self) -> None:
        """Forget the times of the ramp."""
        self.begun = time.time()
        self._statements: defaultdict[str, list[float]] = defaultdict(list)
        self._exchanges: defaultdict[str, list[float]] = defaultdict(list)
        self._later = self._rows = self._bytes = 0

    def add(self, kind: str, milliseconds: float, answer: Answer, failure: str | None) -> None:
        """Count one statement of a kind of user."""
        self._statements[kind].append(milliseconds)
        for method, took in answer.exchanges:
            self._exchanges[method].append(took)
        self._later += answer.later
        self._rows += answer.rows
        self._bytes += answer.size
        if failure is not None:
            self.failures[f"{kind}: {failure}"] += 1

    def write(self, path: Path) -> None:
        """Write everything down for the report."""
        document = {
            "begun": self.begun,
            "seconds": time.time() - self.begun,
            "statements": self._statements,
            "exchanges": self._exchanges,
            "later": self._later,
            "rows": self._rows,
            "bytes": self._bytes,
            "failed": self.failures.total(),
            "failures": self.failures.most_common(SHOWN_FAILURES),
        }
        path.write_text(json.dumps(document))
