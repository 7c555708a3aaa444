"""A CloudWatch that is a fake, because it cannot run here, and a real database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from tests.servers.influxdb1 import InfluxDB1
from tests.stack.cloudwatch.account import REGION, minutes
from tests.stack.cloudwatch.fake import FakeClients, FakeCloudWatch
from zemanta_ops.stack.cloudwatch import clients


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCloudWatch:
    """Return a CloudWatch with one queue, which the command uses."""
    now = int(time.time())
    fake = FakeCloudWatch(now)
    fake.put("AWS/SQS", "NumberOfMessagesSent", {"QueueName": "mail"}, minutes(now - now % 60 - 7200, now))
    fakes = FakeClients({REGION: fake})
    monkeypatch.setattr(clients, "AwsClients", lambda **_: fakes)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return fake


@pytest.fixture
def configured(influxdb1: InfluxDB1, database: str) -> Iterator[None]:
    """Configure the shipped declarations and an empty database."""
    settings = {"CLOUDWATCH": {}, "INFLUXDB": {"URL": influxdb1.url, "DATABASE": database}}
    with override_settings(ZEMANTA_OPS=settings):
        yield
