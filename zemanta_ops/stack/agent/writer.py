"""Write what the development agent aggregates to the database, as Telegraf would: ``watch_metrics --write``."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

from zemanta_ops.stack.agent.report import Report, SeriesSummary, Written
from zemanta_ops.stack.agent_contract import INTERNAL_STATSD, INTERNAL_WRITE, WATCH_METRICS
from zemanta_ops.stack.databases import Database, DatabaseError, Point, WriteReport
from zemanta_ops.stack.databases.base import BATCH
from zemanta_ops.stack.statsd import Sample

# Telegraf's metric_buffer_limit: at most this many points wait for the database; after that the oldest are lost.
WAITING_LIMIT = 10_000
# Seconds that a batch may take, and that the database has at the end to accept what is left.
BATCH_SECONDS = 30.0
END_SECONDS = 6.0


class Writer:
    """Writes the points of each interval in a background thread; it never raises and never blocks.

    What the database does not accept now is written again with the next interval.

    Args:
        database: The database; its owner closes it.
        host: The tag ``host`` of points that have none.
        address: Where the agent listens, ``host:port``.
        report: Called with one sentence on the first failure, and again only after a success.
        protocol: How the agent receives, ``udp`` or ``tcp``.

    """

    def __init__(
        self, database: Database, host: str, address: str, report: Callable[[str], None], protocol: str = "udp"
    ) -> None:
        self._database = database
        self._own_tags = {"host": host}
        self._address = address
        self._protocol = protocol
        self._report = report
        self._reported = False
        self._received = 0
        self._points = self._refused = self._lost = self._in_flight = 0
        self._reason = ""
        self._waiting: deque[Point] = deque()
        self._lock = threading.Lock()
        self._work_waiting = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="zemanta-ops-writer", daemon=True)
        self._thread.start()

    def put(self, report: Report) -> None:
        """Queue the points of one interval."""
        self._received += report.received.datagrams
        points = [*build_points(report, self._own_tags), *self._build_internals(_end(report))]
        with self._lock:
            self._waiting.extend(points)
            self._drop_oldest()
        self._work_waiting.set()

    def read_state(self) -> Written:
        """Return what happened to the points so far."""
        with self._lock:
            waiting = len(self._waiting) + self._in_flight
            return Written(self._database.name, self._points, self._refused, waiting, self._lost, self._reason)

    def close(self, seconds: float = END_SECONDS) -> None:
        """Write what is left for this many seconds; after that it is lost."""
        self._closing = True
        self._work_waiting.set()
        self._thread.join(seconds)
        with self._lock:
            self._lost += len(self._waiting) + self._in_flight
            self._in_flight = 0
            self._waiting.clear()

    def _run(self) -> None:
        closing = False
        while not closing:
            self._work_waiting.wait()
            self._work_waiting.clear()
            closing = self._closing  # read before the last round, so that nothing is queued after it
            while self._write_batch():
                pass

    def _write_batch(self) -> bool:
        """Write a batch; return False if there is none, or if the database does not accept it now."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH))]
            self._in_flight = len(batch)
        if not batch:
            return False
        try:
            report = self._database.write(batch, deadline=BATCH_SECONDS)
        except DatabaseError as error:
            if error.report:
                self._count(error.report)
            self._put_back(error.report.unwritten if error.report else batch, str(error))
        except Exception as error:  # noqa: BLE001  a client package may raise anything
            self._put_back(batch, type(error).__name__)
        else:
            self._note(report)
            return True
        return False

    def _note(self, report: WriteReport) -> None:
        self._count(report)
        with self._lock:
            self._in_flight = 0
        if report.refused or report.expired:
            number = len(report.refused) + report.expired
            self._report_once(f"{self._database.name} refused {number} points: {self._reason}")
        else:
            self._reported = False

    def _count(self, report: WriteReport) -> None:
        with self._lock:
            self._points += report.written
            self._refused += len(report.refused) + report.expired
            if report.expired:
                self._reason = f"{report.expired} points are older than the retention policy keeps"
            if report.refused:
                self._reason = report.refused[-1][1]

    def _put_back(self, batch: list[Point], reason: str) -> None:
        with self._lock:
            if self._in_flight:  # otherwise ``close`` has given it up
                self._waiting.extendleft(reversed(batch))
            self._in_flight = 0
            self._reason = reason
            self._drop_oldest()
        self._report_once(
            f"{self._database.name} does not accept points: {reason}. They are kept, and written with a later interval"
        )

    def _drop_oldest(self) -> None:
        while len(self._waiting) > WAITING_LIMIT:
            self._waiting.popleft()
            self._lost += 1

    def _report_once(self, text: str) -> None:
        if not self._reported:
            self._reported = True
            with suppress(OSError, ValueError):  # the pipe is broken, or the output is closed
                self._report(text)

    def _build_internals(self, time_ns: int) -> Iterator[Point]:
        """Yield the points of Telegraf's ``inputs.internal``, so that ``check_metrics`` recognizes this agent too."""
        state = self.read_state()
        counts = {"metrics_written": state.points, "metrics_rejected": state.refused, "metrics_dropped": state.lost}
        own = {**self._own_tags, "output": WATCH_METRICS}
        yield Point(INTERNAL_WRITE, counts, own, time_ns)
        received = {f"{self._protocol}_packets_received": self._received}
        yield Point(INTERNAL_STATSD, received, {**self._own_tags, "address": self._address}, time_ns)


def build_points(report: Report, own_tags: dict[str, str]) -> Iterator[Point]:
    """Yield one point per series, with the measurement, tags, fields and types that Telegraf writes.

    ``own_tags`` are added to each series that does not have them.
    """
    time_ns = _end(report)
    seen: dict[tuple[str, frozenset[tuple[str, str]]], int] = {}
    for series in report.series:
        measurement = Sample(series.name, series.type, 0).measurement
        tags = {**own_tags, **series.tags, "metric_type": series.type}
        # Two names with one measurement (a.b and a_b) would overwrite each other at the same time.
        key = (measurement, frozenset(tags.items()))
        seen[key] = seen.get(key, -1) + 1
        yield Point(measurement, _build_fields(series), tags, time_ns + seen[key])


def _build_fields(series: SeriesSummary) -> dict[str, float]:
    # Telegraf leaves out NaN and infinities. With float_counters and float_sets it writes floats too, so that one name
    # may be a counter here and a gauge there.
    finite = {key: value for key, value in series.fields.items() if math.isfinite(value)}
    return {key: value if key == "count" else float(value) for key, value in finite.items()}


def _end(report: Report) -> int:
    return int((report.started + report.seconds) * 1e9)
