"""Run every panel's queries, and name the panels that would be empty, slow, or too much to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import PanelResult, list_panels, run_panel, run_target
from zemanta_ops.stack.databases import Database, DatabaseError
from zemanta_ops.stack.generate.grafana.absence import Absence
from zemanta_ops.stack.generate.grafana.dashboards import draw_dashboards
from zemanta_ops.stack.generate.grafana.generator import build_dashboards, choose_language
from zemanta_ops.stack.generate.grafana.panels import Panel
from zemanta_ops.stack.generate.grafana.sources import Sources
from zemanta_ops.stack.queries import LANGUAGES, Selection, SeriesQuery

SLOW_SECONDS = 1.0
MAX_LINES = 200
# How far back to look for what is no longer written.
_LONG = "30d"
_ANY_INTERVAL = "1s"
_RUN = ". Run: manage.py "

Problem = Literal["empty", "slow", "large", "refused"]


@dataclass(frozen=True)
class Finding:
    """A panel that does not show what it should; ``expected`` if it is empty as on a healthy site."""

    dashboard: str
    panel: str
    problem: Problem
    reason: str
    expected: bool = False


@dataclass
class Preview:
    """What the panels show now.

    Attributes:
        findings: What is wrong, and what is empty as on a healthy site.
        panels: How many panels there are.
        filled: How many of them show something.

    """

    findings: list[Finding] = field(default_factory=list)
    panels: int = 0
    filled: int = 0


def preview_dashboards(sources: Sources, database: Database, window: Window, choice: Choice) -> Preview:
    """Return what each panel shows, as the database answers now.

    Raises:
        DatabaseError: The database does not answer; a refused query is a finding.

    """
    found, counts = Preview(), Counter[str]()
    asker = _Asker(sources, database, window, choice)
    for name, title, drawn, panel in _list_all(sources):
        found.panels += 1
        counts[name] += 1
        try:
            result = run_panel(drawn, database, window, choice)
            problems = list(_judge(panel, result, asker))
            found.filled += not result.is_empty
        except DatabaseError as error:
            if error.kind != "refused":
                raise
            problems = [("refused", str(error), False)]
        found.findings += [Finding(name, title, *problem) for problem in problems]
    if found.panels and not found.filled and all(each.problem == "empty" for each in found.findings):
        reason = f"nothing of this application is in {database.name}{_RUN}check_metrics"
        found.findings = [Finding("all", "every panel", "empty", reason)]
    found.findings = list(_merge(found.findings, counts))
    return found


def _merge(findings: Sequence[Finding], counts: Counter[str]) -> Iterator[Finding]:
    """Yield one finding for a dashboard that waits for one command, such as that of AWS before the first push."""
    missing = [each for each in findings if each.problem == "empty" and not each.expected]
    for name in dict.fromkeys(each.dashboard for each in findings):
        own = [each for each in findings if each.dashboard == name]
        commands = {each.reason.partition(_RUN)[2] for each in own}
        if (
            len(own) == counts[name] > 1
            and all(each in missing for each in own)
            and len(commands) == 1
            and all(commands)
        ):
            yield Finding(name, "every panel", "empty", f"nothing of it has been written{_RUN}{commands.pop()}")
        else:
            yield from own


def _list_all(sources: Sources) -> Iterator[tuple[str, str, Mapping[str, Any], Panel]]:
    """Yield each panel with queries: its dashboard's name, its own, as Grafana reads it, and what it is drawn from."""
    rendered = build_dashboards(sources, choose_language())
    for dashboard in draw_dashboards(sources):
        panels = {panel.number(dashboard.uid): (row, panel) for row in dashboard.rows for panel in row.panels}
        titles = Counter(panel.title for _, panel in panels.values())
        for each in list_panels(rendered[dashboard.name]):
            row, panel = panels[each["id"]]
            is_clear = titles[panel.title] == 1 or not row.title
            title = panel.title if is_clear else f"{row.title}: {panel.title}"
            yield dashboard.name, title, each, panel


def _judge(panel: Panel, result: PanelResult, asker: _Asker) -> Iterator[tuple[Problem, str, bool]]:
    if result.is_empty:
        reason, expected = asker.explain_empty(panel)
        yield "empty", reason, expected
    if result.seconds > SLOW_SECONDS:
        yield "slow", f"its slowest query took {result.seconds:.1f} s", False
    if len(result.lines) > MAX_LINES:
        yield "large", f"it has {len(result.lines)} lines; more than {MAX_LINES} cannot be told apart", False


class _Asker:
    """Asks the database why a panel is empty, each question once."""

    def __init__(self, sources: Sources, database: Database, window: Window, choice: Choice) -> None:
        self._sources = sources
        self._database = database
        self._window = window
        self._choice = choice
        self._known: dict[tuple[str, Window], bool] = {}

    def explain_empty(self, panel: Panel) -> tuple[str, bool]:
        """Return why a panel is empty, and whether it is so on a healthy site."""
        absence = panel.absence
        series = replace(panel.asked[0].query.selection, filters=self._sources.own_filters)
        shown = replace(self._window, points=1)
        if panel.time_shift:
            return self._explain_earlier(series, shown.shift(panel.time_shift), panel.time_shift)
        if panel.period:
            shown = shown.reach(panel.period)
        if self._has_points(series, shown):
            if absence.sparse_if:
                return absence.sparse_if, True
            return (
                f"{series.measurement} was written, but nothing of what the panel selects is in the time shown",
                False,
            )
        if absence.empty_if and self._is_heard(absence):
            return absence.empty_if, True
        return self._explain_missing(series, absence), False

    def _explain_earlier(self, series: Selection, shown: Window, shift: str) -> tuple[str, bool]:
        earlier = replace(shown.reach(_LONG), end=shown.end)
        if self._has_points(series, earlier):
            return f"there is nothing of {shift} ago", False
        return f"the metrics are younger than {shift}", True

    def _explain_missing(self, series: Selection, absence: Absence) -> str:
        if self._has_points(series, replace(self._window, points=1).reach(_LONG)):
            text = f"nothing has written {series.measurement} in the time shown, but before"
        else:
            text = f"nothing has written {series.measurement}"
        return f"{text}{_RUN}{absence.command}" if absence.command else text

    def _is_heard(self, absence: Absence) -> bool:
        """Return whether what writes a metric runs, as far as that can be known."""
        return absence.heard is None or self._has_points(absence.heard, replace(self._window, points=1))

    def _has_points(self, series: Selection, shown: Window) -> bool:
        query = SeriesQuery(replace(series, variables=(), repeat=""), "last", (), whole=True)
        target = LANGUAGES[self._database.language].render(query, "n")
        key = (str(target), shown)
        if key not in self._known:
            rows = run_target(target, self._database, shown, self._choice, _ANY_INTERVAL)
            self._known[key] = bool(rows)
        return self._known[key]
