"""generate_stack grafana --preview: which panels are empty, and which of them are so on a healthy site."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from tests.commands.dashboards import FURTHER, METRICS, run, settle, write_two_requests
from tests.servers.stores import Store
from zemanta_ops.stack.declarations import Composite, describe, isolate, mean, rate
from zemanta_ops.stack.generate.grafana import preview as preview_module


@pytest.fixture
def requests(new_any_store: Callable[[], Store]) -> Store:
    """Return a store with two requests of the last minute."""
    store = new_any_store()
    write_two_requests(store)
    return store


# What the site of the tests writes in every interval, whatever happens.
ALWAYS = {
    "http_request_count": "value=40",
    "http_request_duration": "count=40i,sum=600,mean=15,upper=20,95_percentile=20",
    "http_request_queries": "count=40i,sum=80,upper=2",
    "http_request_query_time": "count=40i,sum=80,upper=2",
    "http_request_repeated_queries": "count=40i,sum=40,upper=1",
    "db_query_duration": "count=80i,sum=80,upper=1",
    "shop_job_accepted": "value=40",
    "shop_price": "count=4i,sum=8",
    "shop_jobs": "value=3",
    "zemanta_ops_gauge_duration": "count=1i,sum=2",
    "zemanta_ops_sent": "value=500",
    "zemanta_ops_queue_depth": "count=6i,sum=30,upper=9",
    "zemanta_ops_flush_duration": "count=6i,sum=3,upper=1",
}


def write_always(store: Store, *leave_out: str) -> None:
    """Write what a healthy site writes, with ten days of requests."""
    tags = "app=print-shop,host=web-1,method=GET,view=home,status=200,alias=default,operation=select,outcome=ok"
    tags += ",gauge=shop.jobs,size=small,state=waiting,step=total"
    now = int(time.time()) - 60
    for name, fields in ALWAYS.items():
        moments = [now, now - 7 * 86_400 - 600] if name == "http_request_count" else [now]
        for moment in moments if name not in leave_out else ():
            store.write(f"{name},{tags} {fields} {moment * 10**9}")
    settle(store)


def preview_as_json(store: Store, **metrics: Any) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code and the findings by dashboard and panel."""
    with mock.patch.dict(METRICS, metrics):
        code, out, _ = run("generate_stack", "grafana", "--preview", "--json", store=store)
    document = json.loads(out)
    assert document["ok"] == (code == 0)
    return code, {f"{each['dashboard']}: {each['panel']}": each for each in document["findings"]}


def test_a_healthy_site_has_no_finding_and_its_empty_panels_are_listed_with_their_reasons(
    new_any_store: Callable[[], Store],
) -> None:
    store = new_any_store()
    write_always(store)
    code, out, err = run("generate_stack", "grafana", "--preview", store=store)
    assert (code, err) == (0, ""), out
    *expected, summary = out.splitlines()
    dropped = "expected overview: Samples dropped per second: empty, as on a healthy site: no sample was dropped"
    assert dropped in expected
    assert "expected view: Errors by exception: empty, as on a healthy site: no request failed" in expected
    assert f"{len(expected)} are empty as on a healthy site" in summary
    assert not any("Requests per second" in line or "The same a week ago" in line for line in expected)


def test_what_a_site_must_write_is_a_finding(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    write_always(store, "db_query_duration")
    code, findings = preview_as_json(store)
    assert code == 6
    wrong = {name: each["reason"] for name, each in findings.items() if not each["expected"]}
    assert wrong.keys() == {"overview: Time of a query", "overview: Queries per second"}
    assert set(wrong.values()) == {"nothing has written db_query_duration"}


def test_what_is_optional_is_expected_only_while_the_application_is_heard(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    write_always(store, "zemanta_ops_sent")
    used = {"INSTRUMENT": ["database", "cache", "http", "commands"]}
    silent = preview_as_json(store, **used)[1]
    now = (int(time.time()) - 60) * 10**9
    store.write(f"zemanta_ops_sent,app=print-shop,host=web-1 value=500 {now}")
    settle(store)
    code, findings = preview_as_json(store, **used)
    assert code == 0
    for name, reason in (
        ("overview: Samples dropped per second", "no sample was dropped"),
        ("overview: Time of a cache operation", "no cache was used"),
        ("overview: Cache hit ratio", "no cache was used"),
        ("overview: Time of an outgoing call", "no other service was called"),
        ("work: Time of commands", "no management command ran"),
        ("pipeline: Exit code of check_metrics", "check_metrics --watch does not run"),
    ):
        assert (findings[name]["expected"], findings[name]["reason"]) == (True, reason)
        assert not silent[name]["expected"]


def test_a_gauge_without_rows_is_told_from_one_that_nobody_collects(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    write_always(store, "shop_jobs", "zemanta_ops_gauge_duration")
    findings = preview_as_json(store)[1]
    unwritten = "nothing has written {}. Run: manage.py emit_gauges --loop"
    assert findings["state: Shop jobs"]["reason"] == unwritten.format("shop_jobs")
    panel = "pipeline: Time to collect a gauge"
    assert findings[panel]["reason"] == unwritten.format("zemanta_ops_gauge_duration")
    now = (int(time.time()) - 60) * 10**9
    collected = "zemanta_ops_gauge_duration,app=print-shop,host=web-1,gauge=shop.jobs,outcome"
    for outcome, expected in (("error", False), ("ok", True)):
        store.write(f"{collected}={outcome} count=1i,sum=2 {now}")
        settle(store)
        findings = preview_as_json(store)[1]
        assert panel not in findings
        assert findings["state: Shop jobs"]["expected"] == expected
    assert findings["state: Shop jobs"]["reason"] == "its function returned no row"


def test_aws_panels_are_expected_to_be_empty_only_while_something_is_pushed(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    write_always(store)
    with mock.patch.dict(FURTHER, CLOUDWATCH={"REGIONS": ["eu-west-1"]}):
        code, findings = preview_as_json(store)
        assert code == 6
        # One finding for all its panels.
        assert [name for name in findings if name.startswith("aws: ")] == ["aws: every panel"]
        panel = findings["aws: every panel"]
        assert panel["reason"] == "nothing of it has been written. Run: manage.py push_cloudwatch"
        now = int(time.time()) - 60
        store.write(f"cloudwatch_push,declaration=rds,region=eu-west-1 covered_until={now},failed=0i {now * 10**9}")
        settle(store)
        code, findings = preview_as_json(store)
    assert (code, findings["aws: RDS: Freeable memory minimum"]["expected"]) == (0, True)


def test_a_composite_without_values_is_told_from_one_that_nobody_computes(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    write_always(store)
    with isolate():
        describe("cpu.cores", kind="gauge", tags=("host",), measurement="system", field="n_cpus")
        requests, cores = rate("http.request.count"), mean("cpu.cores")
        Composite("shop.load", numerator=requests, denominator=cores, by=("host",), min_denominator=2)
        code, findings = preview_as_json(store)
        reason = "nothing has written shop_load. Run: manage.py compute_composites --loop"
        assert (code, findings["state: Shop load"]["reason"]) == (6, reason)
        now = (int(time.time()) - 60) * 10**9
        tags = "app=print-shop,host=web-1,composite=shop.load,outcome=ok"
        store.write(f"zemanta_ops_composite_duration,{tags} count=1i,sum=2 {now}")
        settle(store)
        findings = preview_as_json(store)[1]
    assert findings["state: Shop load"]["expected"]
    assert findings["state: Shop load"]["reason"] == "every 1m has fewer than 2 in all"
    # What another program writes is not optional by itself.
    assert not findings["state: Cpu cores"]["expected"]


def test_a_fresh_database_is_one_finding(new_any_store: Callable[[], Store]) -> None:
    code, findings = preview_as_json(new_any_store())
    assert code == 6
    [(name, finding)] = findings.items()
    assert name == "all: every panel"
    assert finding["reason"].startswith("nothing of this application is in ")
    assert finding["reason"].endswith(". Run: manage.py check_metrics")


def test_a_site_of_little_traffic_has_no_ratios(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    write_always(store, "http_request_count")
    now = (int(time.time()) - 60) * 10**9
    store.write(f"http_request_count,app=print-shop,host=web-1,method=GET,view=home,status=200 value=3 {now}")
    settle(store)
    code, findings = preview_as_json(store)
    assert code == 0
    assert findings["overview: HTTP request error ratio"]["reason"] == "every 1m has fewer than 20 in all"
    assert findings["overview: The same a week ago"]["reason"] == "the metrics are younger than 7d"


def test_the_preview_names_empty_panels_and_why(requests: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # A machine under load may be slow.
    monkeypatch.setattr(preview_module, "SLOW_SECONDS", 600)
    code, out, message = run("generate_stack", "grafana", "--preview", store=requests)
    assert code == 6
    lines = out.splitlines()
    assert message == f"not as on a healthy site: {len([line for line in lines if line.startswith('empty')])}"
    assert (
        "empty    pipeline: Samples sent per second: nothing has written zemanta_ops_sent. Run: manage.py check_metrics"
        in lines
    )
    assert not any("overview: Requests per second" in line for line in lines)


def test_what_is_no_longer_written_is_told_from_what_never_was(new_any_store: Callable[[], Store]) -> None:
    store = new_any_store()
    write_always(store, "zemanta_ops_flush_duration")
    before = (int(time.time()) - 86_400) * 10**9
    store.write(f"zemanta_ops_flush_duration,app=print-shop,host=web-1 count=6i,sum=3 {before}")
    settle(store)
    reason = (
        "nothing has written zemanta_ops_flush_duration in the time shown, but before. Run: manage.py check_metrics"
    )
    assert preview_as_json(store)[1]["pipeline: Time of a flush"]["reason"] == reason


def test_the_preview_names_slow_and_full_panels(requests: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_module, "SLOW_SECONDS", -1)
    monkeypatch.setattr(preview_module, "MAX_LINES", 0)
    _, out, _ = run("generate_stack", "grafana", "--preview", store=requests)
    assert "slow     overview: Requests per second: its slowest query took 0." in out
    assert "large    overview: Requests per second: it has 1 lines; more than 0 cannot be told apart" in out
