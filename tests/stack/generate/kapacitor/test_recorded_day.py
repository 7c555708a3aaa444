"""The recorded day by the real Kapacitor: composites as by hand, and the incidents that check_alerts would open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.stores import store_of_1
from tests.stack.answering import Answer, Server, answering
from tests.stack.evaluation.by_hand import Hand, Key
from tests.stack.evaluation.day import DEPLOYMENT, HOUR, START, record_day, to_lines
from tests.stack.evaluation.shop import compute_by_hand, declare
from tests.stack.generate.kapacitor.running import ROUTING_KEY, GeneratedKapacitor, generate_kapacitor
from zemanta_ops.stack.alerting.machine import Level, Memory, read_rule
from zemanta_ops.stack.alerting.notification import build_dedup_key
from zemanta_ops.stack.declarations import (
    Alert,
    Composite,
    Declarations,
    above,
    below,
    isolate,
    last,
    mean,
    rate,
    sum_of,
)
from zemanta_ops.stack.declarations.durations import DAY
from zemanta_ops.stack.evaluation import Reader, compute_alert, list_spans_between
from zemanta_ops.stack.generate.kapacitor.generator import render_scripts
from zemanta_ops.stack.generate.kapacitor.reading import Database
from zemanta_ops.stack.inventory.usable import Usable

pytestmark = pytest.mark.second_tier

EVERY = 300
COMPOSITES = declare()
DATABASE = "kapacitor_day"


def declare_alerts() -> list[Alert]:
    """Return alerts of each kind; they are not registered."""
    with isolate():
        return [
            Alert(COMPOSITES["shop.error_ratio"], warn=above(0.05), crit=above(0.3), for_="2m"),
            Alert(COMPOSITES["shop.requests_per_core"], warn=above(0.25), crit=above(0.4), every="5m", window="1h"),
            Alert(
                COMPOSITES["shop.requests_per_core_of_cluster"],
                warn=above(0.3),
                crit=above(0.4),
                every="5m",
                window="15m",
            ),
            # A host dies; later there are no data at all.
            Alert(sum_of("cpu.cores"), warn=below(5), crit=below(3), by=("cluster",), no_data="alert", name="cores"),
            Alert(last("jobs.waiting"), warn=above(30), crit=above(100), by=("queue",), name="queues", window="1m"),
            Alert(mean("db.query.duration"), crit=above(10), every="30s", window="2m", for_="5m", name="slow"),
            Alert(
                rate("http.request.count"), crit=below(0.5), by=("host",), no_data="alert", for_="10m", name="silent"
            ),
            Alert(rate("http.request.count", status="5*"), warn=above(0.05), no_data="ok", name="errors"),
        ]


ALERTS = {alert.key: alert for alert in declare_alerts()}


@pytest.fixture(scope="module")
def pagerduty() -> Iterator[Server]:
    with answering(lambda _: Answer(202, "", product="")) as server:
        yield server


@pytest.fixture(scope="module")
def kapacitor(
    influxdb1: InfluxDB1, pagerduty: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GeneratedKapacitor]:
    """Return Kapacitor on the database with the day's points; the shipped alerts bring the handler of its topic."""
    require("kapacitor")
    influxdb1.create(DATABASE)
    records = record_day()
    for first in range(0, len(records), 20_000):
        influxdb1.write(to_lines(records[first : first + 20_000]), DATABASE)
    receivers = {"pager": {"BACKEND": "pagerduty", "URL": pagerduty.url}}
    files = generate_kapacitor(lambda: None, DATABASE, influxdb1.url, ALERTS={"RECEIVERS": receivers})
    environment = {"KAPACITOR_PAGERDUTY2_ROUTING_KEY": ROUTING_KEY}
    with ExitStack() as stack:
        server = GeneratedKapacitor(tmp_path_factory.mktemp("day"), files, environment)
        run(server, stack)
        yield server
        assert server.list_errors() == []


def replay(server: GeneratedKapacitor, declarations: Declarations, start: int, stop: int) -> None:
    """Run the script of a declaration over a part of the day."""
    usable = Usable(declarations, DEPLOYMENT, [])
    [file], warnings = render_scripts(usable, Database(DATABASE, "autogen"), [])
    assert warnings == []
    server.replay_script(file.text, start, stop)


@pytest.mark.parametrize("name", COMPOSITES)
def test_kapacitor_computes_every_window_of_the_day(
    name: str, kapacitor: GeneratedKapacitor, influxdb1: InfluxDB1
) -> None:
    composite: Composite = COMPOSITES[name]
    hand = Hand(record_day(), EVERY)
    replay(kapacitor, Declarations(composites=[composite]), START, START + DAY + HOUR)
    rows = influxdb1.query(f'SELECT "value" FROM "{name.replace(".", "_")}" GROUP BY *', DATABASE)
    found: dict[int, dict[Key, float]] = {start: {} for start in range(START, START + DAY, EVERY)}
    for row in rows:
        if (start := row["time"] // 10**9) in found:
            found[start][tuple(row[tag] for tag in composite.by)] = row["value"]
    for start, values in found.items():
        assert values == pytest.approx(compute_by_hand(hand, start)[name]), start


@pytest.mark.parametrize("key", ALERTS)
def test_kapacitor_opens_escalates_and_resolves_what_check_alerts_does(
    key: str, kapacitor: GeneratedKapacitor, influxdb1: InfluxDB1, pagerduty: Server
) -> None:
    alert = ALERTS[key]
    start, stop = START + 12 * HOUR, START + 21 * HOUR
    pagerduty.requests.clear()
    replay(kapacitor, Declarations(alerts=[alert]), start, stop)
    severities = {"trigger": {"warning": Level.WARN, "critical": Level.CRIT}, "resolve": {"info": Level.OK}}
    sent: dict[str, list[Level]] = {}
    for request in pagerduty.requests:
        body = json.loads(request.body)
        level = severities[body["event_action"]][body["payload"]["severity"]]
        sent.setdefault(body["dedup_key"], []).append(level)
    reader = Reader(store_of_1(influxdb1, DATABASE).connect(), DEPLOYMENT)
    expected = judge(reader, alert, start, stop)
    assert expected
    assert sent == expected


def judge(reader: Reader, alert: Alert, start: int, stop: int) -> Mapping[str, list[Level]]:
    """Return the levels that each series of an alert gets, one after another."""
    delay = 60
    rule, memories = read_rule(alert), dict[str, Memory]()
    levels: dict[str, list[Level]] = {}
    for span in list_spans_between(start - alert.window_seconds, stop, alert.every_seconds, alert.window_seconds):
        if not start < span.end + delay <= stop:
            continue
        values = {build_dedup_key(alert.key, each.tags): each.value for each in compute_alert(reader, alert, span)}
        for dedup_key in values.keys() | memories.keys():
            before = memories.get(dedup_key, Memory())
            after = before.advance(rule, span.end, rule.judge(values.get(dedup_key)))
            memories[dedup_key] = after
            if after.level != before.level:
                levels.setdefault(dedup_key, []).append(after.level)
    return levels
