from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from zemanta_ops.stack.check.diagnosis import Arrival, judge_probe, judge_telegraf
from zemanta_ops.stack.check.hops import ADVICE, FlowReport, Hop, fail_hop, skip_hop
from zemanta_ops.stack.check.telegraf_stats import AgentState, read_agent_state
from zemanta_ops.stack.databases import ONCE, Database, DatabaseError, Point, StoredValue, WriteReport

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
DOCS = Path(__file__).parents[3] / "docs" / "check_metrics.rst"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@dataclass
class Canned(Database):
    """A database of canned readings: the diagnosis reads histories that real servers need minutes to make."""

    series: dict[tuple[str, str], list[StoredValue]] = field(default_factory=dict)
    answer: DatabaseError | WriteReport = field(default_factory=lambda: WriteReport(written=1))

    def __post_init__(self) -> None:
        super().__init__({}, timeout=1.0, retry=ONCE)

    @staticmethod
    def describe(options: Mapping[str, str]) -> str:
        return "canned"

    def read_version(self) -> str:
        return "canned"

    def verify(self) -> None:
        """Do nothing."""

    def query(self, text: str) -> list[dict[str, Any]]:
        return []

    def read_values(
        self,
        measurement: str,
        value: str,
        start: datetime,
        end: datetime,
        *,
        tags: Mapping[str, str] | None = None,
        equal_to: float | None = None,
    ) -> list[StoredValue]:
        wanted = (tags or {}).items()
        return [each for each in self.series.get((measurement, value), []) if wanted <= each.tags.items()]

    def write(self, points: Any, *, deadline: float = math.inf) -> WriteReport:
        if isinstance(self.answer, DatabaseError):
            raise self.answer
        return self.answer

    def close(self) -> None:
        """Do nothing."""

    def _write_lines(self, body: bytes, timeout: float) -> None:
        """Do nothing."""


def readings(*steps: tuple[float, float], **tags: str) -> list[StoredValue]:
    """Return readings of ``(seconds ago, value)``."""
    return [StoredValue(ago(seconds), value, tags) for seconds, value in steps]


def missing(waited: float = 5.0, **changes: Any) -> Arrival:
    return Arrival(ago(waited), NOW, 1, **changes)


def found(at: datetime, attempts: int = 1) -> Arrival:
    return Arrival(ago(2), NOW, attempts, StoredValue(at, 1.0, {}), 1.5)


def diagnose(
    arrival: Arrival, internals: AgentState, answer: DatabaseError | WriteReport | None = None, lost_by_kernel: int = 0
) -> tuple[Hop, Hop]:
    database = Canned(answer=answer or WriteReport(written=1))
    telegraf = judge_telegraf(arrival, internals, database, 8125, lost_by_kernel)
    return telegraf, judge_probe(arrival, telegraf, 5.0)


def test_a_probe_that_came_makes_both_hops_well() -> None:
    telegraf, probe = diagnose(found(ago(1)), AgentState(ago(1), flush_seconds=1.0))

    assert (telegraf.status, probe.status, probe.seconds) == ("ok", "ok", 1.5)
    assert "every 1.0 s" in telegraf.text
    assert "readable 1.50 s after it was sent" in probe.text


def test_that_it_was_sent_again_is_said() -> None:
    assert "sent 3 times" in diagnose(found(ago(1), attempts=3), AgentState(ago(1)))[1].text


def test_an_agent_that_says_nothing_about_itself_is_a_warning() -> None:
    telegraf, probe = diagnose(found(ago(1)), AgentState())

    assert (telegraf.status, telegraf.cause, probe.status) == ("warning", "no_internals", "ok")


@pytest.mark.parametrize(("seconds", "words"), [(60, "58 s behind"), (-60, "60 s ahead")])
def test_a_wrong_clock_is_a_failure_though_the_probe_came(seconds: float, words: str) -> None:
    _, probe = diagnose(found(ago(seconds)), AgentState(ago(1)))

    assert (probe.status, probe.cause) == ("failed", "clock_skew")
    assert words in probe.text


def test_points_newer_than_the_probe_without_it_mean_that_it_never_reached_telegraf() -> None:
    telegraf, probe = diagnose(missing(), AgentState(ago(1), address=":8125"))

    assert telegraf.status == "ok"
    assert (probe.status, probe.cause) == ("failed", "probe_lost")


def test_telegraf_on_another_port_is_named() -> None:
    telegraf, probe = diagnose(missing(), AgentState(ago(1), address="127.0.0.1:8126"))

    assert telegraf.cause == probe.cause == "agent_elsewhere"
    assert "127.0.0.1:8126" in telegraf.text


def test_nothing_new_within_two_flushes_is_a_slow_flush() -> None:
    telegraf, probe = diagnose(missing(), AgentState(ago(20), flush_seconds=30.0))

    assert telegraf.cause == probe.cause == "slow_flush"
    assert "every 30 s" in telegraf.text


def test_nothing_new_though_two_flushes_were_due_means_that_telegraf_does_not_write() -> None:
    telegraf, _ = diagnose(missing(), AgentState(ago(8), flush_seconds=1.0))

    assert (telegraf.status, telegraf.cause) == ("failed", "agent_not_writing")


def test_nothing_new_for_long_means_that_telegraf_does_not_write() -> None:
    telegraf, _ = diagnose(missing(), AgentState(ago(300), flush_seconds=10.0))

    assert (telegraf.status, telegraf.cause) == ("failed", "agent_not_writing")


def test_no_points_at_all_leave_the_question_open() -> None:
    telegraf, probe = diagnose(missing(), AgentState())

    assert (telegraf.status, telegraf.cause) == ("warning", "no_internals")
    assert (probe.status, probe.cause) == ("failed", "no_internals")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (DatabaseError("forbidden", "may not write"), "read_only"),
        (DatabaseError("unauthorized", "may not write"), "read_only"),
        (DatabaseError("missing", "database not found"), "missing"),
        (WriteReport(refused=[("line", "partial write: max-series-per-database limit exceeded: (5)")]), "limit"),
        (WriteReport(refused=[("line", "partial write: max-values-per-tag limit exceeded")]), "limit"),
    ],
)
def test_a_database_that_takes_nothing_is_the_cause(answer: DatabaseError | WriteReport, cause: str) -> None:
    telegraf, probe = diagnose(missing(), AgentState(ago(300)), answer)

    assert telegraf.cause == probe.cause == cause
    assert telegraf.status == "failed"


def test_losses_are_a_failure_though_the_probe_came() -> None:
    lost = {"metrics because its buffer was full": 1200}
    telegraf, probe = diagnose(found(ago(1)), AgentState(ago(1), lost=lost), lost_by_kernel=7)

    assert (telegraf.status, telegraf.cause, probe.status) == ("failed", "agent_dropping", "ok")
    assert "1,200 metrics because its buffer was full and 7 datagrams in the kernel" in telegraf.text


def test_a_database_that_failed_meanwhile_is_the_cause() -> None:
    telegraf, probe = diagnose(missing(error=DatabaseError("timeout", "no answer within 5 s")), AgentState())

    assert telegraf.status == "skipped"
    assert (probe.status, probe.cause) == ("failed", "timeout")


def test_what_telegraf_says_is_read_for_this_machine_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zemanta_ops.stack.check.telegraf_stats.socket.gethostname", lambda: "web-1")
    database = Canned(
        {
            ("internal_write", "metrics_written"): [
                *readings((50, 10), (40, 20), (39, 20), (30, 30), (20, 40), (10, 50), host="web-1", output="influxdb"),
                *readings((5, 1), host="web-2", output="influxdb"),
            ],
            ("internal_write", "metrics_dropped"): readings((90, 5), (50, 7), (10, 10), host="web-1"),
            ("internal_write", "metrics_rejected"): readings((50, 2), (10, 2), host="web-1"),
            ("internal_statsd", "udp_packets_received"): readings((50, 100), (10, 3), host="web-1", address=":8126"),
        }
    )

    internals = read_agent_state(database, NOW, 60)

    assert internals.newest == ago(10)
    assert internals.flush_seconds == 10
    assert internals.received == 3
    assert internals.address == ":8126"
    assert internals.lost == {"metrics because its buffer was full": 5}
    assert internals.is_fresh(NOW)
    assert internals.listens_elsewhere(8125)


def test_where_this_machine_has_no_agent_any_other_speaks_for_it() -> None:
    database = Canned({("internal_write", "metrics_written"): readings((5, 1), host="elsewhere")})

    assert read_agent_state(database, NOW, 60).newest == ago(5)
    assert read_agent_state(Canned(), NOW, 60) == AgentState()


@pytest.mark.parametrize(("hop", "code"), [("settings", 10), ("agent", 11), ("database", 12), ("telegraf", 13)])
def test_the_first_hop_that_fails_gives_the_exit_code(hop: str, code: int) -> None:
    report = FlowReport(
        (fail_hop(hop, "setting", "why"), fail_hop("probe", "probe_lost", "why"), skip_hop("probe", ""))
    )

    assert report.exit_code == code
    assert report.build_document()["hops"][0]["advice"] == ADVICE["setting"]
    assert FlowReport((Hop("probe", "ok", ""), Hop("telegraf", "warning", ""))).exit_code == 0


@pytest.mark.parametrize("cause", ADVICE)
def test_every_cause_is_in_the_docs(cause: str) -> None:
    assert f"``{cause}``" in DOCS.read_text(encoding="utf-8").split("\nCauses\n")[1]


def test_the_point_written_past_the_agent_is_always_one_series() -> None:
    written: list[Point] = []

    class Keeping(Canned):
        def write(self, points: Any, *, deadline: float = math.inf) -> WriteReport:
            written.extend(points)
            return WriteReport(written=1)

    for _ in range(2):
        judge_telegraf(missing(), AgentState(), Keeping(), 8125, 0)

    assert {(point.measurement, *point.tags.items(), *point.fields) for point in written} == {
        ("zemanta_ops_probe", ("metric_type", "direct"), "direct")
    }
