from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.commands.nodes import migrate, running, says, write_project
from tests.metrics.agents import wait_until
from tests.servers.influxdb1 import InfluxDB1
from zemanta_ops.models import Lease
from zemanta_ops.stack.declarations import Composite, describe, isolate, mean, total
from zemanta_ops.stack.settings import NO_DATABASE
from zemanta_ops.testing import Recorder

MINUTE = 60
DECLARATIONS = """
from zemanta_ops.stack.declarations import Composite, describe, total

describe("orders", kind="counter", tags=("shop", "outcome"))
Composite("orders.failed_ratio", numerator=total("orders", outcome="error"), denominator=total("orders"), by="shop",
          unit="ratio", every="10s")
"""

pytestmark = pytest.mark.django_db


def configure(url: str, database: str, **more: Any) -> override_settings:
    return override_settings(
        ZEMANTA_OPS={"INFLUXDB": {"URL": url, "DATABASE": database}, "METRICS": {"TAGS": {"env": "test"}, **more}}
    )


@pytest.fixture
def now(influxdb1: InfluxDB1, database: str) -> Iterator[int]:
    """Return the end of the newest window that is complete, in a database with orders of the minutes around it."""
    end = int(time.time() - 21) // MINUTE * MINUTE
    lines = [
        f"orders,shop={shop},outcome={outcome} value={number} {(end - ago) * 10**9}"
        for shop, failed in (("prints", 1), ("frames", 0))
        for outcome, number in (("ok", 10 - failed), ("error", failed))
        # Also in the minutes to come: the next may begin before the test is over.
        for ago in range(-5 * MINUTE, 5 * MINUTE + 1, 10)
    ]
    influxdb1.write("\n".join(lines), database)
    with isolate(), configure(influxdb1.url, database):
        describe("orders", kind="counter", tags=("shop", "outcome"))
        yield end


def declare(**more: Any) -> Composite:
    failed, every = total("orders", outcome="error"), total("orders")
    return Composite("orders.failed_ratio", numerator=failed, denominator=every, by=("shop",), **more)


def compute(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("compute_composites", "--only=orders.failed_ratio", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        return int(exit_.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def read(influxdb1: InfluxDB1, database: str) -> dict[tuple[str, str], list[float]]:
    rows = influxdb1.query('SELECT "value" FROM "orders_failed_ratio" GROUP BY *', database)
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        found.setdefault((row["env"], row["shop"]), []).append(row["value"])
    return found


def test_once_writes_the_last_three_windows(
    influxdb1: InfluxDB1, database: str, now: int, captured_metrics: Recorder
) -> None:
    declare()
    code, out, err = compute()
    assert (code, out, err) == (0, "orders.failed_ratio: 3 windows, 6 points written\n", "")
    assert read(influxdb1, database) == {("test", "prints"): [0.1] * 3, ("test", "frames"): [0.0] * 3}
    captured_metrics.assert_timing("zemanta_ops.composite.duration", composite="orders.failed_ratio", outcome="ok")
    # Once more it is the same points.
    assert compute()[1] == out
    assert len(read(influxdb1, database)["test", "prints"]) in (3, 4)


def test_once_leaves_it_to_the_node_that_has_the_lease(influxdb1: InfluxDB1, database: str, now: int) -> None:
    declare()
    Lease.objects.create(name="emit_gauges", owner="another-node", expires_at="2999-01-01T00:00:00Z")
    Lease.objects.create(name="compute_composites", owner="another-node", expires_at="2999-01-01T00:00:00Z")
    assert compute() == (0, "waiting: another process holds the lock\n", "")
    assert json.loads(compute("--json")[1]) == {"computed": False, "composites": []}
    assert read(influxdb1, database) == {}
    Lease.objects.filter(name="compute_composites").delete()
    assert "6 points written" in compute()[1]


def test_a_dry_run_prints_the_values_and_writes_nothing(influxdb1: InfluxDB1, database: str, now: int) -> None:
    declare(min_denominator=1)
    code, out, err = compute("--dry-run")
    assert (code, err) == (0, "")
    moment = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(now - MINUTE))
    assert f"{moment} orders.failed_ratio shop=prints 0.1\n" in out
    assert read(influxdb1, database) == {}
    assert not Lease.objects.exists()


def test_json_has_every_value_and_why_there_is_none(now: int) -> None:
    declare(min_denominator=1_000)
    code, out, _ = compute("--json")
    document = json.loads(out)
    assert (code, document["computed"]) == (0, True)
    [composite] = document["composites"]
    assert (composite["name"], composite["error"], composite["written"]) == ("orders.failed_ratio", "", 0)
    assert composite["windows"][0]["values"] == [
        {"tags": {"shop": "frames"}, "value": None},
        {"tags": {"shop": "prints"}, "value": None},
    ]


def test_a_back_fill_writes_every_window_and_shows_how_far_it_is(influxdb1: InfluxDB1, database: str, now: int) -> None:
    declare()
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 5 * MINUTE))
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    for _ in range(2):
        code, _, err = compute("--since", since, "--until", until)
        assert (code, err) == (0, f"100%, up to {until}, 10 points\n")
        assert read(influxdb1, database)["test", "prints"] == [0.1] * 5


def test_a_back_fill_that_fails_says_where_to_go_on(influxdb1: InfluxDB1, database: str, now: int) -> None:
    declare()
    with configure(influxdb1.url, "no_such_database"):
        code, _, err = compute("--since", "2026-03-01T00:00:00Z", "--until", "2026-03-02T00:00:00Z", "--json")
    assert code == 4
    assert "orders.failed_ratio failed: missing: database not found" in err
    assert "Continue with: --since 2026-03-01T00:00:00Z" in err


def test_a_composite_that_fails_has_an_exit_code(influxdb1: InfluxDB1, now: int) -> None:
    declare()
    with configure(influxdb1.url, "no_such_database"):
        code, _, err = compute()
    assert (code, "missing: database not found" in err) == (4, True)


def test_what_check_refuses_is_refused(now: int) -> None:
    Composite("orders.failed_ratio", numerator=total("orders", outlet="x"), denominator=mean("orders"))
    with pytest.raises(CommandError, match=r"zemanta_ops\.E205"):
        call_command("compute_composites", skip_checks=False)
    with pytest.raises(CommandError, match="no such composite"):
        compute()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--loop", "--dry-run"], "--loop goes with neither"),
        (["--loop", "--since", "1d"], "--loop goes with neither"),
        (["--until", "1d"], "--until needs --since"),
        (["--since", "1h", "--until", "2h"], "--since must be earlier"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(now: int, arguments: list[str], text: str) -> None:
    declare()
    with pytest.raises(CommandError, match=text) as refused:
        compute(*arguments)
    assert refused.value.returncode == 2


def test_without_a_database_that_can_be_written_to_it_says_so(now: int) -> None:
    declare()
    with override_settings(ZEMANTA_OPS={}), pytest.raises(CommandError, match=re.escape(NO_DATABASE)) as refused:
        compute()
    assert refused.value.returncode == 3


def test_a_lock_that_cannot_lock_has_its_exit_code(influxdb1: InfluxDB1, database: str, now: int) -> None:
    declare()
    settings = configure(influxdb1.url, database, GAUGE_LOCK="cache:default")
    with settings, pytest.raises(CommandError, match="not shared between processes") as refused:
        compute()
    assert refused.value.returncode == 3


PROJECT = """
import sys
from pathlib import Path
from django.conf import settings
from django.core.management import execute_from_command_line

here = Path(__file__).parent
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "zemanta_ops", "shop"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": here / "db", "OPTIONS": {"timeout": 20}}},
    ZEMANTA_OPS={"METRICS": {"AGENT_INTERVAL": 1}, "INFLUXDB": {"URL": sys.argv[1], "DATABASE": sys.argv[2]}},
)
execute_from_command_line(["manage.py", *sys.argv[3:]])
"""


def test_one_of_two_nodes_computes_and_the_other_takes_over(
    tmp_path: Path, influxdb1: InfluxDB1, database: str
) -> None:
    settings = (influxdb1.url, database)
    write_project(tmp_path, PROJECT, metrics=DECLARATIONS)
    migrate(tmp_path, *settings)
    ahead = range(int(time.time()) - 60, int(time.time()) + 300)
    influxdb1.write("\n".join(f"orders,shop=a,outcome=ok value=1 {second * 10**9}" for second in ahead), database)
    loop = (*settings, "compute_composites", "--loop", "--lease", "15", "-v", "2")
    with running(tmp_path, "a", *loop) as first:
        assert wait_until(says(tmp_path, "a", "3 windows, 3 points written"), 60), (tmp_path / "a.log").read_text()
        with running(tmp_path, "b", *loop) as second:
            assert wait_until(says(tmp_path, "b", "waiting: another process"), 60)
            first.send_signal(signal.SIGTERM)
            assert first.wait(30) == 0
            assert wait_until(says(tmp_path, "b", "3 windows, 3 points written"), 60)
            second.send_signal(signal.SIGINT)
            assert second.wait(30) == 0
    stamps = influxdb1.query('SELECT "value" FROM "orders_failed_ratio"', database)
    assert {row["time"] % (10 * 10**9) for row in stamps} == {0}
