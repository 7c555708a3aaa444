"""The size of responses, per view and status, for requests that the middleware measures."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from zemanta_ops.metrics.catalog import RESPONSE_SIZE
from zemanta_ops.metrics.request.state import AT_RESPONSE, RequestState
from zemanta_ops.metrics.series.series import HISTOGRAM


def _measure(state: RequestState, response: HttpResponseBase) -> None:
    length = response.headers.get("Content-Length", "")
    if length.isdecimal():
        size = int(length)
    elif isinstance(response, HttpResponse):
        size = len(response.content)
    else:
        # It streams, and how much will come is not known yet.
        return
    state.add(HISTOGRAM, RESPONSE_SIZE.name, size, (("status", str(response.status_code)),))


def install() -> None:
    """Measure the responses of this process."""
    if _measure not in AT_RESPONSE:
        AT_RESPONSE.append(_measure)


def uninstall() -> None:
    """Measure no more."""
    if _measure in AT_RESPONSE:
        AT_RESPONSE.remove(_measure)
