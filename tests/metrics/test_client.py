from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from tests.metrics.agents import agent
from zemanta_ops import metrics
from zemanta_ops.metrics.client import Client, default_client
from zemanta_ops.metrics.options import Options
from zemanta_ops.testing import Recorder, capture_metrics


@pytest.fixture
def captured() -> Iterator[Recorder]:
    with capture_metrics() as recorder:
        yield recorder


def only(captured: Recorder) -> tuple[str, str, Any, dict[str, str]]:
    (record,) = captured.records
    return record.kind, record.name, record.value, record.tags


def test_a_counter_counts_one_with_its_tags(captured: Recorder) -> None:
    metrics.incr("signup", plan="pro", trial=True, name="x", age=1)
    assert only(captured) == ("counter", "signup", 1, {"plan": "pro", "trial": "true", "name": "x", "age": "1"})


@pytest.mark.parametrize(
    ("args", "tags", "value", "left"),
    [
        ((2,), {}, 2, {}),
        ((), {"count": 3}, 3, {}),
        ((), {"value": 4, "plan": "pro"}, 4, {"plan": "pro"}),
        ((5,), {"count": "x"}, 5, {"count": "x"}),
    ],
)
def test_a_count_by_keyword_is_the_value_where_none_is_given_by_position(
    captured: Recorder, args: tuple[int, ...], tags: dict[str, Any], value: int, left: dict[str, str]
) -> None:
    metrics.incr("n", *args, **tags)
    assert only(captured) == ("counter", "n", value, left)


def test_equal_tag_values_of_different_types_stay_different_tags(captured: Recorder) -> None:
    for value in (1, True, 1.0, "1"):
        metrics.incr("n", tag=value)
    assert [record.tags["tag"] for record in captured.records] == ["1", "true", "1.0", "1"]


def test_the_other_kinds(captured: Recorder) -> None:
    metrics.decr("c", 2)
    metrics.decr("c", count=3)
    metrics.gauge("g", 12, queue="mail")
    metrics.gauge("g", value=13)
    metrics.gauge("g", 1, delta=True)
    metrics.timing("t", 1.25, source="s3")
    metrics.timing("t", timedelta(milliseconds=5))
    metrics.timing("t", seconds=2)
    metrics.histogram("h", 100)
    metrics.histogram("h", value=5)
    metrics.unique("u", "-anna")
    metrics.unique("u", value=7)
    assert [(record.kind, record.value) for record in captured.records] == [
        ("counter", -2),
        ("counter", -3),
        ("gauge", 12),
        ("gauge", 13),
        ("gauge", (1,)),
        ("timing", 1250.0),
        ("timing", 5.0),
        ("timing", 2000.0),
        ("histogram", 100),
        ("histogram", 5),
        ("set", "_anna"),
        ("set", "7"),
    ]


def test_a_timer_times_a_block_that_fails(captured: Recorder) -> None:
    with pytest.raises(ZeroDivisionError), metrics.timer("t", service="x"):
        raise ZeroDivisionError
    kind, name, value, tags = only(captured)
    assert (kind, name, tags) == ("timing", "t", {"service": "x"})
    assert value >= 0


def test_block_timer_is_the_same_under_its_old_name(captured: Recorder) -> None:
    with metrics.block_timer("t"):
        pass
    assert only(captured)[:2] == ("timing", "t")


def test_a_decorated_function_keeps_its_name_signature_and_result(captured: Recorder) -> None:
    @metrics.timer("t")
    def add(a: int, b: int = 2) -> int:
        """Add."""
        return a + b

    assert (add(1), add.__name__, add.__doc__) == (3, "add", "Add.")
    assert list(inspect.signature(add).parameters) == ["a", "b"]
    assert len(captured.records) == 1


def test_a_decorated_coroutine_is_timed_until_it_is_awaited(captured: Recorder) -> None:
    @metrics.timer("t")
    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work()) == "done"
    assert len(captured.records) == 1


def test_a_decorated_generator_is_timed_to_its_end(captured: Recorder) -> None:
    @metrics.timer("t")
    def items() -> Iterator[int]:
        yield 1
        yield 2

    running = items()
    next(running)
    assert captured.records == []
    assert list(running) == [2]
    assert len(captured.records) == 1


def test_a_decorated_async_generator_is_timed_to_its_end(captured: Recorder) -> None:
    @metrics.timer("t")
    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def read() -> list[int]:
        return [item async for item in items()]

    assert asyncio.run(read()) == [1, 2]
    assert len(captured.records) == 1


def test_captures_nest_and_end(captured: Recorder) -> None:
    with capture_metrics() as inner:
        metrics.incr("inner")
    metrics.incr("outer")
    assert [record.name for record in inner.records] == ["inner"]
    assert [record.name for record in captured.records] == ["outer"]


def test_metrics_are_silent_while_tests_run() -> None:
    metrics.incr("unheard")
    assert metrics.health() == {"enabled": False}
    assert metrics.flush() is True


def test_metrics_are_sent_in_tests_where_the_settings_say_so() -> None:
    with agent() as running, override_settings(ZEMANTA_OPS={"METRICS": {"ENABLED": True, "PORT": running.port}}):
        metrics.incr("heard", plan="pro")
        metrics.flush()
        (sample,) = running.samples()
        assert (sample.name, sample.tags["plan"]) == ("heard", "pro")
        assert metrics.health()["sent"] >= 1
        default_client.close()


def test_prefix_and_default_tags_go_on_every_metric() -> None:
    with agent() as running:
        client = Client(Options(port=running.port, prefix="shop", tags={"env": "prod"}, host_tag="web-1"))
        client.incr("signup", env="dev")
        client.flush()
        (sample,) = running.samples()
        assert (sample.name, sample.tags) == ("shop.signup", {"env": "dev", "host": "web-1"})
        client.close()


def test_configure_takes_what_the_old_client_took() -> None:
    with agent() as running, override_settings(ZEMANTA_OPS={"METRICS": {"ENABLED": True}}):
        client = Client()
        client.configure(statsd_host=("127.0.0.1",), statsd_port=str(running.port), project_name="p")
        client.incr("n", 1)
        client.flush()
        assert [sample.name for sample in running.samples()] == ["p.n"]
        client.configure("127.0.0.1", "no port", "p")
        assert client.health()["queue_depth"] == 0
        client.close()


def test_too_many_tag_values_become_other_and_are_reported_once() -> None:
    client = Client(Options(max_tag_values=2))
    recorder = Recorder()
    with client.capture(recorder.put):
        for user in range(5):
            client.incr("login", user=f"u{user}")
    assert [record.tags["user"] for record in recorder.records if record.name == "login"] == [
        "u0",
        "u1",
        "_other",
        "_other",
        "_other",
    ]
    warnings = [record.tags for record in recorder.records if record.name == "zemanta_ops.cardinality"]
    assert warnings == [{"metric": "login", "tag": "user"}]


def test_a_name_of_the_value_is_a_tag_only_where_a_value_was_given() -> None:
    with capture_metrics() as captured:
        for _ in range(2):
            metrics.incr("n", 5, count="2")
            metrics.incr("n", count="2")
            metrics.timing("t", 1.5, seconds="2")
            metrics.timing("t", seconds="2")
    given = [(record.name, record.value, record.tags) for record in captured.records]
    assert given == [("n", 5, {"count": "2"}), ("n", 2, {}), ("t", 1500, {"seconds": "2"}), ("t", 2000, {})] * 2


def test_calls_that_differ_in_how_name_and_tags_split_are_different_series() -> None:
    with capture_metrics() as captured:
        for _ in range(2):
            metrics.incr("n", a="b")
            metrics.incr("n", a="b", c="d")
            metrics.incr("n")
    assert [record.tags for record in captured.records] == [{"a": "b"}, {"a": "b", "c": "d"}, {}] * 2
