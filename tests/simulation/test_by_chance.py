"""By chance: under random policies every refusal of a good statement is explained, and what is missing is enough."""

from __future__ import annotations

import os
import random

import pytest
import yaml

from gateway.models import Planned
from gateway.simulation.question import Question, received
from gateway.simulation.trial import compiled
from tests.simulation.sim_world import SECRET, TABLES, World, world

STATEMENTS = (
    "SELECT * FROM orders",
    "SELECT order_id, card FROM orders WHERE amount > 5",
    "SELECT count(*) FROM customers",
    "SELECT name, sum(amount) FROM orders JOIN customers USING (region) GROUP BY name",
    "SELECT x FROM lake.box.v WHERE x IN (SELECT order_id FROM orders)",
    "SELECT person, mail FROM lake.hr.people UNION ALL SELECT y, y FROM lake.box.t",
    "WITH s AS (SELECT salary FROM lake.hr.salaries) SELECT avg(salary) FROM s",
    "INSERT INTO lake.box.t SELECT order_id, email FROM orders",
    "DELETE FROM customers WHERE name IN (SELECT person FROM lake.hr.people)",
    "UPDATE lake.box.t SET y = 'a' WHERE x = 1",
    "CREATE TABLE lake.box.made AS SELECT region FROM customers",
    "SHOW COLUMNS FROM lake.hr.people",
    "SHOW STATS FOR customers",
    "EXPLAIN SELECT ssn FROM lake.hr.people",
    "DROP TABLE lake.box.t",
)
ROLES = ("r1", "r2")


def policies(chance: random.Random) -> str:
    """Return random policies in which everything meets everything."""

    def whom() -> dict[str, object]:
        return chance.choice([{"roles": [chance.choice(ROLES)]}, {"roles": "all"}, {"users": ["ann"]}])

    def table() -> str:
        return chance.choice(list(TABLES))

    def column(name: str) -> str:
        return chance.choice([part.split(" ")[0] for part in TABLES[name].split(", ")])

    grants = []
    for number in range(chance.randrange(6)):
        name = table()
        verb = chance.choice(["allow", "allow", "deny"])
        entry: dict[str, object] = {"id": f"g{number}", **whom(), "assets": name}
        if chance.random() < 0.4:
            entry |= {verb: ["select"], "columns": [column(name)]}
        else:
            entry |= {verb: [chance.choice(["read", "write", "all", "show_stats"])]}
        grants.append(entry)
    filters = []
    for number in range(chance.randrange(4)):
        name = table()
        condition = chance.choice(["none", f"{column(name)} IS NOT NULL", "attr('desk') = 'x'"])
        filters.append({"id": f"f{number}", **whom(), "table": name, "filter": condition})
    masks = []
    for number, name in enumerate(chance.sample(list(TABLES), chance.randrange(3))):
        kind = chance.choice(["none", "null", "redact"])
        masks.append({"id": f"m{number}", **whom(), "table": name, "column": column(name), "mask": kind})
    chosen = chance.sample(list(TABLES), chance.randrange(2))
    protected = [{"table": name, "open": [column(name)]} for name in chosen]
    document = {
        "version": 1,
        "roles": {"r1": {}, "r2": {"inherits": ["r1"]}},
        "users": {"ann": {"roles": [chance.choice(ROLES)], "attributes": {"desk": "x"}}, "ben": {"roles": ["r1"]}},
        "grants": grants,
        "row_filters": filters,
        "column_masks": masks,
        "protected": protected,
    }
    return yaml.safe_dump(document)


async def plans(found: World, question: Question, proposals: tuple) -> bool:  # type: ignore[type-arg]  # of proposals
    """Tell whether a statement is planned with changes that are compiled with everything else."""
    changed = compiled(found.policies, proposals)
    if changed is None:
        return False  # it would contradict what is there
    given = {n: v for p in proposals if p.section == "users" for n, v in p.entry["attributes"].items()}
    asked = received(
        Question(question.user, question.sql, question.catalog, question.schema, attributes=given), changed
    )
    return isinstance(await found.pipeline.under(changed).plan(asked), Planned)


async def explore(seed: int) -> int:
    """Simulate every statement as everybody in one world; return how many were refused."""
    found = await world(policies(random.Random(seed)))
    refused = 0
    for user in ("ann", "ben", "cat"):
        for sql in STATEMENTS:
            simulated = await found.simulate(user, sql)
            if simulated.decision == "allow":
                continue
            refused += 1
            missing = simulated.missing
            assert missing is not None, (seed, user, sql, simulated.message)
            assert missing.verified, (seed, user, sql, simulated.message, missing.proposals)
            for each in missing.proposals:
                rest = tuple(other for other in missing.proposals if other is not each)
                question = Question(user, sql, "lake", "sales")
                assert not await plans(found, question, rest), (seed, user, sql, each.text)
    return refused


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "KEY", SECRET)


@pytest.mark.asyncio
async def test_in_some_worlds_what_is_missing_is_enough_and_the_least() -> None:
    assert sum([await explore(seed) for seed in range(2)]) > 30


@pytest.mark.long
@pytest.mark.asyncio
@pytest.mark.parametrize("start", range(100, 500, 50))
async def test_in_many_worlds_what_is_missing_is_enough_and_the_least(start: int) -> None:
    assert sum([await explore(seed) for seed in range(start, start + 50)]) > 500
