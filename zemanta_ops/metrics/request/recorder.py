"""Turns a finished request into samples."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.request.state import AT_RESPONSE, RequestState
from zemanta_ops.metrics.request.view_names import view_name
from zemanta_ops.metrics.series.series import COUNTER, TIMING, Series

logger = logging.getLogger("zemanta_ops.metrics")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
OTHER_METHOD = "OTHER"
EXCEPTION_ATTRIBUTE = "_zemanta_ops_exception"
CLIENT_CLOSED_REQUEST = 499
MAX_CACHED = 10_000

TagHook = Callable[[HttpRequest, "HttpResponseBase | None"], Mapping[str, Any]]


class RequestRecorder:
    """Records requests with the tags ``method``, ``view``, ``status`` and, where a view raised, ``exception``.

    Args:
        client: emits the samples.
        every: n where one request in n is recorded.
        hook: returns further tags for a request and its response (None where there is none).
    """

    def __init__(self, client: Client, every: int = 1, hook: TagHook | None = None) -> None:
        self._client = client
        self._every = every
        self._hook = hook
        self._series: dict[Any, Series] = client.new_cache()
        self._hook_failed = False
        self.record = self._make_record(client)

    def _make_record(self, client: Client) -> Callable[[HttpRequest, HttpResponseBase, float], None]:
        """Return ``record``; a closure with the queue's put written out, as in ``emitters``, for the same reason."""
        queue, cache, hooked = client.queue, self._series, self._hook is not None
        mark, room, entries, append = queue.mark, queue.room, queue.entries, queue.entries.append

        def record(request: HttpRequest, response: HttpResponseBase, start: float) -> None:
            """Record a response; ``start`` is the ``perf_counter()`` of the request's arrival. Never raises."""
            elapsed = (perf_counter() - start) * 1000.0
            try:
                status = response.status_code
                if hooked or status >= 500 or response.streaming:
                    self._record_slowly(request, response, start, elapsed)
                    return
                match = request.resolver_match
                # Named views, the common case, are answered by one look-up of two strings and a number.
                view = (
                    match.view_name if match is not None and match.url_name else view_name(match, request.method or "")
                )
                series = cache.get((view, request.method, status))
                if series is None:
                    series = self._find(view, request.method, status, None, {})
                if mark[0] and len(entries) < room[0]:
                    append((series, elapsed))
                else:
                    client.put(series, elapsed)
            except Exception:
                logger.exception("A request could not be recorded")

        return record

    def record_abort(self, request: HttpRequest, error: BaseException, start: float, status: int) -> None:
        """Record a request that ended without a response. Never raises."""
        elapsed = (perf_counter() - start) * 1000.0
        try:
            view = view_name(request.resolver_match, request.method or "")
            extra = self._extra_tags(request, None)
            self._client.put(self._find(view, request.method, status, type(error).__name__, extra), elapsed)
        except Exception:
            logger.exception("A request could not be recorded")

    def record_state(self, request: HttpRequest, response: HttpResponseBase, state: RequestState) -> None:
        """Emit what instrumentation has added up for a request. Never raises."""
        try:
            for look in AT_RESPONSE:
                look(state, response)
            totals = state.totals()
            if totals:
                tags = {
                    "view": view_name(request.resolver_match, request.method or ""),
                    "method": known(request.method),
                }
            for (kind, name, pairs), total in totals.items():
                self._client.emit(kind, name, total, {**dict(pairs), **tags}, self._every)
        except Exception:
            logger.exception("The instrumentation of a request could not be recorded")

    def _record_slowly(self, request: HttpRequest, response: HttpResponseBase, start: float, elapsed: float) -> None:
        status = response.status_code
        view = view_name(request.resolver_match, request.method or "")
        exception = getattr(request, EXCEPTION_ATTRIBUTE, None) if status >= 500 else None
        extra = self._extra_tags(request, response)
        self._client.put(self._find(view, request.method, status, exception, extra), elapsed)
        if response.streaming:
            tags = self._tags(view, request.method, status, exception, extra)
            # Where Django itself puts what ends with a response; also called when the client has gone.
            closers: list[Callable[[], None]] = response._resource_closers  # type: ignore[attr-defined]
            closers.append(lambda: self._record_stream(tags, start))

    def _record_stream(self, tags: dict[str, Any], start: float) -> None:
        elapsed = (perf_counter() - start) * 1000.0
        self._client.emit(TIMING, catalog.STREAM_DURATION.name, elapsed, tags, self._every)

    def _find(
        self, view: str, method: str | None, status: int, exception: str | None, extra: Mapping[str, Any]
    ) -> Series:
        tags = self._tags(view, method, status, exception, extra)
        plain = not exception and not extra
        key = (view, tags["method"], status) if plain else tuple(tags.items())
        try:
            return self._series[key]
        except Exception:  # noqa: BLE001  (an unknown series, or a tag that cannot be hashed)
            count = self._client.series(COUNTER, catalog.REQUEST_COUNT.name, tags, every=self._every)
            series = self._client.series(
                TIMING, catalog.REQUEST_DURATION.name, tags, every=self._every, companion=count
            )
        if len(self._series) >= MAX_CACHED:
            self._series.clear()
        if plain or all(type(value) is str for value in extra.values()):
            self._series[key] = series
        return series

    def _tags(
        self, view: str, method: str | None, status: int, exception: str | None, extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {**extra, "method": known(method), "view": view, "status": int(status), "exception": exception}

    def _extra_tags(self, request: HttpRequest, response: HttpResponseBase | None) -> Mapping[str, Any]:
        if self._hook is None:
            return {}
        try:
            return dict(self._hook(request, response))
        except Exception:
            if not self._hook_failed:
                self._hook_failed = True
                logger.exception("The function of REQUEST_TAGS failed; its tags are left out")
            return {}


def known(method: str | None) -> str:
    """Return the method, ``OTHER`` where it is none of HTTP's."""
    return method if method in METHODS else OTHER_METHOD
