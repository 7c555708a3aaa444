from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import BaseCommand

from tests.metrics.agents import agent
from zemanta_ops.metrics.instrumentation import commands
from zemanta_ops.testing import Recorder

NAME = "command.duration"


class Exits(BaseCommand):
    def add_arguments(self, parser: object) -> None:
        parser.add_argument("code", type=int)  # type: ignore[attr-defined]

    def handle(self, *args: object, **options: object) -> None:
        raise SystemExit(options["code"])


@pytest.fixture(autouse=True)
def installed() -> None:
    commands.install()
    commands.install()


def test_a_command_is_timed_once(captured_metrics: Recorder) -> None:
    call_command("diffsettings", stdout=StringIO())
    assert len(captured_metrics.find(NAME, command="diffsettings", outcome="ok")) == 1


def test_a_failing_command_is_timed(captured_metrics: Recorder) -> None:
    with pytest.raises(ImportError):
        call_command("diffsettings", default="no_such_settings")
    captured_metrics.assert_timing(NAME, command="diffsettings", outcome="error")


@pytest.mark.parametrize(("code", "outcome"), [(0, "ok"), (3, "error")])
def test_the_exit_code_decides(code: int, outcome: str, captured_metrics: Recorder) -> None:
    with pytest.raises(SystemExit):
        call_command(Exits(), str(code))
    captured_metrics.assert_timing(NAME, command="test_commands", outcome=outcome)


def test_removed_twice_times_no_more(captured_metrics: Recorder) -> None:
    commands.uninstall()
    commands.uninstall()
    call_command("diffsettings", stdout=StringIO())
    captured_metrics.assert_not_emitted(NAME)


def test_a_command_that_ends_at_once_is_sent_before_it_ends() -> None:
    with agent() as listener:
        environment = {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "ZEMANTA_OPS_METRICS_ENABLED": "1",
            "ZEMANTA_OPS_METRICS_FLUSH_SECONDS": "3600",
            "ZEMANTA_OPS_METRICS_INSTRUMENT": "commands",
            "ZEMANTA_OPS_METRICS_PORT": str(listener.port),
        }
        command = [sys.executable, "-m", "django", "diffsettings"]
        subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True, timeout=60)
        (sample,) = listener.samples()
    assert (sample.name, sample.tags["command"], sample.tags["outcome"]) == (NAME, "diffsettings", "ok")
