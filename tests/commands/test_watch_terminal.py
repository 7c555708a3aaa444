"""The live table of ``watch_metrics`` in pseudo-terminals: what it shows, its keys, and the terminal afterwards."""

from __future__ import annotations

import os
import re
import signal

import pyte
import pytest

from tests.commands.terminals import LEAVE, Terminal
from tests.stack.telegraf_aggregates import send

pytestmark = pytest.mark.more

# As many intervals pass between the first and the last of them, in which a screen that is not paused shows new values.
PAUSED_SCREENS = 5
VIEWS = ("home", "job-list", "checkout_payment_a-very-long-name-of-a-view")
LINES = "\n".join(
    f"http.request.duration,host=web-1,method=GET,status={status},view={view}:{milliseconds}|ms\n"
    f"http.request.count,host=web-1,method=GET,status={status},view={view}:1|c"
    for number, view in enumerate(VIEWS)
    for milliseconds, status in [(1.5 + number, 200), (2.5 + number, 200), (90 + number, 500)]
)
OTHERS = (
    "db.query.duration,host=web-1,alias=default,operation=select,outcome=ok:1.25|ms\n"
    "db.query.duration,host=web-1,alias=default,operation=insert,outcome=error:9|ms\n"
    "signup,host=web-1,plan=pro:1|c\nqueue,host=web-1,name=mail:5|g\nqueue,host=web-1,name=sms:-7|g\n"
    "http.request.queries,host=web-1,view=home:12|h\nzemanta_ops.sent,host=web-1:50|c\nhits,host=web-1:1|c|#view:home"
)


def started(terminal: Terminal) -> Terminal:
    """Send some lines and wait until they are shown."""
    send(terminal.port, LINES, OTHERS)
    terminal.wait_for_screen(lambda screen: VIEWS[0] in screen)
    return terminal


def row(terminal: Terminal, beginning: str) -> list[str]:
    """Return the words of the line that begins so."""
    return next(line.split() for line in terminal.screen if line.startswith(beginning))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 50)])
def test_requests_come_first_with_all_their_figures_on_one_line_a_view(width: int, height: int) -> None:
    with Terminal("--interval", "0.2", width=width, height=height) as terminal:
        screen = started(terminal).screen
        home = row(terminal, "home ")

    assert len(screen) == height
    assert {len(line) for line in screen} <= {width, 0}
    assert screen[2].split() == ["per", "s", "count", "errors", "mean", "p50", "p95", "p99"]
    assert screen[3].split() == ["REQUESTS", "by", "view"]
    assert home[2:] == ["3", "1", "31.33", "2.50", "90", "90"]
    assert sum("http.request.count" in line for line in screen) == 0
    assert re.search(r"last \d+ s \| since start \(0:\d\d\), times in ms", screen[1])
    assert any(line.startswith("SELF-METRICS: 1 series folded") for line in screen)
    assert any('DIALECT "dogstatsd" would accept it' in line for line in screen)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 50)])
def test_a_terminal_shows_what_was_drawn_and_nothing_else(width: int, height: int) -> None:
    emulator = pyte.Screen(width, height)
    with Terminal("--interval", "0.2", width=width, height=height) as terminal:
        started(terminal)
        terminal.press("z", "d", "w", "w", "\x1b[B", "\x1b[A", "/", "é", "\x7f", "\r")
        terminal.wait_for_screen(lambda screen: "status=500" in screen)
        terminal.press("p")
        terminal.wait_for_screen(lambda screen: "PAUSED" in screen)
        pyte.Stream(emulator).feed(terminal.seen)
        shown, drawn = [line.rstrip() for line in emulator.display], terminal.screen
    assert [line for line in shown if "REQUESTS by view" in line] == ["REQUESTS by view"]
    assert shown[0].endswith("PAUSED")
    assert shown[-1].startswith("q quit")
    assert shown == [line.rstrip() for line in drawn]


def test_a_window_of_any_size_is_filled_and_never_overflows() -> None:
    with Terminal("--interval", "0.1") as terminal:
        started(terminal)
        for width, height in [(200, 60), (40, 10), (20, 5), (10, 3), (3, 2), (1, 1), (500, 4), (80, 24)]:
            terminal.resize(width, height)
            terminal.forget()
            terminal.wait_for_screen(lambda screen: screen != "")
            assert len(terminal.screen) == height
            assert [line for line in terminal.screen if len(line) not in (0, width)] == []
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_keys_sort_reverse_and_show_details_and_self_metrics() -> None:
    with Terminal("--interval", "0.1", height=40) as terminal:
        started(terminal)
        assert "operation=select" not in terminal.text
        terminal.press("d", "z")
        terminal.wait_for_screen(
            lambda screen: "  operation=select outcome=ok" in screen and "zemanta_ops.sent" in screen
        )
        assert row(terminal, "db.query.duration alias=default")[3:5] == ["2", "1"]
        assert row(terminal, "  name=sms")[2] == "-7"
        terminal.press("d", "s", "s", "s", "s", "s")
        terminal.wait_for_screen(lambda screen: "sort: name" in screen)
        names = [line.split()[0] for line in terminal.screen[4:7]]
        terminal.press("r")
        terminal.wait_for_screen(lambda screen: "sort: name reversed" in screen)
        assert [line.split()[0] for line in terminal.screen[4:7]] == names[::-1]


def test_a_filter_follows_what_is_typed_and_escape_removes_it() -> None:
    with Terminal("--interval", "0.1") as terminal:
        started(terminal)
        terminal.press("/", "J", "o", "x", "\x7f", "b")
        terminal.wait_for_screen(
            lambda screen: "filter: Job_" in screen and "checkout" not in screen and "job-list" in screen
        )
        terminal.press("\r")
        terminal.wait_for_screen(lambda screen: "filter: job" in screen and "q quit" in screen)
        terminal.press("\x1b")
        terminal.wait_for_screen(lambda screen: "checkout" in screen)


def test_a_paused_screen_stays_while_values_arrive() -> None:
    with Terminal("--interval", "0.1") as terminal:
        started(terminal)
        terminal.press("p")
        terminal.wait_for_screen(lambda screen: "PAUSED" in screen)
        send(terminal.port, "after.pause:1|c", LINES)
        for _ in range(PAUSED_SCREENS):
            terminal.forget()
            terminal.wait_for_screen(lambda screen: "PAUSED" in screen)
            assert "after.pause" not in terminal.text
        assert row(terminal, "home ")[2] == "3"
        terminal.press("p")
        terminal.wait_for_screen(lambda screen: "after.pause" in screen)
        assert row(terminal, "home ")[2] == "6"


def test_the_window_key_shows_the_figures_of_the_last_seconds() -> None:
    with Terminal("--interval", "6") as terminal:
        terminal.wait_for_text("last 1 s | since start")
        terminal.press("w")
        terminal.wait_for_screen(lambda screen: "last 1 s | last 1 s" in screen)


@pytest.mark.more
def test_ten_thousand_series_are_scrolled_and_the_screen_keeps_up() -> None:
    with Terminal("--interval", "0.5") as terminal:
        for start in range(0, 10_000, 500):
            send(terminal.port, "\n".join(f"many,number={number:05}:1|ms" for number in range(start, start + 500)))
        terminal.press("d", "s", "s", "s", "s", "s")
        terminal.wait_for_screen(lambda screen: "number=00000" in screen and "of 10,002" in screen)
        terminal.press("\x1b[F")
        terminal.wait_for_screen(lambda screen: "number=09999" in screen)
        terminal.press("\x1b[H", "\x1b[6~", "\x1b[B", "j", "\x1b[A")
        terminal.wait_for_screen(lambda screen: "lines 20 to" in screen)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    end = terminal.seen.rpartition(LEAVE)[2]
    assert "more lines; --plain prints all of them" in end
    assert end.count("\n") < 60


@pytest.mark.parametrize("end", ["q", signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_as_before_however_it_ends(end: str | signal.Signals) -> None:
    with Terminal("--interval", "0.1") as terminal:
        started(terminal)
        assert terminal.get_modes() != terminal.modes
        terminal.press(end) if isinstance(end, str) else terminal.stop(end)
        assert terminal.wait_for_end() == 0
        assert terminal.get_modes() == terminal.modes
    assert LEAVE in terminal.seen
    assert "home" in terminal.seen.rpartition(LEAVE)[2]
    assert "Traceback" not in terminal.seen


def test_stopped_it_gives_the_terminal_back_and_continued_it_draws_again() -> None:
    with Terminal("--interval", "0.1", script='"$@"; echo stopped; read -r line; bg; read -r line; fg') as terminal:
        started(terminal)
        modes = terminal.get_modes()
        terminal.press("\x1a")
        terminal.wait_for_text("stopped")
        assert terminal.seen.rpartition(LEAVE)[2].split()[-1] == "stopped"
        assert terminal.get_modes()[3] == terminal.modes[3]
        terminal.press("to the background\n", "typed for the shell\n")
        terminal.wait(lambda: terminal.get_modes() == modes)
        terminal.forget()
        terminal.wait_for_screen(lambda screen: "REQUESTS by view" in screen)
        terminal.press("q")
        assert terminal.wait_for_end() == 0


def test_a_terminal_that_goes_away_ends_it() -> None:
    with Terminal("--interval", "0.1") as terminal:
        started(terminal)
        os.close(terminal._theirs)
        os.close(terminal._ours)
        try:
            terminal.process.wait(20)
        finally:
            terminal._ours, terminal._theirs = os.open(os.devnull, os.O_RDWR), os.open(os.devnull, os.O_RDWR)


def test_keys_of_every_kind_and_random_bytes_do_nothing_bad() -> None:
    with Terminal("--interval", "0.1") as terminal:
        started(terminal)
        os.write(
            terminal._ours, bytes(each for each in range(256) if chr(each) not in "q\x03\x1a\x1c\x11\x13\x16\x0f\x04")
        )
        os.write(terminal._ours, b"\x1b[999;999Z\x1bO\x1b[\xff\xc3/\x1b[31m\xe6\xb1\x89\r\x1b")
        terminal.press("\x1b", "q")
        assert terminal.wait_for_end() == 0
    assert "Traceback" not in terminal.seen


def test_names_cannot_control_the_terminal() -> None:
    with Terminal("--interval", "0.1") as terminal:
        send(
            terminal.port,
            b"evil\x1b[2J\x1b]0;title\x07,k\x9b=\xffv\x1b[31m:1|c\nhttp.request.duration,view=\x1b[2J:1|ms",
        )
        terminal.wait_for_screen(lambda screen: r"\x1b[2J" in screen)
        assert "\x1b[2J" not in terminal.seen
        assert "\x07" not in terminal.seen


def test_a_terminal_that_knows_only_ascii_gets_only_ascii() -> None:
    with Terminal("--interval", "0.1", environment={"PYTHONIOENCODING": "ascii"}) as terminal:
        send(terminal.port, "hits,k=汉字:1|c")
        terminal.wait_for_screen(lambda screen: "hits k=??" in screen)
        assert terminal.seen.isascii()
