from __future__ import annotations

import importlib.metadata
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.http import HttpRequest, HttpResponse
from django.test import override_settings

from zemanta_ops.checks.metrics import check_datagram_bytes
from zemanta_ops.metrics.middleware import RequestMetricsMiddleware
from zemanta_ops.stack.settings import list_faults, open_database, open_writable_database


async def return_tags(request: HttpRequest, response: HttpResponse) -> dict[str, str]:
    return {}


async def yield_tags(request: HttpRequest, response: HttpResponse) -> AsyncIterator[str]:
    yield "tag"


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
        ({5: {}}, "Known names: ALERTS, CLOUDWATCH, INFLUXDB, METRICS, PROMETHEUS, VICTORIAMETRICS."),
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


H = "http://h"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"INFLUXDB": {"DATABASE": "d"}}, "has no URL"),
        ({"INFLUXDB": {"URL": H}}, "either DATABASE"),
        ({"INFLUXDB": {"URL": H, "DATABASE": "d", "BUCKET": "b", "ORG": "o"}}, "either DATABASE"),
        ({"INFLUXDB": {"URL": H, "BUCKET": "b"}}, "not ORG"),
        ({"INFLUXDB": {"URL": H, "DATABASE": "d", "PASSWORD": "example"}}, "not USERNAME"),
        ({"VICTORIAMETRICS": {"READ_URL": H}}, "has no WRITE_URL"),
        ({"VICTORIAMETRICS": {"WRITE_URL": H, "PASSWORD": "example"}}, "not USERNAME"),
        ({"VICTORIAMETRICS": {"WRITE_URL": H, "NODES": [f"{H}:1", f"{H}:2"]}}, "not READ_URL"),
        ({"VICTORIAMETRICS": {"WRITE_URL": H, "NODES": f"{H}:1"}}, "not READ_URL"),
        ({"PROMETHEUS": {"WRITE_URL": H}}, "no READ_URL"),
        ({"INFLUXDB": {"URL": H, "DATABASE": "d"}, "VICTORIAMETRICS": {"WRITE_URL": H}}, "Keep one"),
        ({"VICTORIAMETRICS": {"WRITE_URL": H}, "PROMETHEUS": {"WRITE_URL": H, "READ_URL": H}}, "Keep one"),
    ],
)
def test_e104_settings_that_contradict_each_other_get_one_answer_everywhere(settings: Any, words: str) -> None:
    (message,) = messages(ZEMANTA_OPS=settings)
    assert (message.id, words in message.msg) == ("zemanta_ops.E104", True)
    with override_settings(ZEMANTA_OPS=settings):
        assert f"{list_faults()[0]}." == message.msg
        with pytest.raises(ValueError, match=words):
            open_database()


@pytest.mark.parametrize(
    "settings",
    [
        {"INFLUXDB": {"URL": "", "DATABASE": "d"}},
        {"INFLUXDB": {"URL": "", "DATABASE": "d"}, "VICTORIAMETRICS": {"WRITE_URL": H}},
        {"INFLUXDB": {}, "VICTORIAMETRICS": {"WRITE_URL": ""}},
    ],
)
def test_an_empty_url_leaves_a_database_out(settings: Any) -> None:
    assert ids(ZEMANTA_OPS=settings) == []


def test_what_only_telegraf_writes_to_is_refused_by_commands_that_write() -> None:
    settings = {"PROMETHEUS": {"WRITE_URL": "http://h:9090/api/v1/write", "READ_URL": "http://h:9090"}}
    with override_settings(ZEMANTA_OPS=settings), pytest.raises(ValueError, match="which Telegraf sends"):
        open_writable_database()


SECRET = "secret-of-the-test"
HOSTS = ["h:8125", "udp://h", "[::1]", "[::1]:8125", "http://h", "a b", "", "h/p", "u@h", "1::2::3", "a..b", "a" * 64]
URLS = [
    "h:8086",
    "http://",
    "http://h:port",
    " http://h",
    "http://h:0",
    "udp://h",
    "http://a..b",
    f"http://{'a' * 64}:1",
]
URLS += [f"http://u:{SECRET}@h", f"http://{SECRET}@h", f"http://h?p={SECRET}", f"http://h#{SECRET}"]
TOKENS = [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\u2028", "clé"]


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        *[("METRICS", "HOST", each) for each in HOSTS],
        *[("INFLUXDB", "DATABASE", each) for each in ("/", "d/", "/p", " ")],
        *[("INFLUXDB", "URL", each) for each in URLS],
        *[("VICTORIAMETRICS", "READ_URL", each) for each in URLS],
        *[("VICTORIAMETRICS", "WRITE_URL", ["http://h", each]) for each in URLS],
        *[("PROMETHEUS", "WRITE_URL", each) for each in URLS],
        *[("INFLUXDB", "TOKEN", each) for each in TOKENS],
        *[(section, "USERNAME", "a:b") for section in ("INFLUXDB", "VICTORIAMETRICS", "PROMETHEUS")],
    ],
)
def test_e103_values_that_cannot_work_are_refused_and_not_shown(section: str, name: str, value: Any) -> None:
    (message,) = [each for each in messages(ZEMANTA_OPS={section: {name: value}}) if each.id == "zemanta_ops.E103"]
    assert f'["{section}"]["{name}"]' in message.msg
    assert SECRET not in str(message)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "fe80::1%eth0", "agent", "agent.example", "xn--ls8h.example", "été.example", "a_b."]
)
def test_hosts_that_can_work_are_accepted(host: str) -> None:
    assert ids(ZEMANTA_OPS={"METRICS": {"HOST": host}}) == []


class OwnMiddleware(RequestMetricsMiddleware):
    """A project's own."""


PATH = "zemanta_ops.metrics.middleware.RequestMetricsMiddleware"
OTHERS = ["django.middleware.common.CommonMiddleware", "no.such.Middleware", "tests.test_checks_metrics.ids"]


@pytest.mark.parametrize(
    "second", [PATH, "tests.test_checks_metrics.OwnMiddleware", "tests.test_checks_metrics.RequestMetricsMiddleware"]
)
def test_e107_the_middleware_measures_each_request_only_once(second: str) -> None:
    (message,) = messages(MIDDLEWARE=[PATH, *OTHERS, second])
    assert (message.id, message.msg) == (
        "zemanta_ops.E107",
        f"MIDDLEWARE measures each request 2 times: {PATH}, {second}.",
    )
    assert ids(MIDDLEWARE=[*OTHERS, second]) == []
    assert ids(MIDDLEWARE=OTHERS) == []


@pytest.mark.parametrize("dialect", ["influx", "dogstatsd"])
@pytest.mark.parametrize("prefix", ["", "a.long.prefix.of.a.project"])
def test_e108_the_request_metrics_fit_into_a_datagram_of_the_size_that_it_names(dialect: str, prefix: str) -> None:
    metrics = {"DATAGRAM_BYTES": 64, "DIALECT": dialect, "PREFIX": prefix, "TAGS": {"environment": "production"}}
    (message,) = messages(MIDDLEWARE=[PATH], ZEMANTA_OPS={"METRICS": metrics})
    assert message.id == "zemanta_ops.E108"
    size = int(re.findall(r"take (\d+) bytes", message.msg)[0])
    assert ids(MIDDLEWARE=[PATH], ZEMANTA_OPS={"METRICS": {**metrics, "DATAGRAM_BYTES": size}}) == []
    assert ids(MIDDLEWARE=[PATH], ZEMANTA_OPS={"METRICS": {**metrics, "DATAGRAM_BYTES": size - 1}}) == [message.id]
    assert ids(MIDDLEWARE=[], ZEMANTA_OPS={"METRICS": metrics}) == []


def test_e108_counts_the_longest_view_and_survives_a_urlconf_that_fails() -> None:
    metrics = {"METRICS": {"DATAGRAM_BYTES": 64}}
    (message,) = messages(MIDDLEWARE=[PATH], ZEMANTA_OPS=metrics, ROOT_URLCONF="example_project.urls")
    assert "the view async-parallel" in message.msg
    with override_settings(MIDDLEWARE=[PATH], ZEMANTA_OPS=metrics, ROOT_URLCONF="no.such.urls"):
        (message,) = check_datagram_bytes()
    assert "the view unresolved" in message.msg


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
