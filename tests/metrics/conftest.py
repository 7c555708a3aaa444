"""Fixtures of the metrics tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.metrics.agents import Agent, agent
from tests.metrics.chain import SETTINGS, Chain
from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port
from tests.servers.telegraf import Telegraf, config, influxdb1_output


@pytest.fixture(scope="module", params=["influx", "dogstatsd"])
def chain(
    request: pytest.FixtureRequest, influxdb1: InfluxDB1, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    require("telegraf")
    database = influxdb1.create(f"{request.module.__name__.rpartition('.')[2]}_{request.param}")
    port = free_port()
    text = config(port, influxdb1_output(influxdb1.url, database), statsd=SETTINGS[request.param], interval="500ms")
    with ExitStack() as stack:
        telegraf = Telegraf(tmp_path_factory.mktemp("telegraf"), text, port)
        run(telegraf, stack)
        yield Chain(request.param, telegraf, influxdb1, database)


@pytest.fixture
def running() -> Iterator[Agent]:
    """Run an agent that keeps what it receives."""
    with agent() as started:
        yield started
