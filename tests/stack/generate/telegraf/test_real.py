"""What ``generate`` writes, run by the real Telegraf: no warning, and what the real client sends arrives.

There is no InfluxDB 2.x here: its output plug-in writes to the door that InfluxDB 1.8 keeps for clients of 2.x
(``/api/v2/write``, the token being ``user:password`` and the bucket ``database/policy``).
"""

from __future__ import annotations

import itertools
import re
import shlex
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.test import override_settings

from tests.servers import cache
from tests.servers.fixtures import StartTelegraf, require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import Server, ServerError, free_port, wait_until
from tests.servers.telegraf import Telegraf
from tests.stack.generate.telegraf.printed import points
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options, from_settings
from zemanta_ops.stack.generate.telegraf import generate

USER, PASSWORD = "writer", "pass $HOME ${X} \\ \"'# é"
# A token has no blank in it.
TOKEN_USER, TOKEN_PASSWORD = "token-writer", "$HOME${X}\\\"'#"
# Names as InfluxDB 1.8 allows them.
HOSTILE = "we\"ird 'base' $HOME ${INFLUX_TOKEN} $$ # é"
# A database that is slow to answer; that everything arrives in the end is asserted beside it.
OF_A_LOADED_MACHINE = re.compile("within its flush interval|deadline exceeded|could not write any address")
LEGACY = "old.{env}.{machine}.{measurement}"

Series = tuple[str, frozenset[tuple[str, str]]]


class Case(NamedTuple):
    """One combination of settings."""

    protocol: str
    dialect: str
    host_tag: str | None
    templates: bool
    address: str


@dataclass
class Running:
    """A Telegraf for one combination, and the options of a client that sends to it."""

    name: str
    case: Case
    telegraf: Telegraf
    options: Options


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDB1]:
    """Return an InfluxDB 1.8 that asks for credentials, with two users who may write one database and no more."""
    require("influxdb1")
    with ExitStack() as stack:
        server = InfluxDB1(tmp_path_factory.mktemp("influxdb1"), auth=True)
        run(server, stack)
        quoted = HOSTILE.replace('"', '\\"')
        server.query(f'CREATE DATABASE "{quoted}"')
        server.query(f'CREATE RETENTION POLICY "a $policy" ON "{quoted}" DURATION INF REPLICATION 1 DEFAULT')
        for user, password in ((USER, PASSWORD), (TOKEN_USER, TOKEN_PASSWORD)):
            escaped = password.replace("\\", "\\\\").replace("'", "\\'")
            server.query(f"CREATE USER \"{user}\" WITH PASSWORD '{escaped}'")
            server.query(f'GRANT WRITE ON "{quoted}" TO "{user}"')
        yield server


class Store(NamedTuple):
    """What a Telegraf writes to: a mark, the settings, its environment, and how to see what came."""

    mark: str
    settings: dict[str, Any]
    environment: dict[str, str]
    read: Callable[[list[Running]], set[Series]]


def of_database(influxdb: InfluxDB1, database: str) -> Callable[[list[Running]], set[Series]]:
    return lambda _: {
        (point.measurement, frozenset(point.tags.items())) for point in influxdb.last_points("", database)
    }


def printed(running: list[Running]) -> set[Series]:
    return {point[:2] for one in running for point in points(one.telegraf.log())}


@pytest.fixture(params=["none", "1.x", "1.x with a user", "2.x"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "none":
        return Store("none", {}, {}, printed)
    if request.param == "1.x":
        influxdb, database = request.getfixturevalue("influxdb1"), request.getfixturevalue("database")
        return Store("v1", {"URL": influxdb.url, "DATABASE": database}, {}, of_database(influxdb, database))
    closed = request.getfixturevalue("closed")
    read = of_database(closed, HOSTILE)
    if request.param == "2.x":
        settings = {"URL": closed.url, "ORG": "an $org", "BUCKET": f"{HOSTILE}/a $policy", "TOKEN": "of the reader"}
        environment = {"INFLUX_TOKEN": f"{TOKEN_USER}:{TOKEN_PASSWORD}", "INFLUX_BUCKET": settings["BUCKET"]}
        return Store("v2", settings, environment, read)
    settings = {
        "URL": closed.url,
        "DATABASE": f"{HOSTILE}/a $policy",
        "USERNAME": "reader",
        "PASSWORD": "of the reader",
    }
    return Store(
        "user", settings, {"INFLUX_USERNAME": USER, "INFLUX_PASSWORD": PASSWORD, "INFLUX_URL": closed.url}, read
    )


def addresses() -> list[str]:
    """Return the loopback addresses of this machine, which may have no IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "::1"]


def text_and_options(case: Case, port: int, influxdb: dict[str, Any], *secret: str) -> tuple[str, Options]:
    """Return the telegraf.conf and the client's options for the same settings, of which some values are secret."""
    metrics = {
        "ENABLED": True,
        "HOST": case.address,
        "PORT": port,
        "PROTOCOL": case.protocol,
        "DIALECT": case.dialect,
        "HOST_TAG": case.host_tag,
        "AGENT_INTERVAL": 1,
        "LEGACY_NAMES": [LEGACY] if case.templates else [],
    }
    with override_settings(ZEMANTA_OPS={"METRICS": metrics, "INFLUXDB": influxdb}):
        return generate(secret.__contains__).files[0].text, from_settings()


def emit(one: Running) -> None:
    """Send each type under one name, a timing, and a legacy name."""
    client = Client(one.options)
    client.incr("combination.value", 3, case=one.name)
    client.gauge("combination.value", -1.5, case=one.name)
    client.unique("combination.value", "member", case=one.name)
    client.timing("combination.time", 0.25, case=one.name)
    client.incr("old.prod.web-9.hits", case=one.name)
    client.close()


def expected(one: Running) -> set[Series]:
    tags = {"case": one.name, "host": one.case.host_tag or f"agent-{one.name}"}
    legacy = {"env": "prod", "machine": "web-9"} if one.case.templates else {}
    return {
        *(
            ("combination_value", frozenset({**tags, "metric_type": kind}.items()))
            for kind in ("counter", "gauge", "set")
        ),
        ("combination_time", frozenset({**tags, "metric_type": "timing"}.items())),
        (
            "hits" if one.case.templates else "old_prod_web-9_hits",
            frozenset({**tags, **legacy, "metric_type": "counter"}.items()),
        ),
    }


def of_client(series: Series, running: list[Running]) -> bool:
    return dict(series[1]).get("case") in {one.name for one in running}


@pytest.mark.parametrize("dialect", ["influx", "dogstatsd"])
@pytest.mark.parametrize("protocol", ["udp", pytest.param("tcp", marks=pytest.mark.more)])
def test_every_combination_runs_without_a_warning_and_delivers(
    protocol: str, dialect: str, store: Store, tmp_path: Path, server_stack: ExitStack
) -> None:
    require("telegraf")
    running = []
    combinations = itertools.product(("web-1", None), (False, True), addresses())
    for number, values in enumerate(combinations):
        case, name = Case(protocol, dialect, *values), f"{store.mark}-{protocol}-{dialect}-{number}"
        port = free_port()
        text, options = text_and_options(case, port, store.settings, *store.environment.values())
        folder = tmp_path / name
        folder.mkdir()
        environment = {**store.environment, "TELEGRAF_HOSTNAME": f"agent-{name}"}
        running.append(Running(name, case, Telegraf(folder, text, port, environment), options))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: run(one.telegraf, server_stack), running))
    for one in running:
        emit(one)

    everything: set[Series] = set().union(*map(expected, running))
    wait_until(lambda: everything <= store.read(running), 30, 0.2)
    found = store.read(running)
    assert everything - found == set()
    assert {series for series in found if of_client(series, running)} == everything
    own = {dict(tags)["host"] for measurement, tags in found if measurement == "internal_statsd"}
    assert {f"agent-{one.name}" for one in running} <= own
    warnings = [line for one in running for line in one.telegraf.warnings()]
    assert [line for line in warnings if not OF_A_LOADED_MACHINE.search(line)] == []


def test_counters_gauges_and_sets_of_one_name_have_one_type(
    influxdb1: InfluxDB1, database: str, start_telegraf: StartTelegraf
) -> None:
    case = Case("udp", "influx", None, False, "127.0.0.1")
    port = free_port()
    text, options = text_and_options(case, port, {"URL": influxdb1.url, "DATABASE": database})
    one = Running("types", case, start_telegraf(text, port, {"TELEGRAF_HOSTNAME": "agent-types"}), options)
    emit(one)
    read = of_database(influxdb1, database)
    assert wait_until(lambda: expected(one) <= read([one]), 30)

    assert influxdb1.types("combination_value", database) == {"value": "float"}
    values = {point.tags["metric_type"]: point.fields for point in influxdb1.last_points("combination_value", database)}
    assert values == {"counter": {"value": 3}, "gauge": {"value": -1.5}, "set": {"value": 1}}
    (timing,) = influxdb1.last_points("combination_time", database)
    assert {key: timing.fields[key] for key in ("count", "upper", "50_percentile", "99_percentile")} == {
        "count": 1,
        "upper": 250,
        "50_percentile": 250,
        "99_percentile": 250,
    }
    assert {"90_percentile", "95_percentile"} <= set(timing.fields)


@pytest.mark.parametrize("value", [None, ""])
def test_without_its_credentials_it_does_not_start_and_names_the_variable(
    value: str | None, start_telegraf: StartTelegraf
) -> None:
    case = Case("udp", "influx", None, False, "127.0.0.1")
    port = free_port()
    text, _ = text_and_options(case, port, {"URL": "http://127.0.0.1:1", "ORG": "o", "BUCKET": "b"})
    with pytest.raises(ServerError, match="required variable INFLUX_TOKEN is missing a value: set it in the env"):
        start_telegraf(text, port, {} if value is None else {"INFLUX_TOKEN": value})


def test_the_command_of_the_drop_in_with_the_environment_file_filled_in(
    tmp_path: Path, server_stack: ExitStack
) -> None:
    """The drop-in's own command, but for the folders; systemd itself is not run."""
    require("telegraf")
    port = free_port()
    influxdb = {"URL": "http://127.0.0.1:1", "ORG": "o", "BUCKET": "b"}
    with override_settings(ZEMANTA_OPS={"METRICS": {"PORT": port}, "INFLUXDB": influxdb}):
        config, example, drop_in = generate(lambda _: False).files
    (tmp_path / "telegraf.d").mkdir()
    (tmp_path / "telegraf.conf").write_text(config.text)
    assigned = [line.partition("=") for line in example.text.splitlines() if line and not line.startswith("#")]
    assert [(name, value) for name, _, value in assigned] == [("INFLUX_TOKEN", "")]
    assert "EnvironmentFile=/etc/telegraf/telegraf.env\n" in drop_in.text
    *_, reset, command = [line for line in drop_in.text.splitlines() if line.startswith("ExecStart=")]
    assert reset == "ExecStart="
    replaced = command.removeprefix("ExecStart=").replace("/etc/telegraf", str(tmp_path)).replace(" $TELEGRAF_OPTS", "")
    program, *arguments = shlex.split(replaced)
    assert program == "/usr/bin/telegraf"
    server: Server = Server(
        "telegraf",
        [cache.binary("telegraf"), *arguments],
        tmp_path,
        lambda: "Started the statsd service" in server.log(),
        {"INFLUX_TOKEN": "example-token"},
    )
    run(server, server_stack)
    assert [line for line in server.log().splitlines() if " W! " in line] == []
