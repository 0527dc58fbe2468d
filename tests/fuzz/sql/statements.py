"""Whole statements: queries, prepared ones, copies that are read back, and what describes the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.fuzz.choices import Choices
from tests.fuzz.sql.drawing import Drawing
from tests.fuzz.sql.queries import query
from tests.fuzz.world import CATALOG, SANDBOX, SCHEMA, Relation


@dataclass(frozen=True, slots=True)
class Step:
    """One statement, and how its answer is to be held against the copy's."""

    sql: str
    ordered: bool = False
    compared: bool = True
    """False where only canaries are looked for: plans and statistics tell of the real tables on purpose."""
    prepared: Mapping[str, str] = field(default_factory=dict)


def draw_statement(
    choices: Choices, copy: Mapping[str, Relation], world: Mapping[str, Relation], *, trino: bool, number: int = 0
) -> list[Step]:
    """Draw one statement, or several that belong together. `number` names what it creates."""
    shown = {name: relation for name, relation in copy.items() if not relation.closed}
    d = Drawing(choices, shown, withheld(copy, world), trino)
    d.risk = choices.pick((3, 0, 10))
    form = choices.weighted(
        ((86, "query"), (3, "prepared"), (2, "immediate"), (3, "copied"), (5, "described"), (1, "explained"))
    )
    if form == "described":
        return [_described(d, [name for name in world if name not in copy or not copy[name].closed], world)]
    sql, ordered = query(d)
    if form == "prepared":
        if choices.chance(50):
            return [
                Step("EXECUTE p USING 7, 'EU'", prepared={"p": f"SELECT ? AS p, q.* FROM ({sql}) AS q WHERE ? = 'EU'"})
            ]
        return [Step("EXECUTE p", ordered, prepared={"p": sql})]
    if form == "immediate":
        return [Step("EXECUTE IMMEDIATE '" + sql.replace("'", "''") + "'", ordered)]
    if form == "copied":
        name = f"{CATALOG}.{SANDBOX}.copy{number}"
        return [Step(f"CREATE TABLE {name} AS {sql}"), Step(f"SELECT * FROM {name}"), Step(f"DESCRIBE {name}")]
    if form == "explained":
        return [Step(f"EXPLAIN {sql}", compared=False)]
    return [Step(sql, ordered)]


def withheld(copy: Mapping[str, Relation], world: Mapping[str, Relation]) -> Sequence[tuple[str, str]]:
    """Return the tables and columns of the world that do not exist for the caller."""
    return [
        (name, column)
        for name, relation in world.items()
        for column in relation.columns
        if name not in copy or column not in copy[name].columns
    ]


def _described(d: Drawing, tables: Sequence[str], world: Mapping[str, Relation]) -> Step:
    table = d.choices.pick(tables)
    listing = f"FROM {CATALOG}.information_schema"
    forms = (
        f"SHOW TABLES FROM {SCHEMA}",
        f"DESCRIBE {table}",
        f"SHOW COLUMNS FROM {SCHEMA}.{table}",
        f"SELECT table_name, column_name, data_type {listing}.columns WHERE table_schema = '{SCHEMA}'",
        f"SELECT count(*) {listing}.columns WHERE table_name = '{table}'",
        f"SELECT table_name {listing}.tables WHERE table_schema = '{SCHEMA}'",
        f"SHOW SCHEMAS FROM {CATALOG}",
        f"SELECT column_name FROM system.jdbc.columns WHERE table_name = '{table}'",
        f"SHOW STATS FOR {table}",
        f"SHOW CREATE TABLE {table}",
        f"SELECT * FROM {table}",
        f"SELECT {d.choices.pick(list(world[table].columns))} FROM {table}",
    )
    sql = d.choices.pick(forms)
    listings = ("SHOW TABLES", "SHOW SCHEMAS", "SELECT column_name", "SELECT count(*)", "SELECT table_name")
    aside = ("SHOW STATS", "SHOW CREATE", *(listings if d.trino else ()))  # the real Trino holds all copies at once
    return Step(sql, compared=not sql.startswith(aside))
