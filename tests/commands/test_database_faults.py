"""Faults of the database, made with the real servers: one exit code a hop, and the cause with what to do."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.commands.faults import flushing, found, started
from tests.servers.fixtures import StartInfluxDB1, StartTelegraf
from tests.servers.process import free_port
from tests.servers.stores import Store, store_of_1
from tests.stack.answering import never_taken
from tests.stack.proxying import proxying
from zemanta_ops.stack.check import diagnosis, flow
from zemanta_ops.stack.check.probe import Probe
from zemanta_ops.stack.databases import Database, StoredValue


@pytest.fixture
def request_seconds(monkeypatch: pytest.MonkeyPatch) -> float:
    """Return how long a request to the database may take: not as long as outside the tests."""
    seconds = 1.0
    monkeypatch.setattr(flow, "REQUEST_SECONDS", seconds)
    return seconds


def test_a_database_that_is_down_is_told(store: Store, sink: int) -> None:
    code, cause, _ = found("database", store.elsewhere(url=f"http://127.0.0.1:{free_port()}"), port=sink)

    assert (code, cause) == (12, "unreachable")


def test_a_database_whose_connection_is_never_taken_is_told(store: Store, sink: int, request_seconds: float) -> None:
    with never_taken() as port:
        code, cause, one = found("database", store.elsewhere(url=f"http://127.0.0.1:{port}"), port=sink)

    assert (code, cause) == (12, "blocked")
    assert one["seconds"] < 2 * request_seconds


def test_a_database_that_never_answers_is_told(store: Store, sink: int, request_seconds: float) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        code, cause, one = found("database", store.elsewhere(url=url), port=sink)

    assert (code, cause) == (12, "timeout")
    assert one["seconds"] < 2 * request_seconds


def test_a_wrong_token_or_password_is_told(guarded_store: Store, sink: int) -> None:
    code, cause, _ = found("database", guarded_store.mistaken(), port=sink)

    assert (code, cause) == (12, "unauthorized")


def test_an_unknown_database_or_bucket_is_told(guarded_store: Store, sink: int) -> None:
    code, cause, _ = found("database", guarded_store.elsewhere(name="nowhere"), port=sink)

    assert (code, cause) == (12, "missing")


def test_who_may_only_write_is_told(guarded_store: Store, sink: int) -> None:
    code, cause, _ = found("database", guarded_store.limited("write"), port=sink)

    assert (code, cause) == (12, "forbidden")


def test_an_agent_that_may_only_read_is_told(guarded_store: Store, start_telegraf: StartTelegraf) -> None:
    reader = guarded_store.limited("read")
    telegraf = started(start_telegraf, reader)
    code, cause, one = found("telegraf", reader, "--timeout", "3", port=telegraf.port)

    assert (code, cause) == (13, "agent_not_writing")
    assert "needs the right to write" in one["advice"]


def test_who_may_only_read_sees_that_all_is_well(guarded_store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, guarded_store)
    code, _, one = found("probe", guarded_store.limited("read"), port=telegraf.port)

    assert (code, one["status"]) == (0, "ok")


def test_a_proxy_that_hides_the_version_is_not_a_fault(
    new_any_store: Callable[[], Store], start_telegraf: StartTelegraf
) -> None:
    store = new_any_store()
    telegraf = started(start_telegraf, store)
    with proxying(store.server.url, "X-Influxdb-Version", "X-Server-Hostname") as proxy, flushing(store):
        code, _, one = found("database", store.elsewhere(url=proxy.url), port=telegraf.port)

    assert (code, one["status"]) == (0, "ok")
    assert not one["text"].endswith("unknown version")


@pytest.mark.parametrize(("before", "after"), [(0.3, 0.0), (0.0, 0.3)])
def test_a_slow_way_to_the_database_is_not_a_wrong_clock(
    store: Store, start_telegraf: StartTelegraf, before: float, after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The requests of one check take longer together, as they do with the real tolerance and a second each.
    monkeypatch.setattr(diagnosis, "CLOCK_TOLERANCE", 0.6)
    telegraf = started(start_telegraf, store)
    with proxying(store.server.url, before=before, after=after) as proxy:
        code, _, one = found("probe", store.elsewhere(url=proxy.url), port=telegraf.port)

    assert (code, one["status"]) == (0, "ok"), one


def test_a_full_database_is_told_with_its_limit(start_influxdb1: StartInfluxDB1, start_telegraf: StartTelegraf) -> None:
    server = start_influxdb1(max_series=3)
    store = store_of_1(server, server.create("metrics"))
    store.write("\n".join(f"m,t={number} value=1" for number in range(3)))
    telegraf = started(start_telegraf, store)
    code, cause, one = found("database", store, "--timeout", "2", port=telegraf.port)

    assert (code, cause, one["details"]) == (12, "limit", {"series": 3, "limit": 3})


def test_a_full_database_is_told_to_who_may_not_see_its_limit(
    start_influxdb1: StartInfluxDB1, start_telegraf: StartTelegraf
) -> None:
    server = start_influxdb1(auth=True, max_series=3)
    store = store_of_1(server, server.create("metrics"))
    store.write("\n".join(f"m,t={number} value=1" for number in range(3)))
    user = store.limited("all")
    telegraf = started(start_telegraf, user)
    code, cause, one = found("telegraf", user, "--timeout", "2", port=telegraf.port)

    assert (code, cause) == (13, "limit")
    assert "max-series-per-database" in one["text"]


def test_a_database_that_stopped_is_told(own_store: Store, sink: int) -> None:
    own_store.server.stop()
    code, cause, _ = found("database", own_store, port=sink)

    assert (code, cause) == (12, "unreachable")


def test_a_database_that_hangs_is_told(own_store: Store, sink: int, request_seconds: float) -> None:
    own_store.server.pause()
    code, cause, one = found("database", own_store, port=sink)

    assert (code, cause) == (12, "timeout")
    assert one["seconds"] < 2 * request_seconds


def test_a_database_that_hangs_while_the_probe_travels_is_told(
    own_store: Store, sink: int, request_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Probe.find

    def find(self: Probe, database: Database) -> StoredValue | None:
        if not hung:
            hung.append(True)
            own_store.server.pause()
        return look(self, database)

    hung: list[bool] = []
    monkeypatch.setattr(Probe, "find", find)
    before = time.monotonic()
    code, cause, _ = found("probe", own_store, "--timeout", "1", port=sink)

    assert (code, cause) == (14, "timeout")
    assert time.monotonic() - before < 3 * request_seconds
