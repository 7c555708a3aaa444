"""A revealed secret with every kind of character in it, and logging put back afterwards."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.secrets.redaction import processes
from tests.secrets.tokens import local
from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction.logs import install

CANARY = 'c4nary/+ "quo\'ted" é\\back<&>'


@pytest.fixture
def canary() -> str:
    ledger.reveal(CANARY)
    return CANARY


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = logging.getLogRecordFactory()
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    install()
    yield
    logging.setLogRecordFactory(before)


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """Return the variables of a process that can decrypt the secret."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_DATA_HOME")}
    return {**kept, "PYTHONPATH": str(processes.ROOT), "CANARY_TOKEN": local(processes.CANARY)}
