"""The live table of ``watch_metrics`` in a terminal, drawn by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from zemanta_ops.stack.agent.display import TEXT_COLUMNS, Table
from zemanta_ops.stack.agent.report import Report

if TYPE_CHECKING:
    from rich.table import Table as RichTable

# Title, heading, borders and some notes stand around the rows.
_FRAME = 10


class MissingRichError(ImportError):
    """rich is not installed; the text names the extra."""


class LiveView:
    """Redraws one table in place; the last one, with all rows, stays on the screen.

    Raises:
        MissingRichError: rich is not installed.

    """

    def __init__(self, out: TextIO, title: str) -> None:
        try:
            from rich.console import Console
            from rich.live import Live
        except ImportError:
            raise MissingRichError('the live table needs rich: pip install "zemanta-ops[watch]"') from None
        self._console = Console(file=out)
        self._title = title
        self._live = Live(console=self._console, auto_refresh=False)
        self._live.start()

    def interval(self, now: Report, total: Report) -> None:
        """Redraw the table."""
        room = max(self._console.height - _FRAME - len(total.rejected), 3)
        self._live.update(_draw(Table.of(total, now), self._title, room), refresh=True)

    def end(self, total: Report) -> None:
        """Draw the totals and give the terminal back."""
        table = Table.of(total, total)
        self._live.update(_draw(table, self._title, table.length + len(table.groups)), refresh=True)
        self._live.stop()


def _draw(table: Table, title: str, room: int) -> RichTable:
    from rich import box
    from rich.markup import escape
    from rich.table import Table as RichTable

    drawn = RichTable(title=title, box=box.SIMPLE_HEAD, expand=True, caption_justify="left")
    drawn.add_column("series", overflow="fold", ratio=1)
    for heading in table.heading[TEXT_COLUMNS:]:
        drawn.add_column(heading, justify="right", no_wrap=True)
    for name, rows in table.groups:
        drawn.add_row(f"[bold]{escape(name)}[/bold] {rows[0][2]}")
        for row in rows[: max(room, 0)]:
            drawn.add_row("  " + escape(row[1]), *row[TEXT_COLUMNS:])
        room -= len(rows) + 1
    notes = list(table.notes)
    if room < 0:
        notes.append("some series do not fit: make the window higher, or see them all at the end")
    drawn.caption = escape("\n".join(notes))
    return drawn
