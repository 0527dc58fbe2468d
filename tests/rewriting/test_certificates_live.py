"""A kept certificate is held against the engines: what it says of views, data and answers is asked anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.materialized_views import Bound, Key
from catalog.objects import TableName
from gateway.events import StatementRewritten
from gateway.rewriting.certificates.live.asking import ask
from gateway.rewriting.certificates.live.words import Word
from rewrite_rules.certificates import Dossier, from_json
from tests.real import clickhouse
from tests.rewriting.gateway import ROWS, World

SUMS = "SELECT hub, sum(lmp) AS s, avg(lmp) AS a, count(*) AS n FROM lmp WHERE node <> 'n3' GROUP BY hub"
SETS = "SELECT hub, count(DISTINCT node) AS d FROM lmp GROUP BY hub"
RAGGED = "SELECT hub, sum(lmp) AS s FROM lmp WHERE ts >= TIMESTAMP '2026-03-10 10:30:00' GROUP BY hub"
LMP = TableName("lake", "grid", "lmp")


def certified(made: World, sql: str) -> Dossier:
    """Return what an answer from views rests on."""
    heard: list[StatementRewritten] = []
    unsubscribe = made.gateway.house.bus.subscribe(StatementRewritten, heard.append)
    assert made.ask(sql).views
    unsubscribe()
    rewritten = heard[-1].planned.rewritten
    assert rewritten is not None
    return from_json(rewritten.document)


def words(made: World, dossier: Dossier) -> tuple[Word, ...]:
    house = made.gateway.house
    return made.gateway.run(ask(dossier, house.engines, house.catalog))


def verdicts(found: tuple[Word, ...]) -> dict[str, set[str]]:
    told: dict[str, set[str]] = {}
    for each in found:
        told.setdefault(each.what, set()).add(each.verdict)
    return told


def test_engines_say_the_same_as_the_certificate_of_an_answer(standing: World) -> None:
    for sql in (SUMS, SETS, RAGGED):
        found = words(standing, certified(standing, sql))
        assert {each.verdict for each in found} == {"holds"}, found
        assert {"versions", "view", "bounds", "rows", "answer"} <= {each.what for each in found}


@pytest.mark.long
def test_rows_that_somebody_changed_in_a_view_are_told(changing: World) -> None:
    dossier = certified(changing, SUMS)
    clickhouse.run_script(
        [f"ALTER TABLE {changing.schema}.by_day UPDATE n = n + 1 WHERE hub = 'H1' SETTINGS mutations_sync = 2"]
    )
    assert verdicts(words(changing, dossier))["view"] == {"differs"}


@pytest.mark.long
def test_another_definition_of_a_view_of_the_same_data_is_told(changing: World) -> None:
    dossier = certified(changing, SUMS)
    changing.build("by_day", "SELECT hub, node, date_trunc('day', ts) AS d, count(*) AS n FROM lmp GROUP BY 1, 2, 3")
    assert verdicts(words(changing, dossier))["view"] == {"differs"}


@pytest.mark.long
def test_a_certificate_stands_when_the_base_went_on_and_is_told_to_be_of_the_past(changing: World) -> None:
    dossier = certified(changing, SUMS)
    changing.append(20)
    told = verdicts(words(changing, dossier))
    assert told["versions"] == {"moved"}
    assert told["view"] == told["rows"] == told["answer"] == {"holds"}
    changing.build("by_day", dossier.certificate.uses[0].definition.sql)
    assert verdicts(words(changing, dossier))["view"] == {"moved"}


def test_a_rewritten_query_that_counts_wrong_is_found_on_the_base(standing: World) -> None:
    dossier = certified(standing, SUMS)
    certificate = dossier.certificate
    assert ">=" not in certificate.query
    bent = replace(certificate, query=certificate.query.replace("<> 'n3'", "= 'n3'"))
    assert bent != certificate
    assert verdicts(words(standing, replace(dossier, certificate=bent)))["answer"] == {"differs"}


def test_bounds_and_keys_that_do_not_hold_are_told(standing: World) -> None:
    dossier = certified(standing, SUMS)
    view = dossier.certificate.uses[0].definition.name
    false = replace(dossier, bounds={view: (Bound("d", "TIMESTAMP '2030-01-01 00:00:00'", None),)})
    assert verdicts(words(standing, false))["bounds"] == {"differs"}
    key = Key(LMP, ("hub",), "verified")
    facts = replace(dossier.facts, keys=(key,), versions=dossier.certificate.versions)
    assert verdicts(words(standing, replace(dossier, facts=facts)))["fact"] == {"differs"}


@pytest.mark.long
def test_changes_that_a_certificate_does_not_know_of_are_told(changing: World) -> None:
    changing.append(10, first=ROWS)
    changing.know()
    dossier = certified(changing, SUMS)
    told = verdicts(words(changing, dossier))
    assert told["changes"] == told["answer"] == {"holds"}
    silent = {name: replace(each, changes=()) for name, each in dossier.freshness.items()}
    assert verdicts(words(changing, replace(dossier, freshness=silent)))["changes"] == {"differs"}
