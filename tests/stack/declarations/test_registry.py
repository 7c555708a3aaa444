"""Declarations are found in the installed apps, whatever happens in one of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from zemanta_ops.checks.declarations import check_declarations
from zemanta_ops.metrics import catalog
from zemanta_ops.stack.declarations import Declarations, describe, isolate, read_declarations
from zemanta_ops.stack.declarations.faults import find_faults
from zemanta_ops.stack.generate.grafana import read_sources
from zemanta_ops.stack.inventory.deployment import read_deployment

GOOD = """
from zemanta_ops import metrics
from zemanta_ops.stack.declarations import Alert, above, describe, last, total

describe("shop.jobs", unit="jobs", meaning="Print jobs.", tags=("state",))
Alert(last("shop.jobs"), by=("state",), crit=above(5), runbook="https://wiki.example.com/jobs")
"""


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, text in {"good_app": GOOD, "bad_app": 'token = "example-secret"\nraise ValueError(token)\n'}.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / "metrics.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with isolate(), override_settings(INSTALLED_APPS=["zemanta_ops", "example_project.shop", "good_app", "bad_app"]):
        yield
    for name in ("good_app", "good_app.metrics", "bad_app", "bad_app.metrics", "bad_app.gauges"):
        sys.modules.pop(name, None)


@pytest.fixture
def declared() -> Iterator[Declarations]:
    with isolate():
        yield read_declarations()


def test_metrics_py_of_every_app_is_read_and_one_that_raises_is_named(apps: None) -> None:
    declared = read_declarations(shipped=False)
    assert [each.name for each in declared.descriptions] == ["shop.jobs"]
    assert [(each.key, each.place) for each in declared.alerts] == [("shop.jobs", "good_app.metrics:6")]
    assert [(failure.module, failure.reason) for failure in declared.failures] == [("bad_app.metrics", "ValueError")]


def test_the_check_names_a_module_that_raises_without_its_message(apps: None) -> None:
    [message] = check_declarations()
    assert message.id == "zemanta_ops.E201"
    assert "bad_app.metrics cannot be imported: ValueError" in message.msg
    assert "example-secret" not in str(message)


def test_a_module_that_ends_the_process_is_named_too(apps: None, tmp_path: Path) -> None:
    (tmp_path / "bad_app" / "metrics.py").write_text("import sys\nsys.exit('a library is missing')\n")
    [failure] = read_declarations(shipped=False).failures
    assert (failure.module, failure.reason) == ("bad_app.metrics", "SystemExit")


def test_a_gauges_py_that_raises_is_named_and_the_dashboards_are_drawn(apps: None, tmp_path: Path) -> None:
    (tmp_path / "bad_app" / "metrics.py").unlink()
    (tmp_path / "bad_app" / "gauges.py").write_text("raise RuntimeError('example-secret')\n")
    [message] = check_declarations()
    assert "bad_app.gauges cannot be imported: RuntimeError; what it declares is missing" in message.msg
    sources, [warning] = read_sources()
    assert message.msg in warning
    assert sources.declared.describe("shop.jobs") is not None


def test_a_project_may_describe_again_what_is_shipped() -> None:
    with isolate():
        describe("http.request.count", meaning="Visits.", unit="requests")
        declared = read_declarations()
        assert declared.describe("http.request.count").meaning == "Visits."  # type: ignore[union-attr]
        assert list(find_faults(declared, read_deployment(declared))) == []


@pytest.mark.parametrize("metric", catalog.METRICS, ids=lambda metric: metric.name)
def test_every_metric_of_the_catalogue_is_described_in_full(metric: catalog.Metric, declared: Declarations) -> None:
    description = declared.describe(metric.name)
    assert description is not None
    assert all((description.meaning, description.trouble, description.impact, description.action))
    assert description.unit == metric.unit


def test_what_is_shipped_has_no_fault_whatever_is_switched_on(declared: Declarations) -> None:
    assert list(find_faults(declared, read_deployment(declared))) == []


def test_a_gauge_without_a_description_is_known_with_tags_that_are_not(declared: Declarations) -> None:
    metric = read_deployment(declared).metrics["shop.jobs"]
    assert (metric.kind, metric.tags, metric.measurement) == ("gauge", None, "shop_jobs")


def test_the_example_declares_what_its_metrics_mean_without_a_fault() -> None:
    declared = read_declarations(shipped=False)
    assert {each.place.split(":")[0] for each in declared.everything} == {"example_project.shop.metrics"}
    assert list(find_faults(declared, read_deployment(declared))) == []


def test_what_is_off_is_known_with_what_switches_it_on(declared: Declarations) -> None:
    metrics = read_deployment(declared).metrics
    assert metrics["celery.task.wait"].remedy == 'Add "celery" to ZEMANTA_OPS["METRICS"]["INSTRUMENT"].'
    assert metrics["zemanta_ops.sent"].remedy == ""
