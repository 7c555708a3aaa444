from __future__ import annotations

import socket
import sys
from typing import Any

import pytest
from django.test import override_settings

from zemanta_ops.stack.generate.files import Generated, SettingsError
from zemanta_ops.stack.generate.telegraf import generate
from zemanta_ops.stack.generate.telegraf.generator import choose_listen_address
from zemanta_ops.stack.generate.telegraf.outputs import complete_url
from zemanta_ops.stack.generate.telegraf.telegraf_conf import compute_percentile_limit
from zemanta_ops.stack.generate.telegraf.toml import render_string

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SECRET = "example-secret-value"
V1 = {"URL": "http://influx.example", "DATABASE": "telegraf"}
V2 = {"URL": "https://influx.example/base/", "ORG": "example", "BUCKET": "telegraf"}


def generated(metrics: dict[str, Any] | None = None, influxdb: dict[str, Any] | None = None) -> Generated:
    with override_settings(ZEMANTA_OPS={"METRICS": metrics or {}, "INFLUXDB": influxdb or {}}):
        return generate(lambda _: False)


def config(metrics: dict[str, Any] | None = None, influxdb: dict[str, Any] | None = None) -> dict[str, Any]:
    return tomllib.loads(generated(metrics, influxdb).files[0].text)


def statsd(**metrics: Any) -> dict[str, Any]:
    (section,) = config(metrics)["inputs"]["statsd"]
    return dict(section)


def test_the_agent_has_the_interval_of_the_settings() -> None:
    agent = config({"AGENT_INTERVAL": 2.5})["agent"]
    assert (agent["interval"], agent["flush_interval"]) == ("2.5s", "2.5s")
    assert config()["agent"]["interval"] == "10s"


@pytest.mark.parametrize(
    ("host", "listens"),
    [
        ("127.0.0.1", "127.0.0.1:8125"),
        ("10.1.2.3", "10.1.2.3:8125"),
        ("::1", "[::1]:8125"),
        ("fe80::1%eth0", "[fe80::1%eth0]:8125"),
        ("telegraf.monitoring.svc", ":8125"),
    ],
)
def test_it_listens_where_the_application_sends(host: str, listens: str) -> None:
    assert choose_listen_address(host, 8125) == listens
    assert statsd(HOST=host)["service_address"] == listens


@pytest.mark.parametrize("first", ["127.0.0.1", "::1"])
def test_localhost_is_the_address_that_the_client_takes(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Simulated: which of the two comes first is up to the machine.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (first, 8125)), ()])
    assert choose_listen_address("localhost", 8125) == (f"[{first}]:8125" if ":" in first else f"{first}:8125")


def test_tcp_has_room_for_the_lines_of_a_flush_and_for_many_processes() -> None:
    section = statsd(PROTOCOL="tcp", QUEUE_SIZE=200_000)
    assert section["allowed_pending_messages"] == 200_000
    assert section["max_tcp_connections"] == 1_024
    assert "read_buffer_size" not in section
    udp = statsd()
    assert (udp["allowed_pending_messages"], udp["read_buffer_size"]) == (10_000, 4_194_304)
    assert "max_tcp_connections" not in udp


@pytest.mark.parametrize(("series", "limit"), [(1, 50_000), (1_000, 16_000), (5_000, 3_000), (10_000_000, 1_000)])
def test_the_percentiles_of_max_series_fit_into_128_mib(series: int, limit: int) -> None:
    assert compute_percentile_limit(series) == limit
    assert limit * 8 * series <= 128 * 1024**2 or limit == 1_000
    assert statsd(MAX_SERIES=series)["percentile_limit"] == limit


@pytest.mark.parametrize(
    "text", ["", "a b", "qu\"ote's", "back\\slash\\", "line\r\nline\t\x00\x1f\x7f\x85\u2028", "é汉🙂"]
)
def test_a_string_comes_back_as_it_was(text: str) -> None:
    assert tomllib.loads(f"x = {render_string(text)}")["x"] == text


def test_a_dollar_is_doubled_so_that_telegraf_replaces_nothing() -> None:
    assert render_string("a$b ${X} $$") == '"a$$b $${X} $$$$"'


def test_what_is_not_unicode_is_refused() -> None:
    with pytest.raises(SettingsError, match="not Unicode"):
        generated(influxdb={**V1, "DATABASE": "a\ud800"})


def test_influxdb_1_has_the_default_port_that_the_commands_take() -> None:
    (output,) = config(influxdb={**V1, "DATABASE": "telegraf/a week"})["outputs"]["influxdb"]
    assert output == {
        "urls": ["http://influx.example:8086"],
        "database": "telegraf",
        "retention_policy": "a week",
        "skip_database_creation": True,
        "alias": "zemanta_ops",
    }


def test_influxdb_2_has_its_url_as_it_is() -> None:
    (output,) = config(influxdb={**V2, "TOKEN": SECRET})["outputs"]["influxdb_v2"]
    assert output["urls"] == ["https://influx.example/base"]
    assert (output["organization"], output["bucket"]) == ("example", "telegraf")


def test_no_file_has_a_credential_in_it() -> None:
    for influxdb in ({**V1, "USERNAME": f"user {SECRET}", "PASSWORD": SECRET}, {**V2, "TOKEN": SECRET}):
        for file in generated(influxdb=influxdb).files:
            assert SECRET not in file.text


def is_secret(value: str) -> bool:
    return SECRET in value


@pytest.mark.parametrize(
    ("influxdb", "names"),
    [
        (
            {"URL": f"http://{SECRET}:1", "DATABASE": f"{SECRET}/policy"},
            ["INFLUX_URL", "INFLUX_DATABASE", "INFLUX_POLICY"],
        ),
        ({"URL": f"http://{SECRET}", "DATABASE": "telegraf"}, ["INFLUX_URL"]),
        ({**V2, "ORG": SECRET, "BUCKET": SECRET}, ["INFLUX_ORG", "INFLUX_BUCKET", "INFLUX_TOKEN"]),
    ],
)
def test_whatever_is_secret_comes_from_the_environment(influxdb: dict[str, str], names: list[str]) -> None:
    with override_settings(ZEMANTA_OPS={"INFLUXDB": influxdb}):
        files = generate(is_secret).files
    assert SECRET not in "".join(file.text for file in files)
    assert [line[:-1] for line in files[1].text.splitlines() if line.startswith("INFLUX")] == names
    for name in names:
        assert f'"${{{name}:?set it in the environment of Telegraf}}"' in files[0].text


@pytest.mark.parametrize(
    ("influxdb", "names"),
    [
        ({}, []),
        (V1, []),
        ({**V1, "USERNAME": "writer", "PASSWORD": SECRET}, ["INFLUX_USERNAME", "INFLUX_PASSWORD"]),
        ({**V2, "TOKEN": SECRET}, ["INFLUX_TOKEN"]),
    ],
)
def test_the_environment_file_must_be_there_where_there_are_credentials(
    influxdb: dict[str, str], names: list[str]
) -> None:
    config_, example, drop_in = generated(influxdb=influxdb).files
    assert [line.partition("=")[0] for line in example.text.splitlines() if line and line[0] != "#"] == names
    assert "#TELEGRAF_HOSTNAME=" in example.text
    assert example.mode == 0o600
    dash = "" if names else "-"
    assert f"\nEnvironmentFile={dash}/etc/telegraf/telegraf.env\n" in drop_in.text
    assert [name in config_.text for name in names] == [True] * len(names)


@pytest.mark.parametrize(
    ("influxdb", "words"),
    [
        ({**V1, "BUCKET": "b"}, "either DATABASE"),
        ({"URL": "http://influx.example"}, "either DATABASE"),
        ({"URL": "http://influx.example", "BUCKET": "b"}, "BUCKET but not ORG"),
        ({**V1, "URL": "influx:8086"}, "must start with http"),
        ({**V1, "URL": "http://"}, "name a host"),
        ({**V1, "URL": f"http://{SECRET}@influx.example"}, "must not have credentials"),
        ({**V1, "URL": f"http://influx.example/?token={SECRET}"}, "credentials or a query"),
        ({**V1, "URL": f"http://influx.example:{SECRET}"}, "is not a URL"),
        ({**V1, "URL": f"http://[{SECRET}"}, "is not a URL"),
        ({**V1, "URL": 5}, r'\["URL"\] must be a string'),
    ],
)
def test_settings_that_cannot_be_used_are_refused_and_not_repeated(influxdb: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        generated(influxdb=influxdb)
    assert SECRET not in f"{raised.value} {raised.value.__cause__} {raised.value.__suppress_context__ or 'chained'}"


def test_a_wrong_metrics_setting_and_wrong_legacy_names_are_refused() -> None:
    with pytest.raises(SettingsError, match="PORT"):
        generated({"PORT": "many"})
    with pytest.raises(SettingsError, match=r"no segment is the \{measurement\}"):
        generated({"LEGACY_NAMES": ["a.{host}"]})


def test_legacy_names_become_templates() -> None:
    assert statsd(LEGACY_NAMES=["a.{env}.{measurement}"])["templates"] == [
        "a.*.*.* measurement*",
        "a.*.* .env.measurement",
    ]
    assert "templates" not in statsd()


def test_what_a_person_should_know_is_said() -> None:
    assert generated(influxdb=V1).warnings == []
    assert "prints what it receives" in generated().warnings[0]
    assert "Protect the port with a firewall" in generated({"HOST": "telegraf"}, V1).warnings[0]


@pytest.mark.parametrize(
    ("url", "port", "shown"),
    [
        ("http://[::1]:9999", None, "http://[::1]:9999"),
        ("http://[::1]", 8086, "http://[::1]:8086"),
        ("https://influx.example/", None, "https://influx.example"),
    ],
)
def test_addresses(url: str, port: int | None, shown: str) -> None:
    assert complete_url(url, port) == shown
