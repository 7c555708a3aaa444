"""Connections to InfluxDB 1.x and 2.x with example credentials, for tests of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zemanta_ops.stack.databases import Database, Point, Retry, connect

QUICK = Retry(attempts=3, first=0.001, longest=0.01)
POINTS = [Point("m", {"f": float(number)}, {"t": str(number)}, number + 1) for number in range(8)]
SECRET = "example-secret-value"

Connect = Callable[..., Database]


def connect_v1(url: str, **options: Any) -> Database:
    return connect(url, database="telegraf", username="writer", password=SECRET, **options)


def connect_v2(url: str, **options: Any) -> Database:
    return connect(url, org="example", bucket="telegraf", token=SECRET, **options)


both = pytest.mark.parametrize("connect_to", [connect_v1, connect_v2])


PAGE = "<!doctype html><html><body>example</body></html>"
