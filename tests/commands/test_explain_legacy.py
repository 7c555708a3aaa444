from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

PATTERNS = ["z1.{env}.{host}.{measurement=view}.{method}.{view}.{status}", "z1.{env}.{host}.{measurement=job}.{field*}"]


def run(*arguments: str, patterns: list[str] = PATTERNS) -> tuple[int, str]:
    out = StringIO()
    with override_settings(ZEMANTA_OPS={"METRICS": {"LEGACY_NAMES": patterns}}):
        try:
            call_command("explain_legacy", *arguments, stdout=out)
        except CommandError as error:
            return error.returncode, str(error)
        except SystemExit as exit_:
            return int(exit_.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_outcome_in_words() -> None:
    code, out = run("z1.prod.web-1.view.GET.home.200")
    assert code == 0
    assert out.splitlines() == [
        "z1.prod.web-1.view.GET.home.200",
        "  pattern      z1.{env}.{host}.{measurement=view}.{method}.{view}.{status}",
        "  measurement  view",
        "  tags         env=prod, host=web-1, method=GET, status=200, view=home",
        "  field        value",
        "  left out     z1",
    ]


def test_a_name_that_fits_nothing() -> None:
    code, out = run("z1.prod.web-1.view.GET.home.200", "z1.prod.web-1.example.com.view.GET.home.200")
    assert code == 4
    assert "  pattern      none: it has more segments than a pattern; it would fit if the env" in out
    assert "  measurement  z1_prod_web-1_example_com_view_GET_home_200" in out
    assert "  tags         none" in out


def test_what_is_lost_counts_most() -> None:
    code, out = run("nothing.fits", "z1.prod..job.rows")
    assert code == 5
    assert "  lost         the segment of the tag host is empty: the tag is left out" in out


def test_json() -> None:
    code, out = run("--json", "z1.prod.db-1.job.rows.read", "nothing")
    fitting, other = json.loads(out)
    assert code == 4
    assert fitting == {
        "name": "z1.prod.db-1.job.rows.read",
        "measurement": "job",
        "tags": {"env": "prod", "host": "db-1"},
        "field": "rows_read",
        "pattern": PATTERNS[1],
        "left_out": ["z1"],
        "lost": [],
        "reason": "",
    }
    assert (other["pattern"], other["measurement"]) == ("", "nothing")
    assert other["reason"]


@pytest.mark.parametrize("name", ["a.b:1|c", "a.b,host=x", "a|c", "", " "])
def test_a_name_alone_is_asked_for(name: str) -> None:
    code, error = run(name)
    assert code == 2
    assert "Give it without value, type and tags" in error


def test_patterns_that_cannot_be_used() -> None:
    code, error = run("a.b", patterns=["a.{host}", "b.{host}"])
    assert code == 3
    assert len(error.splitlines()) == 2


def test_a_setting_that_is_no_list() -> None:
    with override_settings(ZEMANTA_OPS={"METRICS": {"LEGACY_NAMES": {"a": 1}}}), pytest.raises(CommandError) as raised:
        call_command("explain_legacy", "a.b")
    assert raised.value.returncode == 3
    assert "must be a list of strings" in str(raised.value)
