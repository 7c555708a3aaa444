"""RequestMetricsMiddleware: times and counts every request, under WSGI and natively under ASGI."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from zemanta_ops.conf import conf
from zemanta_ops.metrics.client import default_client
from zemanta_ops.metrics.delivery.shutdown import flush_at_sigterm
from zemanta_ops.metrics.request.recorder import CLIENT_CLOSED_REQUEST, EXCEPTION_ATTRIBUTE, RequestRecorder, TagHook
from zemanta_ops.metrics.request.state import REQUEST, RequestState

logger = logging.getLogger("zemanta_ops.metrics")

Response = HttpResponseBase
GetResponse = Callable[[HttpRequest], Response] | Callable[[HttpRequest], Awaitable[Response]]


class RequestMetricsMiddleware:
    """Emits ``http.request.duration`` and ``http.request.count`` for every request.

    Anywhere in MIDDLEWARE; first, it measures the other middlewares too. With ENABLED False it takes itself out.
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
            flush_at_sigterm(default_client.flush)
        every = round(1 / settings.sample_rate)
        self._recorder = RequestRecorder(default_client, every, _hook(settings.request_tags))
        self._record = self._recorder.record
        self._every = every
        self._exact = frozenset(path for path in settings.exclude_paths if not path.endswith("*"))
        self._prefixes = tuple(path[:-1] for path in settings.exclude_paths if path.endswith("*"))
        self._chooses = every > 1 or bool(settings.exclude_paths)
        self._keeps_state = bool(settings.instrument)
        # Decided once: None is the common case, sync and every request measured alone, which ``__call__`` spells out.
        self._other_way: Callable[[HttpRequest], Any] | None = None
        if is_async:
            self._other_way = self._answer_async
        elif self._chooses or self._keeps_state:
            self._other_way = self._answer_with_choice

    def __call__(self, request: HttpRequest) -> Any:
        """Answer the request; under ASGI, return the awaitable that does."""
        if self._other_way is not None:
            return self._other_way(request)
        start = perf_counter()
        try:
            response: Response = self.get_response(request)
        except BaseException as error:
            self._recorder.record_abort(request, error, start, 500)
            raise
        self._record(request, response, start)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Keep the type of a view's exception, which ``__call__`` never sees."""
        setattr(request, EXCEPTION_ATTRIBUTE, type(exception).__name__)

    def _answer_with_choice(self, request: HttpRequest) -> Response:
        chosen, state, token = self._choose(request), RequestState(), None
        token = REQUEST.set(state)
        start = perf_counter()
        try:
            response: Response = self.get_response(request)
        except BaseException as error:
            if chosen:
                self._recorder.record_abort(request, error, start, 500)
            raise
        finally:
            REQUEST.reset(token)
        if chosen:
            self._record(request, response, start)
            self._recorder.record_state(request, response, state)
        return response

    async def _answer_async(self, request: HttpRequest) -> Response:
        chosen = not self._chooses or self._choose(request)
        state = RequestState() if self._keeps_state else None
        token = REQUEST.set(state) if self._keeps_state else None
        start = perf_counter()
        try:
            response: Response = await self.get_response(request)
        except BaseException as error:
            if chosen:
                gone = isinstance(error, asyncio.CancelledError)
                self._recorder.record_abort(request, error, start, CLIENT_CLOSED_REQUEST if gone else 500)
            raise
        finally:
            if token is not None:
                REQUEST.reset(token)
        if chosen:
            self._record(request, response, start)
            if state is not None:
                self._recorder.record_state(request, response, state)
        return response

    def _choose(self, request: HttpRequest) -> bool:
        """Whether this request is recorded."""
        path = request.path_info
        if path in self._exact or (self._prefixes and path.startswith(self._prefixes)):
            return False
        return self._every == 1 or random.randrange(self._every) == 0  # noqa: S311  (sampling, no secret)


def _hook(path: str) -> TagHook | None:
    """Return the function of REQUEST_TAGS; None where there is none, or where it cannot be imported."""
    try:
        return cast(TagHook, import_string(path)) if path else None
    except Exception:
        logger.exception("REQUEST_TAGS %s cannot be imported; its tags are left out", path)
        return None
