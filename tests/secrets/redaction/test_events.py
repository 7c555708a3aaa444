"""Records whose message is an event: a dict that a formatter of structlog, or of JSON, turns into text later."""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Any

import pytest

from zemanta_ops.secrets import ledger

pytestmark = pytest.mark.usefixtures("installed")

SECRET = "example-plaintext-4711"

log = logging.getLogger("parent.events")


class EventFormatter(logging.Formatter):
    """Expects the event of a record to be a dict, and shows its exception, as structlog's formatter does."""

    def format(self, record: logging.LogRecord) -> str:
        message: Any = record.msg
        event = message.copy()
        error = event.pop("exc_info", None)
        error = (type(error), error, error.__traceback__) if isinstance(error, BaseException) else error
        error = error if isinstance(error, tuple) or not error else sys.exc_info()
        return json.dumps(event) + (self.formatException(error) if error else "")


@pytest.fixture
def output(request: pytest.FixtureRequest) -> io.StringIO:
    """What a handler prints whose formatter expects events."""
    ledger.reveal(SECRET)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EventFormatter())
    log.addHandler(handler)
    request.addfinalizer(lambda: log.removeHandler(handler))
    return stream


@pytest.mark.parametrize("kind", ["true", "error", "tuple", "none"])
def test_an_event_stays_a_dict_and_its_exception_is_redacted(kind: str, output: io.StringIO) -> None:
    error = None
    try:
        raise ValueError(f"cannot use {SECRET}")
    except ValueError as caught:
        error = caught
        given = {"true": True, "error": error, "tuple": (ValueError, error, error.__traceback__), "none": None}[kind]
        log.error({"event": "it failed", "url": f"x{SECRET}", "nested": {"a": [SECRET]}, "exc_info": given})
    shown = output.getvalue()
    assert SECRET not in shown
    assert '{"event": "it failed", "url": "x<redacted>", "nested": {"a": ["<redacted>"]}}' in shown
    assert ("cannot use <redacted>" in shown) == (kind != "none")


def test_an_object_in_an_event_that_shows_a_secret_becomes_its_redacted_repr(output: io.StringIO) -> None:
    class Shown:
        def __repr__(self) -> str:
            return f"Shown({SECRET})"

    log.error({"event": Shown(), SECRET: "x"})
    assert output.getvalue() == '{"event": "Shown(<redacted>)", "<redacted>": "x"}\n'


def test_an_event_without_a_secret_is_the_same_object(caplog: pytest.LogCaptureFixture) -> None:
    event = {"event": "it went well", "exc_info": None}
    log.error(event)
    assert caplog.records[-1].msg is event
