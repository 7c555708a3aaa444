"""One run: find what exists, fetch what is missing, write it, and report what is covered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from zemanta_ops.stack.cloudwatch.clients import Clients
from zemanta_ops.stack.cloudwatch.coverage import Coverage, to_datetime
from zemanta_ops.stack.cloudwatch.deadline import Deadline, TimeEndedError
from zemanta_ops.stack.cloudwatch.declarations import Declaration
from zemanta_ops.stack.cloudwatch.discovery import ClockError, Discovery, FoundScope, describe_overlaps
from zemanta_ops.stack.cloudwatch.listing import Listing
from zemanta_ops.stack.cloudwatch.marks import Mark, build_mark, read_marks
from zemanta_ops.stack.cloudwatch.queries import (
    MAX_POINTS,
    STATISTICS_PER_METRIC,
    DataRequest,
    ListedMetric,
    Scope,
    pack_requests,
)
from zemanta_ops.stack.cloudwatch.transfer import Journal, Progress, Transfer
from zemanta_ops.stack.cloudwatch.windows import KEPT, SETTLE, Window, choose_window, round_down, round_up, split_range
from zemanta_ops.stack.databases import Database, DatabaseError

# A window of this many periods holds the five statistics of a metric in one page of an answer.
_TALL = MAX_POINTS // STATISTICS_PER_METRIC
# A run that starts a little earlier than the one before it did is still due.
_JITTER = 30
# Points that reach the age limit of the database during a run would be refused.
_RETENTION_MARGIN = 120

Plan = dict[Scope, list[Window]]


def push(
    clients: Clients,
    database: Database,
    declarations: Sequence[Declaration],
    *,
    now: datetime,
    deadline: Callable[[], float] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    tags: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    listing: Listing | None = None,
    progress: Progress | None = None,
    journal: Journal | None = None,
) -> Coverage:
    """Fetch metrics from CloudWatch and write them to a database; failures are in the result and not raised.

    Without ``since`` it is a scheduled run: it fetches what is due, from the end of what earlier runs covered.

    Args:
        clients: The clients of AWS.
        database: The database.
        declarations: What to fetch.
        now: The current time.
        deadline: Returns how many seconds are left; None if there is no limit.
        since: The start of a back-fill.
        until: The end of a back-fill; ``now`` if None.
        tags: More tags on every series.
        listing: Answers about the account that several runs share.
        progress: Called after each request with the number of requests done and to do.
        journal: Which parts of a back-fill an earlier run has completed.

    """
    extra = tuple(dict(tags).items())
    named = {each.name: replace(each, tags=(*each.tags, *extra)) for each in declarations}
    scopes = list_scopes(declarations)
    coverage = Coverage(scopes=scopes)
    limit = Deadline(deadline)
    transfer = Transfer(clients, database, named, coverage, limit, progress, journal)
    discovery = Discovery(clients, listing or Listing(), int(now.timestamp()), coverage, limit)
    run = _Run(database, named, int(now.timestamp()), coverage, transfer, discovery, limit)
    if not run.is_writable():
        return coverage
    if since is not None:
        run.fill_back(scopes, int(since.timestamp()), int((until or now).timestamp()), journal)
    else:
        run.follow_schedule(scopes)
    return coverage


def list_scopes(declarations: Sequence[Declaration]) -> list[Scope]:
    """Return every declaration with each of its regions and roles."""
    return [Scope(each.name, region, role) for each in declarations for region in each.regions for role in each.roles]


class _Run:
    """The steps of a run; ``coverage`` is its report."""

    def __init__(
        self,
        database: Database,
        declarations: Mapping[str, Declaration],
        now: int,
        coverage: Coverage,
        transfer: Transfer,
        discovery: Discovery,
        deadline: Deadline,
    ) -> None:
        self.database = database
        self.declarations = declarations
        self.now = now
        self.coverage = coverage
        self.transfer = transfer
        self.discovery = discovery
        self.deadline = deadline

    def is_writable(self) -> bool:
        """Return whether the database answers and accepts writes, so that nothing is paid for in vain."""
        try:
            self.deadline.call(self.database.verify_writing)
        except (DatabaseError, TimeEndedError) as error:
            self._refuse(error)
            return False
        return True

    def follow_schedule(self, scopes: Sequence[Scope]) -> None:
        """Fetch what is due, and leave marks for the next run."""
        marks = self._read_marks(scopes)
        if marks is None:
            return
        due = [scope for scope in scopes if self._is_due(scope, marks)]
        self.coverage.scopes = due
        oldest = self._find_oldest()
        plan: Plan = {scope: [self._choose(scope, marks.get(scope), oldest)] for scope in due}
        if not plan:
            self._note_next(scopes, marks)
            return
        found = self._discover(plan, all_due=len(due) == len(scopes))
        self.transfer.run(self._rotate(self._pack(plan, found, None)), found)
        self._write_marks(plan, marks)
        self._report_lost(plan, marks, oldest)

    def fill_back(self, scopes: Sequence[Scope], since: int, until: int, journal: Journal | None) -> None:
        """Fetch a range of time, in windows that are as tall as an answer can be."""
        plan: Plan = {}
        for scope in scopes:
            period = self.declarations[scope.declaration].period
            plan[scope] = list(split_range(since, until, period, self.now, _TALL))
        plan = {scope: windows for scope, windows in plan.items() if windows}
        if not plan:
            self.coverage.add_problem("no period of this range has ended and is still kept by CloudWatch")
            return
        if self._refuse_old(min(windows[0].start for windows in plan.values())):
            return
        self._report_gone(since)
        found = self._discover(plan, all_due=True)
        self.transfer.run(self._pack(plan, found, journal), found)
        self._conclude(plan)

    def _read_marks(self, scopes: Sequence[Scope]) -> dict[Scope, Mark] | None:
        """Return what earlier runs covered; None if that cannot be read although these credentials may read."""
        try:
            return self.deadline.call(partial(read_marks, self.database, scopes, self.now))
        except (DatabaseError, TimeEndedError) as error:
            if isinstance(error, DatabaseError) and error.kind == "forbidden":
                self.coverage.notes.append(
                    f"earlier runs cannot be read, so no hole is repaired and every is not followed: {error}"
                )
                return {}
            self._refuse(error)
            return None

    def _refuse(self, error: DatabaseError | TimeEndedError) -> None:
        """Report why the run ends before it has requested anything."""
        text = "no answer before the time ended" if isinstance(error, TimeEndedError) else str(error)
        self.coverage.add_problem(f"{self.database.name}: {text}. Nothing was requested from CloudWatch")

    def _is_due(self, scope: Scope, marks: Mapping[Scope, Mark]) -> bool:
        """Return whether it is time to fetch a scope; what the last run did not complete is due at once."""
        mark = marks.get(scope)
        if mark is None or mark.covered < round_down(
            mark.written - SETTLE, self.declarations[scope.declaration].period
        ):
            return True
        return self.now >= self._find_due(scope, mark)

    def _find_due(self, scope: Scope, mark: Mark) -> int:
        every = self.declarations[scope.declaration].every
        return mark.written + every - min(_JITTER, every // 2)

    def _note_next(self, scopes: Sequence[Scope], marks: Mapping[Scope, Mark]) -> None:
        """Note when the next scope is due, so that a run that does nothing has a reason."""
        if scopes:
            due = to_datetime(min(self._find_due(scope, marks[scope]) for scope in scopes))
            self.coverage.notes.append(
                f"everything was fetched a short time ago; nothing is due before {due:%H:%M:%S} UTC"
            )

    def _report_lost(self, plan: Plan, marks: Mapping[Scope, Mark], oldest: int) -> None:
        """Report what earlier runs missed and this one does not reach; only the first complete run after it does."""
        for scope in self.coverage.covered:
            start = max(marks[scope].covered, oldest) if scope in marks else plan[scope][0].start
            if start < plan[scope][0].start:
                first, last = to_datetime(start), to_datetime(plan[scope][0].start)
                self.coverage.add_problem(
                    f"{scope}: nothing was fetched from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, "
                    f"longer ago than a run repairs. Run: manage.py push_cloudwatch --since {first:%Y-%m-%dT%H:%M}"
                )

    def _choose(self, scope: Scope, mark: Mark | None, oldest: int) -> Window:
        declaration = self.declarations[scope.declaration]
        covered = mark.covered if mark else None
        window = choose_window(self.now, declaration.period, declaration.look_back, covered)
        return replace(window, start=max(window.start, round_up(oldest, window.period)))

    def _find_oldest(self) -> int:
        """Return the first moment that the database keeps."""
        try:
            retention = self.deadline.call(self.database.read_retention)
        except (DatabaseError, TimeEndedError):
            retention = None
        return 0 if retention is None else self.now - int(retention.total_seconds()) + _RETENTION_MARGIN

    def _report_gone(self, since: int) -> None:
        """Report the part of a back-fill that CloudWatch no longer keeps; the rest is fetched."""
        oldest = self.now - KEPT[-1][0]
        if since < oldest:
            self.coverage.add_problem(
                f"CloudWatch keeps nothing older than {to_datetime(oldest):%Y-%m-%dT%H:%M} UTC, so the time before "
                "was not requested. Begin there"
            )

    def _refuse_old(self, start: int) -> bool:
        """Refuse a back-fill that the database would not keep, before anything is paid for."""
        oldest = self._find_oldest()
        if start >= oldest:
            return False
        first = to_datetime(round_up(oldest, 60)).strftime("%Y-%m-%dT%H:%M")
        self.coverage.add_problem(
            f"{self.database.name} keeps nothing older than {first} UTC, so nothing was requested. "
            "Begin there, or lengthen its retention"
        )
        return True

    def _discover(self, plan: Plan, *, all_due: bool) -> dict[Scope, FoundScope]:
        found: dict[Scope, FoundScope] = {}
        try:
            for scope, windows in plan.items():
                declaration = self.declarations[scope.declaration]
                if each := self.discovery.find(scope, declaration, windows[0].start):
                    found[scope] = each
                else:
                    self.transfer.gaps.add(scope, windows, ())
        except ClockError as error:
            self.coverage.add_problem(f"{error}. Nothing was requested from CloudWatch")
            for scope, windows in plan.items():
                self.transfer.gaps.add(scope, windows, ())
            return {}
        self.coverage.notes += describe_overlaps(found.values())
        # If some scopes are not due, the account may have what those declare.
        if all_due and self.coverage.ok and plan and not any(each.metrics for each in found.values()):
            regions = ", ".join(sorted({scope.region for scope in plan}))
            self.coverage.add_problem(f"no declared metric exists in {regions}. Check the regions and the credentials")
        return found

    def _pack(self, plan: Plan, found: Mapping[Scope, FoundScope], journal: Journal | None) -> list[DataRequest]:
        """Return the requests: scopes of one region, role and window share them."""
        groups: dict[tuple[str, str, Window], list[ListedMetric]] = {}
        for scope, each in found.items():
            for window in plan[scope]:
                wanted = [m for m in each.metrics if journal is None or m.identify(window) not in journal]
                groups.setdefault((scope.region, scope.role, window), []).extend(wanted)
        ordered = sorted(groups.items(), key=lambda item: item[0][2])
        return [request for (_, _, window), metrics in ordered for request in pack_requests(metrics, window)]

    def _rotate(self, requests: list[DataRequest]) -> list[DataRequest]:
        """Begin with another request in each run, so that a deadline does not always cut off the same ones."""
        first = self.now // 300 % max(len(requests), 1)
        return requests[first:] + requests[:first]

    def _conclude(self, plan: Plan) -> None:
        """Report the end of what is complete, and what is missing."""
        self.coverage.gaps = self.transfer.gaps.list()
        missing = {gap.scope for gap in self.coverage.gaps}
        self.coverage.covered = {
            scope: to_datetime(windows[-1].end) for scope, windows in plan.items() if scope not in missing
        }

    def _write_marks(self, plan: Plan, marks: Mapping[Scope, Mark]) -> None:
        self._conclude(plan)
        points = []
        for scope, windows in plan.items():
            before = marks[scope].covered if scope in marks else windows[0].start
            covered = self.coverage.covered.get(scope, to_datetime(before))
            points.append(build_mark(scope, self.now, covered, self.transfer.get_figures(scope)))
        self.transfer.write_marks(points)
