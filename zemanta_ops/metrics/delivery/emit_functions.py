"""The functions that an application calls most often: ``incr``, ``gauge``, ``timing``.

They are closures over the queue and the series cache. The look-up and the queue's put are written out in each, because
a method call and four attribute look-ups would double what an emit costs. Everything but the common case goes to
``find`` and ``put``: an unknown series, a value by keyword or of another type, no flusher yet, a forked child, a
captured or disabled client.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from zemanta_ops.metrics.delivery.queue import Put, Queue
from zemanta_ops.metrics.series.cache import SeriesCache
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, TIMING, Series
from zemanta_ops.metrics.series.values import MISSING, take_keyword, to_milliseconds, to_number


class Emit(Protocol):
    """The type of ``incr`` and ``timing``: name and value by position, tags by keyword."""

    def __call__(self, name: str, value: Any = MISSING, /, **tags: Any) -> None:
        """Emit one sample; never raises and never blocks."""
        ...


class EmitGauge(Protocol):
    """The type of ``gauge``, which takes ``delta=True`` for a change."""

    def __call__(self, name: str, value: Any = MISSING, /, *, delta: bool = False, **tags: Any) -> None:
        """Emit one sample; never raises and never blocks."""
        ...


class Find(Protocol):
    """The type of ``find``, which answers a call that the cache does not know."""

    def __call__(self, kind: str, name: Any, tags: Mapping[str, Any]) -> Series:
        """Return the series."""
        ...


def make_incr(queue: Queue, cache: SeriesCache, find: Find, put: Put) -> Emit:
    """Return ``incr``."""
    mark, room, entries, append = queue.mark, queue.room, queue.entries, queue.entries.append
    one_tag, others = cache.one_tag, cache.others

    def incr(name: str, count: Any = MISSING, /, **tags: Any) -> None:
        """Add ``count`` (default 1) to a counter; each flush adds up the fractions and truncates the sum.

        Without a second positional argument, ``count=`` or else ``value=`` is the count, as in django-statsd-influx.
        """
        try:
            if len(tags) == 1:
                for key in tags:
                    series = one_tag[name][key][tags[key]]
            else:
                series = others[(name, *tags.items())] if tags else others[name,]
        except Exception:  # noqa: BLE001  (an unknown series, or a tag that cannot be hashed)
            if count is MISSING:
                count = take_keyword(tags, 1, "count", "value")
            series = find(COUNTER, name, tags)
        if count is MISSING:
            count = 1
        if mark[0] and type(count) is int and len(entries) < room[0]:
            append((series, count))
        else:
            put(series, to_number(count))

    return incr


def make_gauge(queue: Queue, cache: SeriesCache, find: Find, put: Put) -> EmitGauge:
    """Return ``gauge``."""
    mark, room, entries, append = queue.mark, queue.room, queue.entries, queue.entries.append
    one_tag, others = cache.one_tag, cache.others

    def gauge(name: str, value: Any = MISSING, /, *, delta: bool = False, **tags: Any) -> None:
        """Set a gauge, or add to it with ``delta=True``; calls are sent in their order."""
        try:
            if len(tags) == 1:
                for key in tags:
                    series = one_tag[name][key][tags[key]]
            else:
                series = others[(name, *tags.items())] if tags else others[name,]
        except Exception:  # noqa: BLE001
            if value is MISSING:
                value = take_keyword(tags, None, "value")
            series = find(GAUGE, name, tags)
        if type(value) is not float and type(value) is not int:
            value = to_number(value)
        if delta:
            value = (value,)
        if mark[0] and len(entries) < room[0]:
            append((series, value))
        else:
            put(series, value)

    return gauge


def make_timing(queue: Queue, cache: SeriesCache, find: Find, put: Put) -> Emit:
    """Return ``timing``."""
    mark, room, entries, append = queue.mark, queue.room, queue.entries, queue.entries.append
    one_tag, others = cache.one_tag, cache.others

    def timing(name: str, seconds: Any = MISSING, /, **tags: Any) -> None:
        """Record a duration in seconds or as a timedelta; it is sent in milliseconds with three decimals."""
        try:
            if len(tags) == 1:
                for key in tags:
                    series = one_tag[name][key][tags[key]]
            else:
                series = others[(name, *tags.items())] if tags else others[name,]
        except Exception:  # noqa: BLE001
            if seconds is MISSING:
                seconds = take_keyword(tags, None, "seconds", "value")
            series = find(TIMING, name, tags)
        if mark[0] and type(seconds) is float and len(entries) < room[0]:
            # Adding zero turns -0.0, which the agent rejects, into 0.0.
            append((series, seconds * 1000.0 + 0.0))
        else:
            put(series, to_milliseconds(seconds))

    return timing
