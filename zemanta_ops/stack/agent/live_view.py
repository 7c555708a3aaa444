"""The live table of ``watch_metrics`` in a terminal, and its keys."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import replace
from textwrap import wrap
from typing import Any, TextIO

from zemanta_ops.stack.agent.groups import FigureReader, GroupedSeries, Line
from zemanta_ops.stack.agent.report import Report
from zemanta_ops.stack.agent.report_table import list_notes
from zemanta_ops.stack.agent.server import Agent
from zemanta_ops.stack.agent.table_layout import (
    SORTS,
    ViewOptions,
    build_headings,
    build_lines,
    fit,
    format_heading,
    format_row,
)
from zemanta_ops.stack.agent.terminal_screen import Screen
from zemanta_ops.stack.agent.views import View
from zemanta_ops.terminal import escape

PERCENTILES = (50.0, 95.0, 99.0)
KEYS = "q quit p pause s sort r reverse / filter w window d details z self ↑↓ scroll"
SHORT_KEYS = "q quit p pause s sort / filter ↑↓"
# At the end the table is printed, up to this many lines of it.
END_LINES = 40
_NOTES = 4
_FILTER_LENGTH = 200
_SWITCHES = {"r": "is_reversed", "w": "is_recent", "d": "shows_members", "z": "shows_own"}
_SCROLL = {"up": -1, "k": -1, "down": 1, "j": 1}


class LiveView(View):
    """Redraws one screen. Keys sort, filter, scroll, pause and quit; a paused screen stays while values arrive.

    It shows what the agent has aggregated, so the agent must be polled by the thread that calls this.

    Args:
        out: The terminal.
        title: What is shown at the top.
        agent: The agent.
        percentiles: The percentiles to show, in percent.

    """

    def __init__(self, out: TextIO, title: str, agent: Agent, percentiles: Sequence[float] = PERCENTILES) -> None:
        self._out = out
        self._title = escape(title)
        self._agent = agent
        self._percentiles = tuple(percentiles)
        self._screen = Screen(out)
        self._series = GroupedSeries()
        self._options = ViewOptions()
        self._offset = 0
        self._paused: list[tuple[str, bool]] | None = None
        self._typed: str | None = None
        self._now: Report | None = None
        self._signals: set[int] = set()
        self._must_end, self._must_draw = False, True
        self._follows_keys = False
        self._length, self._room = 0, 1
        self._handlers: dict[int, Any] = {}
        self._watch_signals()

    @staticmethod
    def is_supported() -> bool:
        """Return whether this system has terminals that can be drawn on."""
        return Screen.is_supported()

    def show_interval(self, now: Report) -> None:
        """Redraw the table."""
        self._now = now
        self._draw()

    def attend(self) -> bool:
        """Act on keys and signals; return whether a person wants to end."""
        if signal.SIGTSTP in self._signals:
            self._suspend()
        if self._signals or self._must_draw:
            self._signals.clear()
            self._must_draw = False
            self._draw()
        return self._must_end

    def end(self, total: Report) -> None:
        """Give the terminal back and print the table, or its first lines."""
        self._now, self._paused, self._options.filter, self._offset = total, None, "", 0
        width, _ = self._screen.size
        body = self._build_body(width, END_LINES)
        self.close()
        hidden = self._length - len(body)
        more = [f"{hidden:,} more lines; --plain prints all of them"] if hidden > 0 else []
        for text in (*self._build_head(width), *(text for text, _ in body), *more, *list_notes(total)):
            self._out.write(text.rstrip() + "\n")
        self._out.flush()

    def close(self) -> None:
        """Give the terminal and the signals back."""
        self._screen.leave()
        self._forget_keys()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def _draw(self) -> None:
        width, height = self._screen.size
        head = self._build_head(width)[: max(height - 3, 1)]
        notes = [line for note in self._list_notes() for line in wrap(note, width, subsequent_indent="  ")]
        notes = notes[: max(min(_NOTES, height - 12), 0)]
        room = max(height - len(head) - len(notes) - 2, 0)
        body = self._build_body(width, room)
        foot = [
            fit(each, width) for each in (*notes, self._describe_state(), KEYS if width >= len(KEYS) else SHORT_KEYS)
        ]
        filler = [("", False)] * (room - len(body))
        lines = [
            (head[0], True),
            *((text, False) for text in head[1:]),
            *body,
            *filler,
            *((text, False) for text in foot),
        ]
        self._screen.draw(lines[:height])
        self._follow_keys()

    def _follow_keys(self) -> None:
        """Read the keyboard in the foreground only: a process in the background that reads it is stopped."""
        keys, wanted = self._screen.keys, self._screen.is_in_foreground()
        if keys is None or wanted == self._follows_keys:
            return
        self._follows_keys = wanted
        if wanted:
            self._agent.add_reader(keys, self._read_keys)
        else:
            self._agent.remove_reader(keys)

    def _build_body(self, width: int, room: int) -> list[tuple[str, bool]]:
        """Return as many lines of the table as there is room for, from the one that was scrolled to."""
        if self._paused is not None:
            rows = self._paused
            self._scroll_to(self._offset, len(rows), room)
            return [(fit(text, width), is_bold) for text, is_bold in rows[self._offset : self._offset + room]]
        self._series.update(self._agent.aggregator.closed.accumulators)
        reader = self._open_reader()
        lines = build_lines(self._series, reader, self._options)
        self._scroll_to(self._offset, len(lines), room)
        return self._format(lines[self._offset : self._offset + room], reader, width)

    def _format(
        self, lines: Sequence[tuple[Line | None, str]], reader: FigureReader, width: int
    ) -> list[tuple[str, bool]]:
        columns = len(self._percentiles) + 4
        return [
            (format_row(label, reader.read(line) if line else None, columns, width), line is None)
            for line, label in lines
        ]

    def _open_reader(self) -> FigureReader:
        return FigureReader(self._agent.aggregator, self._percentiles, self._options.is_recent)

    def _scroll_to(self, offset: int, length: int, room: int) -> None:
        self._length, self._room = length, max(room, 1)
        self._offset = max(min(offset, length - room), 0)

    def _build_head(self, width: int) -> list[str]:
        total = self._agent.aggregator
        seconds = round(sum(each.seconds for each in total.recent)) or 1
        recent, start = f"last {seconds} s", f"since start ({format_duration(total.closed_seconds)})"
        state = "PAUSED" if self._paused is not None else f"{total.closed.values:,} values"
        title = fit(self._title, max(width - len(state) - 2, 0))
        window = recent if self._options.is_recent else start
        return [
            fit(f"{title}  {state}", width),
            *format_heading(build_headings(self._percentiles), window, recent, width),
        ]

    def _list_notes(self) -> list[str]:
        return list_notes(replace(self._agent.summarize(), written=self._now.written if self._now else None))

    def _describe_state(self) -> str:
        if self._typed is not None:
            return f"filter: {escape(self._typed)}_  (Enter keeps it, Esc removes it)"
        options = self._options
        parts = [f"sort: {SORTS[options.sort]}{' reversed' if options.is_reversed else ''}"]
        if options.filter:
            parts.append(f"filter: {escape(options.filter)}")
        if self._length > self._room:
            last = min(self._offset + self._room, self._length)
            parts.append(f"lines {self._offset + 1:,} to {last:,} of {self._length:,}")
        return "   ".join(parts)

    def _read_keys(self) -> None:
        self._follow_keys()
        for key in self._screen.read_keys() if self._follows_keys else ():
            if not key:  # the keyboard is gone
                self._forget_keys()
                self._screen.keys = None
            elif self._typed is not None:
                self._type(key, self._typed)
            else:
                self._act(key)
            self._must_draw = True

    def _forget_keys(self) -> None:
        if self._screen.keys is not None and self._follows_keys:
            self._agent.remove_reader(self._screen.keys)
        self._follows_keys = False

    def _type(self, key: str, typed: str) -> None:
        """Change the filter while it is being typed; the table follows."""
        if key == "backspace":
            typed = typed[:-1]
        elif key in ("clear", "escape"):
            typed = ""
        elif len(key) == 1 and key.isprintable():
            typed = (typed + key)[:_FILTER_LENGTH]
        self._typed, self._options.filter = typed, typed.lower()
        if key in ("enter", "escape"):
            self._typed = None

    def _act(self, key: str) -> None:
        options = self._options
        page = max(self._room - 1, 1)
        steps = {**_SCROLL, "page up": -page, "page down": page, " ": page, "home": -self._length, "end": self._length}
        if key in steps:
            self._offset = max(self._offset + steps[key], 0)
        elif key == "q":
            self._must_end = True
        elif key == "p":
            self._pause()
        elif key == "/":
            self._typed = options.filter
        elif key == "escape":
            options.filter = ""
        elif key == "s":
            options.sort = (options.sort + 1) % len(SORTS)
        elif key in _SWITCHES:
            setattr(options, _SWITCHES[key], not getattr(options, _SWITCHES[key]))

    def _pause(self) -> None:
        """Keep the lines as they are now, or go on; what arrives counts in any case."""
        if self._paused is not None:
            self._paused = None
            return
        reader = self._open_reader()
        lines = build_lines(self._series, reader, self._options)
        self._paused = self._format(lines, reader, self._screen.size[0])

    def _watch_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                self._handlers[number] = signal.signal(number, self._note_signal)

    def _note_signal(self, number: int, _frame: object) -> None:
        self._signals.add(number)
        self._must_end = self._must_end or number == signal.SIGHUP
        self._agent.wake()

    def _suspend(self) -> None:
        """Stop as Ctrl-Z asks, with the terminal as it was before."""
        self._screen.leave()
        self._forget_keys()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._note_signal)


def format_duration(seconds: float) -> str:
    """Return hours, minutes and seconds; no hours if there are none."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
