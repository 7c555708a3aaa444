"""Fixtures of alerting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack.alerting.listening import Listener, listening


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Return a receiver on loopback."""
    with listening() as server:
        yield server
