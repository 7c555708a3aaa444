"""The queries of alert rules, on real databases, against what the evaluation computes of the same alerts."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from tests.servers.stores import Store
from tests.servers.victoriametrics import VictoriaMetrics
from tests.stack.generate.grafana.traffic import configured
from zemanta_ops.stack.declarations import Alert, Composite, above, describe, isolate, mean, rate, sum_of, total
from zemanta_ops.stack.evaluation import Reader, Span, compute_alert
from zemanta_ops.stack.generate.grafana import read_sources
from zemanta_ops.stack.generate.grafana.generator import build_groups, choose_language
from zemanta_ops.stack.inventory.usable import read_usable

DELAY, WINDOW = 2, 300
TAGS = "env=test,app=print-shop"


def declare() -> list[Alert]:
    describe("shop.jobs", kind="gauge", unit="jobs", tags=("state",))
    requests = total("http.request.count")
    errors = Composite("shop.errors", value=total("http.request.count", status="5*") / requests, by=("view", "host"))
    return [
        Alert(errors, crit=above(0.1)),
        Alert(errors, crit=above(0.1), by=("host",), name="by host"),
        Alert(rate("http.request.count", view=("home", "a$b")), crit=above(1), name="rate"),
        Alert(total("http.request.count"), by=("view", "status"), crit=above(1), name="total"),
        Alert(mean("shop.jobs"), by=("state",), crit=above(1), name="jobs"),
        Alert(sum_of("shop.jobs"), crit=above(1), name="all jobs"),
        Alert(sum_of("shop.jobs", state=("o*", "failed")), by=("state",), crit=above(1), name="jobs of all hosts"),
        Alert(mean("http.request.duration"), by=("view",), crit=above(1), name="latency"),
    ]


def write_traffic(store: Store) -> None:
    """Write points of the last minutes, of this application and of another one."""
    lines = []
    now = int(time.time()) - 10
    for second in range(now - 120, now, 10):
        for app, factor in (("print-shop", 1), ("other", 100)):
            tags = f"env=test,app={app},host=web-1"
            for view, status, value in (("home", 200, 8), ("home", 500, 2), ("a$b", 200, 5), ("list", 200, 1)):
                lines.append(
                    f"http_request_count,{tags},view={view},status={status} value={value * factor} {second}000000000"
                )
            lines.append(f"http_request_duration,{tags},view=home count=4,sum={factor * 100} {second}000000000")
            lines.append(f"shop_jobs,{tags},state=open value={second % 100 * factor} {second}000000000")
            other = tags.replace("web-1", "web-2")
            lines += [f"shop_jobs,{other},state={state} value=7 {second}000000000" for state in ("open", "failed")]
    store.write("\n".join(lines))
    if isinstance(store.server, VictoriaMetrics):
        store.server.flush()


def run_rule(store: Store, rule: dict[str, Any]) -> dict[tuple[str, ...], float]:
    """Return the number of each group, as Grafana asks for it: the times of the rule instead of those of a panel."""
    query, now = rule["data"][0], int(time.time())
    model = query["model"]
    text = model.get("query") or model["expr"]
    start, end = (now - query["relativeTimeRange"][name] for name in ("from", "to"))
    for name, moment in (("timeRangeStart", start), ("timeRangeStop", end)):
        text = text.replace(f"v.{name}", datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
    text = text.replace("v.defaultBucket", f'"{store.name}"')
    rows = store.connect().query_span(text, end)
    found = {}
    for row in rows:
        number = row.get("value", row.get("_value"))
        tags = {
            key: value for key, value in row.items() if isinstance(value, str) and not key.startswith(("_", "name"))
        }
        tags = {key: value for key, value in tags.items() if key not in ("result", "time", "table")}
        if number is not None:
            found[tuple(tags[key] for key in sorted(tags))] = float(number)
    return found


def test_a_rule_asks_for_what_check_alerts_computes(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    write_traffic(store)
    with isolate(), configured(**{store.section: store.settings}):
        alerts = declare()
        declared = read_usable()
        sources, _ = read_sources()
        groups, warnings = build_groups(declared, sources, choose_language())
        assert warnings == []
        rules = {rule["title"]: rule for group in groups for rule in group["rules"]}
        for alert in alerts:
            check(store, alert, rules[f"{alert.key} (crit)"], Reader(store.connect(), declared.deployment))


def check(store: Store, alert: Alert, rule: dict[str, Any], reader: Reader) -> None:
    """Compare a rule's numbers with those of the evaluation; all points are well within the window."""
    end = int(time.time()) - DELAY
    values = compute_alert(reader, alert, Span(end - WINDOW, end))
    expected = {tuple(each.tags[key] for key in sorted(each.tags)): each.value for each in values}
    assert expected
    assert run_rule(store, rule) == pytest.approx(expected), alert.key
