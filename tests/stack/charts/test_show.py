"""What is drawn if the database refuses the query of one panel."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack.charts.test_drawing import WINDOW
from tests.stack.cloudwatch.memory import MemoryDatabase
from zemanta_ops.stack.charts.interpolation import Choice
from zemanta_ops.stack.charts.show import draw_all
from zemanta_ops.stack.databases import DatabaseError
from zemanta_ops.stack.databases.errors import Kind
from zemanta_ops.stack.generate.grafana.layout import Dashboard, Row, render_dashboard
from zemanta_ops.stack.generate.grafana.panels import Asked, Panel
from zemanta_ops.stack.queries import Selection, SeriesQuery


class Choosy(MemoryDatabase):
    """Fails for queries of the measurement ``bad``."""

    kind: Kind = "refused"

    def query(self, text: str) -> list[dict[str, Any]]:
        if '"bad"' in text:
            raise DatabaseError(self.kind, "error parsing <query>")
        return [{"time": WINDOW.start * 1_000_000, "value": 12.0}]


def build() -> dict[str, Any]:
    panels = [
        Panel("good", "Good", "", [Asked("n", SeriesQuery(Selection("good")))]),
        Panel("bad", "Bad", "", [Asked("n", SeriesQuery(Selection("bad")))]),
        Panel("worse", "Worse", "", [Asked("n", SeriesQuery(Selection("bad")))], "stat"),
    ]
    row = Row("Requests", panels)
    return {"overview": render_dashboard(Dashboard("overview", "Overview", "shop", [row]), "influxql", "10s")}


def test_a_panel_whose_query_is_refused_says_so_and_the_others_are_drawn() -> None:
    dashboards = build()
    dashboards["overview"]["annotations"] = {"list": []}
    dashboards["overview"]["templating"] = {"list": []}
    shown = draw_all(dashboards, Choosy(), WINDOW, Choice({}, ""), "shop")
    assert shown.refusals == [
        "overview: Bad: error parsing <query>",
        "overview: Worse: error parsing <query>",
    ]
    page = shown.files["index.html"].decode()
    assert page.count("The database refuses the query: error parsing &lt;query&gt;") == 2
    assert page.count("<svg") == 2
    assert "overview.png" in shown.files


def test_a_database_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Choosy, "kind", "timeout")
    with pytest.raises(DatabaseError, match="error parsing"):
        draw_all(build(), Choosy(), WINDOW, Choice({}, ""), "shop")
