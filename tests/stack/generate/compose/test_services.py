"""The files of a whole folder, as compose.yaml mounts them, run by the real servers: a request arrives.

No container runs here. What an image does before its server starts is done by hand: it creates the database of
INFLUXDB_DB, or sets InfluxDB 2 up as DOCKER_INFLUXDB_INIT_… say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import ResolverMatch

from tests.servers import cache
from tests.servers.fixtures import require, run
from tests.servers.http import answers, call, call_json
from tests.servers.process import Server, free_port, untraced, wait_until
from tests.stack.generate.compose.services import Service, read_services
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import from_settings
from zemanta_ops.metrics.request.recorder import RequestRecorder
from zemanta_ops.stack.databases import connect
from zemanta_ops.stack.databases.http import encode_basic
from zemanta_ops.stack.generate import generate
from zemanta_ops.stack.generate.files import compare_files, write_files

pytestmark = pytest.mark.second_tier

Json = dict[str, Any]
PASSWORDS = {"GRAFANA_PASSWORD": "example-grafana-password"}
TOKEN, PASSWORD = "example-operator-token", "example-admin-password"


class Deployment:
    """A folder that ``generate_stack`` has filled, and the services of its compose file."""

    def __init__(
        self, folder: Path, database: Mapping[str, str], passwords: Mapping[str, str], section: str = "INFLUXDB"
    ) -> None:
        self.folder = folder / "deploy"
        self.volumes = folder / "volumes"
        self.port = free_port()
        metrics = {
            "ENABLED": True,
            "PORT": self.port,
            "AGENT_INTERVAL": 1,
            "HOST_TAG": "web-1",
            "TAGS": {"app": "shop"},
        }
        self.settings = {"METRICS": metrics, section: dict(database)}
        self.targets = ["telegraf", "grafana", "compose"] + (
            ["kapacitor"] if "URL" in database and "BUCKET" not in database else []
        )
        with override_settings(ZEMANTA_OPS=self.settings):
            for target in self.targets:
                write_files(compare_files(generate(target).files, self.folder), force=False)
        environment = {**untraced(), **PASSWORDS, **passwords, "COMPOSE_PROFILES": "alerts"}
        self.services = {
            name: Service(described, self.volumes)
            for name, described in read_services(self.folder, environment).items()
        }

    def build_server(
        self, name: str, command: list[str | Path], healthy: Callable[[Server], bool], **more: str
    ) -> Server:
        """Return the process of a service; ``more`` are variables that an image sets."""
        folder = self.volumes / f"run-{name}"
        folder.mkdir(parents=True)
        server = Server(name, command, folder, lambda: healthy(server), {**self.services[name].environment, **more})
        return server

    def start_telegraf(self, stack: ExitStack) -> Server:
        require("telegraf")
        command = self.services["telegraf"].build_command(cache.binary("telegraf"))
        telegraf = self.build_server("telegraf", command, lambda it: "Started the statsd service" in it.log())
        run(telegraf, stack)
        return telegraf

    def send_request(self) -> None:
        """Record one request with the options of the settings."""
        with override_settings(ZEMANTA_OPS=self.settings):
            client = Client(from_settings(threads=False))
        request = HttpRequest()
        request.method = "GET"
        request.resolver_match = ResolverMatch(lambda: None, (), {}, "shop_list")
        RequestRecorder(client).record(request, HttpResponse(status=200), 0.0)
        client.close()


def test_a_request_arrives_in_influxdb_1_and_kapacitor_runs_its_tasks(tmp_path: Path, server_stack: ExitStack) -> None:
    require("influxdb1")
    require("kapacitor")
    url = f"http://127.0.0.1:{free_port()}"
    deployment = Deployment(tmp_path, {"URL": url, "DATABASE": "shop"}, {})
    start_influxdb1(deployment, url, server_stack)
    telegraf = deployment.start_telegraf(server_stack)
    deployment.send_request()

    with connect(url, database="shop") as database:
        text = 'SELECT sum("value") AS "n" FROM "http_request_count" GROUP BY "view", "status", "host", "app"'
        assert wait_until(lambda: bool(database.query(text)))
        [row] = database.query(text)
    assert (row["n"], row["view"], row["status"], row["host"], row["app"]) == (1, "shop_list", "200", "web-1", "shop")
    assert [line for line in telegraf.log().splitlines() if " E! " in line] == []

    kapacitor = start_kapacitor(deployment, server_stack)
    tasks = call_json(f"{kapacitor}/tasks?limit=1000")["tasks"]
    scripts = {path.stem for path in deployment.folder.rglob("*.tick")}
    assert {task["id"] for task in tasks if task["executing"]} == scripts != set()


def start_influxdb1(deployment: Deployment, url: str, stack: ExitStack) -> None:
    service = deployment.services["influxdb"]
    folders = {"META_DIR": "meta", "DATA_DIR": "data", "DATA_WAL_DIR": "wal"}
    more = {f"INFLUXDB_{key}": str(service.place(f"/var/lib/influxdb/{name}")) for key, name in folders.items()}
    # Other servers of the tests use the port of the file.
    more["INFLUXDB_BIND_ADDRESS"] = f"127.0.0.1:{free_port()}"
    command: list[str | Path] = [cache.binary("influxdb1"), "run"]
    run(deployment.build_server("influxdb", command, lambda _: answers(f"{url}/ping"), **more), stack)
    call(f"{url}/query", {"q": f'CREATE DATABASE "{service.environment["INFLUXDB_DB"]}"'}, data=b"")


def start_kapacitor(deployment: Deployment, stack: ExitStack) -> str:
    """Start it with the file that is mounted, but for its port, and return its URL."""
    service, port = deployment.services["kapacitor"], free_port()
    path = deployment.volumes / "kapacitor.conf"
    text = service.move_paths(service.place("/etc/kapacitor/kapacitor.conf").read_text())
    path.write_text(text.replace(":9092", f":{port}"))
    url = f"http://127.0.0.1:{port}/kapacitor/v1"
    command: list[str | Path] = [cache.binary("kapacitor"), "-config", path]
    loaded = "istening for signals"
    run(deployment.build_server("kapacitor", command, lambda it: loaded in it.log() and answers(f"{url}/ping")), stack)
    return url


def test_a_request_arrives_in_influxdb_2(tmp_path: Path, server_stack: ExitStack) -> None:
    require("influxdb2")
    url = f"http://127.0.0.1:{free_port()}"
    influxdb = {"URL": url, "ORG": "an $org", "BUCKET": "shop $week", "TOKEN": TOKEN}
    deployment = Deployment(tmp_path, influxdb, {"INFLUX_TOKEN": TOKEN, "INFLUX_PASSWORD": PASSWORD})
    start_influxdb2(deployment, url, server_stack)
    telegraf = deployment.start_telegraf(server_stack)
    deployment.send_request()

    with connect(url, org="an $org", bucket="shop $week", token=TOKEN) as database:
        is_count = 'r._measurement == "http_request_count"'
        text = f'from(bucket: "shop $week") |> range(start: -1h) |> filter(fn: (r) => {is_count})'
        assert wait_until(lambda: bool(database.query(text)))
        [row] = database.query(text)
    assert (row["_value"], row["view"], row["status"], row["host"]) == (1, "shop_list", "200", "web-1")
    assert [line for line in telegraf.log().splitlines() if " E! " in line] == []


def start_influxdb2(deployment: Deployment, url: str, stack: ExitStack) -> None:
    service = deployment.services["influxdb"]
    kept = service.place("/var/lib/influxdb2")
    kept.mkdir(parents=True)
    # Where the image keeps everything.
    paths = {
        "INFLUXD_BOLT_PATH": "influxd.bolt",
        "INFLUXD_SQLITE_PATH": "influxd.sqlite",
        "INFLUXD_ENGINE_PATH": "engine",
    }
    more = {name: str(kept / path) for name, path in paths.items()}
    command: list[str | Path] = [cache.binary("influxdb2", "influxd"), "run"]
    run(deployment.build_server("influxdb", command, lambda _: answers(f"{url}/health"), **more), stack)
    given = {
        key: service.environment[f"DOCKER_INFLUXDB_INIT_{key.upper()}"]
        for key in ("username", "password", "org", "bucket")
    }
    call_json(f"{url}/api/v2/setup", {**given, "token": service.environment["DOCKER_INFLUXDB_INIT_ADMIN_TOKEN"]})


def test_a_request_arrives_in_victoriametrics(tmp_path: Path, server_stack: ExitStack) -> None:
    require("victoriametrics")
    url = f"http://127.0.0.1:{free_port()}"
    user = {"USERNAME": "shop", "PASSWORD": PASSWORD}
    variables = {f"VM_{name}": value for name, value in user.items()}
    deployment = Deployment(tmp_path, {"WRITE_URL": url, "DATABASE": "shop", **user}, variables, "VICTORIAMETRICS")
    command = deployment.services["victoriametrics"].build_command(cache.binary("victoriametrics", "victoria-metrics"))
    run(deployment.build_server("victoriametrics", command, lambda _: answers(f"{url}/health")), server_stack)
    telegraf = deployment.start_telegraf(server_stack)
    deployment.send_request()

    headers = {"Authorization": encode_basic("shop", PASSWORD)}

    def read() -> list[Json]:
        call(f"{url}/internal/force_flush", headers=headers)
        text = call(f"{url}/api/v1/export", {"match[]": 'http_request_count_value{db="shop"}'}, headers=headers)
        return [json.loads(line) for line in text.splitlines()]

    assert wait_until(lambda: bool(read()), every=0.2)
    [series] = read()
    assert series["values"] == [1]
    tags = {key: series["metric"][key] for key in ("view", "status", "host", "app")}
    assert tags == {"view": "shop_list", "status": "200", "host": "web-1", "app": "shop"}
    assert (deployment.volumes / "database").is_dir()
    assert [line for line in telegraf.log().splitlines() if " E! " in line] == []


@pytest.mark.parametrize(("section", "names"), [
    ({"URL": "http://127.0.0.1:8086", "DATABASE": "shop"}, ["GRAFANA_PASSWORD"]),
    ({"URL": "http://127.0.0.1:8086", "DATABASE": "shop", "USERNAME": "a", "PASSWORD": "example"},
     ["GRAFANA_PASSWORD", "INFLUX_USERNAME", "INFLUX_PASSWORD"]),
    ({"URL": "http://127.0.0.1:8086", "ORG": "o", "BUCKET": "b", "TOKEN": TOKEN},
     ["GRAFANA_PASSWORD", "INFLUX_PASSWORD", "INFLUX_TOKEN"]),
])  # fmt: skip
def test_compose_names_each_variable_that_is_not_set(section: dict[str, str], names: list[str], tmp_path: Path) -> None:
    given = {name: "example" for name in names if name != "GRAFANA_PASSWORD"}
    deployment = Deployment(tmp_path, section, given)
    environment = {name: value for name, value in untraced().items() if name not in names}
    for missing in names:
        others = {name: "example" for name in names if name != missing}
        with pytest.raises(ValueError, match=missing):
            read_services(deployment.folder, {**environment, **others})


def test_grafana_finds_what_its_files_name(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, {"URL": "http://127.0.0.1:8086", "DATABASE": "shop"}, {})
    grafana = deployment.services["grafana"]
    provisioned = list(grafana.place("/etc/grafana/provisioning").rglob("*.yaml"))
    assert {path.parent.name for path in provisioned} == {"datasources", "dashboards"}
    texts = "".join(path.read_text() for path in provisioned)
    [folder] = re.findall(r'"path": "([^"]+)"', texts)
    assert list(grafana.place(folder).glob("*.json"))
    assert set(re.findall(r"\$(\w+)", texts)) <= set(grafana.environment)
    [source] = json.loads(
        grafana.place("/etc/grafana/provisioning/datasources/zemanta_ops.yaml").read_text().split("\n", 1)[1]
    )["datasources"]
    assert source["url"] == "http://127.0.0.1:8086"
