"""The users, for locust: each kind behaves as one kind of tool does.

Locust runs this file in an environment of its own; PENSTOCK_LOAD_TALLY names the file that takes the figures, and
PENSTOCK_LOAD_SPREAD the seconds within which users begin.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote_plus

from gevent.pool import Group
from locust import User, between, constant_pacing, events, task

from loadtests.load.client import Answer, AskedWrongly, Client
from loadtests.load.statements import BROWSING, PARTNER, PREPARED, Question, exploring, pipeline, tiles
from loadtests.load.tally import Tally

TALLY = Tally()
DESKS = {"trader1": "CAISO", "trader2": "MISO"}
"""The desk whose rows alone each trader may see."""
_numbers = itertools.count()


@events.spawning_complete.add_listener
def _all_are_there(**_: Any) -> None:
    TALLY.begin()


@events.quitting.add_listener
def _write(**_: Any) -> None:
    TALLY.write(Path(os.environ["PENSTOCK_LOAD_TALLY"]))


class Asker(User):
    """Ask statements, check the answers and report both."""

    abstract = True
    kind: ClassVar[str]
    users: ClassVar[tuple[str, ...]]
    connections: ClassVar[int] = 1

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Take a number, and a generator of chance that is the same in every run."""
        super().__init__(*arguments, **named)
        self.number = next(_numbers)
        self.chance = random.Random(self.number)
        self.user = self.users[self.number % len(self.users)]
        self.trino = Client(self.host or "", self.user, f"load-{self.kind}", self.connections)

    def on_start(self) -> None:
        """Come at a moment of one's own, as people do."""
        time.sleep(self.chance.random() * float(os.environ["PENSTOCK_LOAD_SPREAD"]))

    def on_stop(self) -> None:
        """Hang up."""
        self.trino.close()

    def ask(self, question: Question, headers: dict[str, str] | None = None, *, leave: bool = False) -> None:
        """Ask one statement."""
        answer = Answer()
        failure: Exception | None = None
        begun = time.perf_counter()
        try:
            if leave:
                self.trino.leave(question.sql, answer)
            else:
                self.trino.run(question.sql, answer, headers)
                _check(question, answer)
        except AskedWrongly as wrong:
            failure = wrong
        took = (time.perf_counter() - begun) * 1000
        text = f"{question.name}: {failure}" if failure is not None else None
        TALLY.add(self.kind, took, answer, text)
        self.environment.events.request.fire(
            request_type=self.kind,
            name=question.name,
            response_time=took,
            response_length=answer.size,
            exception=failure,
            context={},
        )


class Dashboard(Asker):
    """A dashboard on a wall: all tiles at once over six connections, again and again."""

    kind, users, connections, weight = "dashboard", tuple(DESKS), 6, 50
    wait_time = between(60, 120)

    @task
    def refresh(self) -> None:
        """Draw every tile."""
        asking = Group()
        for tile in tiles(DESKS[self.user]):
            asking.spawn(self.ask, tile)
        asking.join()


class Analyst(Asker):
    """A person with a SQL editor: looks around, tries, thinks, sometimes has seen enough."""

    kind, users, connections, weight = "analyst", ("analyst1", "analyst2"), 1, 30
    wait_time = between(15, 45)

    @task(6)
    def explore(self) -> None:
        """Ask something new."""
        self.ask(exploring(self.chance))

    @task(2)
    def browse(self) -> None:
        """Open the tree of tables."""
        for question in BROWSING:
            self.ask(question)

    @task(1)
    def prepared(self) -> None:
        """Run a statement that the session has prepared, as JDBC tools do."""
        asked = Question("prepared", f"EXECUTE mine USING 'CAISO', {self.chance.randint(0, 90)}", rows=1)
        self.ask(asked, {"X-Trino-Prepared-Statement": f"mine={quote_plus(PREPARED)}"})

    @task(1)
    def see_enough(self) -> None:
        """Cancel a large result."""
        self.ask(Question("cancelled", "SELECT * FROM lmp_prices"), leave=True)


class Partner(Asker):
    """A program of another company that asks for the latest prices every fifteen seconds."""

    kind, users, weight = "partner", ("acme-corp",), 15
    wait_time = constant_pacing(15)

    @task
    def poll(self) -> None:
        """Ask the one question."""
        self.ask(PARTNER)


class Pipeline(Asker):
    """A job that makes a table, adds to it, reads a large result and cleans up."""

    kind, users, weight = "pipeline", ("etl_bot",), 5
    wait_time = between(60, 120)

    @task
    def fill(self) -> None:
        """Do every step in order."""
        for step in pipeline(f"iceberg.sandbox.load_{self.number}", self.chance.randint(0, 100)):
            self.ask(step)


def _check(question: Question, answer: Answer) -> None:
    """Look whether an answer is the asker's own and whole. Raises AskedWrongly."""
    rows = answer.changed if answer.changed is not None else answer.rows
    if question.rows is not None and rows != question.rows:
        raise AskedWrongly(f"{rows} rows instead of {question.rows}")
    seen = {str(row[0]) for row in (answer.first, answer.last) if row}
    if question.only is not None and seen != {question.only}:
        raise AskedWrongly(f"shows {sorted(seen)} instead of {question.only}")
