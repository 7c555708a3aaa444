"""What an axis shows at least: numbers that are zero must not look like trouble."""

from __future__ import annotations

from typing import Any

import pytest

from zemanta_ops.stack.declarations.terms import above, below
from zemanta_ops.stack.generate.grafana.panels import Asked, Limits, Panel, PanelType, render_panel
from zemanta_ops.stack.queries import Selection, SeriesQuery

ASKED = [Asked("n", SeriesQuery(Selection("m")))]


def find_custom(limits: Limits | None = None, unit: str = "", type_: PanelType = "timeseries") -> dict[str, Any]:
    panel = Panel("k", "Title", "", ASKED, type_, unit, limits)
    rendered = render_panel(panel, "u", (0, 0), "influxql", "10s")
    custom: dict[str, Any] = rendered["fieldConfig"]["defaults"]["custom"]
    return custom


@pytest.mark.parametrize(
    ("limits", "unit", "highest"),
    [
        (Limits(above(0.01), above(0.05)), "ratio", 0.06),
        (Limits(warn=above(0.05)), "ratio", 0.06),
        (Limits(below(10), below(5)), "", 12),
        (Limits(crit=above(100)), "ms", 120),
        # An exit code: what is above 0 is an alert, and nothing lies above it.
        (Limits(crit=above(0)), "", None),
        (Limits(crit=above(0)), "ratio", 0.01),
        (Limits(crit=below(-5)), "", None),
        (None, "ratio", 0.01),
        (None, "ms", None),
    ],
)
def test_the_area_above_the_highest_limit_is_in_sight(limits: Limits | None, unit: str, highest: float | None) -> None:
    assert find_custom(limits, unit).get("axisSoftMax") == highest


@pytest.mark.parametrize(
    ("limits", "style"),
    [
        (None, "off"),
        (Limits(above(0.01), above(0.05)), "area"),
        (Limits(below(10), below(0)), "area"),
        (Limits(crit=above(0)), "line"),
        (Limits(above(0), above(5)), "line"),
    ],
)
def test_a_panel_is_not_red_while_its_number_is_zero(limits: Limits | None, style: str) -> None:
    assert find_custom(limits)["thresholdsStyle"] == {"mode": style}


def test_a_number_and_a_table_have_no_axis() -> None:
    types: tuple[PanelType, ...] = ("stat", "table")
    for type_ in types:
        assert "axisSoftMax" not in find_custom(Limits(crit=above(1)), "ratio", type_)


def test_a_single_point_is_drawn() -> None:
    custom = find_custom()
    assert (custom["showPoints"], custom["pointSize"] > 0) == ("auto", True)
