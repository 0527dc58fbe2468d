"""What a row keeps of how its statement was asked: enough to plan it again, made once for a connection."""

from __future__ import annotations

from dataclasses import replace

from catalog.objects import TableName
from gateway.asked import Asked, AskedOnce, asked, scope_of
from gateway.received import Claimed, Principal, Session
from policies.entitlements import Scope, Share

ANA = Principal("ana", "ana", frozenset({"analyst", "viewer"}), claimed=Claimed(frozenset({"viewer"})))


def test_a_row_tells_what_the_credential_said_from_what_policy_added() -> None:
    session = Session("lake", "trading", properties={"lake.x": "1"}, roles={"system": "ROLE{viewer}"})
    assert asked(ANA, session) == Asked(
        "lake", "trading", role="ROLE{viewer}", properties=(("lake.x", "1"),), roles=("viewer",)
    )


def test_what_a_partners_token_carries_comes_back_as_it_was() -> None:
    orders = TableName("lake", "sales", "orders")
    shares = (Share(orders, "region = 'EU'", frozenset({"id", "region"}), frozenset({"email"})), Share(orders))
    told = asked(replace(ANA, scope=Scope("t1", shares)), Session())
    assert scope_of(told) == Scope("t1", shares)
    assert scope_of(Asked()) is None


def test_prepared_statements_beyond_measure_are_left_out_and_the_row_says_so() -> None:
    kept = asked(ANA, Session(prepared={"p": "SELECT 1"}))
    assert (kept.prepared, kept.cut) == ((("p", "SELECT 1"),), False)
    long = asked(ANA, Session(prepared={"p": "SELECT " + "1" * 20_000}))
    assert (long.prepared, long.cut) == ((), True)


def test_the_same_principal_in_the_same_session_is_told_of_once() -> None:
    once, session = AskedOnce(), Session("lake")
    assert once(ANA, session) is once(ANA, session)
    other = Session("lake", "trading")
    assert once(ANA, other).schema == "trading"
    assert once(ANA, session).schema is None


def test_who_asks_in_ever_new_sessions_does_not_fill_the_memory() -> None:
    once = AskedOnce()
    for number in range(3000):
        assert once(ANA, Session(f"c{number}")).catalog == f"c{number}"
    assert len(once._known) <= 1024
    before = len(once._known)
    assert once(ANA, Session(prepared={"p": "SELECT " + "1" * 5_000})).prepared
    assert len(once._known) == before, "long sessions are not kept"
