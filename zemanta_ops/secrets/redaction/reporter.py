"""Django's error page and error mail without secrets: two settings name these classes.

``DEFAULT_EXCEPTION_REPORTER`` and ``DEFAULT_EXCEPTION_REPORTER_FILTER``.
"""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Any

from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from zemanta_ops.secrets.redaction.values import redact, redact_value

__all__ = ["RedactingExceptionReporter", "RedactingExceptionReporterFilter"]


class RedactingExceptionReporter(ExceptionReporter):
    """Redacts, by value, everything Django's reporter shows: frame locals, settings, request, source and messages.

    It redacts before Django formats the values, which breaks long strings and cuts them at 4,096 characters, and once
    more on the finished page.
    """

    def get_traceback_data(self) -> dict[str, Any]:
        """Redact settings, headers, cookies, GET and POST before they are formatted."""
        data: dict[str, Any] = super().get_traceback_data()
        for name in ("settings", "request_meta", "filtered_POST_items", "sys_path", "user_str"):
            data[name] = redact_value(data[name])
        for name in ("request_COOKIES_items", "request_GET_items", "request_FILES_items"):
            data[name] = redact_value(list(data.get(name, ())))
        data["unicode_hint"] = self._hint(data["unicode_hint"])
        return data

    def get_exception_traceback_frames(
        self, exc_value: BaseException | None, tb: TracebackType | None
    ) -> Generator[dict[str, Any], None, None]:
        """Redact each frame's variables before they are cut."""
        for frame in super().get_exception_traceback_frames(exc_value, tb):
            if "vars" in frame:
                frame["vars"] = [(name, _redact_repr(value)) for name, value in frame["vars"]]
            yield frame

    def get_traceback_html(self) -> Any:
        """Render the page."""
        return redact(super().get_traceback_html())

    def get_traceback_text(self) -> Any:
        """Render the text of the mail."""
        return redact(super().get_traceback_text())

    def _hint(self, hint: str) -> str:
        """Drop the hint of a Unicode error if it may be part of a secret: its ten characters are too few to match."""
        source = getattr(self.exc_value, "args", ("", ""))[1:2]
        return hint if redact_value(source) is source else ""


class RedactingExceptionReporterFilter(SafeExceptionReporterFilter):
    """Redacts settings and request for all who ask Django's filter: the page for 404 errors, django-debug-toolbar."""

    def get_safe_settings(self) -> dict[str, Any]:
        """Return the settings, cleansed by name as Django does and by value."""
        safe: dict[str, Any] = redact_value(super().get_safe_settings())
        return safe

    def get_safe_request_meta(self, request: Any) -> dict[str, Any]:
        """Return the request's headers and environment, cleansed by name as Django does and by value."""
        safe: dict[str, Any] = redact_value(super().get_safe_request_meta(request))
        return safe


class _RedactedRepr:
    """Has a repr that is already redacted."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _redact_repr(value: object) -> object:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001
        # Django prints its own text for a value without a repr.
        return value
    clean = redact(text)
    return value if clean is text else _RedactedRepr(clean)
