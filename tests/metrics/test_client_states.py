"""What a client does before its options are read, while a test captures its samples, and when they change."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.metrics.agents import Agent, agent, client_of, counted
from zemanta_ops.metrics import client as clients
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.delivery.queue import PendingSamples
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.series import Series
from zemanta_ops.testing import Recorder

FOREVER: dict[str, Any] = {"flush_seconds": 3600, "report_seconds": float("inf")}


class Settings:
    """The Django settings as a client sees them: not ready until a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_ready = self.is_loaded = False
        self.asked: list[dict[str, Any]] = []
        self.options = Options(host_tag=None)
        self.error: Exception | None = None
        monkeypatch.setattr(clients, "are_settings_ready", lambda: self.is_ready)
        monkeypatch.setattr(clients, "are_settings_loaded", lambda: self.is_loaded)
        monkeypatch.setattr("zemanta_ops.metrics.options.from_settings", self._read)

    def _read(self, **given: Any) -> Options:
        self.asked.append(given)
        if self.error:
            raise self.error
        return self.options


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    return Settings(monkeypatch)


@pytest.fixture
def client(running: Agent) -> Iterator[Client]:
    created = client_of(running, **FOREVER)
    yield created
    created.close()


def test_samples_wait_until_the_settings_are_ready(running: Agent, settings: Settings) -> None:
    client = Client()
    client.incr("n", 2, part="a")
    client.gauge("g", 5)
    client.emit("ms", "t", 4.0, {"a": "b"}, every=2)
    assert (client.is_ready(), client.buffer, settings.asked) == (False, None, [])
    settings.is_ready = True
    settings.options = Options(port=running.port, prefix="shop", host_tag="web-1", **FOREVER)
    client.incr("n", 3, part="a")
    assert settings.asked == [{}]
    client.flush()
    assert sorted(running.receive()) == [
        b"shop.n,part=a,host=web-1:5|c\nshop.g,host=web-1:5|g\nshop.t,a=b,host=web-1:4.000|ms|@0.5"
    ]
    client.close()


def test_what_waits_is_bounded_and_the_rest_is_counted(
    running: Agent, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PendingSamples, "MAX_SAMPLES", 3)
    client = Client()
    for _ in range(5):
        client.incr("n")
    settings.is_ready = True
    settings.options = Options(port=running.port, host_tag=None, **FOREVER)
    assert client.health()["dropped"] == {"queue_full": 2}
    client.close()
    assert counted(running, "n") == 3


def test_what_waits_at_the_end_is_sent_with_what_the_environment_gives(running: Agent, settings: Settings) -> None:
    settings.options = Options(port=running.port, host_tag=None, **FOREVER)
    client = Client()
    client.close()
    assert settings.asked == []
    client.incr("n")
    client.close()
    assert counted(running, "n") == 1


def test_a_client_that_waits_is_closed_before_the_process_ends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Any] = []
    monkeypatch.setattr(clients, "close_before_exit", closed.append)
    client = Client()
    assert closed == []
    client.incr("n")
    client.incr("n")
    assert closed == [client]


def test_settings_that_are_ready_send_what_waited(running: Agent, settings: Settings) -> None:
    client = Client()
    client.follow_settings()
    assert settings.asked == []
    client.incr("n")
    settings.options = Options(port=running.port, host_tag=None, **FOREVER)
    settings.is_ready = settings.is_loaded = True
    client.follow_settings()
    client.flush()
    assert counted(running, "n") == 1
    # They are final: nothing is read again.
    client.follow_settings()
    client.incr("n")
    assert settings.asked == [{}]
    client.close()


def test_options_that_were_read_early_are_read_again(running: Agent, settings: Settings) -> None:
    client = Client()
    settings.is_ready = True
    settings.options = Options(enabled=False)
    assert client.health() == {"enabled": False}
    settings.is_loaded = True
    settings.options = Options(port=running.port, host_tag=None, **FOREVER)
    client.follow_settings()
    client.incr("n")
    client.flush()
    assert (counted(running, "n"), len(settings.asked)) == (1, 2)
    client.follow_settings()
    assert client.is_ready() is True
    client.close()


def test_a_client_with_options_of_its_own_follows_no_settings(running: Agent, settings: Settings) -> None:
    client = client_of(running, **FOREVER)
    client.incr("n")
    buffer = client.buffer
    settings.is_ready = settings.is_loaded = True
    client.follow_settings()
    assert client.buffer is buffer
    assert settings.asked == []
    client.close()


def test_options_that_cannot_be_read_are_read_again_the_next_time(running: Agent, settings: Settings) -> None:
    settings.is_ready = True
    settings.error = LookupError("on purpose")
    client = Client()
    with pytest.raises(LookupError):
        client.health()
    assert client.is_ready() is False
    settings.error = None
    settings.options = Options(port=running.port, host_tag=None, **FOREVER)
    assert client.health()["enabled"] is True
    client.close()


def test_a_sample_does_not_wait_for_another_thread_that_sets_up(running: Agent) -> None:
    client = client_of(running, **FOREVER)
    with client._lock:
        thread = threading.Thread(target=client.incr, args=("n",))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
        assert not client.is_ready()
    client.incr("n")
    client.close()
    assert counted(running, "n") == 2


def test_metrics_that_are_switched_off_go_nowhere() -> None:
    client = Client(Options(enabled=False))
    for _ in range(2):
        client.incr("n")
        client.gauge("g", 1)
    assert (client.health(), client.flush(), client.buffer) == ({"enabled": False}, True, None)
    assert client.queue.entries == []
    client.hurry()
    client.close()


def test_configure_leaves_the_other_options_to_the_settings(settings: Settings) -> None:
    settings.is_ready = True
    client = Client()
    client.configure(("agent.example",), ("9125",), ("shop",))
    client.health()
    client.configure("agent.example", "not a port", "shop")
    client.health()
    given = {"host": "agent.example", "prefix": "shop"}
    assert settings.asked == [{**given, "port": 9125}, {**given, "port": Options.port}]
    client.close()


def test_a_reload_flushes_and_forgets_the_series(client: Client, running: Agent) -> None:
    own = client.new_cache()
    own["key"] = client.create_series("c", "n", {})
    client.incr("n", a="1")
    with agent() as other:
        client.reload(Options(port=other.port, prefix="new", host_tag=None, **FOREVER))
        assert own == {}
        assert counted(running, "n") == 1
        client.incr("n", a="1")
        client.flush()
        assert counted(other, "new.n") == 1
        client.reload()
        client.incr("n", a="1")
        client.flush()
        assert counted(other, "new.n") == 2


def test_a_capture_takes_every_sample_and_gives_the_queue_back(client: Client, running: Agent) -> None:
    client.incr("before")
    outer, inner = Recorder(), Recorder()
    with client.capture(outer.put):
        client.incr("n")
        with pytest.raises(LookupError), client.capture(inner.put):
            client.incr("n")
            raise LookupError
        client.incr("n")
    client.incr("after")
    client.flush()
    assert [len(each.records) for each in (outer, inner)] == [2, 1]
    assert [counted(running, name) for name in ("before", "n", "after")] == [1, 0, 1]


def test_a_sample_that_was_begun_before_the_settings_were_ready_is_rendered(running: Agent, settings: Settings) -> None:
    client = Client()
    put, series = client.put, Series("ms", "t", {"a": "b"}, "", {}, 2)
    settings.is_ready = True
    settings.options = Options(port=running.port, prefix="shop", host_tag=None, **FOREVER)
    put(series, 4.0)
    client.close()
    assert running.receive() == [b"shop.t,a=b:4.000|ms|@0.5"]
