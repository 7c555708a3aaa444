"""The size of responses, per view and status, for requests that the middleware measures."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from zemanta_ops.metrics.catalog import RESPONSE_SIZE
from zemanta_ops.metrics.request.state import RESPONSE_HOOKS, RequestState


def _measure(state: RequestState, response: HttpResponseBase) -> None:
    length = response.headers.get("Content-Length", "")
    if length.isdecimal():
        size = int(length)
    elif isinstance(response, HttpResponse):
        size = len(response.content)
    else:
        # A streaming response: its size is not known yet.
        return
    state.add(RESPONSE_SIZE, size, (("status", str(response.status_code)),))


def install() -> None:
    """Measure the responses of this process."""
    if _measure not in RESPONSE_HOOKS:
        RESPONSE_HOOKS.append(_measure)


def uninstall() -> None:
    """Stop measuring."""
    if _measure in RESPONSE_HOOKS:
        RESPONSE_HOOKS.remove(_measure)
