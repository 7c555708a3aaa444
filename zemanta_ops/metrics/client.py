"""The client: ``incr``, ``decr``, ``gauge``, ``timing``, ``timer``, ``histogram``, ``unique``.

A call looks its series up in a cache, appends one entry to the buffer's queue, and returns. It never raises, whatever
it is given, and never blocks: what cannot be written is counted in ``health()`` and dropped.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from zemanta_ops.conf import are_settings_loaded, are_settings_ready
from zemanta_ops.metrics import catalog, options
from zemanta_ops.metrics.catalog import Metric
from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.delivery.buffer import EXIT_SECONDS, Buffer
from zemanta_ops.metrics.delivery.emit_functions import make_gauge, make_incr, make_timing
from zemanta_ops.metrics.delivery.forks import create_mark
from zemanta_ops.metrics.delivery.queue import PendingSamples, Put, Queue, QueueEntry
from zemanta_ops.metrics.delivery.shutdown import close_before_exit
from zemanta_ops.metrics.delivery.statsd_writer import RENDERERS
from zemanta_ops.metrics.delivery.transports import create_transport
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.cache import SeriesCache
from zemanta_ops.metrics.series.cardinality import OTHER, OTHER_NAME, Limits, RateGuard, SeriesGuard
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, HISTOGRAM, KINDS, SET, TIMING, Series
from zemanta_ops.metrics.series.tags import clean_name, clean_tags, merge
from zemanta_ops.metrics.series.values import MISSING, take_keyword, to_member, to_number, unwrap_tuple
from zemanta_ops.metrics.timers import Timer

logger = logging.getLogger("zemanta_ops.metrics")

MAX_CACHED = 50_000

# Keywords that may carry the value. A call that uses one is never answered by the cache alone, because the same
# arguments mean a value in one kind of call and a tag in another.
VALUE_NAMES = ("count", "value", "seconds")


class Client:
    """Emits metrics to one agent. Without options it follows the Django settings.

    It opens no socket and starts no thread before the first sample.
    """

    def __init__(self, given: Options | None = None) -> None:
        self._given: Options | Mapping[str, Any] = given or {}
        # Not for the way of a sample: a signal handler may find it held by the code that it interrupts.
        self._lock = threading.RLock()
        self._pending = PendingSamples()
        self.rates = RateGuard()
        self._is_final = False
        self._is_setting_up = False
        self._caches: dict[tuple[str, int], SeriesCache] = {}
        self._extra_caches: list[dict[Any, Series]] = []
        self._queue = Queue(create_mark())
        self.incr = make_incr(self._queue, self._get_cache(COUNTER), self._find, self._forward)
        self.gauge = make_gauge(self._queue, self._get_cache(GAUGE), self._find, self._forward)
        self.timing = make_timing(self._queue, self._get_cache(TIMING), self._find, self._forward)
        self.buffer: Buffer | None = None
        self._sinks: list[Put] = []
        self._options: Options | None = None
        # ``put(series, value)`` takes a sample. It is an attribute, set by _choose_put when the destination changes:
        # a method that looks the destination up would add a second call to every sample.
        self.put: Put = self._choose_put()

    def decr(self, name: str, count: Any = MISSING, /, **tags: Any) -> None:
        """Subtract ``count`` (default 1) from a counter."""
        if count is MISSING:
            count = take_keyword(tags, 1, "count", "value")
        self.emit(COUNTER, name, -to_number(count), tags)

    def histogram(self, name: str, value: Any = MISSING, /, **tags: Any) -> None:
        """Record a size or a number of rows, not negative; the agent computes percentiles."""
        if value is MISSING:
            value = take_keyword(tags, None, "value")
        self.emit(HISTOGRAM, name, value, tags)

    def unique(self, name: str, value: Any = MISSING, /, **tags: Any) -> None:
        """Add a member to a set; the agent counts distinct members."""
        if value is MISSING:
            value = take_keyword(tags, None, "value")
        self.emit(SET, name, value, tags)

    def timer(self, name: str, /, **tags: Any) -> Timer:
        """Return a context manager and decorator that times a block or a function, even if it raises."""
        return Timer(lambda seconds: self.emit(TIMING, name, seconds * 1000.0, tags))

    block_timer = timer

    def emit(self, kind: str, name: str, value: Any, tags: Mapping[str, Any] | None = None, every: int = 1) -> None:
        """Record one value of any kind.

        Args:
            kind: one of the constants of ``series.series``.
            name: the metric's name.
            value: in the unit of the wire; timings in milliseconds. A 1-tuple changes a gauge.
            tags: the tags.
            every: n if the caller keeps one sample in n: counters are multiplied, timings carry ``@1/n``.
        """
        tags = tags or {}
        try:
            series = self._caches[kind, every].get(name, tags)
        except Exception:  # noqa: BLE001
            series = None
        if series is None:
            series = self._find(kind, name, tags, every)
        if kind == SET:
            value = to_member(value)
        elif type(value) is not tuple:
            value = to_number(value) + 0  # turns -0.0 into 0.0
        self.put(series, value)

    def emit_metric(self, metric: Metric, value: Any, tags: Mapping[str, Any], every: int = 1) -> None:
        """Record one value of a metric of the catalogue, with the parameters of ``emit``."""
        self.emit(KINDS[metric.kind], metric.name, value, tags, every)

    def create_series(
        self,
        kind: str,
        name: str,
        tags: Mapping[str, Any],
        *,
        every: int = 1,
        companion: Series | None = None,
        buckets: Sequence[tuple[float, Series]] = (),
    ) -> Series:
        """Return a series to keep in a ``new_cache()`` and to ``put`` values to."""
        self._setup()
        text, admitted = self._admit(kind, clean_name(name), clean_tags(tags))
        # One object for one line: samples that the guard folds together share a line too.
        counted = (companion and id(companion), *(id(bucket) for _, bucket in buckets))
        key = (kind, every, text, tuple(admitted.items()), counted)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._render_series(kind, text, admitted, every, companion, buckets)
        return series

    def _render_series(
        self,
        kind: str,
        name: str,
        tags: dict[str, str],
        every: int,
        companion: Series | None,
        buckets: Sequence[tuple[float, Series]],
    ) -> Series:
        prefix = clean_name(self._get_options().prefix)
        full_name = f"{prefix}.{name}" if prefix and name else name
        series = Series(kind, name, tags, full_name, merge(tags, self._default_tags), every, companion, buckets)
        if name:
            RENDERERS[self._get_options().dialect](series)
        return series

    @property
    def queue(self) -> Queue:
        """The waiting samples, for code that writes out the queue's put, as ``emit_functions`` does."""
        return self._queue

    def new_cache(self) -> dict[Any, Series]:
        """Return a dict for a caller's own series; the client empties it when its options change."""
        cache: dict[Any, Series] = {}
        self._extra_caches.append(cache)
        return cache

    def configure(self, statsd_host: Any, statsd_port: Any, project_name: Any) -> None:
        """Set agent and prefix; the other options stay. Works without Django settings."""
        port = to_number(unwrap_tuple(statsd_port))
        given = {"host": unwrap_tuple(statsd_host), "prefix": unwrap_tuple(project_name)}
        # NaN, which is not equal to itself, is the answer for what is not a number.
        self.reload({**given, "port": int(port) if port == port else Options.port})

    def reload(self, given: Options | Mapping[str, Any] | None = None) -> None:
        """Flush, and read the options again before the next sample."""
        with self._lock:
            if given is not None:
                self._given = given
            if self.buffer is not None:
                self.buffer.retire()
            self.buffer = self._options = None
            self._is_final = False
            self._clear_caches()
            for extra in self._extra_caches:
                extra.clear()
            self.put = self._choose_put()

    def follow_settings(self) -> None:
        """Read the options again if they were read before the settings were loaded, and send what waited for them."""
        if self.is_ready() and not self._is_final and not isinstance(self._given, Options):
            self.reload()
        if self._pending:
            self._setup()

    def hurry(self) -> None:
        """Send samples without delay from now on, because the process is about to end. Takes no lock."""
        if self.buffer is not None:
            self.buffer.hurry()

    def flush(self, timeout: float = EXIT_SECONDS) -> bool:
        """Send what is queued now; return False if another flush takes longer than ``timeout`` seconds."""
        return self.buffer.flush(timeout) if self.buffer is not None else True

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Flush and stop the flusher; a later sample is sent in the caller's thread."""
        if self._pending:
            # The settings were never loaded: send with what the environment gives.
            self._setup()
        if self.buffer is not None:
            self.buffer.close(timeout)

    def health(self) -> dict[str, Any]:
        """Return the state of this process's emitter, for a health-check page.

        ``sent`` and ``dropped`` (by reason) count samples; ``flush_age`` and ``flush_seconds`` are seconds.
        """
        self._setup()
        buffer = self.buffer
        return {"enabled": False} if buffer is None else {"enabled": True, **buffer.describe()}

    @contextmanager
    def capture(self, sink: Put) -> Iterator[None]:
        """Pass every sample to ``sink(series, value)`` instead of the buffer; may be nested."""
        with self._lock:
            self._sinks.append(sink)
            self.put = self._choose_put()
            # incr, gauge and timing append to the queue themselves while the mark is set; without it they call put.
            # The buffer sets it again with the first sample after the capture.
            self._queue.mark[0] = 0
        try:
            yield
        finally:
            with self._lock:
                self._sinks.pop()
                self.put = self._choose_put()

    def is_ready(self) -> bool:
        """Return whether the options have been read."""
        return self._options is not None

    def _get_cache(self, kind: str, every: int = 1) -> SeriesCache:
        return self._caches.setdefault((kind, every), SeriesCache())

    def _clear_caches(self) -> None:
        for cache in list(self._caches.values()):
            cache.clear()

    def _find(self, kind: str, name: Any, tags: Mapping[str, Any], every: int = 1) -> Series:
        """Return the series of a call that the cache did not answer, and let the cache answer the next one."""
        text = clean_name(name)
        cleaned = clean_tags(tags)
        if not self.is_ready() and not self._try_setup():
            # Rendered once the settings are there.
            return Series(kind, text, cleaned, "", {}, every)
        cache = self._get_cache(kind, every)
        ambiguous = any(word in tags for word in VALUE_NAMES)
        key = (text,) if ambiguous else text
        series = cache.get(key, cleaned)
        if series is None:
            series = self.create_series(kind, name, tags, every=every)
            if sum(map(len, self._caches.values())) >= MAX_CACHED:
                self._clear_caches()
            cache.add(key, cleaned, series)
        # Only strings may be a key as they are: 1, 1.0 and True are equal as keys, but are three different texts.
        if not ambiguous and type(name) is str and all(type(value) is str for value in tags.values()):
            cache.add(name, tags, series)
        return series

    def _admit(self, kind: str, name: str, tags: dict[str, str]) -> tuple[str, dict[str, str]]:
        admission = self._guard.admit(kind, name, tags)
        for metric, key in admission.exceeded:
            if metric == OTHER_NAME:
                logger.warning("Too many metric names. Further ones become %s", OTHER_NAME)
            elif key == OTHER:
                logger.warning("Metric %s has too many tag keys. Further ones are left out", metric)
            else:
                logger.warning("Metric %s has too many values of tag %s. Further values become _other", metric, key)
            self.emit_metric(catalog.CARDINALITY, 1, {"metric": metric, "tag": key})
        return admission.name, admission.tags

    def _get_options(self) -> Options:
        self._setup()
        # The defaults while a reload in this very thread is interrupted by a signal handler that emits.
        return self._options or Options()

    def _setup(self) -> None:
        """Read the options and build the buffer, once; then send what waited."""
        if self.is_ready():
            return
        with self._lock:
            if self.is_ready() or self._is_setting_up:
                return
            self._is_setting_up = True
            try:
                self._read_options()
            finally:
                self._is_setting_up = False
            self.put = self._choose_put()
        waited, lost = self._pending.take_all()
        for series, value in waited:
            self.put(self._find(series.kind, series.name, series.tags, series.every), value)
        if lost and self.buffer is not None:
            self.buffer.counts.add_dropped("queue_full", lost)

    def _try_setup(self) -> bool:
        """Set up without waiting for anything; return False if that is not possible now."""
        if not isinstance(self._given, Options) and not are_settings_ready():
            return False
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._setup()
        finally:
            self._lock.release()
        return self.is_ready()

    def _read_options(self) -> None:
        is_final = are_settings_loaded()
        now = self._given if isinstance(self._given, Options) else options.from_settings(**self._given)
        # Reading them may just have loaded them.
        self._is_final = is_final or are_settings_loaded()
        limits = Limits(now.max_names, now.max_series, now.max_tag_keys, now.max_tag_values)
        self._guard = SeriesGuard(limits, [metric.name for metric in catalog.METRICS])
        self._series: dict[Any, Series] = {}
        self._default_tags = clean_tags({**now.tags, "host": now.host_tag})
        if now.enabled:
            transport = create_transport(now.protocol, now.host, now.port)
            self.buffer = Buffer(self._queue, transport, now, self._self_metrics)
        # Last, because another thread may use everything above as soon as the client is ready.
        self._options = now

    def _choose_put(self) -> Put:
        """Return where samples go now: the innermost capture, the set-up, the buffer, or nowhere."""
        if self._sinks:
            return self._sinks[-1]
        if not self.is_ready():
            return self._setup_and_put
        return self.buffer.put if self.buffer is not None else _discard

    def _setup_and_put(self, series: Series, value: Any) -> None:
        """Take a sample before the options are read: it waits until the settings are there."""
        if self.is_ready() or self._try_setup():
            if not series.full_name:
                series = self._find(series.kind, series.name, series.tags, series.every)
            self._choose_put()(series, value)
        else:
            if not self._pending:
                close_before_exit(self)
            self._pending.append(series, value)

    def _forward(self, series: Series, value: Any) -> None:
        """Call the ``put`` of this moment; the closures of ``emit_functions`` are made once and keep this method."""
        self.put(series, value)

    def _self_metrics(self, buffer: Buffer) -> Iterable[QueueEntry]:
        """Yield what the emitter reports about itself every ``report_seconds``."""
        if buffer is not self.buffer:
            # What a signal handler has left in a buffer that is being replaced.
            return
        now = perf_counter()
        pause = self._get_options().report_seconds
        if now < buffer.counts.report_at or pause == float("inf"):
            return
        buffer.counts.report_at = now + pause
        yield self._find_metric(catalog.QUEUE_DEPTH), buffer.last_depth
        yield self._find_metric(catalog.FLUSH_DURATION), buffer.last_flush_seconds * 1000
        for reason, change in buffer.counts.take_changes():
            yield self._find_metric(catalog.DROPPED if reason else catalog.SENT, reason=reason), change

    def _find_metric(self, metric: Metric, **tags: Any) -> Series:
        return self._find(KINDS[metric.kind], metric.name, tags)


def _discard(series: Series, value: Any) -> None:
    """Take a sample while metrics are switched off."""


default_client = Client()
