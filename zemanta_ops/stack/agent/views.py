"""The views of ``watch_metrics`` that need no extra package: JSON documents and lines of text."""

from __future__ import annotations

import json
import time
from typing import TextIO

from zemanta_ops.stack.agent.report import Report
from zemanta_ops.stack.agent.report_table import (
    TEXT_COLUMNS,
    SharedTags,
    build_table,
    describe_rejected,
    describe_series,
    format_tags,
)
from zemanta_ops.terminal import align_columns, escape


class View:
    """Shows reports as they come."""

    def show_interval(self, now: Report) -> None:
        """Show what one interval received."""

    def end(self, total: Report) -> None:
        """Show the total of the run."""

    def attend(self) -> bool:
        """Act on what a person does; return whether they want to end."""
        return False

    def close(self) -> None:
        """Release what the view holds; called however the run ends."""


class JsonView(View):
    """Prints one JSON document per line: ``"kind": "interval"`` if asked for, ``"kind": "total"`` at the end."""

    def __init__(self, out: TextIO, *, intervals: bool) -> None:
        self._out = out
        self._intervals = intervals

    def show_interval(self, now: Report) -> None:
        """Print the interval."""
        if self._intervals:
            self._print("interval", now)

    def end(self, total: Report) -> None:
        """Print the total."""
        self._print("total", total)

    def _print(self, kind: str, report: Report) -> None:
        self._out.write(json.dumps({"kind": kind, **report.build_document()}) + "\n")
        self._out.flush()


class PlainView(View):
    """Prints a line for each series that received something, and a table of the totals at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._shared = SharedTags()

    def show_interval(self, now: Report) -> None:
        """Print one line per series of this interval."""
        stamp = time.strftime("%H:%M:%S", time.localtime(now.started + now.seconds))
        self._shared.update(now.series)
        shared = self._shared.find()
        for each in now.series:
            name = " ".join(filter(None, (escape(each.name), format_tags(each.tags, without=shared))))
            self._out.write(f"{stamp}  {name}  {describe_series(each)}\n")
        for rejected in now.rejected:
            self._out.write(f"{stamp}  {describe_rejected(rejected)}\n")
        self._out.flush()

    def end(self, total: Report) -> None:
        """Print the totals."""
        table = build_table(total, total)
        for line in [*align_columns([table.heading, *table.rows], text_columns=TEXT_COLUMNS), *table.notes]:
            self._out.write(line + "\n")
        self._out.flush()
