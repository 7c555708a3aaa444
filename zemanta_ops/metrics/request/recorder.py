"""Records the metrics of a finished request."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.request.state import RESPONSE_HOOKS, RequestState
from zemanta_ops.metrics.request.view_names import name_request
from zemanta_ops.metrics.series.series import KINDS, Series

logger = logging.getLogger("zemanta_ops.metrics")

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
OTHER_METHOD = "OTHER"
EXCEPTION_ATTRIBUTE = "_zemanta_ops_exception"
CLIENT_CLOSED_REQUEST = 499
MAX_CACHED = 10_000
# Under ASGI, Django cancels what it runs for a client that has disconnected; in a thread the error is the second.
_CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)

TagHook = Callable[[HttpRequest, "HttpResponseBase | None"], Mapping[str, Any]]


class Patterns:
    """Texts to leave out; a ``*`` at the end makes one a prefix."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._exact = frozenset(pattern for pattern in patterns if not pattern.endswith("*"))
        self._prefixes = tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*"))

    def __bool__(self) -> bool:
        return bool(self._exact or self._prefixes)

    def match(self, text: str) -> bool:
        """Return whether a text is one of them."""
        return text in self._exact or (bool(self._prefixes) and text.startswith(self._prefixes))


class RequestRecorder:
    """Records requests with the tags ``method``, ``view``, ``status`` and, if a view raised, ``exception``.

    Args:
        client: emits the samples.
        every: n if the middleware records one request in n.
        buckets: limits in milliseconds; a request is counted in each bucket whose limit it keeps.
        hook: returns further tags for a request and its response, which is None if the request has none.
        exclude_views: the views that are not recorded.
    """

    def __init__(
        self,
        client: Client,
        every: int = 1,
        hook: TagHook | None = None,
        buckets: Sequence[float] = (),
        exclude_views: Patterns | None = None,
    ) -> None:
        self._client = client
        self._excluded = exclude_views or Patterns(())
        self._excludes = self._excluded.match
        self._every = every
        self._hook = hook
        self._limits = (*buckets, inf) if buckets else ()
        self._buckets: dict[Any, Any] = client.new_cache()
        self._series: dict[Any, Series] = client.new_cache()
        self._hook_failed = False
        self.record = self._make_record(client)

    def _make_record(self, client: Client) -> Callable[[HttpRequest, HttpResponseBase, float], None]:
        """Return ``record``; a closure with the queue's put written out, for the reason given in ``emit_functions``."""
        queue, cache, hooked = client.queue, self._series, self._hook is not None or bool(self._excluded)
        mark, room, entries, append = queue.mark, queue.room, queue.entries, queue.entries.append

        def record(request: HttpRequest, response: HttpResponseBase, start: float) -> None:
            """Record a response; ``start`` is the ``perf_counter()`` when the request arrived. Never raises."""
            elapsed = (perf_counter() - start) * 1000.0
            try:
                status = response.status_code
                if hooked or status >= 500 or response.streaming:
                    self._record_slowly(request, response, start, elapsed)
                    return
                match = request.resolver_match
                # For a named view, the common case, a single look-up by two strings and a number finds the series.
                view = match.view_name if match is not None and match.url_name else name_request(request, status)
                series = cache.get((view, request.method, status))
                if series is None:
                    series = self._find(view, request.method, status, None, {})
                if mark[0] and len(entries) < room[0]:
                    append((series, elapsed))
                else:
                    client.put(series, elapsed)
            except Exception:
                logger.exception("The metrics of a request could not be recorded")

        return record

    def record_abort(self, request: HttpRequest, error: BaseException, start: float) -> None:
        """Record a request without a response: 499 if the client has disconnected, else 500. Never raises."""
        elapsed = (perf_counter() - start) * 1000.0
        status = CLIENT_CLOSED_REQUEST if isinstance(error, _CANCELLED) else 500
        try:
            view = name_request(request, status)
            if self._excludes(view):
                return
            extra = self._call_hook(request, None)
            self._client.put(self._find(view, request.method, status, type(error).__name__, extra), elapsed)
        except Exception:
            logger.exception("The metrics of a request could not be recorded")

    def record_state(self, request: HttpRequest, response: HttpResponseBase, state: RequestState) -> None:
        """Emit what instrumentations have measured in a request. Never raises."""
        try:
            view = name_request(request, response.status_code)
            if self._excludes(view):
                return
            for hook in RESPONSE_HOOKS:
                hook(state, response)
            totals = state.add_up()
            if totals:
                tags = {"view": view, "method": normalize_method(request.method)}
            for (metric, pairs), total in totals.items():
                self._client.emit_metric(metric, total, {**dict(pairs), **tags}, self._every)
        except Exception:
            logger.exception("The instrumentation metrics of a request could not be recorded")

    def _record_slowly(self, request: HttpRequest, response: HttpResponseBase, start: float, elapsed: float) -> None:
        status = response.status_code
        view = name_request(request, status)
        if self._excludes(view):
            return
        exception = getattr(request, EXCEPTION_ATTRIBUTE, None) if status >= 500 else None
        extra = self._call_hook(request, response)
        self._client.put(self._find(view, request.method, status, exception, extra), elapsed)
        if response.streaming:
            tags = self._build_tags(view, request.method, status, exception, extra)
            # Django closes a response's own resources through this list, also if the client has disconnected.
            closers: list[Callable[[], None]] = response._resource_closers  # type: ignore[attr-defined]
            closers.append(lambda: self._record_stream(tags, start))

    def _record_stream(self, tags: dict[str, Any], start: float) -> None:
        elapsed = (perf_counter() - start) * 1000.0
        self._client.emit_metric(catalog.STREAM_DURATION, elapsed, tags, self._every)

    def _find(
        self, view: str, method: str | None, status: int, exception: str | None, extra: Mapping[str, Any]
    ) -> Series:
        tags = self._build_tags(view, method, status, exception, extra)
        plain = not exception and not extra
        key = (view, tags["method"], status) if plain else tuple(tags.items())
        try:
            return self._series[key]
        except Exception:  # noqa: BLE001  (an unknown series, or a tag that cannot be hashed)
            series = self._create_series(tags)
        if len(self._series) >= MAX_CACHED:
            self._series.clear()
        if plain or all(type(value) is str for value in extra.values()):
            self._series[key] = series
        return series

    def _create_series(self, tags: Mapping[str, Any]) -> Series:
        """Return the series of the duration; a sample of it counts the request too."""
        duration, count = catalog.REQUEST_DURATION, catalog.REQUEST_COUNT
        companion = self._client.create_series(KINDS[count.kind], count.name, tags, every=self._every)
        return self._client.create_series(
            KINDS[duration.kind],
            duration.name,
            tags,
            every=self._every,
            companion=companion,
            buckets=self._find_buckets(tags) if self._limits else (),
        )

    def _find_buckets(self, tags: Mapping[str, Any]) -> Sequence[tuple[float, Series]]:
        """Return the counters by limit, which all answers of one view and method share."""
        shared = {key: value for key, value in tags.items() if key not in ("status", "exception")}
        key = str(sorted(shared.items()))
        if key not in self._buckets:
            if len(self._buckets) >= MAX_CACHED:
                self._buckets.clear()
            self._buckets[key] = [(limit, self._create_bucket(shared, limit)) for limit in self._limits]
        found: Sequence[tuple[float, Series]] = self._buckets[key]
        return found

    def _create_bucket(self, tags: Mapping[str, Any], limit: float) -> Series:
        metric = catalog.REQUEST_BUCKET
        le = "+Inf" if limit == inf else f"{limit:g}"
        return self._client.create_series(KINDS[metric.kind], metric.name, {**tags, "le": le}, every=self._every)

    def _build_tags(
        self, view: str, method: str | None, status: int, exception: str | None, extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            **extra,
            "method": normalize_method(method),
            "view": view,
            "status": int(status),
            "exception": exception,
        }

    def _call_hook(self, request: HttpRequest, response: HttpResponseBase | None) -> Mapping[str, Any]:
        if self._hook is None:
            return {}
        try:
            return dict(self._hook(request, response))
        except Exception:
            if not self._hook_failed:
                self._hook_failed = True
                logger.exception("The function of REQUEST_TAGS failed. Its tags are omitted")
            return {}


def normalize_method(method: str | None) -> str:
    """Return the method, or ``OTHER`` if HTTP does not define it."""
    return method if method in METHODS else OTHER_METHOD
