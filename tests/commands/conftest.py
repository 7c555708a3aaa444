"""Fixtures of the commands' tests."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.commands.alerting import declare, fill
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.stores import Store, store_of_1
from tests.stack.alerting.listening import Listener, listening
from zemanta_ops.stack.declarations import isolate

NUMBERS = itertools.count()


@pytest.fixture
def sink() -> Iterator[int]:
    """Return the UDP port of a program that takes everything and is not an agent."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Return a receiver of alerts on loopback."""
    with listening() as server:
        yield server


@pytest.fixture
def shop_alerts() -> Iterator[None]:
    """Declare the alerts of the shop."""
    with isolate():
        declare()
        yield


@pytest.fixture
def failing_shop(influxdb1: InfluxDB1) -> Store:
    """Return a database in which requests of the shop fail."""
    return fill(store_of_1(influxdb1, influxdb1.create(f"alerts_{next(NUMBERS)}")))
