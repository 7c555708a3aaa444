"""Runs ``check_metrics`` in a process of its own, against settings written for the test."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

ROOT = Path(__file__).parents[2]


def command(folder: Path, *arguments: str, metrics: dict[str, Any], influxdb: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``subprocess`` for ``check_metrics`` with these settings."""
    settings = {"METRICS": {"ENABLED": True, "AGENT_INTERVAL": 1, **metrics}, "INFLUXDB": influxdb}
    (folder / "checked_settings.py").write_text(f"from tests.settings import *\nZEMANTA_OPS = {settings!r}\n")
    return {
        "args": [sys.executable, "-m", "django", "check_metrics", *arguments],
        "env": {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "checked_settings",
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        },
        "cwd": ROOT,
    }


def checked(
    folder: Path, *arguments: str, metrics: dict[str, Any] | None = None, influxdb: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """Run ``check_metrics --json`` and return the exit code and the document."""
    run = command(folder, "--json", *arguments, metrics=metrics or {}, influxdb=influxdb or {})
    done = subprocess.run(**run, capture_output=True, text=True, timeout=60)
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode
    return done.returncode, document


def checked_here(
    *arguments: str,
    metrics: dict[str, Any] | None = None,
    influxdb: dict[str, Any] | None = None,
    section: str = "INFLUXDB",
) -> tuple[int, dict[str, Any]]:
    """Run ``check_metrics --json`` in this process, which spares a start of Python; return code and document."""
    said = io.StringIO()
    settings = {"METRICS": {"ENABLED": True, "AGENT_INTERVAL": 1, **(metrics or {})}, section: influxdb or {}}
    with override_settings(ZEMANTA_OPS=settings), pytest.raises(SystemExit) as ended:
        call_command("check_metrics", "--json", *arguments, stdout=said)
    document: dict[str, Any] = json.loads(said.getvalue())
    assert document["exit_code"] == ended.value.code
    return document["exit_code"], document


def hop(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one hop of the document."""
    found: dict[str, Any] = next(each for each in document["hops"] if each["name"] == name)
    return found
