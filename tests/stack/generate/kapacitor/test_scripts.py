"""The files for Kapacitor: which there are, what changes with a declaration, and what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from tests.stack.generate.kapacitor.running import declared, generate_kapacitor, read_handlers, read_scripts
from zemanta_ops.stack.declarations import Alert, Composite, above, below, describe, last, mean, rate, total
from zemanta_ops.stack.generate import Generated, SettingsError, generate
from zemanta_ops.stack.generate.kapacitor.schedule import Schedule

REQUESTS = "http.request.count"
RECEIVERS: dict[str, Any] = {
    "pager": {"BACKEND": "pagerduty", "ROUTING_KEY": "example-routing-key", "URL": "https://events.example.com/"},
    "chat": {"BACKEND": "webhook", "URL": "https://chat.example.com/hook?token=example-token", "KEY": "example-key"},
    "mail": {"BACKEND": "email", "TO": ["ops@example.com", "web@example.com"], "LEVEL": "crit"},
}


def declare(threshold: float = 0.05) -> None:
    ratio = Composite("own.ratio", value=total(REQUESTS, status="5*") / total(REQUESTS), by=("view",))
    Alert(ratio, crit=above(threshold), runbook="https://wiki.example.com/ratio")
    Composite("own.rate", value=rate(REQUESTS))


@lru_cache
def list_shipped() -> list[str]:
    """Return the scripts of what this package declares itself."""
    return sorted(read_scripts(generate_kapacitor(lambda: None)))


def list_own(files: Generated) -> list[str]:
    """Return the scripts of what a test declares."""
    scripts = read_scripts(files)
    assert set(list_shipped()) <= set(scripts)
    return sorted(set(scripts) - set(list_shipped()))


def generate_texts(declare: Callable[[], Any], **sections: Any) -> dict[str, str]:
    files = generate_kapacitor(declare, **sections)
    return {file.path: file.text for file in files.files}


def test_each_declaration_has_one_script_and_each_topic_its_handlers() -> None:
    files = generate_kapacitor(declare, ALERTS={"RECEIVERS": RECEIVERS})
    assert list_own(files) == ["shop-alert-own-ratio", "shop-composite-own-rate", "shop-composite-own-ratio"]
    handlers = read_handlers(files)
    # The shipped alerts have no runbook, and one receiver waits for the worst level.
    topics = ["shop", "shop-without-runbook"]
    names = ["chat", "pager", "crit-mail"]
    assert sorted(handlers) == sorted(f"{topic}-{name}" for topic in topics for name in names)
    kinds = {name: handlers[f"shop-{name}"]["kind"] for name in names}
    assert kinds == {"pager": "pagerduty2", "chat": "post", "crit-mail": "smtp"}
    assert files.warnings == []


def test_a_metric_of_clusters_is_read_without_that_of_their_nodes() -> None:
    cloudwatch = {"REGIONS": ["eu-west-1"], "DECLARATIONS": {"redshift_nodes": {}}}

    def declare() -> None:
        Composite("own.busy", value=mean("aws.redshift.cpu_utilization_average"), every="5m", window="5m")

    texts = generate_texts(declare, CLOUDWATCH=cloudwatch)
    (script,) = (text for path, text in texts.items() if "own-busy" in path)
    assert 'WHERE "node_id" =~ /^$/' in script


def test_kapacitor_sends_mail_as_the_settings_of_django_have_it() -> None:
    mail = {"EMAIL_HOST": "mail.example.com", "EMAIL_PORT": 2525, "DEFAULT_FROM_EMAIL": "shop@example.com"}
    with override_settings(**mail):
        text = generate_texts(declare, ALERTS={"RECEIVERS": RECEIVERS})["kapacitor/kapacitor.conf"]
    section = text.partition("[smtp]\n")[2].partition("\n[")[0]
    lines = ["enabled = true", 'host = "mail.example.com"', "port = 2525", 'from = "shop@example.com"']
    assert [line.strip() for line in section.splitlines()] == lines


@pytest.mark.parametrize("name", ["", "x" * 300, "a\nb"])
def test_a_receiver_whose_name_no_file_can_have_is_left_out(name: str) -> None:
    files = generate_kapacitor(declare, ALERTS={"RECEIVERS": {name: RECEIVERS["chat"], "pager": RECEIVERS["pager"]}})
    assert sorted(read_handlers(files)) == ["shop-pager", "shop-without-runbook-pager"]
    (warning,) = files.warnings
    assert "a receiver is left out: its name must be 1 to 100 printable characters" in warning


def test_a_changed_declaration_changes_one_file() -> None:
    before, after = generate_texts(declare), generate_texts(lambda: declare(0.1))
    assert [path for path in before if before[path] != after[path]] == [
        "kapacitor/load/tasks/shop-alert-own-ratio.tick"
    ]
    assert list(before) == list(after)


def test_no_file_has_a_credential() -> None:
    texts = "".join(
        generate_texts(
            declare,
            influxdb={"USERNAME": "example-user", "PASSWORD": "example-password"},
            ALERTS={"RECEIVERS": RECEIVERS},
        ).values()
    )
    for credential in ("example-routing-key", "example-token", "example-key", "example-password"):
        assert credential not in texts
    for variable in ("INFLUXDB_0_PASSWORD", "HTTPPOST_0_URL", "PAGERDUTY2_ROUTING_KEY"):
        assert f"KAPACITOR_{variable}=\n" in texts
    assert 'url = "https://events.example.com/v2/enqueue"' in texts


def test_a_secret_beside_the_credentials_is_refused() -> None:
    influxdb = {"URL": "http://127.0.0.1:8086", "DATABASE": "example-secret"}
    with declared(declare, influxdb=influxdb), pytest.raises(SettingsError, match="secret beside its PASSWORD"):
        generate("kapacitor", lambda text: text == "example-secret")


@pytest.mark.parametrize(
    "influxdb", [{}, {"URL": "http://127.0.0.1:8086", "ORG": "example", "BUCKET": "shop", "TOKEN": "example-token"}]
)
def test_only_influxdb_1_can_be_read(influxdb: dict[str, Any]) -> None:
    with declared(declare, influxdb=influxdb), pytest.raises(SettingsError, match=r"InfluxDB 1\.x alone"):
        generate("kapacitor")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda: Composite("own", value=mean("jobs") / 0), "divides by zero"),
        (lambda: Composite("own", value=last("jobs"), by=("value",)), "takes for a field"),
        (lambda: Composite("own", value=last("jobs"), by=("zo_left",)), "takes for a field"),
        (lambda: Composite("own", value=last("jobs"), by=("a\nb",)), "control character"),
        (lambda: Alert(last("jobs"), name="own{", by=("host",), crit=above(1)), "brace"),
        (lambda: Alert(last("jobs"), name="own", crit=above(1), message="x" * 1_100), "1024 characters"),
        (lambda: Alert(last("jobs"), name="own" * 90, by=("host",), crit=above(1)), "255 characters"),
        (lambda: Alert(last("jobs"), name="own", crit=above(1), message="\x07"), "control character"),
    ],
)
def test_what_kapacitor_cannot_do_is_left_out_with_its_reason(wrong: Callable[[], Any], reason: str) -> None:
    def declare_wrong() -> None:
        describe("jobs", kind="gauge", unit="jobs")
        wrong()

    files = generate_kapacitor(declare_wrong, ALERTS={"RECEIVERS": RECEIVERS})
    assert list_own(files) == []
    [warning] = files.warnings
    assert reason in warning
    assert "test_scripts" in warning


def test_an_alert_without_crit_has_nothing_for_those_who_wait_for_it() -> None:
    def declare_warning() -> None:
        Alert(rate(REQUESTS), name="own", warn=above(1), runbook="https://wiki.example.com/own")

    files = generate_kapacitor(declare_warning, ALERTS={"RECEIVERS": RECEIVERS})
    assert read_scripts(files)["shop-alert-own"].count("|alert()") == 1
    assert "shop-crit-mail" not in read_handlers(files)


def test_a_second_pager_and_what_only_the_command_can_notify_are_named() -> None:
    receivers = {"a": RECEIVERS["pager"], "b": RECEIVERS["pager"], "c": {"BACKEND": "apprise"}, "d": {}}
    files = generate_kapacitor(declare, ALERTS={"RECEIVERS": receivers})
    assert sorted(read_handlers(files)) == ["shop-a", "shop-without-runbook-a"]
    assert [warning.split()[2] for warning in files.warnings] == ["'c'", "'d'", "'b'"]


def test_without_receivers_a_warning_says_so() -> None:
    assert "no receiver is configured" in generate_kapacitor(declare).warnings[0]


def test_names_that_are_alike_as_slugs_are_kept_apart() -> None:
    def declare_alike() -> None:
        describe("jobs", kind="gauge", unit="jobs")
        for name in ("own.a", "own.a-", "own.A", "own/a", "own." + "x" * 150):
            Composite(name, value=last("jobs"))

    files = generate_kapacitor(declare_alike, ALERTS={"RECEIVERS": RECEIVERS})
    assert len(list_own(files)) == 5
    assert all(len(name) < 150 for name in read_scripts(files))
    assert files.warnings == []


def test_texts_reach_the_script_as_they_are() -> None:
    message = 'it\'s 100% {view} \\ "{value:.2f}" }} {value:%} {level} of {name}'

    def declare_texts() -> None:
        Alert(rate(REQUESTS), name="own", by=("view",), warn=below(-1.5), message=message)

    script = read_scripts(generate_kapacitor(declare_texts))["shop-alert-own"]
    assert """it\\'s 100% {{ index .Tags "view" }} \\ "{{ printf "%.2f" (index .Fields "value") }}" } """ in script
    assert '{{ printf "%.6f" (index .Fields "zo_percent") }}%' in script
    assert 'lambda: "value" < -1.5' in script


SECONDS = st.sampled_from([each for each in range(1, 86_401) if 86_400 % each == 0])


@given(every=SECONDS, windows=st.integers(1, 5), delay=st.integers(1, 2_000), zone=st.sampled_from([-720, 0, 330, 345]))
def test_every_window_is_read_once_in_any_time_zone(every: int, windows: int, delay: int, zone: int) -> None:
    schedule = Schedule(every, every * windows, delay)
    cron = schedule.render_cron(delay)
    last = 1_699_920_000 // every * every + every
    moments = range(last - 3_600 + delay, last + 3_600 + delay)
    ends = [moment - delay for moment in moments if matches(cron, moment, zone)]
    on_grid = [end for end in ends if end % every == 0]
    expected = [moment - delay for moment in moments if (moment - delay) % every == 0]
    assert on_grid == expected
    assert (schedule.step == every) == (ends == on_grid)


def matches(cron: str, moment: int, zone: int) -> bool:
    """Return whether a cron expression runs at a moment, in a time zone that many minutes east of Greenwich."""
    local = datetime.fromtimestamp(moment, timezone(timedelta(minutes=zone)))
    seconds, minutes, *rest = cron.split()
    assert rest == ["*"] * 5
    fields = ((seconds, local.second), (minutes, local.minute))
    return all(field == "*" or str(value) in field.split(",") for field, value in fields)


def test_the_handlers_link_to_the_runbook_that_an_alert_has() -> None:
    handlers = read_handlers(generate_kapacitor(declare, ALERTS={"RECEIVERS": RECEIVERS}))
    assert json.dumps(handlers["shop-pager"]["options"]["links"]).count("zo_runbook") == 1
    assert "options" not in handlers["shop-without-runbook-pager"]
