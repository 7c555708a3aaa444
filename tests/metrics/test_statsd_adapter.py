"""The adapter's contract: its agent gets what the real statsd client sends."""

from __future__ import annotations

import inspect
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import statsd
from django.utils.functional import SimpleLazyObject
from statsd.client.base import StatsClientBase
from statsd.client.udp import Pipeline as RealPipeline

from tests.metrics.agents import Agent, agent
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.statsd_adapter import Pipeline, StatsClient
from zemanta_ops.stack.statsd import Sample, parse
from zemanta_ops.testing import Recorder

Calls = Callable[[Any], object]


def pipelined(client: Any) -> None:
    with client.pipeline() as pipe:
        pipe.incr("a", 2)
        pipe.timing("b", 3.5)
        pipe.gauge("depth", -4)


def nested_pipelines(client: Any) -> None:
    outer = client.pipeline()
    with outer.pipeline() as inner:
        inner.incr("a")
    outer.incr("a", 2)
    outer.send()


CONTRACT: dict[str, Calls] = {
    "incr": lambda c: c.incr("signup"),
    "incr by keyword": lambda c: c.incr(stat="signup", count=5),
    "decr": lambda c: c.decr("signup", 3),
    "timing": lambda c: c.timing("load", 12.25),
    "timedelta": lambda c: c.timing("load", timedelta(seconds=1.5)),
    "gauge": lambda c: c.gauge("depth", 7),
    "negative gauge": lambda c: c.gauge("depth", -7),
    "gauge up": lambda c: c.gauge("depth", 7, delta=True),
    "gauge down": lambda c: c.gauge("depth", -7, delta=True),
    "set": lambda c: c.set("visitors", "ann"),
    "always sampled": lambda c: c.incr("signup", 1, 1),
    "never sampled": lambda c: c.incr("signup", 1, 0),
    "pipeline": pipelined,
    "nested pipelines": nested_pipelines,
    "empty pipeline": lambda c: c.pipeline().send(),
}


@pytest.fixture
def listener() -> Iterator[Agent]:
    with agent() as running:
        yield running


def meaning(samples: list[Sample]) -> list[tuple[str, str, str, bool]]:
    """Return what the agent makes of samples: a gauge's 0 before its negative value is not a value."""
    said = [(s.name, s.kind, str(float(s.value) if s.kind != "s" else s.value), s.delta) for s in samples]
    result: list[tuple[str, str, str, bool]] = []
    for name, kind, value, delta in said:
        if kind == "g" and delta and result and result[-1] == (name, "g", "0.0", False):
            result[-1] = (name, "g", value, False)
        else:
            result.append((name, kind, value, delta))
    return sorted(result)


def sums(said: list[tuple[str, str, str, bool]]) -> Counter[tuple[str, str, bool]]:
    """Add counters up, as the agent does; keep everything else."""
    counted = Counter[Any]()
    for name, kind, value, delta in said:
        counted[(name, kind, delta) if kind == "c" else (name, kind, value, delta)] += (
            int(float(value)) if kind == "c" else 1
        )
    return counted


@pytest.mark.parametrize("calls", CONTRACT.values(), ids=CONTRACT.keys())
def test_the_agent_hears_the_same(calls: Calls, listener: Agent) -> None:
    with agent() as other:
        real = statsd.StatsClient("127.0.0.1", other.port, prefix="shop")
        calls(real)
        real.close()
        expected = sums(meaning(other.samples()))
    target = Client(Options(port=listener.port, threads=False, flush_seconds=3600))
    calls(StatsClient("shop", target=target))
    target.close()
    assert sums(meaning(listener.samples())) == expected


def methods(kind: type) -> set[str]:
    return {name for name, value in inspect.getmembers(kind) if callable(value) and not name.startswith("_")}


@pytest.mark.parametrize(("ours", "real"), [(StatsClient, statsd.StatsClient), (Pipeline, RealPipeline)])
def test_every_public_method_takes_what_the_real_one_takes(ours: type, real: type) -> None:
    assert methods(real) <= methods(ours)
    for name in methods(real):
        expected = inspect.signature(getattr(real, name)).parameters
        given = inspect.signature(getattr(ours, name)).parameters
        assert [(p.name, p.default) for p in given.values()] == [(p.name, p.default) for p in expected.values()], name


def test_it_is_a_stats_client() -> None:
    client = StatsClient()
    assert isinstance(client, statsd.StatsClient)
    assert isinstance(client.pipeline(), StatsClientBase)
    client.close()


def test_prefix_and_tags(captured_metrics: Recorder) -> None:
    client = StatsClient("shop", service="billing")
    client.incr("signup")
    client.pipeline().pipeline().send()
    with client.pipeline() as pipe:
        pipe.incr("signup")
    captured_metrics.assert_incr("shop.signup", 2, service="billing")


def test_timers(captured_metrics: Recorder) -> None:
    client = StatsClient()
    with client.timer("load"):
        pass

    @client.timer("load")  # type: ignore[untyped-decorator]
    def load() -> None:
        pass

    load()
    timer = client.timer("load").start()
    timer.stop()
    records = captured_metrics.find("load")
    assert len(records) == 3
    assert records[-1].value == pytest.approx(timer.ms)


async def test_a_timer_around_a_coroutine(captured_metrics: Recorder) -> None:
    @StatsClient().timer("load")  # type: ignore[untyped-decorator]
    async def load() -> int:
        return 7

    assert await load() == 7
    captured_metrics.assert_timing("load")


def test_a_sampled_counter_keeps_its_sum(listener: Agent) -> None:
    target = Client(Options(port=listener.port, threads=False, flush_seconds=3600))
    client = StatsClient(target=target)
    for _ in range(20_000):
        client.incr("hit", rate=0.1)
    target.close()
    total = sum(int(sample.value) for sample in listener.samples())
    # Twelve standard deviations: sqrt(20,000 * 0.1 * 0.9) * 10 is 424.
    assert abs(total - 20_000) < 12 * 424


@pytest.mark.parametrize("rate", [1, 0.5, 0.3, 0.1, 1 / 93, 0.001])
def test_rates_are_those_that_the_agent_counts_exactly(rate: float) -> None:
    with agent() as listener:
        target = Client(Options(port=listener.port, threads=False, flush_seconds=3600))
        client = StatsClient(target=target)
        for _ in range(int(30 / rate)):
            client.timing("load", 5, rate=rate)
        target.close()
        repeats = {sample.repeat for sample in listener.samples()}
    (repeat,) = repeats
    assert abs(repeat - 1 / rate) < 1.01


def test_rates_without_end_are_bounded(listener: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zemanta_ops.metrics.sampling._draw", lambda: 0.0)
    target = Client(Options(port=listener.port, threads=False, flush_seconds=3600))
    client = StatsClient(target=target)
    for number in range(1, 2_000):
        client.incr("hit", rate=1 / number)
    assert len(target._caches) < 200
    target.close()


def test_a_sampled_gauge_stands_for_itself(captured_metrics: Recorder) -> None:
    client = StatsClient()
    for _ in range(200):
        client.gauge("depth", 5, rate=0.5)
    captured_metrics.assert_gauge("depth", 5)
    assert len(captured_metrics.find("depth")) < 200


class Hostile:
    """Raises whatever it is asked."""

    def refuse(self, *args: Any) -> Any:
        raise RuntimeError("on purpose")

    __str__ = __float__ = __gt__ = __rtruediv__ = __eq__ = __hash__ = refuse


@pytest.mark.parametrize(
    "make", [lambda: None, lambda: "many", object, Hostile, lambda: SimpleLazyObject(Hostile().refuse)]
)
@pytest.mark.parametrize("prefix", [None, "shop"])
def test_strange_values_never_raise(make: Callable[[], Any], prefix: str | None, captured_metrics: Recorder) -> None:
    bad = make()
    client = StatsClient(prefix)
    client.incr(bad, 1)
    client.timing("a", bad)
    client.gauge("a", bad)
    client.gauge("a", bad, delta=True)
    client.set("a", bad)
    client.incr("a", 1, rate=bad)
    client.incr("b", 2)
    captured_metrics.assert_incr(f"{prefix}.b" if prefix else "b", 2)


def test_it_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    StatsClient("shop").incr("signup")


def test_parse_is_used_on_real_bytes(listener: Agent) -> None:
    target = Client(Options(port=listener.port, threads=False, flush_seconds=3600))
    StatsClient("shop", target=target, service="billing").incr("signup", 2)
    target.close()
    (sample,) = [
        s for datagram in listener.receive() for s in parse(datagram).samples if s.kind == "c" and "ops" not in s.name
    ]
    assert (sample.name, sample.value, sample.tags) == ("shop.signup", 2, {"service": "billing"})
