"""A real Telegraf that writes into a real InfluxDB, and what the database then holds, to compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import wait_until
from tests.servers.telegraf import Telegraf
from zemanta_ops.metrics.series.series import COUNTER, GAUGE
from zemanta_ops.stack.statsd import Datagram, Sample, parse

# With nothing deleted, the last point of a series holds everything that was sent, whatever interval it came in.
# (Telegraf 1.39 panics if counters are floats as well.)
KEEP = "delete_counters = false\n  delete_gauges = false\n  delete_sets = false\n  delete_timings = false\n"
SETTINGS = {"influx": KEEP, "dogstatsd": KEEP + "  datadog_extensions = true\n  datadog_distributions = true\n"}

# A measurement and its tags, metric_type among them: the fields that are compared.
State = dict[tuple[str, frozenset[tuple[str, str]]], dict[str, Any]]


COMPARED = ("value", "count", "sum", "lower", "upper")


class Chain:
    """A Telegraf of one dialect that writes into a database of its own."""

    def __init__(self, dialect: str, telegraf: Telegraf, influxdb: InfluxDB1, database: str) -> None:
        self.dialect = dialect
        self.telegraf = telegraf
        self._influxdb = influxdb
        self._database = database

    def state(self, marker: str) -> State:
        """Return the last state of every series whose measurement starts with ``marker``, without the host tag."""
        found: State = {}
        for point in self._influxdb.last_points(f"^{marker}", self._database):
            tags = {key: value for key, value in point.tags.items() if key != "host"}
            fields = {key: value for key, value in point.fields.items() if key in COMPARED}
            found[point.measurement, frozenset(tags.items())] = fields
        return found

    def parse(self, line: str | bytes) -> Datagram:
        """Read a line with the project's own parser."""
        return parse(line, dogstatsd=self.dialect == "dogstatsd")


def expected_state(samples: list[Sample]) -> State:
    """Aggregate samples as Telegraf does."""
    state: State = {}
    members: dict[Any, set[Any]] = {}
    for sample in samples:
        key = (sample.measurement, frozenset({**sample.tags, "metric_type": sample.kind_name}.items()))
        fields = state.setdefault(key, {})
        if isinstance(sample.value, str):
            members.setdefault(key, set()).add(sample.value)
            fields["value"] = len(members[key])
        elif sample.kind == COUNTER:
            fields["value"] = fields.get("value", 0) + sample.value
        elif sample.kind == GAUGE:
            fields["value"] = (fields.get("value", 0) if sample.delta else 0) + sample.value
        elif sample.kind == "d":
            fields["value"] = sample.value
        else:
            fields["count"] = fields.get("count", 0) + sample.repeat
            fields["sum"] = fields.get("sum", 0) + sample.value * sample.repeat
            fields["lower"] = min(fields.get("lower", sample.value), sample.value)
            fields["upper"] = max(fields.get("upper", sample.value), sample.value)
    return state


def assert_reaches(read: Callable[[], State], expected: State) -> None:
    """Poll until the database holds exactly this, and show the difference if it never does."""
    approximate = {key: pytest.approx(fields, rel=1e-9) for key, fields in expected.items()}
    wait_until(lambda: read() == approximate)
    found = read()
    wrong = {key: (found.get(key), fields) for key, fields in expected.items() if found.get(key) != approximate[key]}
    surplus = {key: fields for key, fields in found.items() if key not in expected}
    assert not wrong and not surplus, f"found and expected, as far as they differ: {wrong}\nnot expected: {surplus}"
