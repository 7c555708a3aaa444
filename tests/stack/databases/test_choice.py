"""A database is one module and one line in ``MODULES``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from types import ModuleType
from typing import Any

import pytest

from zemanta_ops.stack import databases
from zemanta_ops.stack.databases import Database, Point, StoredValue, choose_class, connect
from zemanta_ops.stack.databases.influxdb1 import InfluxDB1Database
from zemanta_ops.stack.databases.influxdb2 import InfluxDB2Database
from zemanta_ops.stack.databases.prometheus import PrometheusDatabase
from zemanta_ops.stack.databases.victoriametrics import VictoriaMetricsDatabase


class MemoryDatabase(Database):
    """A third database."""

    chosen_by = ("room",)
    needs = "ROOM (memory)"
    lines: bytes = b""

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        return f"room {options['room']}"

    def read_version(self) -> str:
        return "1"

    def verify(self) -> None:
        """Do nothing."""

    def query(self, text: str) -> list[dict[str, Any]]:
        return [{"text": text}]

    def read_values(
        self,
        measurement: str,
        value: str,
        start: datetime,
        end: datetime,
        *,
        tags: Mapping[str, str] | None = None,
        equal_to: float | None = None,
    ) -> list[StoredValue]:
        return []

    def close(self) -> None:
        """Do nothing."""

    def _write_lines(self, body: bytes, timeout: float) -> None:
        self.lines += body


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("example_memory")
    module.DATABASE = MemoryDatabase  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "example_memory", module)
    monkeypatch.setattr(databases, "MODULES", (*databases.MODULES, "example_memory"))


@pytest.mark.usefixtures("third")
def test_a_third_database_is_one_module_and_one_line() -> None:
    with connect(room="5") as database:
        assert database.name == "room 5"
        assert database.write([Point("m", {"f": 1}, time_ns=1)]).written == 1
        assert isinstance(database, MemoryDatabase)
        assert database.lines == b"m f=1i 1"


@pytest.mark.usefixtures("third")
@pytest.mark.parametrize("options", [{}, {"room": "5", "bucket": "b"}])
def test_a_refusal_names_every_database(options: dict[str, Any]) -> None:
    words = r"DATABASE \(InfluxDB 1\.x\) or BUCKET with ORG and TOKEN \(InfluxDB 2\.x\) or .*ROOM \(memory\)"
    with pytest.raises(ValueError, match=words):
        connect("http://127.0.0.1:8086", **options)


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({"url": "http://h", "database": "d", "org": "ignored"}, InfluxDB1Database),
        ({"url": "http://h", "bucket": "b", "username": "ignored"}, InfluxDB2Database),
        ({"write_url": "http://h", "database": "d"}, VictoriaMetricsDatabase),
        ({"remote_write_url": "http://h", "read_url": "http://h"}, PrometheusDatabase),
    ],
)
def test_the_options_choose_the_class(options: dict[str, str], chosen: type[Database]) -> None:
    assert choose_class(options) is chosen
