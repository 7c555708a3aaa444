"""Faults between application and database in which the obvious cause is the wrong one, with the real servers."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.commands.checking import checked_here
from tests.commands.faults import INTERNAL, found, speaks, started
from tests.servers import cache
from tests.servers.fixtures import StartTelegraf, require
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.influxdb2 import TOKEN, InfluxDB2
from tests.servers.process import free_port, wait_until
from tests.servers.stores import Store, store_of_1
from tests.servers.telegraf import config

pytestmark = pytest.mark.more

TCP = "max_tcp_connections = 1"


@pytest.fixture
def reader(guarded_store: Store) -> Store:
    """Return the store of an application that may only read, as it should be."""
    return guarded_store.limited("read")


@pytest.fixture
def writer(guarded_store: Store) -> Store:
    """Return the same store for a Telegraf that may only write."""
    return guarded_store.limited("write")


def check_as(name: str, reader: Store, *arguments: str, port: int, **metrics: Any) -> tuple[int, str]:
    code, cause, _ = found(name, reader, *arguments, port=port, **metrics)
    return code, cause


def test_least_privilege_with_a_filtered_probe(reader: Store, writer: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, writer, '  namedrop = ["zemanta_ops_*"]\n' + INTERNAL)
    speaks(reader, 2)
    assert check_as("probe", reader, "--timeout", "4", port=telegraf.port) == (14, "probe_lost")


def test_least_privilege_with_the_port_taken(
    reader: Store, writer: Store, start_telegraf: StartTelegraf, sink: int
) -> None:
    started(start_telegraf, writer)
    speaks(reader)
    assert check_as("telegraf", reader, "--timeout", "2", port=sink) == (13, "agent_elsewhere")


def test_least_privilege_with_a_frozen_telegraf(reader: Store, writer: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, writer)
    speaks(reader, 2)
    telegraf.pause()
    try:
        code, cause, one = found("telegraf", reader, "--timeout", "2", port=telegraf.port)
    finally:
        telegraf.resume()
    assert (code, cause) == (13, "agent_hangs")
    assert "does not read" in one["text"]


def test_least_privilege_with_a_slow_flush(reader: Store, writer: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, writer, interval="3s")
    speaks(reader, 2)
    assert check_as("telegraf", reader, "--timeout", "1", port=telegraf.port) == (13, "slow_flush")


def test_a_port_that_another_program_has_is_named_with_it(reader: Store, sink: int) -> None:
    code, cause, one = found("telegraf", reader, "--timeout", "1", port=sink)

    assert (code, cause) == (13, "port_taken")
    assert "not Telegraf" in one["text"]


def test_a_slow_flush_is_found_in_the_first_minute_of_telegraf(store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, store, interval="60s")
    code, cause, one = found("telegraf", store, "--timeout", "1", port=telegraf.port)

    assert (code, cause) == (13, "slow_flush")
    assert "every 60 s, and has not done so yet" in one["text"]


def without_extensions(text: str) -> str:
    return text.replace("datadog_extensions = true", "datadog_extensions = false")


@pytest.mark.parametrize(("tags", "host"), [({}, None), ({"env": "prod"}, None), ({"env": "prod"}, "web-1")])
def test_tags_lost_by_a_telegraf_without_datadog_extensions(
    store: Store, start_telegraf: StartTelegraf, tags: dict[str, str], host: str | None
) -> None:
    telegraf = started(start_telegraf, store)
    code, cause, one = found("probe", store, port=telegraf.port, DIALECT="dogstatsd", TAGS=tags, HOST_TAG=host)

    assert (code, cause) == (14, "extensions_off")
    assert set(one["details"]["tags"]) == {"slot", *tags}


def test_tags_that_the_agent_excludes_are_a_warning(store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, store, '  tagexclude = ["env"]\n' + INTERNAL)
    code, cause, one = found("probe", store, port=telegraf.port, TAGS={"env": "prod"})

    assert (code, cause, one["status"]) == (0, "tags_lost", "warning")


def test_an_output_that_passes_other_names_only(store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, store, '  namepass = ["http_*"]\n' + INTERNAL)
    code, cause, one = found("telegraf", store, "--timeout", "3", port=telegraf.port)

    assert (code, cause) == (13, "agent_not_writing")
    assert "(with namepass)" in one["text"]


def test_another_database_from_the_start(
    store: Store, new_store: Callable[[], Store], start_telegraf: StartTelegraf
) -> None:
    other = new_store()
    telegraf = started(start_telegraf, other)
    code, cause, one = found("telegraf", store, "--timeout", "3", port=telegraf.port)

    assert (code, cause) == (13, "agent_not_writing")
    assert other.name in one["text"]


def test_another_policy_from_the_start(influxdb1: InfluxDB1, database: str, start_telegraf: StartTelegraf) -> None:
    influxdb1.query(f'CREATE RETENTION POLICY other ON "{database}" DURATION 1h REPLICATION 1')
    store = store_of_1(influxdb1, database)
    there = replace(store, output=store.output + '  retention_policy = "other"\n')
    telegraf = started(start_telegraf, there)
    code, cause, one = found("telegraf", store, "--timeout", "3", port=telegraf.port)

    assert (code, cause) == (13, "agent_not_writing")
    assert f"{database}/other" in one["text"]


@pytest.mark.second_tier
def test_a_missing_mapping_of_2x_through_the_interface_of_1x(
    influxdb2: InfluxDB2, start_telegraf: StartTelegraf, sink: int
) -> None:
    settings = {"URL": influxdb2.url, "DATABASE": "nowhere", "USERNAME": "any", "PASSWORD": TOKEN}
    store = Store(influxdb2, "nowhere", "", settings)
    code, cause, one = found("database", store, port=sink)

    assert (code, cause) == (12, "missing")
    assert "mapping" in one["advice"]


@pytest.mark.second_tier
def test_a_bucket_of_2x_is_read_through_the_interface_of_1x(influxdb2: InfluxDB2, bucket: str, sink: int) -> None:
    settings = {"URL": influxdb2.url, "DATABASE": bucket, "USERNAME": "any", "PASSWORD": TOKEN}
    _, _, one = found("database", Store(influxdb2, bucket, "", settings), "--timeout", "0.2", port=sink)

    assert one["status"] == "ok"


@pytest.mark.parametrize(("protocol", "other"), [("udp", "tcp"), ("tcp", "udp")])
def test_tcp_against_udp(store: Store, start_telegraf: StartTelegraf, protocol: str, other: str) -> None:
    port = free_port()
    text = config(port, store.output + INTERNAL)
    if other == "tcp":
        text = text.replace('protocol = "udp"', 'protocol = "tcp"').replace("read_buffer_size = 4194304", "")
    start_telegraf(text, port)
    code, cause, one = found("agent", store, port=port, PROTOCOL=protocol)

    assert (code, cause) == (11, "agent_protocol")
    assert f"{other} {port}" in one["text"]


def test_exhausted_tcp_connections(store: Store, start_telegraf: StartTelegraf) -> None:
    port = free_port()
    text = config(port, store.output + INTERNAL).replace('protocol = "udp"', f'protocol = "tcp"\n  {TCP}')
    start_telegraf(text.replace("read_buffer_size = 4194304", ""), port)
    with socket.create_connection(("127.0.0.1", port)):
        code, cause, _ = found("agent", store, port=port, PROTOCOL="tcp")
        assert (code, cause) == (11, "agent_full")

    def is_well() -> bool:
        return found("probe", store, port=port, PROTOCOL="tcp")[0] == 0

    # The probe needs one connection, and there is one.
    assert wait_until(is_well, 30, 0.5)


@contextmanager
def crashing(command: list[Any], folder: Path, lives: float, pauses: float) -> Iterator[None]:
    """Start a program again and again, and kill it every time after it has lived for some seconds."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                ended.wait(lives)
                process.kill()
            ended.wait(pauses)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_a_crash_loop(store: Store, tmp_path: Path) -> None:
    require("telegraf")
    port = free_port()
    path = tmp_path / "telegraf.conf"
    path.write_text(config(port, store.output + INTERNAL, interval="10s"))
    command = [cache.binary("telegraf"), "--strict-env-handling", "--config", path]
    with crashing(command, tmp_path, lives=0.8, pauses=0.3):
        for _ in range(2):
            _, document = checked_here("--timeout", "4", metrics={"PORT": port}, influxdb=store.settings)
            causes = {each["cause"] for each in document["hops"]}
            assert "agent_restarting" in causes, document


def test_old_integer_fields_of_other_metrics(store: Store, start_telegraf: StartTelegraf) -> None:
    store.write("hits,host=web-1,metric_type=counter value=1i")
    telegraf = started(start_telegraf, store)
    speaks(store, 2)

    def cause() -> str:
        telegraf.send("hits:1|c")
        return found("telegraf", store, port=telegraf.port)[1]

    assert wait_until(lambda: cause() == "agent_rejected", 20, 0.5)


def test_an_old_integer_field_of_the_probe(store: Store, start_telegraf: StartTelegraf) -> None:
    store.write("zemanta_ops_probe value=1i")
    telegraf = started(start_telegraf, store)
    code, cause, _ = found("telegraf", store, "--timeout", "4", port=telegraf.port)

    assert (code, cause) == (13, "agent_rejected")
