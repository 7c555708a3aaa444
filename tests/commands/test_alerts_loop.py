"""check_alerts --loop as a process: it judges, ends in order when it is told to, and another node takes over."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.nodes import migrate, running, says, write_project
from tests.servers.process import wait_until
from tests.stack.alerting.listening import HANG, Listener, Reply
from tests.stack.answering import Answer, Request, Server, answering

pytestmark = pytest.mark.more

PROJECT = """
import sys
from pathlib import Path
import django
from django.conf import settings
from django.core.management import execute_from_command_line

here = Path(__file__).parent
settings.configure(
    INSTALLED_APPS=["zemanta_ops", "shop"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": here / "db", "OPTIONS": {"timeout": 20}}},
    MIDDLEWARE=["zemanta_ops.metrics.middleware.RequestMetricsMiddleware"],
    ZEMANTA_OPS={
        "METRICS": {"AGENT_INTERVAL": 1},
        "INFLUXDB": {"URL": sys.argv[1], "DATABASE": "telegraf"},
        "ALERTS": {"RECEIVERS": {"chat": {"BACKEND": "webhook", "URL": sys.argv[2], "TIMEOUT": 5}}},
    },
)
django.setup()
from zemanta_ops.management import alert_worker

alert_worker.TICK = 0.2
execute_from_command_line(["manage.py", *sys.argv[3:]])
"""
METRICS = """
from zemanta_ops.stack.declarations import Alert, above, total

Alert(total("http.request.count"), crit=above(5), every="1s", window="1m", runbook="https://wiki.example.com/")
"""
SERIES = {"name": "http_request_count", "columns": ["time", "value"], "values": [[0, 9]]}


def answer(request: Request) -> Answer:
    """Answer as InfluxDB with nine requests."""
    found = [SERIES] if "http_request_count" in f"{request.path}{request.body}" else []
    text = json.dumps({"results": [{"statement_id": 0, "series": found}]})
    return Answer(200, text, {"Content-Type": "application/json"})


@pytest.fixture
def database() -> Iterator[Server]:
    with answering(answer) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project(tmp_path, PROJECT, metrics=METRICS)
    migrate(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9")
    return tmp_path


def test_one_of_two_nodes_judges_and_the_other_takes_over(project: Path, listener: Listener, database: Server) -> None:
    command = (database.url, listener.url, "check_alerts", "--loop", "--lease", "2")
    with running(project, "a", *command) as first:
        assert wait_until(lambda: len(listener.taken) == 1, 60), (project / "a.log").read_text()
        with running(project, "b", *command) as second:
            assert wait_until(says(project, "b", "waiting: another process holds the lock"), 60)
            first.send_signal(signal.SIGTERM)
            assert first.wait(30) == 0
            assert wait_until(says(project, "b", "judging"), 60)
            asked = len(database.requests)
            assert wait_until(lambda: len(database.requests) > asked + 3, 60)
            second.send_signal(signal.SIGINT)
            assert second.wait(30) == 0
    (posted,) = listener.taken
    assert (posted.body["dedup_key"], posted.body["level"]) == ("http.request.count", "crit")
    assert says(project, "a", "sent     trigger crit http.request.count to chat")()


def test_a_signal_during_a_send_ends_it_after_that_send(project: Path, listener: Listener, database: Server) -> None:
    listener.reply = Reply(HANG)
    with running(project, "a", database.url, listener.url, "check_alerts", "--loop") as process:
        assert wait_until(lambda: bool(listener.posted), 60), (project / "a.log").read_text()
        process.send_signal(signal.SIGTERM)
        before = time.monotonic()
        assert process.wait(30) == 0
        assert time.monotonic() - before < 20
    assert "waiting  trigger crit" in (project / "a.log").read_text()
