"""Onlookers hear everything, in order, but only after the code that published has gone on."""

from __future__ import annotations

import asyncio

import pytest

from gateway.events import DrainFinished, DrainStarted, Event, EventBus, SubscriberFailed
from gateway.onlookers import Onlookers


def _watched() -> tuple[EventBus, Onlookers, list[Event]]:
    bus = EventBus()
    onlookers = Onlookers(bus, asyncio.get_running_loop())
    heard: list[Event] = []
    for kind in (DrainStarted, DrainFinished, SubscriberFailed):
        onlookers.bus.subscribe(kind, heard.append)
    return bus, onlookers, heard


async def _until(heard: list[Event], count: int) -> None:
    """Wait until so many events were heard."""
    async with asyncio.timeout(5):
        while len(heard) < count:
            await asyncio.sleep(0.001)


@pytest.mark.asyncio
async def test_events_come_a_moment_later_together_and_in_order() -> None:
    bus, _, heard = _watched()
    bus.publish(DrainStarted(2))
    await asyncio.sleep(0)
    assert heard == []
    bus.publish(DrainFinished(1))
    await _until(heard, 1)
    assert heard == [DrainStarted(2), DrainFinished(1)]
    bus.publish(DrainStarted(3))
    await _until(heard, 3)
    assert heard[2:] == [DrainStarted(3)]


@pytest.mark.asyncio
async def test_what_is_left_at_the_end_is_told_once() -> None:
    bus, onlookers, heard = _watched()
    bus.publish(DrainStarted(1))
    onlookers.tell()
    assert heard == [DrainStarted(1)]
    bus.publish(DrainFinished(0))
    await _until(heard, 2)
    assert heard == [DrainStarted(1), DrainFinished(0)]


@pytest.mark.asyncio
async def test_failures_of_either_bus_are_heard() -> None:
    bus, onlookers, heard = _watched()

    def fail(_: Event) -> None:
        raise ValueError("never shown")

    bus.subscribe(DrainStarted, fail)
    onlookers.bus.subscribe(DrainFinished, fail)
    bus.publish(DrainStarted(1))
    bus.publish(DrainFinished(0))
    await _until(heard, 3)
    failed = [event for event in heard if isinstance(event, SubscriberFailed)]
    assert [event.event for event in failed] == ["DrainStarted", "DrainFinished"]
