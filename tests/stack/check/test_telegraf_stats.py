"""What an agent's own counters show: growth since a moment, over restarts, without the agents of others."""

from __future__ import annotations

import pytest

from tests.stack.check.test_diagnosis import NOW, Canned, ago, readings
from zemanta_ops.stack.agent_contract import INTERNAL_STATSD, INTERNAL_WRITE
from zemanta_ops.stack.check.telegraf_stats import AgentState, read_agent_state
from zemanta_ops.stack.databases import StoredValue

# (seconds ago, value), oldest first
Steps = list[tuple[float, float]]


class Whole(Canned):
    """Like VictoriaMetrics, which accepts a write or refuses all of it."""

    refuses_parts = False


def store(own: dict[str, Steps], **tags: str) -> dict[tuple[str, str], list[StoredValue]]:
    """Return the readings of the fields of one output or input of an agent."""
    return {
        (INTERNAL_STATSD if name.startswith("udp") else INTERNAL_WRITE, name): readings(*steps, **tags)
        for name, steps in own.items()
    }


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


@pytest.mark.parametrize(
    ("values", "is_shared"),
    [
        # Short lives of one agent.
        ((0, 20, 41, 0, 20, 41, 0, 20, 41, 0, 20, 41), False),
        ((5, 20, 5, 20, 5, 20, 5, 20), False),
        # Two agents, of which one writes three times as often: the one that has counted further, and the other.
        ((100, 110, 120, 20, 130, 140, 150, 30, 160, 170, 180, 40, 190), True),
        ((10, 20, 30, 500, 40, 50, 60, 510, 70, 80, 90, 520, 100), True),
        # One of them was started again.
        ((100, 20, 110, 30, 120, 40, 130, 0, 140, 10, 150, 20, 160), True),
    ],
)
def test_an_agent_that_is_started_again_is_told_from_two_of_one_name(values: tuple[int, ...], is_shared: bool) -> None:
    state = read(metrics_written=[(10.0 * (len(values) - number), each) for number, each in enumerate(values)])
    assert state.is_shared == is_shared


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


WRITTEN: Steps = [(30, 1), (20, 2), (10, 3)]


@pytest.mark.parametrize(("output", "agent"), [("influxdb", "Telegraf"), ("watch_metrics", "watch_metrics")])
def test_an_agent_is_named_by_its_output(output: str, agent: str) -> None:
    series = store({"metrics_written": WRITTEN}, host="web-1", output=output)
    assert read_agent_state(Canned(series), NOW, 60, ["web-1"]).agent == agent


def test_where_it_listens_is_what_it_reported_last() -> None:
    series = store({"metrics_written": WRITTEN}, host="web-1")
    series[INTERNAL_STATSD, "udp_packets_received"] = [
        *readings((30, 1), host="web-1", address=":8125"),
        *readings((20, 1), host="web-1", address=":8126"),
        *readings((10, 2), host="web-1", address=":8127"),
    ]
    assert read_agent_state(Canned(series), NOW, 60, ["web-1"]).address == ":8127"
    series[INTERNAL_STATSD, "udp_packets_received"] = readings((10, 2), host="web-1")
    assert read_agent_state(Canned(series), NOW, 60, ["web-1"]).address == ""
    assert (read().address, read().received, read().waiting) == ("", 0, 0)


def test_only_the_output_that_is_read_counts() -> None:
    series = store({"metrics_written": WRITTEN}, host="web-1", output="influxdb")
    series |= store({"metrics_dropped": [(30, 1), (10, 900)]}, host="web-1", output="file")
    # Telegraf has more tags than these.
    series |= store({"metrics_rejected": [(30, 1), (10, 5)]}, host="web-1", output="influxdb", rack="a")
    state = read_agent_state(Canned(series), NOW, 60, ["web-1"])
    assert (state.lost, state.rejected) == ({}, 4)


def test_the_generated_output_is_read_though_another_one_is_newer() -> None:
    own = readings(*[(seconds + 1, value) for seconds, value in WRITTEN], host="web-1", alias="zemanta_ops")
    other = readings(*WRITTEN, host="web-1", alias="another")
    both = sorted([*own, *other], key=lambda each: each.time)
    assert read_agent_state(Canned({(INTERNAL_WRITE, "metrics_written"): both}), NOW, 60, ["web-1"]).newest == ago(11)


def test_each_series_of_a_counter_grows_by_itself() -> None:
    series = store({"metrics_written": WRITTEN}, host="web-1")
    mixed = [
        *readings((40, 100), (20, 103), host="web-1", address="a"),
        *readings((30, 1), (10, 3), host="web-1", address="b"),
    ]
    series[INTERNAL_STATSD, "udp_packets_received"] = sorted(mixed, key=lambda each: each.time)
    assert read_agent_state(Canned(series), NOW, 60, ["web-1"]).received == 5


def test_growth_begins_with_the_moment_itself() -> None:
    assert read(udp_packets_received=[(70, 1), (60, 3)]).received == 2


@pytest.mark.parametrize(
    ("steps", "restarts", "shared"),
    [
        ([(30, 5), (20, 5), (10, 5)], 0, False),
        ([(30, 5), (20, 1), (10, 2)], 1, False),
        # It may count as much again by itself, once.
        ([(30, 5), (20, 1), (10, 5)], 1, False),
        ([(60, 5), (50, 1), (40, 5), (30, 2), (20, 5)], 2, True),
        ([(60, 5), (50, 1), (40, 2), (30, 3), (20, 4), (10, 5)], 1, False),
        # Within four readings, not later.
        ([(99, 5), (90, 1), (80, 2), (70, 3), (60, 5), (50, 2), (40, 3), (30, 4), (20, 5)], 2, True),
        ([(99, 5), (90, 1), (80, 2), (70, 3), (60, 4), (50, 5), (40, 2), (30, 3), (20, 4), (10, 4)], 2, False),
        # An agent that was started again begins with the same number.
        ([(99, 5), (90, 1), (80, 2), (70, 3), (60, 5), (50, 1), (40, 2), (30, 3), (20, 5)], 2, False),
    ],
)
def test_counters_that_fall_are_restarts_unless_they_come_back(steps: Steps, restarts: int, shared: bool) -> None:
    state = read(metrics_written=steps)
    assert (state.restarts, state.is_shared) == (restarts, shared)


@pytest.mark.parametrize(("seconds", "seen"), [(599, True), (600, True), (601, False), (-599, True), (-600, False)])
def test_an_agent_is_looked_for_in_ten_minutes_around_now(seconds: float, seen: bool) -> None:
    series = store({"metrics_written": [(seconds, 1)]}, host="web-1")
    assert (read_agent_state(Canned(series), NOW, 60, ["web-1"]).newest is not None) == seen


@pytest.mark.parametrize(
    ("recent", "seconds", "others"),
    [(60, 30, 2), (60, 31, 0), (120, 60, 2), (120, 61, 0), (60, -599, 2), (60, -600, 0)],
)
def test_other_agents_are_counted_in_half_of_the_recent_time(recent: float, seconds: float, others: int) -> None:
    both = [*readings((seconds, 1), host="a"), *readings((seconds, 1), host="b")]
    state = read_agent_state(Canned({(INTERNAL_WRITE, "metrics_written"): both}), NOW, recent, ["web-1"])
    assert state == AgentState(others=others)


def test_an_agent_without_a_name_is_one_too() -> None:
    both = [*readings((5, 1)), *readings((5, 1), host="b")]
    state = read_agent_state(Canned({(INTERNAL_WRITE, "metrics_written"): both}), NOW, 60, ["web-1"])
    assert state == AgentState(others=2)


def test_the_only_agent_is_read_in_full_under_its_name() -> None:
    series = store({"metrics_written": WRITTEN, "metrics_rejected": [(30, 1), (10, 5)]}, host="elsewhere")
    state = read_agent_state(Canned(series), NOW, 60, ["web-1"])
    assert (state.newest, state.rejected) == (ago(10), 4)


def test_without_a_known_flush_an_agent_is_fresh_for_fifteen_seconds() -> None:
    assert [AgentState(ago(seconds)).is_fresh(NOW) for seconds in (14.9, 15.0)] == [True, False]


@pytest.mark.parametrize(
    ("errors", "waiting", "failed"),
    [
        # The newest reading against the third last, whatever is between.
        ([(30, 1), (20, 1), (10, 2)], [(30, 5), (20, 9), (10, 5)], 1),
        ([(40, 1), (30, 2), (20, 2), (10, 2)], [(30, 5), (20, 9), (10, 5)], 0),
        ([(30, 1), (20, 2), (10, 3)], [(30, 5), (20, 9), (10, 4)], 0),
        ([(30, 1), (20, 2), (10, 3)], [(30, 5), (20, 4), (10, 6)], 2),
    ],
)
def test_the_newest_change_is_that_over_three_readings(errors: Steps, waiting: Steps, failed: int) -> None:
    assert read(write_errors=errors, buffer_size=waiting).failed == failed
