from __future__ import annotations

import pytest

from zemanta_ops.stack.generate.telegraf.legacy.explanation import explain_name
from zemanta_ops.stack.generate.telegraf.legacy.patterns import parse_pattern

PATTERNS = [
    parse_pattern("z1.{env}.{host}.{measurement=view}.{method}.{view}.{view}.{status}"),
    parse_pattern("z1.{env}.{host}.{measurement=job}.*.{field*}"),
]


def test_what_each_segment_becomes() -> None:
    outcome = explain_name("z1.prod.web-1.view.GET.home.index.200", PATTERNS)
    assert outcome.pattern == PATTERNS[0].text
    assert (outcome.measurement, outcome.field) == ("view", "value")
    assert outcome.tags == {"env": "prod", "host": "web-1", "method": "GET", "view": "home_index", "status": "200"}
    assert (outcome.left_out, outcome.lost) == (("z1",), ())


def test_the_rest_goes_into_the_field() -> None:
    outcome = explain_name("z1.prod.db-1.job.nightly.rows.read", PATTERNS)
    assert (outcome.measurement, outcome.field) == ("job", "rows_read")
    assert outcome.left_out == ("z1", "nightly")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("z1.prod.web-1.example.com.view.GET.home.index.200", "the host 'web-1.example.com' had no dot"),
        (
            "z1.prod.web-1.view.GET.home.index.200.x",
            "the method 'GET.home' or the view 'home.index' or the view 'index.200'",
        ),
        ("z1.prod.web-1.view.GET.home.index", "the name ends before its segment 8"),
        ("z1.prod.web-1.cron.GET.home.index.200", "segment 4 is 'cron', not 'view'"),
        ("z2.prod", "segment 1 is 'z2', not 'z1'"),
    ],
)
def test_a_name_that_fits_nothing_stays_whole_and_the_nearest_pattern_is_named(name: str, reason: str) -> None:
    outcome = explain_name(name, PATTERNS)
    assert (outcome.pattern, outcome.tags, outcome.field) == ("", {}, "value")
    assert outcome.measurement == name.replace(".", "_")
    assert reason in outcome.reason


def test_a_name_that_goes_on_after_fixed_words() -> None:
    assert "the name is longer" in explain_name("a.b.c", [parse_pattern("a.{measurement=b}")]).reason


def test_without_patterns() -> None:
    assert explain_name("a.b", []).reason == "LEGACY_NAMES declares no pattern"


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("z1.prod..job.x.rows", "the tag host is empty"),
        ("z1.prod.db\\.job.x.rows", "the tag host ends with a backslash"),
        ("z1.prod.db.job.x.rows read", "at the first blank: 'read' is lost"),
    ],
)
def test_what_is_lost_is_said(name: str, lost: str) -> None:
    outcome = explain_name(name, PATTERNS)
    assert outcome.pattern == PATTERNS[1].text
    assert len(outcome.lost) == 1
    assert lost in outcome.lost[0]


def test_a_measurement_that_cannot_be_written_is_lost() -> None:
    pattern = parse_pattern("a.{measurement}")
    assert "Telegraf drops the metric" in explain_name("a.", [pattern]).lost[0]
    assert "garbles the point" in explain_name("a.b\\", [pattern]).lost[0]
