"""What ``generate`` writes for VictoriaMetrics and for remote write, run by the real Telegraf and read back.

The programs of a VictoriaMetrics cluster are not installed: vmauth gives a single node the paths of a cluster.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.test import override_settings

from tests.commands.checking import checked_here, hop
from tests.servers.fixtures import StartTelegraf, require, run
from tests.servers.process import free_port
from tests.servers.victoriametrics import PASSWORD, USERNAME, Program, VictoriaMetrics
from zemanta_ops.stack.generate import Generated, SettingsError
from zemanta_ops.stack.generate.telegraf import generate

pytestmark = pytest.mark.more

TENANTS = ("0", "42", "42:7", "multitenant")
_numbers = itertools.count(1)


def generated(section: str, settings: dict[str, Any], *secret: str, **metrics: Any) -> Generated:
    with override_settings(ZEMANTA_OPS={"METRICS": metrics, section: settings}):
        return generate(secret.__contains__)


@pytest.fixture(scope="module")
def cluster(victoriametrics: VictoriaMetrics, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Return a vmauth that has the paths of a cluster for the tenants, which asks for a user, before a single node."""
    require("victoriametrics")
    folder = tmp_path_factory.mktemp("cluster")
    routes = [
        {
            "src_paths": [f"/insert/{tenant}/influx/.*", f"/select/{tenant}/prometheus/.*"],
            "drop_src_path_prefix_parts": 3,
            "url_prefix": f"{victoriametrics.url}/",
        }
        for tenant in TENANTS
    ]
    users = [{"username": USERNAME, "password": PASSWORD, "url_map": routes}]
    # JSON is YAML.
    (folder / "auth.yml").write_text(json.dumps({"users": users}))
    with ExitStack() as stack:
        proxy = Program("vmauth", folder, [f"-auth.config={folder / 'auth.yml'}"])
        run(proxy, stack)
        yield proxy


@pytest.fixture(autouse=True)
def flushing(victoriametrics: VictoriaMetrics) -> Iterator[None]:
    """Let the tests wait for Telegraf alone."""
    with victoriametrics.flushing():
        yield


def tenant_settings(url: str, tenant: str) -> dict[str, Any]:
    return {
        "WRITE_URL": f"{url}/insert/{tenant}/influx",
        "READ_URL": f"{url}/select/{tenant}/prometheus",
        "DATABASE": f"cluster_{next(_numbers)}",
        "USERNAME": USERNAME,
        "PASSWORD": PASSWORD,
    }


def check(
    start: StartTelegraf,
    section: str,
    settings: dict[str, Any],
    env: dict[str, str],
    timeout: str = "23",
    **metrics: Any,
) -> tuple[int, dict[str, Any], str]:
    """Start Telegraf on what is generated, and return what check_metrics reports, and Telegraf's log."""
    port = free_port()
    metrics |= {"PORT": port, "AGENT_INTERVAL": 1}
    telegraf = start(generated(section, settings, **metrics).files[0].text, port, env)
    code, document = checked_here("--timeout", timeout, metrics=metrics, influxdb=settings, section=section)
    return code, document, telegraf.log()


ENV = {"VM_USERNAME": USERNAME, "VM_PASSWORD": PASSWORD}


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_of_a_cluster_is_written_and_read(
    cluster: Program, tenant: str, start_telegraf: StartTelegraf, victoriametrics: VictoriaMetrics
) -> None:
    settings = tenant_settings(cluster.url, tenant)
    tags = {"vm_account_id": "42", "vm_project_id": "7"} if tenant == "multitenant" else {}
    code, document, log = check(start_telegraf, "VICTORIAMETRICS", settings, ENV, TAGS=tags)

    assert (code, [each["status"] for each in document["hops"]]) == (0, ["ok"] * 5), document
    assert " W! " not in log
    # The tags choose the tenant of Telegraf's own points too.
    for row in victoriametrics.series(f'{{db="{settings["DATABASE"]}"}}'):
        assert tags.items() <= row["metric"].items()


def test_a_wrong_tenant_is_reported_for_reading_and_for_writing(
    cluster: Program, start_telegraf: StartTelegraf
) -> None:
    settings = tenant_settings(cluster.url, "42")
    code, document, _ = check(
        start_telegraf, "VICTORIAMETRICS", {**settings, "READ_URL": f"{cluster.url}/select/43/prometheus"}, ENV
    )
    assert (code, hop(document, "database")["cause"]) == (12, "wrong_path")

    settings["WRITE_URL"] = f"{cluster.url}/insert/43/influx"
    code, document, _ = check(start_telegraf, "VICTORIAMETRICS", settings, ENV, timeout="2")
    assert (code, hop(document, "telegraf")["cause"]) == (13, "wrong_path")


def test_several_tenants_without_a_tag_are_a_warning(cluster: Program) -> None:
    settings = tenant_settings(cluster.url, "multitenant")
    assert "TAGS has no vm_account_id" in generated("VICTORIAMETRICS", settings).warnings[0]
    assert generated("VICTORIAMETRICS", settings, TAGS={"vm_account_id": 1}).warnings == []


def test_a_dead_url_of_several_loses_nothing(
    cluster: Program, start_telegraf: StartTelegraf, victoriametrics: VictoriaMetrics
) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    settings = {"WRITE_URL": [dead, victoriametrics.url], "READ_URL": victoriametrics.url}
    settings["DATABASE"] = f"cluster_{next(_numbers)}"
    code, document, _ = check(start_telegraf, "VICTORIAMETRICS", settings, {})

    assert (code, hop(document, "probe")["status"]) == (0, "ok"), document


def test_remote_write_is_read_back_with_promql(victoriametrics: VictoriaMetrics, start_telegraf: StartTelegraf) -> None:
    """VictoriaMetrics has the remote-write endpoint and the query API of Prometheus."""
    settings = {"WRITE_URL": f"{victoriametrics.url}/api/v1/write", "READ_URL": victoriametrics.url}
    tags = {"my-tag": "é 汉"}
    code, document, log = check(start_telegraf, "PROMETHEUS", settings, {}, TAGS=tags, HOST_TAG="remote-1")

    assert (code, [each["status"] for each in document["hops"]]) == (0, ["ok"] * 5), document
    assert " W! " not in log
    (row,) = victoriametrics.series('{__name__="zemanta_ops_probe_value",my_tag="é 汉",host="remote-1"}')
    assert "db" not in row["metric"]


def test_remote_write_with_credentials_takes_them_from_the_environment(
    tmp_path_factory: pytest.TempPathFactory, start_telegraf: StartTelegraf, server_stack: ExitStack
) -> None:
    require("victoriametrics")
    server = VictoriaMetrics(tmp_path_factory.mktemp("guarded"), auth=True)
    run(server, server_stack)
    server_stack.enter_context(server.flushing())
    settings = {"WRITE_URL": f"{server.url}/api/v1/write", "READ_URL": server.url}
    settings |= {"USERNAME": USERNAME, "PASSWORD": PASSWORD}
    env = {"REMOTE_WRITE_USERNAME": USERNAME, "REMOTE_WRITE_PASSWORD": PASSWORD}
    code, document, _ = check(start_telegraf, "PROMETHEUS", settings, env)

    assert (code, hop(document, "probe")["status"]) == (0, "ok"), document


@pytest.mark.parametrize(
    ("section", "settings", "names"),
    [
        ("VICTORIAMETRICS", {"WRITE_URL": "http://secret", "DATABASE": "secret"}, ["VM_URL", "INFLUX_DATABASE"]),
        ("VICTORIAMETRICS", {"WRITE_URL": ["http://a", "http://secret"]}, ["VM_URL"]),
        ("PROMETHEUS", {"WRITE_URL": "http://secret", "READ_URL": "http://r"}, ["REMOTE_WRITE_URL"]),
        (
            "PROMETHEUS",
            {"WRITE_URL": "http://w", "READ_URL": "http://r", "USERNAME": "u", "PASSWORD": "example"},
            ["REMOTE_WRITE_USERNAME", "REMOTE_WRITE_PASSWORD"],
        ),
    ],
)
def test_what_is_secret_comes_from_the_environment(section: str, settings: dict[str, Any], names: list[str]) -> None:
    config, example, _ = generated(section, settings, "secret", "http://secret").files
    assert "secret" not in config.text
    assert [line[:-1] for line in example.text.splitlines() if line and line[0] != "#"] == names


def test_a_jitter_and_the_name_of_the_output_are_in_the_file() -> None:
    text = generated("VICTORIAMETRICS", {"WRITE_URL": "http://vm"}, AGENT_JITTER=2.5).files[0].text
    assert '  flush_jitter = "2.5s"\n' in text
    assert '  alias = "zemanta_ops"\n' in text
    assert '  urls = ["http://vm:8428"]\n' in text


def test_two_databases_are_refused() -> None:
    both = {"INFLUXDB": {"URL": "http://h", "DATABASE": "d"}, "VICTORIAMETRICS": {"WRITE_URL": "http://vm"}}
    with override_settings(ZEMANTA_OPS=both), pytest.raises(SettingsError, match="Keep one"):
        generate(lambda _: False)
