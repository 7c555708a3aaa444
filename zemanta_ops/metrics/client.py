"""The client: ``incr``, ``decr``, ``gauge``, ``timing``, ``timer``, ``histogram``, ``unique``.

A call looks its series up in a cache, appends one entry to the buffer's queue, and returns. It never raises, whatever
it is given, and never blocks: what cannot be written is counted in ``health()`` and dropped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from zemanta_ops.metrics import catalog, options
from zemanta_ops.metrics.delivery.buffer import EXIT_SECONDS, Buffer
from zemanta_ops.metrics.delivery.emitters import Put, Queue, make_gauge, make_incr, make_timing
from zemanta_ops.metrics.delivery.forks import new_mark
from zemanta_ops.metrics.delivery.statsd_writer import RENDERERS
from zemanta_ops.metrics.delivery.transports import create
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.cache import SeriesCache
from zemanta_ops.metrics.series.cardinality import Guard
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, SET, TIMING, Series
from zemanta_ops.metrics.series.tags import clean_name, clean_tags, merge
from zemanta_ops.metrics.series.values import MISSING, by_keyword, member, number, one
from zemanta_ops.metrics.timers import Timer

logger = logging.getLogger("zemanta_ops.metrics")

MAX_CACHED = 50_000

# A value may be given by these names, so a call that uses one as a tag is never answered by the cache as it stands.
VALUE_NAMES = ("count", "value", "seconds")


class Client:
    """Emits metrics to one agent. Without options it follows the Django settings.

    Nothing is opened or started before the first sample.
    """

    def __init__(self, given: Options | None = None) -> None:
        self._given: Options | Mapping[str, Any] = given or {}
        self._lock = threading.RLock()
        self._caches: dict[tuple[str, int], SeriesCache] = {}
        self._extra_caches: list[dict[Any, Series]] = []
        self._queue = Queue(new_mark())
        self.incr = make_incr(self._queue, self._cache(COUNTER), self._find, self._put_now)
        self.gauge = make_gauge(self._queue, self._cache(GAUGE), self._find, self._put_now)
        self.timing = make_timing(self._queue, self._cache(TIMING), self._find, self._put_now)
        self.buffer: Buffer | None = None
        self._captured: list[Put] = []
        self._options: Options | None = None
        self.put: Put = self._first_put

    def decr(self, name: str, count: Any = MISSING, /, **tags: Any) -> None:
        """Subtract ``count`` (default 1) from a counter."""
        if count is MISSING:
            count = by_keyword(tags, 1, "count", "value")
        self.emit(COUNTER, name, -number(count), tags)

    def histogram(self, name: str, value: Any = MISSING, /, **tags: Any) -> None:
        """Record a size or a number of rows, from which the agent makes percentiles; not negative."""
        if value is MISSING:
            value = by_keyword(tags, None, "value")
        self.emit(HISTOGRAM, name, value, tags)

    def unique(self, name: str, value: Any = MISSING, /, **tags: Any) -> None:
        """Add a member to a set; the agent counts distinct members."""
        if value is MISSING:
            value = by_keyword(tags, None, "value")
        self.emit(SET, name, value, tags)

    def timer(self, name: str, /, **tags: Any) -> Timer:
        """Return a context manager and decorator that times what it wraps, failing or not."""
        return Timer(lambda seconds: self.emit(TIMING, name, seconds * 1000.0, tags))

    block_timer = timer

    def emit(self, kind: str, name: str, value: Any, tags: Mapping[str, Any] | None = None, every: int = 1) -> None:
        """Record one value of any kind, in the unit of the wire: timings in milliseconds.

        ``every`` is n where the caller has kept one sample in n: counters are multiplied, timings carry ``@1/n``.
        """
        tags = tags or {}
        try:
            series = self._caches[kind, every].get(name, tags)
        except Exception:  # noqa: BLE001
            series = None
        if series is None:
            series = self._find(kind, name, tags, every)
        if kind == SET:
            value = member(value)
        elif type(value) is not tuple:
            value = number(value) + 0  # adding zero makes a positive one of minus zero
        self.put(series, value)

    def series(
        self, kind: str, name: str, tags: Mapping[str, Any], *, every: int = 1, companion: Series | None = None
    ) -> Series:
        """Return a series to keep and ``put`` values to; keep it in a ``new_cache()``, which is emptied on reload."""
        self._setup()
        text = clean_name(name)
        cleaned = self._admit(text, clean_tags(tags))
        prefix = clean_name(self._options_now().prefix)
        full_name = f"{prefix}.{text}" if prefix and text else text
        series = Series(
            kind,
            text,
            cleaned,
            full_name=full_name,
            all_tags=merge(cleaned, self._default_tags),
            every=every,
            companion=companion,
        )
        if text:
            RENDERERS[self._options_now().dialect](series)
        return series

    @property
    def queue(self) -> Queue:
        """The samples that wait, for those who write its put out, as ``emitters`` does."""
        return self._queue

    def new_cache(self) -> dict[Any, Series]:
        """Return a dict for series of one's own, which the client empties when its options change."""
        cache: dict[Any, Series] = {}
        self._extra_caches.append(cache)
        return cache

    def configure(self, statsd_host: Any, statsd_port: Any, project_name: Any) -> None:
        """Use this agent and prefix; the other options stay. Works without Django settings."""
        given = {"host": one(statsd_host), "port": number(one(statsd_port)), "prefix": one(project_name)}
        given["port"] = int(given["port"]) if given["port"] == given["port"] else 8125
        self.reload(given)

    def reload(self, given: Options | Mapping[str, Any] | None = None) -> None:
        """Flush, and read the options again before the next sample."""
        with self._lock:
            if given is not None:
                self._given = given
            if self.buffer is not None:
                self.buffer.close()
            self.buffer = self._options = None
            for cache in self._caches.values():
                cache.clear()
            for extra in self._extra_caches:
                extra.clear()
            if self._captured:
                self._captured[0] = self._first_put
            else:
                self.put = self._first_put

    def flush(self, timeout: float = EXIT_SECONDS) -> bool:
        """Send what is queued now; False where another flush takes longer than ``timeout`` seconds."""
        return self.buffer.flush(timeout) if self.buffer is not None else True

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Flush and stop the flusher; a later sample is still sent, inline."""
        if self.buffer is not None:
            self.buffer.close(timeout)

    def health(self) -> dict[str, Any]:
        """Return the state of this process's emitter, for a health-check page.

        ``sent`` and ``dropped`` (by reason) count samples; ``flush_age`` and ``flush_seconds`` are seconds.
        """
        self._setup()
        buffer = self.buffer
        if buffer is None:
            return {"enabled": False}
        age = time.monotonic() - buffer.last_flush_at if buffer.last_flush_at else None
        return {
            "enabled": True,
            "flusher_alive": buffer.alive(),
            "queue_depth": len(self._queue.entries),
            "sent": buffer.tally.sent,
            "datagrams": buffer.tally.datagrams,
            "bytes": buffer.tally.bytes,
            "dropped": dict(buffer.tally.dropped),
            "flush_age": age,
            "flush_seconds": buffer.last_flush_seconds,
        }

    @contextmanager
    def capture(self, sink: Put) -> Iterator[None]:
        """Give every sample to ``sink(series, value)`` instead of the buffer; may be nested."""
        with self._lock:
            self._captured.append(self.put)
            self.put = sink
            # Closes the way around ``put``; the buffer opens it again with the next sample it gets.
            self._queue.mark[0] = 0
        try:
            yield
        finally:
            with self._lock:
                self.put = self._captured.pop()

    def _cache(self, kind: str, every: int = 1) -> SeriesCache:
        return self._caches.setdefault((kind, every), SeriesCache())

    def _find(self, kind: str, name: Any, tags: Mapping[str, Any], every: int = 1) -> Series:
        """Return the series of a call that the cache does not answer as it stands."""
        text = clean_name(name)
        cleaned = clean_tags(tags)
        cache = self._cache(kind, every)
        ambiguous = any(word in tags for word in VALUE_NAMES)
        known_as = (text,) if ambiguous else text
        series = cache.get(known_as, cleaned)
        if series is None:
            series = self.series(kind, name, tags, every=every)
            if len(cache) >= MAX_CACHED:
                cache.clear()
            cache.add(known_as, cleaned, series)
        # Only strings may answer for the raw call: 1, 1.0 and True are one key but three texts.
        if not ambiguous and type(name) is str and all(type(value) is str for value in tags.values()):
            cache.add(name, tags, series)
        return series

    def _admit(self, name: str, tags: dict[str, str]) -> dict[str, str]:
        verdict = self._guard.admit(name, tags)
        for key in verdict.offenders:
            logger.warning("Metric %s has too many values of tag %s; further ones become _other", name, key)
            self.emit(COUNTER, catalog.CARDINALITY.name, 1, {"metric": name, "tag": key})
        return verdict.tags

    def ready(self) -> bool:
        """Whether the options have been read."""
        return self._options is not None

    def _options_now(self) -> Options:
        self._setup()
        assert self._options is not None  # noqa: S101  (for the type checker)
        return self._options

    def _setup(self) -> None:
        """Read the options and build the buffer, once."""
        if self.ready():
            return
        with self._lock:
            if self.ready():
                return
            now = self._given if isinstance(self._given, Options) else options.from_settings(**self._given)
            self._guard = Guard(now.max_series, now.max_tag_values)
            self._default_tags = clean_tags({**now.tags, "host": now.host_tag})
            put: Put = _discard
            if now.enabled:
                self.buffer = Buffer(
                    self._queue,
                    create(now.protocol, now.host, now.port),
                    datagram_bytes=now.datagram_bytes,
                    flush_seconds=now.flush_seconds,
                    queue_size=now.queue_size,
                    extra=self._self_metrics,
                    threads=now.threads,
                )
                put = self.buffer.put
            self._options = now
            if self._captured:
                self._captured[0] = put
            else:
                self.put = put

    def _put_now(self, series: Series, value: Any) -> None:
        self.put(series, value)

    def _first_put(self, series: Series, value: Any) -> None:
        self._setup()
        if self.put != self._first_put:
            self.put(series, value)

    def _self_metrics(self, buffer: Buffer) -> Iterable[tuple[Series, Any]]:
        """Return what the emitter says about itself, every ``report_seconds``; nothing where that is infinite."""
        now = time.monotonic()
        pause = self._options_now().report_seconds
        if now < buffer.tally.report_at or pause == float("inf"):
            return
        buffer.tally.report_at = now + pause
        yield self._find(HISTOGRAM, catalog.QUEUE_DEPTH.name, {}), buffer.last_depth
        yield self._find(TIMING, catalog.FLUSH_DURATION.name, {}), buffer.last_flush_seconds * 1000
        for why, change in buffer.tally.changes():
            name = catalog.DROPPED.name if why else catalog.SENT.name
            yield self._find(COUNTER, name, {"reason": why}), change


def _discard(series: Series, value: Any) -> None:
    """Take a sample where metrics are off."""


default_client = Client()
