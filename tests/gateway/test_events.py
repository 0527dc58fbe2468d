"""The bus: everyone hears what they asked for, and nobody's failure reaches the statement."""

from __future__ import annotations

import dataclasses
import logging
import pkgutil
import timeit
import typing
from importlib import import_module
from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway import events
from gateway.events import EventBus, PageServed, RowsLost, SubscriberFailed

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = PageServed("q1", "trino", rows=10, bytes=1000)


def test_a_subscriber_hears_events_of_its_kind_and_no_other() -> None:
    bus, heard = EventBus(), []
    bus.subscribe(PageServed, heard.append)
    bus.publish(PAGE)
    bus.publish(RowsLost(1, "disk"))
    assert heard == [PAGE]


def test_subscribers_run_in_the_order_of_subscription() -> None:
    bus, order = EventBus(), []
    bus.subscribe(PageServed, lambda _: order.append("first"))
    bus.subscribe(PageServed, lambda _: order.append("second"))
    bus.publish(PAGE)
    assert order == ["first", "second"]


def test_after_unsubscribing_nothing_is_heard() -> None:
    bus, heard = EventBus(), []
    unsubscribe = bus.subscribe(PageServed, heard.append)
    unsubscribe()
    unsubscribe()
    bus.publish(PAGE)
    assert heard == []


def test_a_failing_subscriber_is_reported_by_type_only_and_hurts_nobody() -> None:
    bus, heard, failures = EventBus(), [], []

    def leaky(_event: PageServed) -> None:
        raise ValueError("ssn 123-45-6789")

    bus.subscribe(PageServed, leaky)
    bus.subscribe(PageServed, heard.append)
    bus.subscribe(SubscriberFailed, failures.append)
    bus.publish(PAGE)
    assert heard == [PAGE]
    assert [(each.event, each.error) for each in failures] == [("PageServed", "ValueError")]
    assert "leaky" in failures[0].subscriber
    assert "123-45" not in repr(failures)


def test_a_failure_of_the_reporter_itself_ends_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus()

    def broken(_event: object) -> None:
        raise RuntimeError("secret")

    bus.subscribe(PageServed, broken)
    bus.subscribe(SubscriberFailed, broken)
    with caplog.at_level(logging.ERROR, "penstock.events"):
        bus.publish(PAGE)
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_failure_nobody_listens_for_ends_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus()
    bus.subscribe(PageServed, typing.cast("Callable[[PageServed], None]", len))
    with caplog.at_level(logging.ERROR, "penstock.events"):
        bus.publish(PAGE)
    assert "len" in caplog.text


def test_publishing_to_nobody_costs_well_under_a_microsecond() -> None:
    bus = EventBus()
    best = min(timeit.repeat(lambda: bus.publish(PAGE), number=20_000, repeat=5)) / 20_000
    assert best < 0.7e-6


@pytest.mark.parametrize("kind", typing.get_args(events.Event), ids=lambda kind: kind.__name__)
def test_every_event_is_frozen_and_slotted_and_has_a_docstring(kind: type) -> None:
    assert _is_event(kind)
    assert kind.__struct_config__.frozen if issubclass(kind, msgspec.Struct) else kind.__dataclass_params__.frozen  # type: ignore[attr-defined]  # of either kind
    assert "__slots__" in vars(kind) or issubclass(kind, msgspec.Struct)
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}(")


def _is_event(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct)


def test_the_set_of_events_is_closed() -> None:
    rooms = [events, *(import_module(f"gateway.events.{each.name}") for each in pkgutil.iter_modules(events.__path__))]
    made_here = {
        each
        for room in rooms
        for each in vars(room).values()
        if isinstance(each, type) and _is_event(each) and each.__module__.startswith(events.__name__)
    }
    assert made_here == set(typing.get_args(events.Event))
    assert {each.__name__ for each in made_here} <= set(events.__all__)
