"""A process that is killed, really, at one step of check_alerts after the other. Run by test_kills."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections


def main(folder: str, url: str) -> None:
    """Let an alert open and end once for each step, and print which steps were reached."""
    settings.configure(
        INSTALLED_APPS=["zemanta_ops"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": Path(folder) / "db",
                "OPTIONS": {"init_command": "PRAGMA synchronous=OFF"},
            }
        },
        USE_TZ=True,
        ZEMANTA_OPS={"ALERTS": {"RECEIVERS": {"pager": {"BACKEND": "webhook", "URL": url}}}},
    )
    django.setup()
    call_command("migrate", verbosity=0)
    from tests.stack.alerting import playing  # noqa: F401  (once here, and not in every child)

    connections.close_all()
    minute = 0
    killed: list[str] = []
    for what in ("commit", "write", "claim", "send", "mark"):
        for when in ("before", "after"):
            for value in (6.0, 0.0):
                # So far apart that nothing flaps.
                minute += 60
                if run(minute, value, f"{when} {what}") == -signal.SIGKILL:
                    killed.append(f"{when} {what}")
                expire_claims(Path(folder) / "db")
                if run(minute + 1, value, ""):
                    raise SystemExit("the round after the kill failed")
    sys.stdout.write(json.dumps(killed))


def expire_claims(path: Path) -> None:
    """Let the claims of a killed process end without waiting for them."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("update zemanta_ops_alert_event set claimed_until = '2000-01-01' where claimed_until not null")


def run(minute: int, value: float, step: str) -> int:
    """Run one round in a process of its own, which is killed at a step; return its exit code."""
    pid = os.fork()
    if pid == 0:
        try:
            check(minute, value, step)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def check(minute: int, value: float, step: str) -> None:
    """Run one round; with a step, kill this process there."""
    from tests.stack.alerting.playing import DELAY, NOBODY, NOON, PlayedJudge
    from zemanta_ops.stack.alerting import steps
    from zemanta_ops.stack.alerting.checker import Checker
    from zemanta_ops.stack.alerting.delivery import Sender
    from zemanta_ops.stack.alerting.machine import Level
    from zemanta_ops.stack.alerting.receivers import read_receivers

    def kill(reached: str) -> None:
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.step_hook = kill
    judge = PlayedJudge(values={"cart": value})
    checker = Checker([judge], NOBODY, {"pager": Level.WARN}, Sender(read_receivers().usable))
    checker.check(NOON + 60 * minute + DELAY)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
