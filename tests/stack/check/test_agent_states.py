"""What agents report about themselves: whose it is, what was lost, and who restarted."""

from __future__ import annotations

from tests.stack.check.canned import NOW, Canned, ago, diagnose, found, readings
from zemanta_ops.stack.check.telegraf_stats import AgentState, read_agent_state
from zemanta_ops.stack.databases import StoredValue


def internals() -> dict[tuple[str, str], list[StoredValue]]:
    return {
        ("internal_write", "metrics_written"): [
            *readings((50, 10), (40, 20), (39, 20), (30, 30), (20, 40), (10, 50), host="web-1", output="influxdb"),
            *readings((5, 1), host="web-2", output="influxdb"),
        ],
        ("internal_write", "metrics_dropped"): [
            *readings((90, 5), (50, 7), (10, 10), host="web-1", output="influxdb"),
            *readings((50, 0), (10, 900), host="web-2", output="influxdb"),
        ],
        ("internal_write", "metrics_rejected"): readings((50, 2), (10, 2), host="web-1", output="influxdb"),
        ("internal_statsd", "udp_packets_received"): readings((50, 100), (10, 3), host="web-1", address=":8126"),
    }


def test_what_telegraf_says_is_read_for_the_first_name_that_is_known() -> None:
    state = read_agent_state(Canned(internals()), NOW, 60, ["web-9", "web-1", "web-2"])

    assert state.newest == ago(10)
    assert state.flush_seconds == 10
    assert state.received == 3
    assert state.address == ":8126"
    assert state.lost == {"metrics because its buffer was full": 5}
    assert state.is_fresh(NOW)
    assert state.listens_elsewhere(8125)


def test_the_only_agent_speaks_for_this_machine_and_several_do_not() -> None:
    database = Canned({("internal_write", "metrics_written"): readings((5, 1), host="elsewhere")})

    assert read_agent_state(database, NOW, 60, ["web-9"]).newest == ago(5)
    assert read_agent_state(Canned(), NOW, 60, ["web-9"]) == AgentState()
    assert read_agent_state(Canned(internals()), NOW, 60, ["web-9"]) == AgentState(others=2)


def test_the_losses_of_other_nodes_are_not_ones_own() -> None:
    telegraf, _ = diagnose(found(ago(1)), AgentState(others=999))

    assert (telegraf.status, telegraf.cause) == ("warning", "no_name")
    assert "999 agents" in telegraf.text


def test_the_generated_output_is_read_before_that_of_another_telegraf_of_this_name() -> None:
    both = [
        *readings((20, 1000), (10, 2000), host="web-1", output="influxdb"),
        *readings((25, 10), (15, 20), host="web-1", output="influxdb", alias="zemanta_ops"),
    ]
    dropped = readings((20, 0), (10, 70), host="web-1", output="influxdb")
    series = {("internal_write", "metrics_written"): both, ("internal_write", "metrics_dropped"): dropped}
    state = read_agent_state(Canned(series), NOW, 60, ["web-1"])

    assert (state.newest, state.lost) == (ago(15), {})


def written(*steps: tuple[float, float]) -> AgentState:
    series = {("internal_write", "metrics_written"): readings(*steps, host="web-1")}
    series["internal_write", "metrics_dropped"] = readings((30, 900), (20, 3), (10, 905), host="web-1")
    return read_agent_state(Canned(series), NOW, 60, ["web-1"])


def test_two_agents_of_one_name_are_seen_and_their_losses_not_told_apart() -> None:
    state = written((60, 1000), (50, 20), (40, 1010), (30, 30), (20, 1020), (10, 40))

    assert (state.is_shared, state.lost) == (True, {})
    assert diagnose(found(ago(1)), state)[0].cause == "same_name"


def test_an_agent_that_begins_again_and_again_is_seen() -> None:
    state = written((60, 30), (50, 40), (40, 5), (30, 15), (20, 4), (15, 12), (10, 3))

    assert (state.is_shared, state.restarts) == (False, 3)
