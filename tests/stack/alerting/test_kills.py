"""kill -9 before and after each commit, claim, send and mark: nothing is lost, and what may be twice is counted."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.stack.alerting.listening import Listener

ROOT = Path(__file__).resolve().parents[3]
STEPS = ("commit", "write", "claim", "send", "mark")
# Between the answer of the receiver and the note of it.
DOUBLED = ("after send", "before mark")


def test_a_process_that_is_killed_at_every_step(listener: Listener, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.stack.alerting.killed", str(tmp_path), listener.url],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    killed = json.loads(done.stdout)
    # The own alert about judging commits too, so that a kill at a commit is one of them.
    assert set(killed) == {f"{when} {what}" for when in ("before", "after") for what in STEPS}
    assert len(killed) == 20
    received = [(each.body["sequence"], each.body["action"]) for each in listener.taken]
    once = [event for event, _ in itertools.groupby(received)]
    assert once == [(number, "trigger" if number % 2 else "resolve") for number in range(1, 21)]
    assert len(received) == 20 + sum(step in DOUBLED for step in killed)
    assert {each.body["dedup_key"] for each in listener.taken} == {"shop.error_ratio{view=cart}"}
    with closing(sqlite3.connect(tmp_path / "db")) as database:
        rows = database.execute("select status, repeats from zemanta_ops_alert_event order by id").fetchall()
    assert [status for status, _ in rows] == ["sent"] * 20
    # A kill before the send leaves a claim as well: nobody can know how far it came.
    assert sum(repeats for _, repeats in rows) == sum(
        step in (*DOUBLED, "after claim", "before send") for step in killed
    )
