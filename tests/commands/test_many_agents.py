"""Many agents and many checks at once: nobody's losses but one's own, no collisions, and no waiting."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from django.test import override_settings

from tests.commands.checking import checked_here, hop
from tests.commands.faults import found, speaks, started
from tests.servers.fixtures import StartTelegraf
from tests.servers.process import wait_until
from tests.servers.stores import Store
from zemanta_ops.stack.check.flow import check_flow

pytestmark = pytest.mark.more


def test_two_telegrafs_of_one_name_do_not_lose_what_they_do_not_lose(
    store: Store, start_telegraf: StartTelegraf
) -> None:
    first, second = started(start_telegraf, store), started(start_telegraf, store)
    for number in range(200):
        second.send(f"load.{number}:1|c")
    speaks(store, 4)
    code, document = checked_here(metrics={"PORT": first.port}, influxdb=store.settings)

    assert code == 0, document
    assert hop(document, "telegraf")["cause"] in ("", "same_name")


def test_the_alias_of_the_generated_output_is_read_first(store: Store, start_telegraf: StartTelegraf) -> None:
    own = replace(store, output=store.output + '  alias = "zemanta_ops"\n')
    telegraf = started(start_telegraf, own)
    speaks(store, 2)
    now = time.time_ns()
    # Another Telegraf of this name, whose buffer overflows.
    store.write(
        "\n".join(
            f"internal_write,host=web-1,output=influxdb metrics_written={n}i,metrics_dropped={n}i {now + n * 10**9}"
            for n in range(-30, 0)
        )
    )
    code, document = checked_here(metrics={"PORT": telegraf.port}, influxdb=store.settings)

    assert (code, hop(document, "telegraf")["status"]) == (0, "ok"), document


def fill_with_nodes(store: Store, nodes: int, dropped: bool) -> None:
    """Write what this many Telegrafs report about themselves in the last two minutes."""
    now = int(time.time())
    for second in range(now - 120, now, 10):
        store.write(
            "\n".join(
                f"internal_write,host=node-{node},output=influxdb "
                f"metrics_written={second}i,metrics_dropped={second * dropped}i {second}000000000"
                for node in range(nodes)
            )
        )


def test_the_losses_of_a_thousand_other_nodes_are_not_ones_own_and_cost_little_time(
    store: Store, start_telegraf: StartTelegraf
) -> None:
    fill_with_nodes(store, 1000, dropped=True)
    telegraf = started(start_telegraf, store)
    speaks_as(store, "web-1")
    before = time.monotonic()
    code, document = checked_here(metrics={"PORT": telegraf.port, "HOST_TAG": None}, influxdb=store.settings)
    seconds = time.monotonic() - before - document["latency_seconds"]

    assert (code, [each["status"] for each in document["hops"]]) == (0, ["ok"] * 5), document
    assert seconds < 10


def speaks_as(store: Store, host: str) -> None:
    now = datetime.now(timezone.utc)

    def has_spoken() -> bool:
        with store.connect() as database:
            return bool(
                database.read_values(
                    "internal_write", "metrics_written", now, now + timedelta(hours=1), tags={"host": host}
                )
            )

    assert wait_until(has_spoken, 30, 0.2)


def test_without_an_agent_of_this_name_a_thousand_others_do_not_speak_for_it(store: Store, sink: int) -> None:
    fill_with_nodes(store, 1000, dropped=True)
    before = time.monotonic()
    code, cause, one = found("telegraf", store, "--timeout", "0.5", port=sink)

    assert (code, cause) == (13, "port_taken")
    assert time.monotonic() - before < 10, one


def test_twenty_canaries_at_once_all_pass(store: Store, start_telegraf: StartTelegraf) -> None:
    telegraf = started(start_telegraf, store)
    settings = {"METRICS": {"ENABLED": True, "AGENT_INTERVAL": 1, "PORT": telegraf.port}, "INFLUXDB": store.settings}
    with override_settings(ZEMANTA_OPS=settings), ThreadPoolExecutor(20) as pool:
        reports = list(pool.map(lambda _: check_flow(20), range(20)))

    assert [report.exit_code for report in reports] == [0] * 20
    # One after the other they have one series.
    with override_settings(ZEMANTA_OPS=settings):
        assert check_flow(20).exit_code == 0
    points = store.last_points("^zemanta_ops_probe$")
    assert len({point.tags["slot"] for point in points}) <= 64


def test_canaries_of_machines_with_one_slot_do_not_collide_for_long(
    store: Store, start_telegraf: StartTelegraf, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Containers cannot see each other's slots.
    monkeypatch.setattr("zemanta_ops.stack.check.probe._reserve_slot", lambda: ("0", None))
    telegraf = started(start_telegraf, store)
    settings = {"METRICS": {"ENABLED": True, "AGENT_INTERVAL": 1, "PORT": telegraf.port}, "INFLUXDB": store.settings}
    with override_settings(ZEMANTA_OPS=settings), ThreadPoolExecutor(6) as pool:
        assert [report.exit_code for report in pool.map(lambda _: check_flow(20), range(6))] == [0] * 6
