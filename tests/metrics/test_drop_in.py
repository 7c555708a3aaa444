"""A project of django-statsd-influx moves over by changing an import: its settings, calls and series stay.

That package is not on PyPI. What it sends is written down here: names and tags in the format of its README, through
the real statsd client that it is made of.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import statsd
from django.core.checks import run_checks
from django.test import override_settings

from tests.metrics.agents import Agent, agent
from zemanta_ops import metrics
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.stack.statsd import Sample

PROJECT = "my_project"
HOST = "web-1"


class Old:
    """``PROJECT.name,tag=value,host=HOST``: tags by key, the host last, ``:`` as ``_``, whole milliseconds."""

    def __init__(self, port: int) -> None:
        self._client = statsd.StatsClient("127.0.0.1", port)
        self.close = self._client.close

    def incr(self, name: str, count: int, **tags: str) -> None:
        self._client.incr(self._stat(name, tags), count)

    def gauge(self, name: str, value: float, **tags: str) -> None:
        self._client.gauge(self._stat(name, tags), value)

    def timing(self, name: str, seconds: float, **tags: str) -> None:
        self._client.timing(self._stat(name, tags), int(seconds * 1000))

    @contextmanager
    def block_timer(self, name: str, **tags: str) -> Iterator[None]:
        yield
        self.timing(name, 0, **tags)

    def _stat(self, name: str, tags: dict[str, str]) -> str:
        pairs = [*sorted(tags.items()), ("host", HOST)]
        return ",".join([f"{PROJECT}.{name}", *(f"{key}={value}".replace(":", "_") for key, value in pairs)])


Calls = Callable[[Any], object]


def time_a_block(client: Any) -> None:
    with client.block_timer("billing.call", service="stripe", step="app:charge"):
        pass


CALLS: dict[str, Calls] = {
    "a counter": lambda c: c.incr("test.metric", 2, source="web", tag="one"),
    "a counter twice": lambda c: [c.incr("n", 2), c.incr("n", 3)],
    "a count by keyword": lambda c: c.incr("n", count=2, source="web"),
    "a counter down": lambda c: c.incr("n", -2),
    "a fraction": lambda c: c.incr("n", 1.9),
    "a gauge": lambda c: c.gauge("queue", 12, zone="b", area="a"),
    "a gauge by keyword": lambda c: c.gauge("queue", value=1.5),
    "a gauge below zero": lambda c: c.gauge("queue", -4),
    "a duration": lambda c: c.timing("load", 1.25, source="s3"),
    "a duration by keyword": lambda c: c.timing("load", seconds=2),
    "a block": time_a_block,
    "a colon in a tag": lambda c: c.incr("n", 1, view="shop:item:detail"),
    "what the wire carries": lambda c: c.incr("n-1/x", 1, words="two words", equals="a=b", quotes="\"'", round="f(x)"),
}


def series(samples: list[Sample]) -> dict[Any, list[Any]]:
    """Return the values by series, counters added up; the time of a block is nobody's to compare."""
    found: dict[Any, list[Any]] = {}
    for sample in samples:
        values = found.setdefault((sample.measurement, sample.kind, sample.delta, tuple(sample.tags.items())), [])
        if sample.kind == "c" and values:
            values[0] += sample.value
        else:
            values.append(sample.value if "billing" not in sample.name else "some time")
    return found


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS.keys())
def test_the_same_calls_make_the_same_series(calls: Calls) -> None:
    with agent() as old, agent() as new:
        before = Old(old.port)
        calls(before)
        before.close()
        client = Client(Options(port=new.port, prefix=PROJECT, host_tag=HOST, threads=False, flush_seconds=3600))
        calls(client)
        client.close()
        expected = series(old.samples())
        assert expected
        assert series(new.samples()) == expected


SETTINGS = """
INSTALLED_APPS = ["zemanta_ops"]
PROJECT_NAME = 'my_project',
HOSTNAME = 'localhost',
STATSD_INFLUX_HOST = '127.0.0.1',
STATSD_INFLUX_PORT = '{port}',
"""

USAGE = """
from zemanta_ops import metrics as influx

influx.incr('orders.placed', 2, source='web', tag='tag1')
influx.gauge('orders.waiting', 7, source='web', tag='tag1')
with influx.block_timer('orders.export', source='web', tag='tag1'):
    sum(range(10))

@influx.timer('orders.import', source='web', tag='tag1')
def load(number):
    return number

assert load(5) == 5
"""


def run(folder: Path, *arguments: str) -> str:
    """Run Python in a folder with a settings module; return what it printed."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    done = subprocess.run(
        [sys.executable, *arguments], env=env, timeout=120, check=True, capture_output=True, text=True
    )
    return done.stdout + done.stderr


@pytest.fixture
def listener() -> Iterator[Agent]:
    with agent() as running:
        yield running


def test_a_project_with_the_settings_of_the_old_readme(listener: Agent, tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(SETTINGS.format(port=listener.port))
    run(tmp_path, "-c", USAGE)
    tags = {"source": "web", "tag": "tag1", "host": "localhost"}
    said = [(sample.name, sample.kind, sample.tags) for sample in listener.samples()]
    assert said == [
        ("my_project.orders.placed", "c", tags),
        ("my_project.orders.waiting", "g", tags),
        ("my_project.orders.export", "ms", tags),
        ("my_project.orders.import", "ms", tags),
    ]
    assert [sample.value for sample in listener.samples()][:2] == [2, 7.0]


def test_the_commas_and_the_port_of_the_old_readme_are_warned_about(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(SETTINGS.format(port=8125))
    said = run(tmp_path, "-m", "django", "check")
    assert said.count("zemanta_ops.W101") == 4
    assert said.count("zemanta_ops.W102") == 1
    assert "zemanta_ops.E" not in said


def test_settings_without_the_commas_are_no_reason_to_warn() -> None:
    with override_settings(PROJECT_NAME=PROJECT, HOSTNAME=HOST, STATSD_INFLUX_HOST="agent", STATSD_INFLUX_PORT=8125):
        assert [message for message in run_checks() if message.id and ".W10" in message.id] == []


def test_configure_needs_no_django_settings(listener: Agent, tmp_path: Path) -> None:
    code = f"""
from zemanta_ops import metrics
metrics.configure("127.0.0.1", "{listener.port}", "my_project")
metrics.incr("signup", 1, plan="pro")
"""
    env = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", code], env=env, timeout=120, check=True, cwd=tmp_path)
    (sample,) = listener.samples()
    assert (sample.name, sample.value, sample.tags["plan"]) == ("my_project.signup", 1, "pro")


def test_every_name_of_the_old_module_is_there() -> None:
    for name in ("configure", "timing", "block_timer", "timer", "incr", "gauge"):
        assert callable(getattr(metrics, name))
