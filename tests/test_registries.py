"""What a test module or a test leaves in a registry of the process is put back, and fails whatever left it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.registries import Snapshot
from tests.servers.process import untraced
from zemanta_ops.secrets import ledger

ROOT = Path(__file__).parents[1]
IMPORTS = "from __future__ import annotations\n"
# What could be left behind, and how the failure names it.
LEFT = {
    "gauges": "from zemanta_ops.metrics import app_gauge\napp_gauge('left')(lambda: 1)\n",
    "declarations": "from zemanta_ops.stack.declarations import describe\ndescribe('left', unit='jobs', meaning='.')\n",
    "backends": "from zemanta_ops.secrets import backends\nbackends.register('left', 'left.Left')\n",
    "instrumentations": "from zemanta_ops.metrics import instrumentation\ninstrumentation.install(['commands'])\n",
    "response hooks": "from zemanta_ops.metrics import instrumentation\ninstrumentation.install(['responses'])\n",
    "receivers of signals": (
        "from django.core.signals import request_started\n"
        "def left(**_): pass\nleft.__module__ = 'tests.left'\nrequest_started.connect(left, weak=False)\n"
    ),
    "Django's databases": (
        "from django.db import connections\nconnections.settings['left'] = connections.settings['default']\n"
    ),
    "logging": "import logging\nlogging.disable()\n",
    "environment variables": "import os\nos.environ['LEFT'] = '1'\n",
}

INI = """
[pytest]
addopts = --continue-on-collection-errors --import-mode=importlib -p no:cacheprovider
"""
TESTS = """
from zemanta_ops.metrics.gauges import registry

def test_that_leaves_a_gauge():
    registry.app_gauge("left")(lambda: 1)

def test_after_it():
    assert not [name for name, _ in registry._registry if name == "left"]
"""


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_is_named_and_put_back(name: str) -> None:
    snapshot = Snapshot()
    exec(IMPORTS + LEFT[name], {"__name__": "tests.left"})
    [changed] = snapshot.restore()
    assert changed.startswith(f"{name}: ")
    assert snapshot.restore() == []


def test_a_revealed_secret_is_forgotten_without_a_failure() -> None:
    snapshot = Snapshot()
    ledger.reveal("example plaintext")
    assert snapshot.restore() == []
    assert ledger.plaintexts() == frozenset()


def test_the_module_and_the_test_that_leave_something_fail_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(INI)
    (tmp_path / "test_import.py").write_text(IMPORTS + LEFT["gauges"] + "def test_nothing(): pass\n")
    (tmp_path / "test_tests.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        str(tmp_path / "pytest.ini"),
        str(tmp_path),
    ]
    environment = {**untraced(), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert "The import of test_import.py changed:\ngauges: ('left', " in ended.stdout
    assert "ERROR at teardown of test_that_leaves_a_gauge" in ended.stdout
    assert "The test changed for all that run after it:\ngauges: ('left', " in ended.stdout
    assert "2 passed, 2 errors" in ended.stdout
