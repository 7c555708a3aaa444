"""What instrumentations measure while a request runs, in a context variable shared with the middleware.

An instrumentation calls ``get_request_state()`` on every event. Inside a measured request it gets the state and calls
``add``: when the response is ready, the middleware emits one sum per request, metric and tags, with the tags ``view``
and ``method`` added. Outside of a request it gets None and emits through the client. The state is one object for all
threads and tasks that serve a request, because contexts are copied and the object is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from typing import TYPE_CHECKING

from zemanta_ops.metrics.catalog import Metric

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

TagPairs = tuple[tuple[str, str], ...]
Key = tuple[Metric, TagPairs]


class RequestState:
    """The samples of one request, by metric and tags."""

    __slots__ = ("_occurrences", "_samples", "is_closed")

    def __init__(self) -> None:
        self.is_closed = False
        self._samples: list[tuple[Key, float]] = []
        self._occurrences: list[tuple[Key, Hashable]] = []

    def close(self) -> None:
        """Take no more samples: work that outlives its request is counted as outside of any."""
        self.is_closed = True

    def add(self, metric: Metric, value: float, tags: TagPairs = ()) -> None:
        """Add to the sum that this request emits; timings in milliseconds. Safe from any thread."""
        self._samples.append(((metric, tags), value))

    def note(self, metric: Metric, what: Hashable, tags: TagPairs = ()) -> None:
        """Note one occurrence; this request emits how often its most frequent ``what`` occurred."""
        self._occurrences.append(((metric, tags), what))

    def add_up(self) -> dict[Key, float]:
        """Return the sum of what was added, and the highest count of what was noted, by metric and tags."""
        totals: dict[Key, float] = {}
        for key, value in self._samples:
            totals[key] = totals.get(key, 0) + value
        for (key, _), count in Counter(self._occurrences).items():
            totals[key] = max(totals.get(key, 0), count)
        return totals


# Called for every measured request that got a response, before its sums are emitted.
RESPONSE_HOOKS: list[Callable[[RequestState, HttpResponseBase], None]] = []

REQUEST: ContextVar[RequestState | None] = ContextVar("zemanta_ops_request", default=None)


def get_request_state() -> RequestState | None:
    """Return the state of the request that this code serves, or None outside of one.

    A task or thread that a request has started has a copy of its context for as long as it runs. Once the request has
    been answered, what it does is outside of it.
    """
    state = REQUEST.get()
    return None if state is None or state.is_closed else state
