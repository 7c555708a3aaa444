"""The compose file runs the database that the settings name, with the very files that the other targets write."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from tests.servers import cache
from tests.servers.fixtures import require, run
from tests.servers.http import HttpError, answers, call
from tests.servers.process import Server, free_port
from zemanta_ops.stack.databases.http import encode_basic
from zemanta_ops.stack.generate import compose, grafana, telegraf
from zemanta_ops.stack.generate.files import SettingsError

Json = dict[str, Any]
VM = {"WRITE_URL": "http://127.0.0.1:8428"}
INFLUXDB1 = {"URL": "http://127.0.0.1:8086", "DATABASE": "shop"}
INFLUXDB2 = {"URL": "http://127.0.0.1:8086", "ORG": "o", "BUCKET": "b$", "TOKEN": "example"}
USER = {"USERNAME": "writer", "PASSWORD": "example-victoria-password"}
ENVIRONMENT = {"VM_USERNAME": "writer", "VM_PASSWORD": "example-victoria-password", "GRAFANA_PASSWORD": "example"}


def generate(target: Any, section: str, settings: Json) -> dict[str, str]:
    """Return the text of each file."""
    with override_settings(ZEMANTA_OPS={section: settings}):
        return {each.path: each.text for each in target.generate(lambda _: False).files}


def read(text: str) -> Json:
    found: Json = json.loads("\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return found


def read_services(section: str, settings: Json) -> Json:
    found: Json = read(generate(compose, section, settings)["compose.yaml"])["services"]
    return found


def test_victoriametrics_listens_where_telegraf_writes_and_grafana_reads() -> None:
    services = read_services("VICTORIAMETRICS", {"WRITE_URL": "http://localhost:8429"})
    assert set(services) == {"telegraf", "grafana", "victoriametrics"}
    assert "-httpListenAddr=127.0.0.1:8429" in services["victoriametrics"]["command"]
    assert services["telegraf"]["depends_on"] == services["grafana"]["depends_on"] == ["victoriametrics"]


@pytest.mark.parametrize(
    ("section", "settings", "variables"),
    [
        ("VICTORIAMETRICS", {**VM, **USER}, ["VM_USERNAME", "VM_PASSWORD"]),
        ("INFLUXDB", {**INFLUXDB1, **USER}, ["INFLUX_USERNAME", "INFLUX_PASSWORD"]),
        ("INFLUXDB", INFLUXDB2, ["INFLUX_TOKEN"]),
    ],
    ids=["VictoriaMetrics", "InfluxDB 1.8", "InfluxDB 2.7"],
)
def test_telegraf_and_grafana_get_the_credentials_that_their_files_name(
    section: str, settings: Json, variables: list[str]
) -> None:
    services = read_services(section, settings)
    conf = generate(telegraf, section, settings)["telegraf.conf"]
    source = generate(grafana, section, settings)["provisioning/datasources/zemanta_ops.yaml"]
    for name in variables:
        assert f"${{{name}}}" in conf or f"${{{name}:" in conf
        assert f'"${name}"' in source
        for service in ("telegraf", "grafana"):
            assert services[service]["environment"][name] == f"${{{name}:?is not set}}"


@pytest.mark.parametrize(
    ("section", "settings", "words"),
    [
        ("VICTORIAMETRICS", {"WRITE_URL": "http://vm:8428"}, "is on another machine"),
        ("VICTORIAMETRICS", {"WRITE_URL": ["http://127.0.0.1:8428", "http://127.0.0.1:8429"]}, "runs one"),
        ("VICTORIAMETRICS", {"WRITE_URL": "http://127.0.0.1:8480/insert/0/influx"}, "a single node"),
        ("VICTORIAMETRICS", {**VM, "READ_URL": "http://127.0.0.1:8427"}, "leave READ_URL out"),
        ("PROMETHEUS", {"WRITE_URL": "http://p/api/v1/write", "READ_URL": "http://p"}, "INFLUXDB or VICTORIAMETRICS"),
        ("INFLUXDB", {}, "VICTORIAMETRICS WRITE_URL to http://127.0.0.1:8428"),
    ],
)
def test_what_compose_does_not_run_is_refused_with_what_to_set(section: str, settings: Json, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read_services(section, settings)


@pytest.mark.parametrize(
    ("section", "settings", "url"),
    [
        ("VICTORIAMETRICS", {"WRITE_URL": "http://vm"}, "http://vm:8428"),
        ("VICTORIAMETRICS", {"WRITE_URL": "https://vm"}, "https://vm"),
        ("PROMETHEUS", {"WRITE_URL": "http://p/api/v1/write", "READ_URL": "http://p"}, "http://p:9090"),
        ("INFLUXDB", {"URL": "http://db", "DATABASE": "shop"}, "http://db:8086"),
        ("INFLUXDB", {"URL": "http://db", "ORG": "o", "BUCKET": "b", "TOKEN": "example"}, "http://db"),
    ],
)
def test_grafana_reads_at_the_port_that_the_commands_read_at(section: str, settings: Json, url: str) -> None:
    source = generate(grafana, section, settings)["provisioning/datasources/zemanta_ops.yaml"]
    assert read(source)["datasources"][0]["url"] == url


def test_a_dollar_in_a_name_is_not_a_variable_of_compose() -> None:
    services = read_services("INFLUXDB", {**INFLUXDB1, "DATABASE": "shop$x"})
    assert services["influxdb"]["environment"]["INFLUXDB_DB"] == "shop$$x"


def test_the_command_starts_a_victoriametrics_that_asks_for_the_user(tmp_path: Path) -> None:
    require("victoriametrics")
    url = f"http://127.0.0.1:{free_port()}"
    service = read_services("VICTORIAMETRICS", {"WRITE_URL": url, **USER})["victoriametrics"]
    volume = service["volumes"][0].partition(":")[2]
    binary = cache.binary("victoriametrics", "victoria-metrics")
    flags = [flag.replace(volume, str(tmp_path / "data")) for flag in service["command"]]
    variables = [f"{name}={ENVIRONMENT[name]}" for name in service["environment"]]
    command: list[str | Path] = ["env", *variables, binary, *flags]
    with ExitStack() as stack:
        run(Server("victoria-metrics", command, tmp_path, lambda: answers(f"{url}/health")), stack)
        with pytest.raises(HttpError):
            call(f"{url}/api/v1/query?query=1")
        headers = {"Authorization": encode_basic(USER["USERNAME"], USER["PASSWORD"])}
        assert '"success"' in call(f"{url}/api/v1/query?query=1", headers=headers)


@pytest.mark.parametrize(("database", "number"), [("shop/week", 1), ("shop", 0)])
def test_a_policy_that_nobody_creates_is_a_warning(database: str, number: int) -> None:
    with override_settings(ZEMANTA_OPS={"INFLUXDB": {**INFLUXDB1, "DATABASE": database}}):
        warnings = compose.generate(lambda _: False).warnings
    assert len(warnings) == number
    assert all("retention policy week" in each for each in warnings)


@pytest.mark.second_tier
@pytest.mark.parametrize(
    ("section", "settings"),
    [
        ("VICTORIAMETRICS", {**VM, **USER}),
        ("VICTORIAMETRICS", VM),
        ("INFLUXDB", {**INFLUXDB1, "DATABASE": "shop$x"}),
        ("INFLUXDB", INFLUXDB2),
    ],
)
def test_docker_compose_reads_the_file(tmp_path: Path, section: str, settings: Json) -> None:
    require("compose")
    (tmp_path / "compose.yaml").write_text(generate(compose, section, settings)["compose.yaml"])
    environment = {**ENVIRONMENT, "INFLUX_TOKEN": "example", "INFLUX_PASSWORD": "example", "PATH": os.environ["PATH"]}
    command = [str(cache.binary("compose")), "compose.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment)
    assert set(json.loads(done.stdout)["services"]) >= {"telegraf", "grafana"}
