"""Runs ``watch_metrics`` in a process of its own, on a free port, or in this one if it does not start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class

ROOT = Path(__file__).parents[2]
LISTENING = re.compile(r"listening on (\w+) (\S+):(\d+)")


def command(*arguments: str, **environment: str) -> dict[str, Any]:
    """Return the arguments of ``subprocess`` for ``watch_metrics``."""
    return {
        "args": [sys.executable, "-m", "django", "watch_metrics", *arguments],
        "env": {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT), **environment},
        "cwd": ROOT,
    }


@contextmanager
def watching(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the command on a free port and yield the process and the port once it listens."""
    with subprocess.Popen(
        **command("--port", "0", *arguments, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr
            for line in process.stderr:
                if found := LISTENING.search(line):
                    break
            else:
                pytest.fail(f"watch_metrics did not listen: exit code {process.wait()}")
            yield process, int(found[3])
        finally:
            process.kill()


def refuse(*arguments: str) -> object:
    """Run the command in this process, which spares a start of Python, and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        load_command_class("zemanta_ops", "watch_metrics").run_from_argv(["manage.py", "watch_metrics", *arguments])
    return ended.value.code


def with_influxdb(folder: Path, **influxdb: str) -> dict[str, str]:
    """Return the environment of ``watching`` with settings that name a database."""
    settings = {"METRICS": {"ENABLED": True}, "INFLUXDB": influxdb}
    (folder / "watching_settings.py").write_text(f"from tests.settings import *\nZEMANTA_OPS = {settings!r}\n")
    return {"DJANGO_SETTINGS_MODULE": "watching_settings", "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
