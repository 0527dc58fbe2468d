"""Fixtures of operations and faults: a scripted coordinator, a lake, a gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.operations.coordinator import Coordinator, serving


@pytest.fixture
def coordinator() -> Iterator[Coordinator]:
    """Run a coordinator that does what the test says."""
    with serving(Coordinator()) as found:
        yield found
        found.released.set()
