from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.test import override_settings


def messages(**settings: Any) -> list[CheckMessage]:
    with override_settings(**settings):
        return [message for message in run_checks(tags=["zemanta_ops"]) if message.id and message.id[13] == "1"]


def ids(**settings: Any) -> list[str | None]:
    return [message.id for message in messages(**settings)]


def test_no_settings_and_good_settings_are_silent() -> None:
    assert ids() == []
    influxdb = {"URL": "http://127.0.0.1:8086", "DATABASE": "telegraf"}
    assert ids(ZEMANTA_OPS={"METRICS": {"PORT": "8125", "TAGS": {"env": "dev"}}, "INFLUXDB": influxdb}) == []


@pytest.mark.parametrize("value", ["text", {"METRICS": "text"}])
def test_e101_a_dict_is_expected(value: Any) -> None:
    assert ids(ZEMANTA_OPS=value) == ["zemanta_ops.E101"]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"METRIC": {}}, "Did you mean METRICS?"),
        ({"METRICS": {"PROT": 1}}, "Did you mean PORT?"),
        ({"METRICS": {"flush_seconds": 1}}, "Did you mean FLUSH_SECONDS?"),
        ({"INFLUXDB": {"URL": "", "PASWORD": ""}}, "Did you mean PASSWORD?"),
        ({5: {}}, "Known names: CLOUDWATCH, INFLUXDB, METRICS."),
    ],
)
def test_e102_an_unknown_name_comes_with_the_nearest_one(value: Any, hint: str) -> None:
    (message,) = messages(ZEMANTA_OPS=value)
    assert (message.id, message.hint) == ("zemanta_ops.E102", hint)


def test_e103_a_wrong_value_is_named_by_its_place_and_never_shown() -> None:
    (message,) = messages(ZEMANTA_OPS={"METRICS": {"PORT": "example-secret"}})
    assert message.id == "zemanta_ops.E103"
    assert message.msg == 'ZEMANTA_OPS["METRICS"]["PORT"] must be a whole number from 1 to 65535; it is ignored.'
    assert "example-secret" not in str(message)


def test_e103_looks_at_the_environment_and_the_old_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_METRICS_SAMPLE_RATE", "0.3")
    found = messages(STATSD_INFLUX_HOST=5)
    assert {message.msg.split()[0] for message in found} == {"STATSD_INFLUX_HOST", "ZEMANTA_OPS_METRICS_SAMPLE_RATE"}


@pytest.mark.parametrize("influxdb", [{"DATABASE": "d"}, {"URL": "http://h", "DATABASE": "d", "BUCKET": "b"}])
def test_e104_influxdb_needs_one_whole_set_of_settings(influxdb: dict[str, str]) -> None:
    assert ids(ZEMANTA_OPS={"INFLUXDB": influxdb}) == ["zemanta_ops.E104"]


@pytest.mark.parametrize("path", ["nowhere.at.all", "tests.settings.SECRET_KEY"])
def test_e105_request_tags_must_lead_to_a_function(path: str) -> None:
    assert ids(ZEMANTA_OPS={"METRICS": {"REQUEST_TAGS": path}}) == ["zemanta_ops.E105"]
    assert ids(ZEMANTA_OPS={"METRICS": {"REQUEST_TAGS": "tests.test_checks_metrics.ids"}}) == []


def test_w101_and_w102_the_old_readmes_lines_are_read_with_a_warning() -> None:
    assert ids(STATSD_INFLUX_HOST=("localhost",), STATSD_INFLUX_PORT=("8125",)) == [
        "zemanta_ops.W101",
        "zemanta_ops.W101",
        "zemanta_ops.W102",
    ]
    assert ids(STATSD_INFLUX_PORT="8125") == ["zemanta_ops.W102"]


def test_w103_python_statsd_overwrites_the_statsd_package(monkeypatch: pytest.MonkeyPatch) -> None:
    # Simulated: installing it would break the statsd package of this very environment.
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: name)
    assert ids() == ["zemanta_ops.W103"]


def test_w104_a_mistyped_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_METRICS_HSOT", "agent")
    monkeypatch.setenv("ZEMANTA_OPS_METRICS_XYZZYX", "1")
    first, second = messages()
    assert (first.id, first.hint) == ("zemanta_ops.W104", "Did you mean ZEMANTA_OPS_METRICS_HOST?")
    assert second.hint is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("databse", "Did you mean database?"),
        ("HTTP", "Did you mean http?"),
        ("xyz", "Known names: cache, celery, commands, database, http, responses, tasks."),
    ],
)
def test_e120_an_unknown_instrumentation(name: str, hint: str) -> None:
    (message,) = messages(ZEMANTA_OPS={"METRICS": {"INSTRUMENT": ["cache", name]}})
    assert (message.id, message.hint) == ("zemanta_ops.E120", hint)


@pytest.mark.parametrize("lock", ["cache:default", "cache:nowhere", "file"])
def test_e121_a_lock_that_cannot_lock(lock: str) -> None:
    assert ids(ZEMANTA_OPS={"METRICS": {"GAUGE_LOCK": lock}}) == ["zemanta_ops.E121"]


@pytest.mark.parametrize("lock", ["database", "none"])
def test_locks_that_can_are_silent(lock: str) -> None:
    assert ids(ZEMANTA_OPS={"METRICS": {"GAUGE_LOCK": lock}}) == []


def test_e130_legacy_names_that_cannot_be_used() -> None:
    names = ["shop.{host}", "jobs.{measurement}", "jobs.*.{measurement}", "jobs.{env}.{measurement=x}"]
    found = messages(ZEMANTA_OPS={"METRICS": {"LEGACY_NAMES": names}})
    assert [message.id for message in found] == ["zemanta_ops.E130"] * 2
    assert ["no segment is the {measurement}" in found[0].msg, "overlap" in found[1].msg] == [True, True]
    assert ids(ZEMANTA_OPS={"METRICS": {"LEGACY_NAMES": names[1:3]}}) == []
