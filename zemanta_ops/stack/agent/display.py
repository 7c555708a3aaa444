"""How ``watch_metrics`` shows a report: rows shared by all views, plain lines and JSON."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TextIO

from zemanta_ops.stack.agent.report import Rejected, Report, Series, Written

# The tags of a request come in the order in which a person reads them; all others follow by name.
_TAG_ORDER = {"method": 0, "view": 1, "status": 2}
_UNITS = {"timing": "ms"}
# A rejected line is shown so far; what follows is seldom what is wrong with it.
_EXAMPLE_LENGTH = 160
TEXT_COLUMNS = 3
Row = list[str]


class View(Protocol):
    """Shows reports as they come."""

    def interval(self, now: Report, total: Report, /) -> None:
        """Show what one interval brought, beside the total."""
        ...

    def end(self, total: Report) -> None:
        """Show the total of the run."""
        ...


class JsonView:
    """One JSON document a line: ``"kind": "interval"`` for each interval if asked, ``"kind": "total"`` at the end."""

    def __init__(self, out: TextIO, *, intervals: bool) -> None:
        self._out = out
        self._intervals = intervals

    def interval(self, now: Report, _total: Report) -> None:
        """Print the interval."""
        if self._intervals:
            self._print("interval", now)

    def end(self, total: Report) -> None:
        """Print the total."""
        self._print("total", total)

    def _print(self, kind: str, report: Report) -> None:
        self._out.write(json.dumps({"kind": kind, **report.document()}) + "\n")
        self._out.flush()


class PlainView:
    """A line for each series that something came for, and a table of the totals at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def interval(self, now: Report, total: Report) -> None:
        """Print one line a series of this interval."""
        stamp = time.strftime("%H:%M:%S", time.localtime(now.started + now.seconds))
        shared = shared_tags(total.series)
        for each in now.series:
            tags = show_tags(each.tags, without=shared)
            self._out.write(f"{stamp}  {' '.join(filter(None, (printable(each.name), tags)))}  {describe(each)}\n")
        for refused in now.rejected:
            self._out.write(f"{stamp}  {_describe_rejected(refused)}\n")
        self._out.flush()

    def end(self, total: Report) -> None:
        """Print the totals."""
        table = Table.of(total, total)
        for line in align([table.heading, *(row for _, rows in table.groups for row in rows)]):
            self._out.write(line + "\n")
        for note in table.notes:
            self._out.write(note + "\n")
        self._out.flush()


class Table(NamedTuple):
    """The rows of a report, grouped by metric name and type, and the remarks below them."""

    heading: Row
    groups: list[tuple[str, list[Row]]]
    notes: list[str]

    @property
    def length(self) -> int:
        """Return the number of rows."""
        return sum(len(rows) for _, rows in self.groups)

    @classmethod
    def of(cls, total: Report, now: Report) -> Table:
        """Lay out the totals, with the rates of the newest interval."""
        percentiles = _percentiles(total.series)
        heading = ["metric", "tags", "type", "count", "per s", "mean", *(f"p{each}" for each in percentiles), "max"]
        rates = {_key(each): each.rate for each in now.series}
        shared = shared_tags(total.series)
        groups: dict[tuple[str, str], list[Row]] = {}
        for each in total.series:
            figures = [_value(each), *(show(each.fields.get(f"{p}_percentile")) for p in percentiles)]
            groups.setdefault((each.name, each.type), []).append(
                [
                    printable(each.name),
                    show_tags(each.tags, without=shared),
                    " ".join(filter(None, (each.type, _UNITS.get(each.type)))),
                    f"{each.count:,}",
                    show(rates.get(_key(each), 0.0)),
                    *figures,
                    show(each.fields.get("upper")),
                ]
            )
        return cls(
            heading, [(printable(name), rows) for (name, _), rows in groups.items()], list(_notes(total, shared))
        )


def describe(series: Series) -> str:
    """Return the figures of one series as words."""
    fields = series.fields
    if "value" in fields:
        return f"{series.type} value={show(fields['value'])} n={series.count} {show(series.rate)}/s"
    shown = [f"mean={show(fields['mean'])}"]
    shown += [f"p{p}={show(fields[f'{p}_percentile'])}" for p in _percentiles([series])]
    shown += [f"max={show(fields['upper'])}{_UNITS.get(series.type, '')}"]
    return f"{series.type} n={series.count} {show(series.rate)}/s {' '.join(shown)}"


def show(number: float | None) -> str:
    """Return a number in as many digits as a person compares; nothing for None."""
    if number is None:
        return ""
    if not math.isfinite(number):
        return str(number)
    return f"{number:,.0f}" if number == int(number) or abs(number) >= 1000 else f"{number:,.2f}"


def show_tags(tags: Mapping[str, str], *, without: Mapping[str, str] | None = None) -> str:
    """Return ``key=value`` pairs, those of a request first."""
    hidden = without or {}
    shown = sorted((key for key in tags if key not in hidden), key=lambda key: (_TAG_ORDER.get(key, 9), key))
    return printable(" ".join(f"{key}={tags[key]}" for key in shown))


def printable(text: str) -> str:
    """Return the text with whatever could steer a terminal written as an escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def shared_tags(series: Iterable[Series]) -> dict[str, str]:
    """Return the tags that all series have alike, such as the host; none where there is only one series."""
    all_tags = [each.tags for each in series]
    if len(all_tags) < 2:
        return {}
    common = set(all_tags[0].items()).intersection(*(tags.items() for tags in all_tags))
    return {key: value for key, value in sorted(common) if key not in _TAG_ORDER}


def align(rows: Sequence[Row]) -> list[str]:
    """Return the rows as lines with columns of one width, text to the left and figures to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(map(_justify, row, widths, range(len(row)))).rstrip() for row in rows]


def _justify(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < TEXT_COLUMNS else cell.rjust(width)


def _notes(total: Report, shared: Mapping[str, str]) -> Iterable[str]:
    got = total.received
    yield f"{got.datagrams:,} datagrams, {got.bytes:,} bytes, {got.values:,} values in {total.seconds:.1f} s"
    if shared:
        yield f"every series has: {show_tags(shared)}"
    if got.kernel_dropped:
        yield f"{got.kernel_dropped:,} datagrams were dropped by the kernel: they came faster than they were read"
    for refused in total.rejected:
        yield _describe_rejected(refused)
    if total.forwarded:
        failed = f", {total.forwarded.failed:,} failed: {total.forwarded.reason}" if total.forwarded.failed else ""
        yield f"{total.forwarded.sent:,} datagrams forwarded to {total.forwarded.target}{failed}"
    if total.written:
        yield _describe_written(total.written)


def _describe_written(written: Written) -> str:
    others = {"refused": written.refused, "waiting": written.waiting, "lost": written.lost}
    told = "".join(f", {count:,} {word}" for word, count in others.items() if count)
    reason = f": {printable(written.reason)}" if told and written.reason else ""
    return f"{written.points:,} points written to {written.target}{told}{reason}"


def _describe_rejected(refused: Rejected) -> str:
    return f"rejected {refused.count:,}: {printable(refused.reason)}: {printable(refused.example[:_EXAMPLE_LENGTH])}"


def _percentiles(series: Iterable[Series]) -> list[str]:
    for each in series:
        found = [name.removesuffix("_percentile") for name in each.fields if name.endswith("_percentile")]
        if found:
            return found
    return []


def _value(series: Series) -> str:
    if series.type == "counter":
        return ""
    return show(series.fields.get("value", series.fields.get("mean")))


def _key(series: Series) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return series.name, series.type, tuple(series.tags.items())
