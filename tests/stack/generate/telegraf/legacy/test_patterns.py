from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import override_settings

from zemanta_ops.metrics.gauges import registry
from zemanta_ops.stack.generate.telegraf.legacy.declaration import LegacyError, list_problems, read_patterns
from zemanta_ops.stack.generate.telegraf.legacy.patterns import explain_overlap, parse_pattern, render_templates

VIEW = "z1.{env}.{host}.{measurement=view}.{method}.{app}.{view}.{status}"


def legacy(*patterns: str, **metrics: Any) -> override_settings:
    return override_settings(ZEMANTA_OPS={"METRICS": {"LEGACY_NAMES": patterns, **metrics}})


def test_a_pattern_becomes_a_filter_and_a_template() -> None:
    pattern = parse_pattern(VIEW)
    assert pattern.filter == "z1.*.*.view.*.*.*.*"
    assert pattern.template == ".env.host.measurement.method.app.view.status"
    rest = parse_pattern("jobs.*.{host}.{measurement}.{field*}")
    assert (rest.filter, rest.template) == ("jobs.*.*.*.*", "..host.measurement.field*")


@pytest.mark.parametrize(
    ("text", "name", "fits"),
    [
        (VIEW, "z1.prod.web-1.view.GET.shop.home.200", True),
        (VIEW, "z1.prod.web-1.view.GET.shop.home", False),
        (VIEW, "z1.prod.web-1.view.GET.shop.home.200.x", False),
        (VIEW, "z1.prod.web-1.example.view.GET.shop.home.200", False),
        (VIEW, "z2.prod.web-1.view.GET.shop.home.200", False),
        ("jobs.{measurement*}", "jobs.a", True),
        ("jobs.{measurement*}", "jobs.a.b.c", True),
        ("jobs.{measurement*}", "jobs", False),
    ],
)
def test_it_fits_names_of_its_length_alone_unless_its_end_takes_all(text: str, name: str, fits: bool) -> None:
    assert parse_pattern(text).fits(name.split(".")) is fits


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "segment 1, '', is neither"),
        ("a..{measurement}", "segment 2, '', is neither"),
        ("a.{host.{measurement}", "segment 2, '{host', is neither"),
        ("a.we*b.{measurement}", "segment 2, 'we*b', is neither"),
        ("a.{two words}.{measurement}", "segment 2"),
        ("a.b c.{measurement}", "segment 2"),
        ("a.b\x00c.{measurement}", "segment 2"),
        ("a.{host}", "no segment is the {measurement}"),
        ("a.{measurements}", "no segment is the {measurement}"),
        ("{host}.{measurement}", "no fixed word"),
        ("a.{measurement*}.{host}", "only the last"),
        ("a.{measurement}.{host*}", "only {measurement*} and {field*}"),
        ("a.{measurement*=x}", "only {measurement*} and {field*}"),
        ("a.{metric_type}.{measurement}", "reserves the name metric_type"),
        ("a.{time}.{measurement}", "reserves the name time"),
    ],
)
def test_a_malformed_pattern_is_refused_with_the_segment(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_pattern(text)


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("a.{measurement}.b", "a.{measurement}.c", ""),
        ("a.{measurement}.b", "a.{measurement}.b", "both fit a.x.b"),
        ("a.{measurement}.*", "a.*.{measurement=b}", "both fit a.x.b"),
        ("a.{measurement}.*", "*.{measurement=b}.*", "both fit a.b.x"),
        ("a.{measurement}", "a.{measurement}.b", ""),
        ("a.{measurement}.{field*}", "a.{measurement}.*.b", "both fit a.x.x.b"),
        ("a.{measurement}", "a.{measurement}.{field*}", ""),
        ("a.{measurement=b}", "a.*.{measurement=c}", "would use a.{measurement=b} for a.b.c too"),
    ],
)
def test_patterns_that_telegraf_could_not_tell_apart_are_refused(first: str, second: str, why: str) -> None:
    for one, other in ((first, second), (second, first)):
        assert explain_overlap(parse_pattern(one), parse_pattern(other)).endswith(why)
        assert bool(explain_overlap(parse_pattern(one), parse_pattern(other))) is bool(why)


def test_every_template_has_a_filter_and_longer_names_stay_whole() -> None:
    assert render_templates([parse_pattern("a.{measurement}"), parse_pattern("b.{measurement*}")]) == [
        "a.*.* measurement*",
        "a.* .measurement",
        "b.* .measurement*",
    ]


def test_a_pattern_for_the_longer_names_takes_the_place_of_the_template_that_keeps_them_whole() -> None:
    assert render_templates([parse_pattern("a.{measurement}"), parse_pattern("a.{measurement}.{host}")]) == [
        "a.*.* .measurement.host",
        "a.*.*.* measurement*",
        "a.* .measurement",
    ]


def test_all_problems_are_told_at_once() -> None:
    with legacy("a.{host}", "b.{measurement}", "b.{measurement}", "http.request.{measurement}"):
        found = list_problems()
        with pytest.raises(LegacyError) as raised:
            read_patterns()
    assert raised.value.problems == found
    assert [problem.split(":")[0] for problem in found] == [
        "LEGACY_NAMES 'a.{host}'",
        "LEGACY_NAMES 'b.{measurement}' and 'b.{measurement}' overlap",
        "LEGACY_NAMES 'http.request.{measurement}' fits http.request.duration, which the application emits with tags",
    ]


def test_a_pattern_must_leave_the_metrics_of_the_application_alone_with_their_prefix_too() -> None:
    with legacy("*.request.{measurement}"):
        assert "fits http.request.duration" in list_problems()[0]
    with legacy("*.*.request.{measurement}"):
        assert list_problems() == []
    with legacy("*.*.request.{measurement}", PREFIX="shop"):
        assert "fits shop.http.request.duration" in list_problems()[0]


def test_a_pattern_must_leave_the_gauges_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.find_gauges()  # the installed apps' own gauges are imported once, before the registry is emptied
    monkeypatch.setattr(registry, "_registry", {})
    with legacy("queue.{measurement}"):
        assert list_problems() == []
        registry.app_gauge("queue.waiting")(lambda: 1)
        assert "fits queue.waiting" in list_problems()[0]


def test_declared_patterns_come_from_the_settings_and_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with legacy(VIEW):
        assert [pattern.text for pattern in read_patterns()] == [VIEW]
    monkeypatch.setenv("ZEMANTA_OPS_METRICS_LEGACY_NAMES", f"{VIEW}, b.{{measurement}}")
    assert [pattern.text for pattern in read_patterns()] == [VIEW, "b.{measurement}"]
