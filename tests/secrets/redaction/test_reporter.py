"""Django's error page and mail show everything but secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import django
import pytest
from django.core import mail
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils.log import AdminEmailHandler
from django.views.debug import technical_500_response

from zemanta_ops.secrets import ledger
from zemanta_ops.secrets.redaction.reporter import RedactingExceptionReporter

REPORTER = "zemanta_ops.secrets.redaction.reporter.RedactingExceptionReporter"
urlpatterns: list[Any] = []
SENTENCE = "correct horse battery staple is an example of a secret with many blanks which a layout breaks over lines"


@pytest.fixture(autouse=True)
def _reporter(settings: Any) -> None:
    settings.DEFAULT_EXCEPTION_REPORTER = REPORTER
    settings.DEBUG = True
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def request_(settings: Any, canary: str) -> HttpRequest:
    settings.PLAIN_NAME = [{"url": f"redis://:{canary}@host"}, SENTENCE]
    request = RequestFactory().post(f"/?q={SENTENCE}", {"field": SENTENCE}, headers={"x-custom": SENTENCE})
    request.COOKIES["c"] = SENTENCE
    return request


class Holder:
    """An object whose repr shows a secret."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"<Holder {self.value}>"


class Mute:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


def _fail(secret: str) -> None:
    local = secret  # noqa: F841
    nested = {"deep": [(secret, {"x": secret.encode()})]}  # noqa: F841
    holder, mute = Holder(secret), Mute()  # noqa: F841
    # Django cuts at 4,096 characters: here in the middle of the secret.
    long = "x" * (4096 - len(secret) // 2) + secret + "y" * 100  # noqa: F841
    harmless = "harmless-local"  # noqa: F841
    raise ValueError(f"wrong: {secret}")


def _caught(function: Callable[..., Any], *args: Any) -> Any:
    try:
        function(*args)
    except Exception:
        return sys.exc_info()
    raise AssertionError


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_the_error_page_shows_no_secret(request_: HttpRequest, canary: str, accept: str) -> None:
    ledger.reveal(SENTENCE)
    request_.META["HTTP_ACCEPT"] = accept
    for secret in (canary, SENTENCE):
        page = technical_500_response(request_, *_caught(_fail, secret)).content.decode()
        assert "wrong: &lt;redacted&gt;" in page or "wrong: <redacted>" in page
        assert "harmless-local" in page or accept == "text/plain"
        for part in ("c4nary", "horse", "battery", "many blanks"):
            assert part not in page


def test_the_mail_to_admins_shows_no_secret(request_: HttpRequest, canary: str, settings: Any) -> None:
    ledger.reveal(SENTENCE)
    settings.ADMINS = ["ann@example.com"] if django.VERSION >= (6, 0) else [("Ann", "ann@example.com")]
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    handler = AdminEmailHandler(include_html=True)
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), _caught(_fail, SENTENCE))
    record.__dict__["request"] = request_
    handler.emit(record)
    (sent,) = mail.outbox
    message = str(sent.message().as_bytes()) + sent.body + str(getattr(sent, "alternatives", ""))
    assert "redacted" in message
    for part in ("c4nary", "horse", "battery"):
        assert part not in message


def test_the_surroundings_of_a_unicode_error_are_dropped(canary: str) -> None:
    def hint(text: str) -> Any:
        return RedactingExceptionReporter(None, *_caught(text.encode, "ascii")).get_traceback_data()["unicode_hint"]

    assert hint(canary) == ""
    assert hint("harmless é text") == "less é text"


def test_the_page_without_a_request_or_an_exception_still_shows(canary: str) -> None:
    kind, error, trace = _caught(_fail, canary)
    for reporter in (
        RedactingExceptionReporter(None, kind, error, trace),
        RedactingExceptionReporter(None, None, None, None),
    ):
        assert "c4nary" not in reporter.get_traceback_html() + reporter.get_traceback_text()
