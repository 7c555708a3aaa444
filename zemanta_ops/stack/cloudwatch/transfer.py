"""Requests to CloudWatch in a few threads, and their values into the database as they arrive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from typing import Protocol

from zemanta_ops.stack.cloudwatch.clients import CONNECTIONS, Clients
from zemanta_ops.stack.cloudwatch.coverage import Coverage, Gap, to_datetime
from zemanta_ops.stack.cloudwatch.deadline import Deadline, start
from zemanta_ops.stack.cloudwatch.declarations import Declaration
from zemanta_ops.stack.cloudwatch.discovery import FoundScope
from zemanta_ops.stack.cloudwatch.fetching import Fetched, fetch_data
from zemanta_ops.stack.cloudwatch.marks import FAILED
from zemanta_ops.stack.cloudwatch.queries import DataRequest, ListedMetric, Scope, count_billed
from zemanta_ops.stack.cloudwatch.resource_tags import find_tags
from zemanta_ops.stack.cloudwatch.rows import Tags, build_points, build_tags
from zemanta_ops.stack.cloudwatch.windows import Window
from zemanta_ops.stack.databases import Database, DatabaseError, Point
from zemanta_ops.stack.databases.errors import classify_answer

Progress = Callable[[int, int], None]


class Journal(Protocol):
    """Which parts of a back-fill are in the database."""

    def __contains__(self, key: str) -> bool:
        """Return whether a part is done."""
        ...

    def add(self, keys: Sequence[str]) -> None:
        """Note that parts are done."""
        ...


class Gaps:
    """Which series of which scopes are missing, and from when to when."""

    def __init__(self) -> None:
        self._windows: dict[Scope, list[Window]] = {}
        self._series: dict[Scope, set[ListedMetric]] = {}

    def add(self, scope: Scope, windows: Sequence[Window], metrics: Sequence[ListedMetric]) -> None:
        """Add series; an empty sequence means all of the scope."""
        self._windows.setdefault(scope, []).extend(windows)
        self._series.setdefault(scope, set()).update(metrics)

    def add_metrics(self, window: Window, metrics: Sequence[ListedMetric]) -> None:
        """Add series of any scopes."""
        for metric in metrics:
            self.add(metric.scope, [window], [metric])

    def count(self, scope: Scope) -> int:
        """Return how many series of a scope are missing."""
        return len(self._series.get(scope, ()))

    def list(self) -> list[Gap]:
        """Return one gap per scope."""
        return [
            Gap(
                scope,
                to_datetime(min(each.start for each in windows)),
                to_datetime(max(each.end for each in windows)),
                self.count(scope),
            )
            for scope, windows in self._windows.items()
        ]


class Transfer:
    """Fetches and writes; what it cannot do is reported as a gap.

    Args:
        clients: The clients of AWS.
        database: The database; only the thread that calls ``run`` uses it.
        declarations: The declarations by name.
        coverage: Where it reports.
        deadline: The time that is left.
        progress: Called with the number of requests done and to do.
        journal: Where it notes what is in the database.

    """

    def __init__(
        self,
        clients: Clients,
        database: Database,
        declarations: Mapping[str, Declaration],
        coverage: Coverage,
        deadline: Deadline,
        progress: Progress | None,
        journal: Journal | None,
    ) -> None:
        self.gaps = Gaps()
        self._clients = clients
        self._database = database
        self._declarations = declarations
        self._coverage = coverage
        self._deadline = deadline
        self._progress = progress
        self._journal = journal
        self._figures: dict[Scope, dict[str, float]] = {}
        self._refused: dict[Scope, set[tuple[str, Tags]]] = {}
        self._broken = False

    def run(self, requests: Sequence[DataRequest], found: Mapping[Scope, FoundScope]) -> None:
        """Send the requests and write their values, until all are done or the time or the database ends it."""
        waiting, running = deque(requests), dict[Future[Fetched], tuple[DataRequest, float | None]]()
        while (waiting or running) and not self._broken:
            self._submit(waiting, running)
            done = wait(running, self._deadline.left(), FIRST_COMPLETED).done if running else set()
            if not done:
                self._coverage.add_problem(_describe_deadline(len(waiting) + len(running), len(requests)))
                break
            for future in done:
                request, left_before = running.pop(future)
                self._deadline.note(left_before)
                self._store(request, future.result(), found)
                self._report_progress(len(requests) - len(waiting) - len(running), len(requests))
        for request in (*waiting, *(request for request, _ in running.values())):
            self.gaps.add_metrics(request.window, request.metrics)

    def get_figures(self, scope: Scope) -> dict[str, float]:
        """Return the figures of a scope: metrics requested, rows, and series that are missing or were refused."""
        none = {"metrics_requested": 0.0, "rows": 0.0}
        failed = self.gaps.count(scope) + len(self._refused.get(scope, ()))
        return {**none, **self._figures.get(scope, {}), FAILED: float(failed)}

    def write_marks(self, points: Sequence[Point]) -> None:
        """Write the marks of the run, unless the database has failed before."""
        if self._broken:
            return
        try:
            report = self._database.write(points, deadline=self._deadline.left_for_writing())
            self._coverage.add_refusals(reason for _, reason in report.refused)
        except DatabaseError as error:
            self._coverage.add_problem(f"{self._database.name}: {error}")

    def _submit(
        self,
        waiting: deque[DataRequest],
        running: dict[Future[Fetched], tuple[DataRequest, float | None]],
    ) -> None:
        while waiting and len(running) < CONNECTIONS and self._deadline.allows_request():
            request = waiting.popleft()
            client = self._clients.get_client("cloudwatch", request.region, request.role)
            running[start(partial(fetch_data, client, request))] = request, self._deadline.left()

    def _store(self, request: DataRequest, fetched: Fetched, found: Mapping[Scope, FoundScope]) -> None:
        coverage = self._coverage
        coverage.metrics += fetched.metrics
        coverage.requests += fetched.requests
        for problem in fetched.problems:
            coverage.add_problem(problem)
        self.gaps.add_metrics(request.window, fetched.incomplete)
        points = self._build_points(request, fetched, found)
        rows = [point for own in points.values() for point in own]
        try:
            report = self._database.write(rows, deadline=self._deadline.left_for_writing())
        except DatabaseError as error:
            self._broken = True
            coverage.rows += error.report.written if error.report else 0
            coverage.add_problem(f"{self._database.name}: {error}. Nothing more was requested from CloudWatch")
            self.gaps.add_metrics(request.window, request.metrics)
            return
        coverage.rows += report.written
        self._count_rows(points, report.refused_points)
        coverage.add_refusals(["points beyond the retention policy are not kept"] * report.expired)
        coverage.add_refusals(reason for _, reason in report.refused)
        if any(classify_answer(400, reason).kind == "limit" for _, reason in report.refused):
            # These rows fit when the limit is raised. Others would be refused again, however often they are fetched.
            self.gaps.add_metrics(request.window, request.metrics)
        elif self._journal is not None:
            missing = set(fetched.incomplete)
            self._journal.add([each.identify(request.window) for each in request.metrics if each not in missing])

    def _count_rows(self, points: Mapping[Scope, Sequence[Point]], refused: Sequence[Point]) -> None:
        """Count what the database accepted of each scope, and the series of which it refused a row."""
        wrong = set(map(id, refused))
        for scope, own in points.items():
            bad = [point for point in own if id(point) in wrong]
            self._figures[scope]["rows"] += len(own) - len(bad)
            series = self._refused.setdefault(scope, set())
            series.update((point.measurement, tuple(sorted(point.tags.items()))) for point in bad)

    def _build_points(
        self, request: DataRequest, fetched: Fetched, found: Mapping[Scope, FoundScope]
    ) -> dict[Scope, list[Point]]:
        tags: dict[ListedMetric, Tags] = {}
        for metric in request.metrics:
            resource_tags = find_tags(metric, found[metric.scope].resource_tags)
            tags[metric] = build_tags(metric, self._declarations[metric.scope.declaration], resource_tags)
            figures = self._figures.setdefault(metric.scope, {"metrics_requested": 0.0, "rows": 0.0})
            figures["metrics_requested"] += count_billed(len(metric.metric.statistics))
        points = {}
        for scope in dict.fromkeys(metric.scope for metric in request.metrics):
            own = {key: values for key, values in fetched.values.items() if key[0].scope == scope}
            points[scope] = list(build_points(own, tags.__getitem__))
        return points

    def _report_progress(self, done: int, total: int) -> None:
        if self._progress:
            self._progress(done, total)


def _describe_deadline(left: int, total: int) -> str:
    return f"the time ended before {left} of {total} requests were answered. Give it more time, or fetch less"
