from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.servers.influxdb1 import InfluxDB1
from zemanta_ops.stack.declarations import Objective, describe, isolate, total
from zemanta_ops.stack.settings import NO_DATABASE

HOUR, DAY = 3_600, 86_400


def configure(url: str, database: str) -> override_settings:
    return override_settings(ZEMANTA_OPS={"INFLUXDB": {"URL": url, "DATABASE": database}})


@pytest.fixture
def orders(influxdb1: InfluxDB1, database: str) -> Iterator[None]:
    """Two days ago 1,000 orders, of which 4 failed; in the last hour 1,000, of which 6 failed."""
    now = int(time.time())
    lines = [
        f"orders,outcome={outcome} value={number} {(now - ago) * 10**9}"
        for ago, failed in ((2 * DAY, 4), (40 * 60, 6))
        for outcome, number in (("error", failed), ("ok", 1_000 - failed))
    ]
    influxdb1.write("\n".join(lines), database)
    with isolate(), configure(influxdb1.url, database):
        describe("orders", kind="counter", tags=("outcome",))
        yield


def declare(name: str = "orders", **more: object) -> Objective:
    given = {"bad": {"outcome": "error"}, "target": 0.99, "period": "10d", **more}
    return Objective(name, total=total("orders"), **given)  # type: ignore[arg-type]


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("list_objectives", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        return int(exit_.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_it_lists_what_is_left_and_when_it_runs_out(orders: None) -> None:
    """10 bad of 2,000 are half of the budget; at today's rate of 0.6 the other half lasts for 8.3 days."""
    declare()
    code, out, err = run()
    assert (code, err) == (0, "")
    header, row = (line.split() for line in out.splitlines())
    assert header[:6] == ["OBJECTIVE", "TARGET", "PERIOD", "EVENTS", "BAD", "LEFT"]
    moment = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 0.5 / 0.6 * 10 * DAY))
    assert row[:7] == ["orders", "99%", "10d", "2000", "10", "50.0%", "0.60x"]
    assert row[8:] == ["(in", "8.3", "days)", "-"]
    assert row[7] == moment


def test_an_objective_that_burns_says_what_it_calls_for(orders: None) -> None:
    declare("strict", target=0.9999)
    declare("calm", target=0.5)
    declare("empty", bad={"outcome": "none"})
    code, out, _ = run()
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert (code, rows["strict"].split()[-2:]) == (0, ["spent", "ticket"])
    assert rows["empty"].split()[-2:] == ["never", "-"]
    assert "99.0%" in rows["calm"]


def test_a_budget_that_lasts_for_thousands_of_years_never_runs_out(
    orders: None, influxdb1: InfluxDB1, database: str
) -> None:
    influxdb1.write(f"orders,outcome=ok value=1000000000 {(int(time.time()) - 30 * 60) * 10**9}", database)
    declare()
    code, out, _ = run()
    assert (code, out.splitlines()[1].split()[-2:]) == (0, ["never", "-"])
    assert json.loads(run("--json")[1])[0]["runs_out"] is None


def test_json_has_every_burn_rate(orders: None) -> None:
    declare()
    [document] = json.loads(run("--json")[1])
    assert (document["name"], document["events"], document["bad"]) == ("orders", 2_000, 10)
    assert document["left"] == pytest.approx(0.5)
    assert [rate["long"]["seconds"] for rate in document["burn_rates"]] == [HOUR, 6 * HOUR, DAY, 3 * DAY]
    assert document["burn_rates"][0]["long"] == {"seconds": HOUR, "events": 1_000, "burn": pytest.approx(0.6)}
    assert document["burn_rates"][0]["short"] == {"seconds": 300, "events": 0, "burn": None}


def test_a_database_that_fails_has_an_exit_code(orders: None, influxdb1: InfluxDB1) -> None:
    declare()
    with configure(influxdb1.url, "no_such_database"):
        code, out, err = run()
    assert (code, out) == (4, "")
    assert "orders failed: missing: database not found" in err


def test_without_an_objective_it_says_where_to_declare_one(orders: None) -> None:
    with pytest.raises(CommandError, match=r"metrics\.py of an app"):
        run()


def test_without_a_database_it_says_so(orders: None) -> None:
    declare()
    with override_settings(ZEMANTA_OPS={}), pytest.raises(CommandError, match=re.escape(NO_DATABASE)) as refused:
        run()
    assert refused.value.returncode == 3
