"""What instrumentation adds up while a request runs, in a context variable shared with the middleware.

An instrumentation asks ``current()`` on every event. Inside a measured request it gets the state and calls ``add``:
the middleware emits one sum per request and key when the response is ready, with the tags ``view`` and ``method``
added. Outside of one it gets None and emits through the client itself. The state is one object for all the threads
and tasks that serve a request, because contexts are copied and the object is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

Tags = tuple[tuple[str, str], ...]
Key = tuple[str, str, Tags]


class RequestState:
    """The samples of one request, by kind (as in ``series``), metric name and tags."""

    __slots__ = ("_occurrences", "_samples")

    def __init__(self) -> None:
        self._samples: list[tuple[Key, float]] = []
        self._occurrences: list[tuple[Key, Hashable]] = []

    def add(self, kind: str, name: str, value: float, tags: Tags = ()) -> None:
        """Add to the sum that this request will emit; timings in milliseconds. Safe from any thread."""
        self._samples.append(((kind, name, tags), value))

    def note(self, kind: str, name: str, what: Hashable, tags: Tags = ()) -> None:
        """Note one occurrence; this request will emit how often the most frequent ``what`` of the name occurred."""
        self._occurrences.append(((kind, name, tags), what))

    def totals(self) -> dict[Key, float]:
        """Return the sum of what was added, and the highest count of what was noted, by key."""
        totals: dict[Key, float] = {}
        for key, value in self._samples:
            totals[key] = totals.get(key, 0) + value
        for (key, _), count in Counter(self._occurrences).items():
            totals[key] = max(totals.get(key, 0), count)
        return totals


# Called for every measured request that got a response, before its totals are emitted.
AT_RESPONSE: list[Callable[[RequestState, HttpResponseBase], None]] = []

REQUEST: ContextVar[RequestState | None] = ContextVar("zemanta_ops_request", default=None)


def current() -> RequestState | None:
    """Return the state of the request that this code serves, or None outside of one."""
    return REQUEST.get()
