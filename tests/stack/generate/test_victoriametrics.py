"""The units of the target ``victoriametrics``, run with the real programs behind the real Telegraf."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from tests.commands.checking import checked_here, hop
from tests.servers.fixtures import require, run
from tests.servers.http import call
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import Telegraf
from tests.stack.generate.units import Unit
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import from_settings
from zemanta_ops.stack.databases import Database
from zemanta_ops.stack.generate import SettingsError, generate
from zemanta_ops.stack.settings import open_database

PASSWORD = "example:pass word/é%"
HOUR = timedelta(hours=1)


def generated(section: dict[str, Any], target: str = "victoriametrics", **metrics: Any) -> dict[str, str]:
    with override_settings(ZEMANTA_OPS={"METRICS": metrics, "VICTORIAMETRICS": section}):
        return {file.path: file.text for file in generate(target, lambda text: text == "secret").files}


def count(database: Database, name: str, start: float = 0.0) -> float:
    """Return the sum of all values of a counter since a time."""
    now = datetime.now(timezone.utc)
    values = database.read_values(name, "value", now - HOUR, now + HOUR)
    return sum(float(each.value) for each in values if each.time.timestamp() >= start)


@dataclass
class Pair:
    """Two nodes behind vmagent and vmauth, and the settings that name them."""

    settings: dict[str, Any]
    nodes: list[Unit]
    agent: Unit
    proxy: Unit

    def flush(self) -> None:
        """Make everything that the nodes have visible."""
        for node in self.nodes:
            if node.healthy():
                call(f"{node.url}/internal/force_flush", headers=authorization())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Start what the units start."""
    require("victoriametrics")
    folder = tmp_path_factory.mktemp("pair")
    port, writes, reads = free_port(), free_port(), free_port()
    settings = {
        "WRITE_URL": f"http://127.0.0.1:{writes}",
        "READ_URL": f"http://127.0.0.1:{reads}",
        "USERNAME": "user",
        "PASSWORD": PASSWORD,
        "NODES": [f"http://127.0.0.1:{port}", f"http://127.0.0.2:{port}"],
    }
    files = generated(settings)
    (folder / "vmauth.yml").write_text(files["vmauth.yml"])
    env = {"VM_PASSWORD": PASSWORD}
    units = [
        Unit(files["victoria-metrics.service"], folder / "node1", "127.0.0.1", env),
        Unit(files["victoria-metrics.service"], folder / "node2", "127.0.0.2", env),
        Unit(files["vmagent.service"], folder / "vmagent", env=env),
        Unit(files["vmauth.service"], folder / "vmauth", env=env),
    ]
    with ExitStack() as stack:
        for unit in units:
            run(unit, stack)
        yield Pair(settings, units[:2], units[2], units[3])


@pytest.fixture(scope="module")
def telegraf(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telegraf]:
    """Start a Telegraf on the configuration that is generated for the pair."""
    require("telegraf")
    port = free_port()
    text = generated(pair.settings, "telegraf", PORT=port, AGENT_INTERVAL=1)["telegraf.conf"]
    env = {"VM_USERNAME": "user", "VM_PASSWORD": PASSWORD}
    with ExitStack() as stack:
        server = Telegraf(tmp_path_factory.mktemp("telegraf"), text, port, env)
        run(server, stack)
        yield server


def check(pair: Pair, telegraf: Telegraf, *arguments: str, **changed: Any) -> tuple[int, dict[str, Any]]:
    section = {**pair.settings, **changed}
    return checked_here(*arguments, metrics={"PORT": telegraf.port}, influxdb=section, section="VICTORIAMETRICS")


@pytest.mark.more
def test_no_file_has_the_password_in_it(pair: Pair) -> None:
    files = {**generated(pair.settings), **generated(pair.settings, "telegraf")}
    assert not any(PASSWORD in text for text in files.values())
    assert "VM_PASSWORD=\n" in files["victoriametrics.env.example"]
    assert "VM_PASSWORD=\n" in files["telegraf.env.example"]


@pytest.mark.more
def test_what_is_written_to_the_pair_is_read_from_it_and_from_each_node(pair: Pair, telegraf: Telegraf) -> None:
    code, document = check(pair, telegraf)

    assert (code, [each["status"] for each in document["hops"]]) == (0, ["ok"] * 5)
    assert "VictoriaMetrics" in hop(document, "database")["text"]


@pytest.mark.more
def test_wrong_credentials_and_a_wrong_path_are_reported(pair: Pair, telegraf: Telegraf) -> None:
    code, document = check(pair, telegraf, PASSWORD="example-wrong")
    assert (code, hop(document, "database")["cause"]) == (12, "unauthorized")
    code, document = check(pair, telegraf, READ_URL=pair.settings["READ_URL"] + "/select/7/prometheus")
    assert (code, hop(document, "database")["cause"]) == (12, "wrong_path")


@pytest.mark.more
def test_vmauth_passes_on_nothing_that_writes_or_deletes(pair: Pair) -> None:
    with pytest.raises(Exception, match="missing route"):
        call(f"{pair.proxy.url}/api/v1/admin/tsdb/delete_series", headers=authorization())
    with pytest.raises(Exception, match="missing route"):
        call(f"{pair.proxy.url}/write", data=b"m v=1", headers=authorization())


def authorization() -> dict[str, str]:
    from zemanta_ops.stack.databases.http import encode_basic

    return {"Authorization": encode_basic("user", PASSWORD)}


@pytest.mark.more
def test_a_pair_that_loses_a_node_goes_on_and_loses_nothing(pair: Pair, telegraf: Telegraf) -> None:
    """The load of a few seconds; a minute of it is in the tests that take long."""
    lose_a_node_under_load(pair, telegraf, seconds=6)


@pytest.mark.more
def test_a_pair_that_loses_a_node_under_a_minute_of_load_loses_nothing(pair: Pair, telegraf: Telegraf) -> None:
    lose_a_node_under_load(pair, telegraf, seconds=60)


def open_node(pair: Pair, url: str) -> Database:
    with override_settings(ZEMANTA_OPS={"VICTORIAMETRICS": {**pair.settings, "READ_URL": url}}):
        return open_database()


def lose_a_node_under_load(pair: Pair, telegraf: Telegraf, seconds: float) -> None:
    """Count for some seconds, kill the node that is read from after a third, start it after two; compare the counts."""
    name = f"pair.load.{round(seconds)}"
    with override_settings(ZEMANTA_OPS={"METRICS": {"ENABLED": True, "PORT": telegraf.port}}):
        client = Client(from_settings())
    victim, survivor = pair.nodes
    third = seconds / 3
    sent = emit(client, name, third)
    victim.kill()
    killed_at = time.time()
    sent += emit(client, name, third)
    # vmauth reads from the other node.
    open_node(pair, pair.proxy.url).verify()
    victim.start()
    sent += emit(client, name, third)
    client.close()
    assert client.health()["dropped"] == {}

    measurement = name.replace(".", "_")
    whole, half = (open_node(pair, node.url) for node in (survivor, victim))

    def arrived(database: Database, start: float = 0.0) -> float:
        pair.flush()
        return count(database, measurement, start)

    assert wait_until(lambda: arrived(whole) == sent, 30, 0.5), (arrived(whole), sent)
    # vmagent kept what the dead node missed. What it had in memory when it was killed, and that alone, is lost.
    later = count(whole, measurement, killed_at)
    assert wait_until(lambda: arrived(half, killed_at) == later, 60, 0.5), (arrived(half, killed_at), later)
    assert sent - count(half, measurement) <= sent / 2


def emit(client: Client, name: str, seconds: float) -> int:
    """Count up to a thousand a second in fifty series, and return how many."""
    sent, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        client.incr(name, 1, worker=sent % 50)
        sent += 1
        time.sleep(0.001)
    return sent


@pytest.mark.more
def test_each_program_of_the_pair_that_is_down_is_named_by_its_hop(pair: Pair, telegraf: Telegraf) -> None:
    def find(name: str) -> tuple[str, str]:
        _, document = check(pair, telegraf, "--timeout", "3")
        one = hop(document, name)
        return one["cause"], one["text"]

    pair.agent.stop()
    assert find("telegraf")[0] == "unreachable"
    pair.agent.start()
    pair.proxy.stop()
    assert find("database")[0] == "unreachable"
    pair.proxy.start()
    for node in pair.nodes:
        node.stop()
    cause, text = find("database")
    assert (cause, "vmauth does not reach" in text) == ("gateway", True)
    for node in pair.nodes:
        node.start()
    assert find("database")[0] == ""


def test_a_single_node_has_one_unit(tmp_path: Path, server_stack: ExitStack) -> None:
    require("victoriametrics")
    port = free_port()
    files = generated({"WRITE_URL": f"http://127.0.0.1:{port}"})
    assert list(files) == ["victoria-metrics.service"]
    unit = Unit(files["victoria-metrics.service"], tmp_path / "node")
    run(unit, server_stack)
    with override_settings(ZEMANTA_OPS={"VICTORIAMETRICS": {"WRITE_URL": unit.url}}):
        open_database().verify()


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({}, "is not configured"),
        ({"WRITE_URL": "http://vminsert:8480/insert/0/influx"}, "names a cluster"),
        ({"WRITE_URL": "http://vm", "READ_URL": "http://vm", "NODES": ["http://a:1", "http://b:2"]}, "different ports"),
        ({"WRITE_URL": "http://vm", "USERNAME": "secret"}, "is a secret"),
        ({"WRITE_URL": "vm"}, "must start with http"),
    ],
)
def test_settings_without_units_are_refused(section: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        generated(section)
