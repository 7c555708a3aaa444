from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.test import override_settings

from zemanta_ops.conf import conf
from zemanta_ops.stack.settings import list_faults


class FakeSecret:
    def get(self) -> str:
        return "example-password"


def metrics(**values: Any) -> override_settings:
    return override_settings(ZEMANTA_OPS={"METRICS": values})


def test_everything_has_a_default() -> None:
    assert (conf.metrics.host, conf.metrics.port, conf.metrics.protocol) == ("127.0.0.1", 8125, "udp")
    assert conf.metrics.enabled is None
    assert conf.metrics.host_tag
    assert "." not in conf.metrics.host_tag
    assert conf.metrics.tags == {}
    assert conf.influxdb.url == ""


def test_settings_are_read_on_access() -> None:
    with metrics(PORT=9000, TAGS={"env": "prod"}, HOST_TAG=None):
        assert (conf.metrics.port, conf.metrics.tags, conf.metrics.host_tag) == (9000, {"env": "prod"}, None)
    assert conf.metrics.port == 8125


def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"PORT": "9001", "ENABLED": "no", "TAGS": "env=prod, version=1.2", "EXCLUDE_PATHS": "/a, /b*"}
    for name, value in {**environment, "SAMPLE_RATE": "1/4", "HOST_TAG": ""}.items():
        monkeypatch.setenv(f"ZEMANTA_OPS_METRICS_{name}", value)
    with metrics(PORT=9000, ENABLED=True):
        assert (conf.metrics.port, conf.metrics.enabled) == (9001, False)
        assert conf.metrics.tags == {"env": "prod", "version": "1.2"}
        assert conf.metrics.exclude_paths == ("/a", "/b*")
        assert (conf.metrics.sample_rate, conf.metrics.host_tag) == (0.25, None)


def test_the_settings_of_the_old_client_are_the_last_resort() -> None:
    old = {"STATSD_INFLUX_HOST": ("agent",), "STATSD_INFLUX_PORT": ("8126",), "PROJECT_NAME": "p", "HOSTNAME": "a.b"}
    with override_settings(**old):
        assert (conf.metrics.host, conf.metrics.port) == ("agent", 8126)
        assert (conf.metrics.prefix, conf.metrics.host_tag) == ("p", "a-b")
        with metrics(HOST="new", PREFIX=""):
            assert (conf.metrics.host, conf.metrics.prefix) == ("new", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", 0),
        ("PORT", 1.5),
        ("PORT", True),
        ("FLUSH_SECONDS", float("nan")),
        ("PROTOCOL", "unix"),
        ("HOST", 5),
        ("EXCLUDE_PATHS", 5),
        ("EXCLUDE_PATHS", [5]),
        ("EXCLUDE_PATHS", ["/a", ""]),
        ("EXCLUDE_PATHS", [" "]),
        ("EXCLUDE_PATHS", "/a,,/b"),
        ("EXCLUDE_PATHS", ",/a"),
        ("EXCLUDE_PATHS", ","),
        ("TAGS", "env=prod,,version=1"),
        ("TAGS", "env"),
        ("TAGS", {5: 5}),
        ("ENABLED", "perhaps"),
        ("HOST_TAG", 5),
        ("SAMPLE_RATE", 0.3),
        ("SAMPLE_RATE", 1 / 93),
        ("SAMPLE_RATE", "1/0"),
    ],
)
def test_a_value_of_the_wrong_type_counts_as_absent(name: str, value: Any) -> None:
    default = getattr(conf.metrics, name.lower())
    with metrics(**{name: value}):
        assert getattr(conf.metrics, name.lower()) == default


def test_a_secret_is_revealed_on_access() -> None:
    with override_settings(ZEMANTA_OPS={"INFLUXDB": {"PASSWORD": FakeSecret()}}):
        assert conf.influxdb.password == "example-password"


@pytest.mark.parametrize("value", [None, "text", {"METRICS": None}])
def test_a_strange_settings_dict_leaves_the_defaults(value: Any) -> None:
    with override_settings(ZEMANTA_OPS=value):
        assert conf.metrics.port == 8125


def test_a_setting_documents_itself() -> None:
    from zemanta_ops.conf import Metrics

    settings = Metrics.settings()
    assert {"ENABLED", "HOST", "AGENT_INTERVAL"} < set(settings)
    assert all(setting.__doc__ for setting in settings.values())
    assert Metrics.port.name == "PORT"


def test_a_fault_is_decisive_if_no_other_place_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    with metrics(PORT="example-secret"):
        (fault,) = conf.find_faults()
        assert str(fault) == 'ZEMANTA_OPS["METRICS"]["PORT"] must be a whole number from 1 to 65535'
        assert (fault.setting.name, fault.is_decisive, fault.is_deferred) == ("PORT", True, False)
        assert list_faults() == [str(fault)]
        monkeypatch.setenv("ZEMANTA_OPS_METRICS_PORT", "8126")
        (fault,) = conf.find_faults()
        assert not fault.is_decisive
        assert list_faults() == []


def test_the_old_names_are_those_beside_the_settings() -> None:
    assert conf.old_names() == ("STATSD_INFLUX_HOST", "STATSD_INFLUX_PORT", "PROJECT_NAME", "HOSTNAME")
    assert set(conf.sections()) == {"METRICS", "INFLUXDB", "VICTORIAMETRICS", "PROMETHEUS", "CLOUDWATCH", "ALERTS"}


@pytest.mark.parametrize(("value", "items"), [("", ()), (" ", ()), ("a,", ("a",)), ("a , b ,", ("a", "b")), ([], ())])
def test_blanks_around_the_items_in_text_and_a_comma_at_its_end_do_not_count(
    value: object, items: tuple[str, ...]
) -> None:
    with metrics(INSTRUMENT=value):
        assert (conf.metrics.instrument, list(conf.find_faults())) == (items, [])


LISTS = [
    (section.key, setting.name, text)
    for section, text in ((conf.metrics, "5"), (conf.victoriametrics, "http://a:1"), (conf.cloudwatch, "5"))
    for setting in section.settings().values()
    if isinstance(setting.default, tuple)
]


@pytest.mark.parametrize(("section", "name", "text"), LISTS)
def test_text_without_commas_is_a_list_of_one(section: str, name: str, text: str) -> None:
    setting = conf.sections()[section].settings()[name]
    assert setting.parse(text) == setting.parse([text]) == setting.parse(f" {text} ,")
    assert len(setting.parse(text)) == 1


@pytest.mark.parametrize(("section", "name", "text"), LISTS)
@pytest.mark.parametrize("convert", [iter, lambda items: (each for each in items), lambda _: b"ab"])
def test_a_list_that_can_be_read_only_once_is_refused(
    section: str, name: str, text: str, convert: Callable[[list[str]], Iterable[Any]]
) -> None:
    with override_settings(ZEMANTA_OPS={section: {name: convert([text])}}):
        assert any("must be a list of" in fault for fault in list_faults())
