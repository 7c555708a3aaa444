"""Variables of queries are filled in as Grafana does it."""

from __future__ import annotations

import pytest

from zemanta_ops.stack.charts.interpolation import Choice, Window, interpolate

HOUR = 3_600_000
WINDOW = Window(1_700_000_000_000, 1_700_000_000_000 + 6 * HOUR)


def fill(query: str, choice: Choice | None = None, window: Window = WINDOW, minimum: str = "10s") -> str:
    return interpolate(query, window, choice or Choice(), minimum)


@pytest.mark.parametrize(
    ("hours", "points", "minimum", "interval"),
    [
        (6, 1_000, "10s", "20s"),
        (6, 100, "10s", "5m"),
        (1, 1_000, "10s", "10s"),
        (0.1, 1_000, "1s", "1s"),
        (168, 800, "10s", "15m"),
    ],
)
def test_the_interval_is_rounded_and_not_below_the_agents(
    hours: float, points: int, minimum: str, interval: str
) -> None:
    window = Window(0, int(hours * HOUR), points)
    assert fill("time($__interval)", window=window, minimum=minimum) == f"time({interval})"


def test_milliseconds_and_the_range_are_numbers() -> None:
    assert fill("$__interval_ms ${__interval_ms} $__range_ms $__range") == "20000 20000 21600000 21600s"


def test_a_period_of_its_own_ends_when_the_dashboard_ends() -> None:
    assert WINDOW.reach("30d") == Window(WINDOW.end - 720 * HOUR, WINDOW.end, WINDOW.points)


def test_the_time_filter_has_both_ends() -> None:
    assert fill("WHERE $timeFilter") == "WHERE time >= 1700000000000ms and time <= 1700021600000ms"


def test_all_goes_in_as_it_is_and_chosen_values_are_escaped() -> None:
    assert fill("/^${view:regex}$/") == "/^.*$/"
    assert fill("/^${view:regex}$/", Choice({"view": ["/a.b/(x)"]})) == r"/^\/a\.b\/\(x\)$/"
    assert fill("/^${view:regex}$/", Choice({"view": ["a", "b|c"]})) == r"/^(a|b\|c)$/"


def test_the_end_of_a_regular_expression_is_not_a_variable() -> None:
    assert fill("/^5.*$/ AND x") == "/^5.*$/ AND x"


def test_flux_gets_times_a_duration_and_the_bucket() -> None:
    text = fill("v.timeRangeStart v.timeRangeStop v.windowPeriod v.defaultBucket", Choice(bucket="shop"))
    assert text == '2023-11-14T22:13:20.000Z 2023-11-15T04:13:20.000Z 20000ms "shop"'


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown format glob"):
        fill("${view:glob}", Choice({"view": ["a"]}))
