"""Run the queries of a panel and return what it would draw: lines over time, or the rows of a table."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from zemanta_ops.stack.charts.interpolation import Choice, Window, interpolate
from zemanta_ops.stack.databases import Database
from zemanta_ops.stack.databases.promql import PromQLDatabase

Json = Mapping[str, Any]

# What Flux adds to each row, beside its tags.
_FLUX_ONLY = ("result", "table", "_start", "_stop", "_field", "_measurement")
# What VictoriaMetrics and PromQL add to the labels.
_PROMQL_ONLY = ("__name__", "db")
_DEFAULT_INTERVAL = "10s"
_NANOSECONDS = 10**15


@dataclass
class Line:
    """The points of one series: milliseconds since 1970 and a number, None for a gap."""

    name: str
    labels: Mapping[str, str]
    points: list[tuple[int, float | None]] = field(default_factory=list)


@dataclass
class PanelResult:
    """What a panel draws.

    Attributes:
        lines: Those of a chart, or the number of a stat panel.
        rows: Those of a table, by column.
        seconds: The time of its slowest query.
        refusal: Why the database refuses a query of it, or nothing.

    """

    lines: list[Line] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    refusal: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be seen."""
        return not self.rows and not any(value is not None for line in self.lines for _, value in line.points)


def list_panels(dashboard: Json) -> Iterator[Json]:
    """Yield the panels that have queries, those within collapsed rows too."""
    for panel in dashboard["panels"]:
        for each in (panel, *panel.get("panels", ())):
            if each.get("targets"):
                yield each


def fit_window(panel: Json, window: Window) -> Window:
    """Return the time that a panel shows: the dashboard's, or one of its own."""
    return window.reach(panel["timeFrom"]) if "timeFrom" in panel else window


def run_panel(panel: Json, database: Database, window: Window, choice: Choice) -> PanelResult:
    """Run every query of a panel.

    Raises:
        DatabaseError: The database does not answer, or refuses a query.

    """
    result = PanelResult()
    shown = fit_window(panel, window)
    shifted = shown.shift(panel["timeShift"]) if "timeShift" in panel else shown
    for target in panel["targets"]:
        started = time.monotonic()
        rows = run_target(target, database, shifted, choice, panel.get("interval", _DEFAULT_INTERVAL))
        result.seconds = max(result.seconds, time.monotonic() - started)
        if panel["type"] == "table":
            _merge_rows(result.rows, rows, _name_column(panel, target))
        else:
            _add_lines(result.lines, rows, _name_target(panel, target), shifted.end - window.end)
    _name_by_labels(result.lines)
    return result


def run_target(target: Json, database: Database, window: Window, choice: Choice, minimum: str) -> list[dict[str, Any]]:
    """Return the rows of one query; a PromQL query is asked at the end of each interval, as Grafana does it."""
    if not isinstance(database, PromQLDatabase):
        return database.query(interpolate(target["query"], window, choice, minimum))
    text = interpolate(target["expr"], window, choice, minimum)
    if target.get("instant"):
        rows = database.query_at(text, window.end / 1_000)
    else:
        step = window.find_interval(minimum)
        start, end = window.start // step * step, window.end // step * step
        rows = database.query_range(text, start / 1_000, end / 1_000, step / 1_000)
    return [{key: value for key, value in row.items() if key not in _PROMQL_ONLY} for row in rows]


def _name_column(panel: Json, target: Json) -> str:
    """Return the column of a PromQL table's query, which its transformation names; InfluxQL and Flux name theirs."""
    for transformation in panel["transformations"]:
        renamed = transformation["options"].get("renameByName", {})
        if f"Value #{target['refId']}" in renamed:
            return str(renamed[f"Value #{target['refId']}"])
    return ""


def _name_target(panel: Json, target: Json) -> str:
    """Return the name of a query's lines, in which ``$tag_x`` is the value of a tag."""
    if target.get("alias"):
        return str(target["alias"])
    if "expr" in target:
        return re.sub(r"\{\{(\w+)\}\}", r"$tag_\1", target.get("legendFormat", ""))
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"] == {"id": "byFrameRefID", "options": target["refId"]}:
            return str(override["properties"][0]["value"])
    named = panel["fieldConfig"]["defaults"].get("displayName", "")
    return str(named).replace("${__field.labels.", "$tag_").replace("}", "")


def _add_lines(lines: list[Line], rows: list[dict[str, Any]], name: str, offset: int) -> None:
    """Sort the rows of one query into lines, by the tags that they carry and by column."""
    known: dict[tuple[str, ...], Line] = {}
    for row in rows:
        moment, labels, numbers = _split(row)
        for column, number in numbers.items():
            key = (column, *(f"{tag}={value}" for tag, value in labels.items()))
            if key not in known:
                known[key] = Line(_name_line(name, column, labels), labels)
                lines.append(known[key])
            known[key].points.append((moment - offset, number))


def _split(row: Mapping[str, Any]) -> tuple[int, dict[str, str], dict[str, float | None]]:
    """Return the time, the tags and the numbers of a row: a tag's value is text, an empty one too."""
    moment = row.get("time", row.get("_time", 0))
    rest = {key: value for key, value in row.items() if key not in ("time", "_time", *_FLUX_ONLY)}
    labels = {key: value for key, value in rest.items() if isinstance(value, str)}
    numbers = {key: value for key, value in rest.items() if key not in labels and not isinstance(value, datetime)}
    return to_milliseconds(moment), labels, numbers


def to_milliseconds(moment: Any) -> int:
    """Return the time of a row, which is nanoseconds from InfluxQL and a datetime from Flux."""
    if isinstance(moment, datetime):
        return round(moment.timestamp() * 1_000)
    # Nanoseconds from InfluxDB, seconds from PromQL.
    return int(moment) // 1_000_000 if moment > _NANOSECONDS else round(moment * 1_000)


def _name_line(name: str, column: str, labels: Mapping[str, str]) -> str:
    for tag, value in sorted(labels.items(), reverse=True):
        name = name.replace(f"$tag_{tag}", value or "-")
    return name or ("" if labels else column)


def _name_by_labels(lines: list[Line]) -> None:
    """Name lines that have no name by those of their labels in which they differ."""
    nameless = [line for line in lines if not line.name]
    for line in nameless:
        different = [tag for tag in sorted(line.labels) if len({each.labels.get(tag) for each in nameless}) > 1]
        line.name = ", ".join(f"{tag}={line.labels[tag]}" for tag in different) or "value"


def _merge_rows(rows: list[dict[str, Any]], found: list[dict[str, Any]], column: str) -> None:
    """Add the columns of one query to the rows of the same tags."""
    for row in found:
        _, labels, numbers = _split(row)
        match = next((each for each in rows if all(each.get(tag) == value for tag, value in labels.items())), None)
        if match is None:
            rows.append(match := {**labels})
        match.update({column: numbers["value"]} if column else numbers)
