"""The rows and words in which a report is shown, the same in every view."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from zemanta_ops.stack.agent.report import Rejected, Report, SeriesSummary, Written
from zemanta_ops.terminal import escape

# The tags of a request are shown in this order, which is how a person reads them; all others follow by name.
_TAG_ORDER = {"method": 0, "view": 1, "status": 2}
_UNITS = {"timing": "ms"}
# A rejected line is shown up to this length. What is wrong with it rarely comes later.
_EXAMPLE_LENGTH = 160
TEXT_COLUMNS = 3
Row = list[str]


@dataclass(frozen=True)
class ReportTable:
    """The rows of a report, grouped by metric name and type, and the notes below them."""

    heading: Row
    groups: list[tuple[str, list[Row]]]
    notes: list[str]

    @property
    def rows(self) -> list[Row]:
        """All rows, in order."""
        return [row for _, rows in self.groups for row in rows]


def build_table(total: Report, now: Report) -> ReportTable:
    """Return the table of the totals, with the rates of the newest interval."""
    percentiles = _list_percentiles(total.series)
    heading = ["metric", "tags", "type", "count", "per s", "mean", *(f"p{each}" for each in percentiles), "max"]
    rates = {_identify(each): each.rate for each in now.series}
    tags = SharedTags()
    tags.update(total.series)
    shared = tags.find()
    groups: dict[tuple[str, str], list[Row]] = {}
    for each in total.series:
        row = _build_row(each, rates.get(_identify(each), 0.0), percentiles, shared)
        groups.setdefault((each.name, each.type), []).append(row)
    return ReportTable(
        heading, [(escape(name), rows) for (name, _), rows in groups.items()], list(_list_notes(total, shared))
    )


def describe_series(series: SeriesSummary) -> str:
    """Return the figures of one series in words."""
    fields = series.fields
    rate = f"n={series.count} {format_number(series.rate)}/s"
    if series.type not in ("timing", "histogram"):
        return f"{series.type} value={format_number(fields.get('value'))} {rate}"
    # A timing of which no value counts has no mean, and one of infinities has no maximum.
    shown = [f"mean={format_number(fields.get('mean'))}"]
    shown += [f"p{p}={format_number(fields[f'{p}_percentile'])}" for p in _list_percentiles([series])]
    shown += [f"max={format_number(fields.get('upper'))}{_UNITS.get(series.type, '')}"]
    return f"{series.type} {rate} {' '.join(shown)}"


def describe_rejected(rejected: Rejected) -> str:
    """Return a line about refused lines, with the setting that would accept the example."""
    advice = f" ({rejected.setting} would accept it)" if rejected.setting else ""
    example = escape(rejected.example[:_EXAMPLE_LENGTH])
    return f"rejected {rejected.count:,}: {escape(rejected.reason)}{advice}: {example}"


def format_number(number: float | None) -> str:
    """Return a number with as many digits as a person compares, or "" for None."""
    if number is None:
        return ""
    if not math.isfinite(number):
        return str(number)
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 1000 else f"{number:,.2f}"


def format_tags(tags: Mapping[str, str], *, without: Mapping[str, str] | None = None) -> str:
    """Return ``key=value`` pairs, those of a request first."""
    hidden = without or {}
    shown = sorted((key for key in tags if key not in hidden), key=lambda key: (_TAG_ORDER.get(key, 9), key))
    return escape(" ".join(f"{key}={tags[key]}" for key in shown))


class SharedTags:
    """The tags that are the same in all series so far, such as the host; none if there is only one series."""

    def __init__(self) -> None:
        self._common: set[tuple[str, str]] = set()
        self._first: SeriesSummary | None = None
        self._has_several = False

    def update(self, series: Iterable[SeriesSummary]) -> None:
        """Take note of more series; one may come again."""
        for each in series:
            if self._first is None:
                self._first, self._common = each, set(each.tags.items())
            else:
                self._has_several = self._has_several or _identify(each) != _identify(self._first)
                self._common &= each.tags.items()

    def find(self) -> dict[str, str]:
        """Return the tags, without those of a request."""
        if not self._has_several:
            return {}
        return {key: value for key, value in sorted(self._common) if key not in _TAG_ORDER}


def _build_row(series: SeriesSummary, rate: float, percentiles: list[str], shared: Mapping[str, str]) -> Row:
    return [
        escape(series.name),
        format_tags(series.tags, without=shared),
        " ".join(filter(None, (series.type, _UNITS.get(series.type)))),
        f"{series.count:,}",
        format_number(rate),
        _format_value(series),
        *(format_number(series.fields.get(f"{each}_percentile")) for each in percentiles),
        format_number(series.fields.get("upper")),
    ]


def list_notes(report: Report) -> list[str]:
    """Return what is wrong: lost datagrams, refused lines, what could not be forwarded or written."""
    notes: list[str] = []
    if report.received.kernel_dropped:
        notes.append(
            f"the kernel dropped {report.received.kernel_dropped:,} datagrams: they arrived faster than they were read"
        )
    notes += map(describe_rejected, report.rejected)
    if report.forwarded:
        failed = f", {report.forwarded.failed:,} failed: {report.forwarded.reason}" if report.forwarded.failed else ""
        notes.append(f"{report.forwarded.sent:,} datagrams forwarded to {report.forwarded.target}{failed}")
    if report.written:
        notes.append(_describe_written(report.written))
    return notes


def _list_notes(total: Report, shared: Mapping[str, str]) -> Iterator[str]:
    received = total.received
    counts = f"{received.datagrams:,} datagrams, {received.bytes:,} bytes, {received.values:,} values"
    yield f"{counts} in {total.seconds:.1f} s"
    if shared:
        yield f"every series has: {format_tags(shared)}"
    yield from list_notes(total)


def _describe_written(written: Written) -> str:
    counts = {"refused": written.refused, "waiting": written.waiting, "lost": written.lost}
    others = "".join(f", {count:,} {word}" for word, count in counts.items() if count)
    reason = f": {escape(written.reason)}" if others and written.reason else ""
    return f"{written.points:,} points written to {written.target}{others}{reason}"


def _list_percentiles(series: Iterable[SeriesSummary]) -> list[str]:
    for each in series:
        found = [name.removesuffix("_percentile") for name in each.fields if name.endswith("_percentile")]
        if found:
            return found
    return []


def _format_value(series: SeriesSummary) -> str:
    if series.type == "counter":
        return ""
    return format_number(series.fields.get("value", series.fields.get("mean")))


def _identify(series: SeriesSummary) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return series.name, series.type, tuple(series.tags.items())
