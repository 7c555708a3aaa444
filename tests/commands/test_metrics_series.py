from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

pytestmark = pytest.mark.urls("tests.metrics.site")

MIDDLEWARE = ["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"]


def series(*arguments: str, **settings: Any) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    with override_settings(MIDDLEWARE=MIDDLEWARE, ZEMANTA_OPS={"METRICS": {"INSTRUMENT": ["database"], **settings}}):
        try:
            call_command("metrics_series", *arguments, stdout=out, stderr=err)
        except SystemExit as exit_:
            return int(exit_.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def line(out: str, name: str) -> list[str]:
    (found,) = [text for text in out.splitlines() if text.startswith(f"{name} ")]
    return found.split()


def test_one_line_a_metric() -> None:
    code, out, err = series(MAX_SERIES=700)
    assert (code, err) == (0, "")
    assert line(out, "db.query.duration")[1:3] == ["timing", "10"]
    assert line(out, "http.request.count")[1:4] == ["counter", "<=", "700"]
    assert "status ?" in out
    assert "metrics of known tags: at most" in out


def test_values() -> None:
    out = series("--values")[1]
    assert "    operation: select, insert, update, delete, other" in out
    assert "example_project/shop/pricing.py:" in out


def test_json() -> None:
    document = json.loads(series("--json")[1])
    by_name = {metric["name"]: metric for metric in document["metrics"]}
    assert by_name["db.query.duration"]["series"] == 10
    assert by_name["http.request.count"]["tags"]["status"] is None
    assert "unresolved" in by_name["http.request.count"]["tags"]["view"]
    assert document["warnings"] == []


def test_limits_that_are_too_low_are_warned_of_and_fail_a_check() -> None:
    code, _, err = series(MAX_TAG_VALUES=3)
    assert code == 0
    assert "warning: db.query.duration: 5 values of operation, MAX_TAG_VALUES is 3: the rest becomes _other" in err
    assert series("--check", MAX_TAG_VALUES=3)[0] == 5
    assert series("--check")[0] == 0
