"""RequestMetricsMiddleware: times and counts every request, under WSGI and natively under ASGI."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from zemanta_ops.conf import conf
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.delivery.shutdown import flush_at_sigterm
from zemanta_ops.metrics.request.recorder import EXCEPTION_ATTRIBUTE, Patterns, RequestRecorder, TagHook
from zemanta_ops.metrics.request.state import REQUEST, RequestState
from zemanta_ops.metrics.sampling import is_sampled

__all__ = ["RequestMetricsMiddleware"]

logger = logging.getLogger("zemanta_ops.metrics")

Response = HttpResponseBase
GetResponse = Callable[[HttpRequest], Response] | Callable[[HttpRequest], Awaitable[Response]]


class RequestMetricsMiddleware:
    """Emits ``http.request.duration`` and ``http.request.count`` for every request.

    It may be anywhere in MIDDLEWARE; as the first entry it measures the other middlewares too. If ENABLED is False,
    Django leaves it out.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        settings = conf.metrics
        if settings.enabled is False:
            raise MiddlewareNotUsed("ZEMANTA_OPS METRICS ENABLED is False")
        self.get_response: Callable[[HttpRequest], Any] = get_response
        is_async = iscoroutinefunction(get_response)
        if is_async:
            markcoroutinefunction(self)
        flush_at_sigterm(default_client, on_loop=is_async or _is_loaded_for_event_loop())
        every = round(1 / settings.sample_rate)
        hook, views = _import_hook(settings.request_tags), Patterns(settings.exclude_views)
        self._recorder = RequestRecorder(default_client, every, hook, settings.buckets, views)
        self._record = self._recorder.record
        selection = _Selection(settings.exclude_paths, every)
        self._is_selected = selection.includes
        self._selects = selection.excludes_any
        self._keeps_state = bool(settings.instrument)
        # Decided once, so that the common case costs one comparison a request. None is that case, in ``__call__``:
        # sync, every request is measured, and no instrumentation adds to it.
        self._other_way: Callable[[HttpRequest], Any] | None = None
        if is_async:
            self._other_way = self._answer_async
        elif self._selects or self._keeps_state:
            self._other_way = self._answer_selectively

    def __call__(self, request: HttpRequest) -> Any:
        """Return the response; under ASGI, an awaitable of it."""
        if self._other_way is not None:
            return self._other_way(request)
        start = perf_counter()
        try:
            response: Response = self.get_response(request)
        except BaseException as error:
            self._recorder.record_abort(request, error, start)
            raise
        self._record(request, response, start)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Keep the type of a view's exception, because ``__call__`` sees only the response that Django makes of it."""
        setattr(request, EXCEPTION_ATTRIBUTE, type(exception).__name__)

    def _answer_selectively(self, request: HttpRequest) -> Response:
        selected, state = self._is_selected(request), RequestState()
        token = REQUEST.set(state)
        start = perf_counter()
        try:
            response: Response = self.get_response(request)
        except BaseException as error:
            if selected:
                self._recorder.record_abort(request, error, start)
            raise
        finally:
            REQUEST.reset(token)
            state.close()
        if selected:
            self._record(request, response, start)
            self._recorder.record_state(request, response, state)
        return response

    async def _answer_async(self, request: HttpRequest) -> Response:
        selected = not self._selects or self._is_selected(request)
        state = RequestState() if self._keeps_state else None
        token = REQUEST.set(state) if self._keeps_state else None
        start = perf_counter()
        try:
            response: Response = await self.get_response(request)
        except BaseException as error:
            if selected:
                self._recorder.record_abort(request, error, start)
            raise
        finally:
            if token is not None:
                REQUEST.reset(token)
            if state is not None:
                state.close()
        if selected:
            self._record(request, response, start)
            if state is not None:
                self._recorder.record_state(request, response, state)
        return response


def _is_loaded_for_event_loop() -> bool:
    """Return whether Django loads its middlewares for ASGI, also if one below this one is sync only.

    Django then runs this middleware synchronously, in a thread; the process is served by an event loop all the same.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "load_middleware" and "is_async" in frame.f_locals:
            return bool(frame.f_locals["is_async"])
        frame = frame.f_back
    return False


class _Selection:
    """Selects the requests to record: EXCLUDE_PATHS and SAMPLE_RATE."""

    def __init__(self, exclude_paths: Sequence[str], every: int) -> None:
        self.excludes_any = every > 1 or bool(exclude_paths)
        self._every = every
        self._excluded = Patterns(exclude_paths)

    def includes(self, request: HttpRequest) -> bool:
        """Return whether this request is recorded."""
        if self._excluded.match(request.path_info):
            return False
        return self._every == 1 or is_sampled(self._every)


def _import_hook(path: str) -> TagHook | None:
    """Return the function of REQUEST_TAGS; None if the setting is empty or cannot be imported."""
    try:
        return cast(TagHook, import_string(path)) if path else None
    except Exception:
        logger.exception("REQUEST_TAGS %s cannot be imported. Its tags are omitted", path)
        return None
