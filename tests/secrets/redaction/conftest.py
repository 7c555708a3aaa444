"""A revealed secret with every kind of character in it, and logging put back afterwards."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator

import pytest

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
