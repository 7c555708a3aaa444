"""Hostile datagrams to the running command: none ends it, stalls it or fills its memory."""

from __future__ import annotations

import json
import random
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.commands.terminals import Terminal
from tests.commands.watching import watching
from tests.stack.hostile_datagrams import HOSTILE
from tests.stack.telegraf_aggregates import send

pytestmark = pytest.mark.more

# A datagram takes at most this long, also on a machine with other work, and all of them together this much memory.
SECONDS = 5.0
MEGABYTES = 150


def resident_megabytes(pid: int) -> int:
    """Return how much memory a process has."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) // 1024


def test_no_datagram_ends_stalls_or_bloats_it() -> None:
    with watching("--json", "--interval", "0.1") as (process, port):
        assert process.stdout and process.stderr
        before = resident_megabytes(process.pid)
        slow: dict[str, float] = {}
        for name, datagram in HOSTILE.items():
            marker = f"after.{name.replace(' ', '_')}"
            start = time.monotonic()
            send(port, datagram, f"{marker}:1|c")
            while marker not in [each["name"] for each in json.loads(process.stdout.readline())["series"]]:
                pass
            if time.monotonic() - start > SECONDS:
                slow[name] = time.monotonic() - start
        grown = resident_megabytes(process.pid) - before
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert slow == {}
    assert grown < MEGABYTES
    assert process.returncode == 0
    assert err == ""
    assert json.loads(out.splitlines()[-1])["received"]["datagrams"] == 2 * len(HOSTILE)


PIECES: tuple[str, ...] = (
    "x",
    "a.b",
    "",
    " ",
    ":",
    "|",
    ",",
    "=",
    "@",
    "#",
    "\n",
    "c",
    "g",
    "ms",
    "h",
    "s",
    "d",
    "nan",
    "-inf",
    "1",
    "+2",
)
PIECES += (
    "-0",
    "1e308",
    "1e-300",
    "5e-324",
    "@2",
    "@inf",
    "@1e-300",
    "@0",
    "9" * 400,
    "0x1p4",
    "\x1b[2J",
    "\xff",
    "_e{1,1}",
)


@pytest.mark.parametrize("dialect", ["influx", pytest.param("dogstatsd", marks=pytest.mark.more)])
def test_random_lines_of_what_has_a_meaning_do_not_either(dialect: str) -> None:
    chance = random.Random(11)
    with watching("--json", "--interval", "0.2", "--dialect", dialect) as (process, port):
        assert process.stdout
        before = resident_megabytes(process.pid)
        start = time.monotonic()
        for turn in range(20):
            lines = ["".join(chance.choices(PIECES, k=chance.randrange(1, 40))) for _ in range(20 * 60)]
            send(port, *("\n".join(lines[at : at + 60]) for at in range(0, len(lines), 60)), f"turn{turn}:1|c")
            while f"turn{turn}" not in [each["name"] for each in json.loads(process.stdout.readline())["series"]]:
                pass
        seconds = time.monotonic() - start
        grown = resident_megabytes(process.pid) - before
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (0, "")
    assert seconds / 420 < SECONDS / 10
    assert grown < MEGABYTES


@pytest.mark.more
def test_the_same_over_tcp_and_a_line_without_an_end() -> None:
    with watching("--json", "--protocol", "tcp", "--interval", "0.1") as (process, port):
        assert process.stdout
        before = resident_megabytes(process.pid)
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            for datagram in HOSTILE.values():
                connection.sendall(datagram + b"\n")
        with socket.create_connection(("127.0.0.1", port), timeout=30) as endless, suppress(OSError):
            for _ in range(1_000):
                endless.sendall(b"n" * 65_536)
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"after:1|c\n")
        while "after" not in [each["name"] for each in json.loads(process.stdout.readline())["series"]]:
            pass
        grown = resident_megabytes(process.pid) - before
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (0, "")
    assert grown < MEGABYTES


@pytest.mark.more
def test_a_flood_of_new_series_members_and_reasons_stays_within_bounds() -> None:
    with watching("--json", "--interval", "60") as (process, port):
        for number in range(60):
            lines = [f"flood{number}_{each},k={'v' * 40}:1|ms" for each in range(700)]
            send(port, "\n".join(lines), *(f"members:{number}_{each}|s:{'m' * 60_000}|s" for each in range(10)))
            send(port, "\n".join(f"x:1|t{number}_{each}" for each in range(2_000)), f"{number}{'n' * 60_000}:1|c")
            time.sleep(0.02)
        peak = resident_megabytes(process.pid)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        total = json.loads(out.splitlines()[-1])

    assert process.returncode == 0
    assert peak < 3 * MEGABYTES
    assert len(total["series"]) <= 20_000
    assert len(total["rejected"]) <= 51


@pytest.mark.more
def test_the_live_table_survives_the_same() -> None:
    with Terminal("--interval", "0.1", width=120, height=40) as terminal:
        port = terminal.port
        terminal.press("d", "z", "w")
        for number, datagram in enumerate(HOSTILE.values()):
            terminal.press("s")
            send(port, datagram, f"marker{number}:1|c")
        terminal.press("/", *f"marker{len(HOSTILE) - 1}", "\r")
        terminal.wait_for_screen(lambda screen: f"marker{len(HOSTILE) - 1}" in screen)
        terminal.press("q")
        assert terminal.wait_for_end() == 0
    assert "Traceback" not in terminal.seen
