"""Django's error page and error mail without secrets: ``DEFAULT_EXCEPTION_REPORTER`` names this class."""

from __future__ import annotations

from collections.abc import Generator
from types import TracebackType
from typing import Any

from django.views.debug import ExceptionReporter

from zemanta_ops.secrets.redaction.values import redact, redact_value


class RedactingExceptionReporter(ExceptionReporter):
    """Redacts by value what Django's own reporter shows: frame locals, settings, request, source and messages.

    Works before Django lays the values out, since its layout breaks long strings and cuts them at 4,096 characters,
    and once more on the finished page.
    """

    def get_traceback_data(self) -> dict[str, Any]:
        """Redact settings, headers, cookies, GET and POST before they are laid out."""
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
        """Redact each frame's variables while they are still whole."""
        for frame in super().get_exception_traceback_frames(exc_value, tb):
            if "vars" in frame:
                frame["vars"] = [(name, _shown(value)) for name, value in frame["vars"]]
            yield frame

    def get_traceback_html(self) -> Any:
        """Render the page."""
        return redact(super().get_traceback_html())

    def get_traceback_text(self) -> Any:
        """Render the text of the mail."""
        return redact(super().get_traceback_text())

    def _hint(self, hint: str) -> str:
        """Drop the ten characters around a Unicode error where they are a part of a secret: too few to be found."""
        source = getattr(self.exc_value, "args", ("", ""))[1:2]
        return hint if redact_value(source) is source else ""


class _Shown:
    """Shows as a text that is redacted already."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _shown(value: object) -> object:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001
        # Django shows its own words for what cannot be shown.
        return value
    clean = redact(text)
    return value if clean is text else _Shown(clean)
