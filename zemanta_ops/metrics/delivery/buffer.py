"""Takes samples from callers and sends them from a background thread, the flusher.

``put``, and its copies in ``emit_functions``, is one read of the fork mark, one length check and one ``append``. It
waits for no lock, so signal handlers and ``__del__`` may emit at any time. Everything else happens in the flusher: a
daemon thread that starts with the first sample. If threads do not run, the caller flushes, by size or age.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from zemanta_ops.metrics.clock import perf_counter
from zemanta_ops.metrics.delivery.batch import DeliveryCounts, Packet, append_last_packet, pack, send
from zemanta_ops.metrics.delivery.forks import call_in_children, hold_process_lock
from zemanta_ops.metrics.delivery.queue import Put, Queue, QueueEntry
from zemanta_ops.metrics.delivery.shutdown import close_before_exit, is_exiting
from zemanta_ops.metrics.delivery.transports import Transport
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.series import Series

logger = logging.getLogger("zemanta_ops.metrics")

EXIT_SECONDS = 2.0
# The pause between flushes after SIGTERM: the server may end at any moment.
HURRY_SECONDS = 0.02


class Buffer:
    """A bounded queue with a background flusher.

    Args:
        queue: where callers put samples; one buffer at a time works on it.
        transport: where datagrams go.
        options: sizes and intervals; without ``threads`` the caller flushes.
        extra: returns samples to send at the end of a flush (the self-metrics), given this buffer.
    """

    def __init__(
        self,
        queue: Queue,
        transport: Transport,
        options: Options,
        extra: Callable[[Buffer], Iterable[QueueEntry]] | None = None,
    ) -> None:
        self.transport = transport
        self.queue = queue.entries
        self.counts = DeliveryCounts()
        self.last_depth = 0
        self.last_flush_seconds = 0.0
        self.last_flush_at = 0.0
        self._options = options
        self._extra = extra
        self._mark = queue.mark
        # Once the queue is half full, callers go through _put_slowly, which wakes the flusher.
        queue.room[0] = max(1, options.queue_size // 2)
        self._pid = 0
        self._is_retired = False
        self._locks: dict[int, threading.Lock] = {}
        self._reset_threads()
        self.put: Put = self._make_put(queue)
        _buffers.add(self)

    def _reset_threads(self) -> None:
        """Replace everything that belongs to a thread: in a forked child no thread of the parent exists."""
        self._thread: threading.Thread | None = None
        self._flush_lock = threading.Lock()
        # Not an Event, whose lock a signal handler may find held by the code that it interrupts: ``put`` of a
        # SimpleQueue is reentrant.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._closed = False
        self._hurries = False

    def _make_put(self, queue: Queue) -> Put:
        """Return the function that takes a sample; a closure, because attribute look-ups would double its cost."""
        mark, room, entries, append = queue.mark, queue.room, queue.entries, queue.entries.append
        put_slowly = self._put_slowly

        def put(series: Series, value: Any) -> None:
            if mark[0] and len(entries) < room[0]:
                append((series, value))
            else:
                put_slowly(series, value)

        return put

    def _put_slowly(self, series: Series, value: Any) -> None:
        """Take a sample if no flusher is known to run in this process, or the queue is half full."""
        if self._pid != os.getpid():
            self._start_in_process()
        if len(self.queue) * 2 >= self._options.queue_size:
            self._wake_flusher()
        if len(self.queue) >= self._options.queue_size:
            self.counts.add_dropped("queue_full")
            return
        self.queue.append((series, value))
        if not self._mark[0] and not self._start_flusher() and self._is_due():
            _flush_safely(self, timeout=0)

    def _start_in_process(self) -> None:
        """Start afresh in this process: the parent sends what was queued before a fork."""
        with hold_process_lock(self._locks) as held:
            if not held or self._pid == os.getpid():
                return
            if self._pid:
                self.queue.clear()
                self.transport.close()
            self.counts = DeliveryCounts()
            self._reset_threads()
            self._closed = is_exiting()
            self.last_flush_at = perf_counter()
            close_before_exit(self)
            self._pid = os.getpid()

    def _start_flusher(self) -> bool:
        """Start the flusher unless it runs already; return False if it cannot run."""
        if not self._options.threads or self._closed or _threads_are_disabled():
            return False
        with hold_process_lock(self._locks) as held:
            # If another call holds the lock, it is starting the flusher.
            if held:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = self._start_thread()
                if self._thread is None:
                    return False
                self._mark[0] = 1
            return True

    def _start_thread(self) -> threading.Thread | None:
        """Return the started thread of the flusher; None if it cannot be, as in some subinterpreters."""
        arguments = (weakref.ref(self), self._wake)
        try:
            thread = threading.Thread(
                target=_flush_in_background, args=arguments, daemon=True, name="zemanta-ops-metrics"
            )
            thread.start()
        except RuntimeError:
            return None
        return thread

    def _is_due(self) -> bool:
        if self._closed or len(self.queue) * 2 >= self._options.queue_size:
            return True
        return perf_counter() - self.last_flush_at >= self._options.flush_seconds

    def flush(self, timeout: float = EXIT_SECONDS) -> bool:
        """Send what is queued, in this thread.

        Args:
            timeout: seconds to wait for another flush to end. Datagrams that the network does not take within this
                time, or one flush interval if that is longer, are dropped and counted.

        Returns:
            False if another flush did not end within ``timeout`` seconds.
        """
        if self._is_retired:
            return True
        if self._pid != os.getpid():
            self._start_in_process()
        if not (self._flush_lock.acquire(timeout=timeout) if timeout > 0 else self._flush_lock.acquire(blocking=False)):
            return False
        try:
            self._flush(perf_counter() + max(timeout, self._options.flush_seconds))
            if self._closed:
                self.transport.close()
        finally:
            self._flush_lock.release()
        return True

    def _flush(self, deadline: float) -> None:
        started = perf_counter()
        batch = self.queue[:]
        del self.queue[: len(batch)]
        self.last_depth = len(batch)
        packets = self._pack(batch)
        own = self._pack(self._extra(self)) if self._extra is not None else []
        append_last_packet(packets, own, self._options.datagram_bytes)
        send(packets, self.transport, self.counts, deadline)
        if not send(own, self.transport, self.counts, deadline):
            # Losses during an outage are reported once it is over.
            self.counts.repeat_changes()
        self.last_flush_at = perf_counter()
        self.last_flush_seconds = self.last_flush_at - started

    def _pack(self, batch: Iterable[QueueEntry]) -> list[Packet]:
        return pack(batch, self._options.datagram_bytes, self.counts)

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Flush and stop; a sample given later is sent in the caller's thread."""
        self._closed = True
        if self._pid != os.getpid():
            return
        self._mark[0] = 0
        self._wake.put(None)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        self.flush(timeout)

    def retire(self) -> None:
        """Flush and stop for good: another buffer works on the queue from now on."""
        self.close()
        self._is_retired = True

    def hurry(self) -> None:
        """Make the flusher send without delay from now on, because the process is about to end. Takes no lock."""
        self._hurries = True
        self._wake.put(None)

    def _wake_flusher(self) -> None:
        # One is enough, however many samples find the queue half full.
        if self._wake.empty():
            self._wake.put(None)

    def is_alive(self) -> bool:
        """Return whether the flusher runs in this process."""
        return bool(self._mark[0]) and self._thread is not None and self._thread.is_alive()

    def describe(self) -> dict[str, Any]:
        """Return the state of this buffer, for ``Client.health``."""
        return {
            "flusher_alive": self.is_alive(),
            "queue_depth": len(self.queue),
            "sent": self.counts.sent,
            "datagrams": self.counts.datagrams,
            "bytes": self.counts.bytes,
            "dropped": dict(self.counts.dropped),
            "flush_age": perf_counter() - self.last_flush_at if self.last_flush_at else None,
            "flush_seconds": self.last_flush_seconds,
        }


def _flush_in_background(reference: weakref.ref[Buffer], wake: SimpleQueue[None]) -> None:
    """Flush every interval until the buffer is garbage-collected or closed.

    A closed buffer is flushed once more, in this thread, because no signal handler interrupts it here. The thread keeps
    no strong reference while it waits, so that it does not keep the buffer alive.
    """
    try:
        closed = False
        while not closed and (buffer := reference()) is not None:
            seconds = HURRY_SECONDS if buffer._hurries else buffer._options.flush_seconds
            buffer = None
            with suppress(Empty):
                wake.get(timeout=seconds)
            if (buffer := reference()) is not None:
                closed = buffer._closed
                _flush_safely(buffer)
    finally:
        if (buffer := reference()) is not None:
            buffer._mark[0] = 0


def _flush_safely(buffer: Buffer, timeout: float = EXIT_SECONDS) -> None:
    try:
        buffer.flush(timeout)
    except Exception:
        logger.exception("A flush of metrics failed; the next flush continues")


def _threads_are_disabled() -> bool:
    """Return whether this is uWSGI without enable-threads, which starts threads but never runs them."""
    uwsgi = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", None)
    return isinstance(options, dict) and not (
        {"enable-threads", b"enable-threads", "threads", b"threads"} & set(options)
    )


# Every buffer of this process, to clear it in forked children.
_buffers: weakref.WeakSet[Buffer] = weakref.WeakSet()


def _clear_in_child() -> None:
    """Clear the buffers in a forked child; the first sample there starts them again.

    They are not started here: ``multiprocessing`` has not set up the child yet, and would lose what is registered to
    run at exit.
    """
    for buffer in list(_buffers):
        if buffer._pid:
            buffer._mark[0] = 0
            buffer.queue.clear()
            buffer.counts = DeliveryCounts()


call_in_children(_clear_in_child)
