"""The functions that an application calls all the time: ``incr``, ``gauge``, ``timing``.

They are closures over the queue and the series cache, with the look-up and the queue's put written out in each, because
a method call and four attribute look-ups would double what an emit costs. Whatever is not the common case (an unknown
series, a value by keyword or of another type, no flusher yet, a forked child, a captured or disabled client) goes to
``find`` and ``put``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from zemanta_ops.metrics.delivery.forks import Mark
from zemanta_ops.metrics.series.cache import SeriesCache
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, TIMING, Series
from zemanta_ops.metrics.series.values import MISSING, by_keyword, milliseconds, number

Put = Callable[[Series, Any], None]


class Emit(Protocol):
    """A call with a name and a value by position, and tags by keyword."""

    def __call__(self, name: str, value: Any = MISSING, /, **tags: Any) -> None:
        """Emit one sample; never raises and never blocks."""
        ...


class EmitGauge(Protocol):
    """The same with ``delta=True`` for a change."""

    def __call__(self, name: str, value: Any = MISSING, /, *, delta: bool = False, **tags: Any) -> None:
        """Emit one sample; never raises and never blocks."""
        ...


class Find(Protocol):
    """Returns the series of a call that the cache does not answer."""

    def __call__(self, kind: str, name: Any, tags: Mapping[str, Any]) -> Series:
        """Return the series."""
        ...


class Queue:
    """The samples that wait: ``entries``, open to a bare append while ``mark[0]`` is set and there is ``room[0]``."""

    def __init__(self, mark: Mark) -> None:
        self.entries: list[tuple[Series, Any]] = []
        self.mark = mark
        self.room = [1]


def make_incr(queue: Queue, cache: SeriesCache, find: Find, put: Put) -> Emit:
    """Return ``incr``."""
    mark, room, entries, append = queue.mark, queue.room, queue.entries, queue.entries.append
    one_tag, others = cache.one_tag, cache.others

    def incr(name: str, count: Any = MISSING, /, **tags: Any) -> None:
        """Add ``count`` (default 1) to a counter; fractions are summed, then cut off, at each flush.

        Without a second positional, ``count=`` or else ``value=`` is the count, as in django-statsd-influx.
        """
        try:
            if len(tags) == 1:
                for key in tags:
                    series = one_tag[name][key][tags[key]]
            else:
                series = others[(name, *tags.items())] if tags else others[name,]
        except Exception:  # noqa: BLE001  (an unknown series, or a tag that cannot be hashed)
            if count is MISSING:
                count = by_keyword(tags, 1, "count", "value")
            series = find(COUNTER, name, tags)
        if count is MISSING:
            count = 1
        if mark[0] and type(count) is int and len(entries) < room[0]:
            append((series, count))
        else:
            put(series, number(count))

    return incr


def make_gauge(queue: Queue, cache: SeriesCache, find: Find, put: Put) -> EmitGauge:
    """Return ``gauge``."""
    mark, room, entries, append = queue.mark, queue.room, queue.entries, queue.entries.append
    one_tag, others = cache.one_tag, cache.others

    def gauge(name: str, value: Any = MISSING, /, *, delta: bool = False, **tags: Any) -> None:
        """Set a gauge, or add to it with ``delta=True``; the order of the calls is kept."""
        try:
            if len(tags) == 1:
                for key in tags:
                    series = one_tag[name][key][tags[key]]
            else:
                series = others[(name, *tags.items())] if tags else others[name,]
        except Exception:  # noqa: BLE001
            if value is MISSING:
                value = by_keyword(tags, None, "value")
            series = find(GAUGE, name, tags)
        if type(value) is not float and type(value) is not int:
            value = number(value)
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
        """Record a duration: seconds, or a timedelta; milliseconds on the wire, microseconds kept."""
        try:
            if len(tags) == 1:
                for key in tags:
                    series = one_tag[name][key][tags[key]]
            else:
                series = others[(name, *tags.items())] if tags else others[name,]
        except Exception:  # noqa: BLE001
            if seconds is MISSING:
                seconds = by_keyword(tags, None, "seconds", "value")
            series = find(TIMING, name, tags)
        if mark[0] and type(seconds) is float and len(entries) < room[0]:
            # Adding zero makes a positive one of minus zero, whose sign the agent would refuse.
            append((series, seconds * 1000.0 + 0.0))
        else:
            put(series, milliseconds(seconds))

    return timing
