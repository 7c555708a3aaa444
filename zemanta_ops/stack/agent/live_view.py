"""The live table of ``watch_metrics`` in a terminal, drawn by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from zemanta_ops.extras import MissingExtraError
from zemanta_ops.stack.agent.report import Report
from zemanta_ops.stack.agent.report_table import TEXT_COLUMNS, ReportTable, build_table

if TYPE_CHECKING:
    from rich.table import Table

# The number of lines that title, heading, borders and some notes need around the rows.
_FRAME = 10


class LiveView:
    """Redraws one table in place; the last one, with all rows, stays on the screen.

    Raises:
        MissingExtraError: rich is not installed.

    """

    def __init__(self, out: TextIO, title: str) -> None:
        try:
            from rich.console import Console
            from rich.live import Live
        except ImportError:
            raise MissingExtraError("the live table", "watch") from None
        self._console = Console(file=out)
        self._title = title
        self._live = Live(console=self._console, auto_refresh=False)
        self._live.start()

    def show_interval(self, now: Report, total: Report) -> None:
        """Redraw the table."""
        lines = max(self._console.height - _FRAME - len(total.rejected), 3)
        self._live.update(_draw(build_table(total, now), self._title, lines), refresh=True)

    def end(self, total: Report) -> None:
        """Draw the totals and release the terminal."""
        table = build_table(total, total)
        self._live.update(_draw(table, self._title, len(table.rows) + len(table.groups)), refresh=True)
        self._live.stop()


def _draw(table: ReportTable, title: str, lines: int) -> Table:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    drawn = Table(title=title, box=box.SIMPLE_HEAD, expand=True, caption_justify="left")
    drawn.add_column("series", overflow="fold", ratio=1)
    for heading in table.heading[TEXT_COLUMNS:]:
        drawn.add_column(heading, justify="right", no_wrap=True)
    notes = list(table.notes)
    if _add_rows(drawn, table, lines) < 0:
        notes.append("some series do not fit: enlarge the window, or see all of them at the end")
    drawn.caption = escape("\n".join(notes))
    return drawn


def _add_rows(drawn: Table, table: ReportTable, lines: int) -> int:
    """Add as many rows as fit; return how many lines are left, less than 0 if some rows did not fit."""
    from rich.markup import escape

    for name, rows in table.groups:
        drawn.add_row(f"[bold]{escape(name)}[/bold] {rows[0][2]}")
        for row in rows[: max(lines, 0)]:
            drawn.add_row("  " + escape(row[1]), *row[TEXT_COLUMNS:])
        lines -= len(rows) + 1
    return lines
