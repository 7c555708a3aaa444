"""Commands in a build, in which ``ZEMANTA_OPS_SECRETS=deferred`` and no secret is decrypted."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import override_settings

from zemanta_ops.conf import conf
from zemanta_ops.secrets.modes import Deferred

SECRET = Deferred("THE.PATH")
V1 = {"URL": "http://127.0.0.1:8086", "DATABASE": "telegraf", "USERNAME": "reader"}
V2 = {"URL": "http://127.0.0.1:8086", "ORG": "example", "BUCKET": "telegraf"}
REASON = "is a secret that is not decrypted. Run: unset ZEMANTA_OPS_SECRETS"

# Any setting may be a secret; these are one of each type.
SETTINGS: list[tuple[str, str, Any]] = [
    ("INFLUXDB", "URL", SECRET),
    ("INFLUXDB", "PASSWORD", SECRET),
    ("METRICS", "ENABLED", SECRET),
    ("METRICS", "HOST", SECRET),
    ("METRICS", "HOST_TAG", SECRET),
    ("METRICS", "PORT", SECRET),
    ("METRICS", "AGENT_INTERVAL", SECRET),
    ("METRICS", "PROTOCOL", SECRET),
    ("METRICS", "SAMPLE_RATE", SECRET),
    ("METRICS", "TAGS", SECRET),
    ("METRICS", "TAGS", {"env": SECRET}),
    ("METRICS", "EXCLUDE_PATHS", SECRET),
    ("METRICS", "EXCLUDE_PATHS", ["/a", SECRET]),
    ("METRICS", "GENERATE_TARGETS", {"own": SECRET}),
]


def run(*arguments: str) -> tuple[int, str]:
    """Return the exit code, and what the command printed or raised."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=out)
    except CommandError as error:
        return error.returncode, str(error)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize(("section", "name", "value"), SETTINGS)
def test_a_check_in_a_build_has_nothing_to_say_about_it(section: str, name: str, value: Any) -> None:
    rest = {**V1, "PASSWORD": "example"} if section == "INFLUXDB" else {}
    with override_settings(ZEMANTA_OPS={section: {**rest, name: value}}):
        assert run_checks(tags=["zemanta_ops"]) == []


@pytest.mark.parametrize(("section", "name", "value"), SETTINGS)
def test_a_deferred_secret_counts_as_absent_and_is_a_fault(section: str, name: str, value: Any) -> None:
    part = conf.sections()[section]
    default = getattr(part, name.lower())
    with override_settings(ZEMANTA_OPS={section: {name: value}}):
        assert getattr(part, name.lower()) == default
        (fault,) = conf.find_faults()
        assert (fault.is_deferred, str(fault)) == (True, f'ZEMANTA_OPS["{section}"]["{name}"] {REASON}')


@pytest.mark.parametrize(("section", "name", "value"), SETTINGS)
def test_check_metrics_reports_the_setting(section: str, name: str, value: Any) -> None:
    with override_settings(ZEMANTA_OPS={section: {name: value}}):
        code, out = run("check_metrics", "--json")
    hop = json.loads(out)["hops"][0]
    assert (code, hop["cause"], hop["text"]) == (10, "setting", f'ZEMANTA_OPS["{section}"]["{name}"] {REASON}')


@pytest.mark.parametrize("influxdb", [{**V1, "PASSWORD": SECRET}, {**V2, "TOKEN": SECRET}])
def test_generate_stack_needs_no_credentials(influxdb: dict[str, Any]) -> None:
    known = {name: "example-secret-value" if value is SECRET else value for name, value in influxdb.items()}
    with override_settings(ZEMANTA_OPS={"INFLUXDB": known}):
        expected = run("generate_stack", "telegraf", "--dry-run")
    with override_settings(ZEMANTA_OPS={"INFLUXDB": influxdb}):
        assert run("generate_stack", "telegraf", "--dry-run") == expected
    assert expected[0] == 0


@pytest.mark.parametrize("name", ["URL", "DATABASE", "USERNAME"])
def test_generate_stack_refuses_to_guess_the_rest(name: str) -> None:
    with override_settings(ZEMANTA_OPS={"INFLUXDB": {**V1, name: SECRET}}):
        assert run("generate_stack", "telegraf", "--dry-run") == (3, f'ZEMANTA_OPS["INFLUXDB"]["{name}"] {REASON}')


def test_explain_legacy_needs_no_secret() -> None:
    metrics = {"LEGACY_NAMES": ["a.{measurement}"]}
    with override_settings(ZEMANTA_OPS={"METRICS": metrics, "INFLUXDB": {**V1, "PASSWORD": SECRET}}):
        assert run("explain_legacy", "a.b")[0] == 0


def test_metrics_series_needs_no_secret() -> None:
    with override_settings(ZEMANTA_OPS={"INFLUXDB": {**V1, "PASSWORD": SECRET}}):
        assert run("metrics_series")[0] == 0
