"""A process without real secrets does not serve requests."""

from __future__ import annotations

import pytest
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from zemanta_ops import serving
from zemanta_ops.secrets import modes
from zemanta_ops.secrets.exceptions import ModeError


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put Django's own method back after the test."""
    monkeypatch.setattr(BaseHandler, "load_middleware", BaseHandler.load_middleware)


def test_deferred_secrets_let_no_handler_start(monkeypatch: pytest.MonkeyPatch) -> None:
    serving.refuse_deferred()
    WSGIHandler()
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    serving.refuse_deferred()
    with pytest.raises(ModeError, match="Unset it"):
        WSGIHandler()


@pytest.mark.parametrize(
    ("mode", "debug", "testing", "refused"),
    [
        ("", False, False, False),
        (modes.FAKE, False, False, True),
        (modes.FAKE, True, False, False),
        (modes.FAKE, False, True, False),
    ],
)
def test_fake_secrets_are_for_tests_and_debug(
    mode: str, debug: bool, testing: bool, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(modes.VARIABLE, mode)
    monkeypatch.setattr(modes, "under_test", lambda: testing)
    with override_settings(DEBUG=debug):
        if refused:
            with pytest.raises(ModeError, match="DEBUG is off"):
                serving.refuse_fake()
        else:
            serving.refuse_fake()
