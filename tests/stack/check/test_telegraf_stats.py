"""What an agent's own counters show: growth since a moment, over restarts, without the agents of others."""

from __future__ import annotations

import pytest

from tests.stack.check.test_diagnosis import NOW, Canned, ago, readings
from zemanta_ops.stack.agent_contract import INTERNAL_STATSD, INTERNAL_WRITE
from zemanta_ops.stack.check.telegraf_stats import AgentState, read_agent_state

# (seconds ago, value), oldest first
Steps = list[tuple[float, float]]


class Whole(Canned):
    """Like VictoriaMetrics, which accepts a write or refuses all of it."""

    refuses_parts = False


def read(database: type[Canned] = Canned, /, **fields: Steps) -> AgentState:
    """Return what is read of an agent that reports these fields."""
    series = {}
    for name, steps in {"metrics_written": [(30.0, 1.0), (20, 2), (10, 3)], **fields}.items():
        measurement = INTERNAL_STATSD if name.startswith("udp") else INTERNAL_WRITE
        series[measurement, name] = readings(*steps, host="web-1", output="influxdb")
    return read_agent_state(database(series), NOW, 60, ["web-1"])


SHARED: Steps = [(60, 1000), (50, 20), (40, 1010), (30, 30), (20, 1020), (10, 40)]


@pytest.mark.parametrize(
    ("values", "grown"),
    [
        ([], 0),
        ([(30, 5)], 0),
        ([(90, 5), (30, 7)], 2),
        ([(90, 5), (70, 6), (30, 7), (10, 9)], 3),
        ([(30, 5), (20, 5), (10, 5)], 0),
        # Started again, it counts from zero.
        ([(30, 500), (20, 3), (10, 4)], 4),
    ],
)
@pytest.mark.parametrize(
    ("name", "attribute"), [("metrics_rejected", "rejected"), ("errors", "refused")], ids=["rejected", "refused"]
)
def test_what_the_database_refused_recently_is_counted(name: str, attribute: str, values: Steps, grown: int) -> None:
    assert getattr(read(**{name: values}), attribute) == grown


def test_an_error_without_a_failed_write_is_no_loss_if_a_database_never_refuses_a_part() -> None:
    # One of several URLs is dead, and Telegraf wrote to another.
    assert read(Whole, errors=[(30, 5), (10, 50)]).refused == 0
    assert read(Whole, metrics_rejected=[(30, 5), (10, 50)]).rejected == 45


def test_what_two_agents_of_one_name_count_is_not_told_apart() -> None:
    counts: Steps = [(30, 5), (10, 50)]
    state = read(metrics_written=SHARED, metrics_rejected=counts, errors=counts, metrics_dropped=counts)
    assert (state.is_shared, state.rejected, state.refused, state.lost) == (True, 0, 0, {})


def test_losses_are_named() -> None:
    state = read(metrics_dropped=[(30, 1), (10, 4)], udp_packets_dropped=[(30, 10), (10, 12)])
    assert state.lost == {
        "metrics because its buffer was full": 3,
        "datagrams because its message queue was full": 2,
    }


@pytest.mark.parametrize(
    ("errors", "waiting", "failed"),
    [
        ([(30, 1), (20, 2), (10, 3)], [(30, 5), (20, 6), (10, 7)], 2),
        ([(30, 1), (20, 2), (10, 3)], [(30, 5), (20, 5), (10, 5)], 2),
        # What waited is being written again.
        ([(30, 1), (20, 2), (10, 3)], [(30, 7), (20, 6), (10, 5)], 0),
        ([(40, 1), (30, 3), (20, 3), (10, 3)], [(30, 5), (20, 6), (10, 7)], 0),
        # Two readings show nothing.
        ([(20, 1), (10, 3)], [(30, 5), (20, 6), (10, 7)], 0),
    ],
)
def test_writes_fail_if_the_newest_did_and_points_wait(errors: Steps, waiting: Steps, failed: int) -> None:
    state = read(write_errors=errors, buffer_size=waiting)
    assert (state.failed, state.waiting) == (failed, waiting[-1][1])


def test_refusals_of_a_failing_write_are_not_counted_twice() -> None:
    fields = {"write_errors": [(30.0, 1.0), (20, 2), (10, 3)], "errors": [(30.0, 1.0), (10, 3)]}
    assert read(**fields).refused == 0


@pytest.mark.parametrize(("seconds", "fresh"), [(34.9, True), (35.0, False), (300, False)])
def test_an_agent_is_fresh_for_two_of_its_flushes_and_fifteen_seconds(seconds: float, fresh: bool) -> None:
    state = AgentState(ago(seconds), flush_seconds=10.0)
    assert state.is_fresh(NOW) == fresh
    assert not AgentState().is_fresh(NOW)


@pytest.mark.parametrize(
    ("address", "elsewhere"), [("", False), (":8125", False), ("127.0.0.1:8126", True), ("[::1]:8125", False)]
)
def test_an_agent_listens_elsewhere_if_it_reports_another_port(address: str, elsewhere: bool) -> None:
    assert AgentState(address=address).listens_elsewhere(8125) == elsewhere


def test_the_time_between_flushes_is_that_between_changes() -> None:
    assert read(metrics_written=[(50, 1), (45, 1), (40, 2), (35, 2), (30, 3), (25, 3), (20, 4)]).flush_seconds == 10
    assert read(metrics_written=[(50, 1), (40, 1)]).flush_seconds is None


def test_datagrams_are_those_that_arrived_recently() -> None:
    assert read(udp_packets_received=[(90, 1), (70, 10), (30, 15), (10, 25)]).received == 15
