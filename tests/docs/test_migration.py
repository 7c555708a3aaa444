"""What the page on moving over names on this side exists: metrics, settings, calls, tags, checks."""

from __future__ import annotations

import re

import pytest

from tests.docs.tables import DOCS, literals, section, tables
from zemanta_ops import metrics
from zemanta_ops.conf import conf
from zemanta_ops.metrics import catalog, instrumentation

PACKAGES = ["django-statsd-influx", "django-statsd", "django-prometheus"]
KNOWN = {metric.name: metric for metric in catalog.METRICS}
TEXT = (DOCS / "migrate_metrics.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_metric_on_this_side_is_in_the_catalogue(package: str) -> None:
    named = [name for rows in tables(section("migrate_metrics", package)) for cells in rows for name in cells[1:2]]
    dotted = {name for cell in named for name in re.findall(r"``((?:http|db|celery|cache)\.[a-z_.]+)``", cell)}
    assert dotted <= set(KNOWN)
    assert dotted or package == "django-statsd-influx"


def test_every_setting_on_this_side_exists() -> None:
    named = set(re.findall(r"\* - ``[^\n]+\n     - ``([A-Z_]+)``", TEXT))
    assert {"HOST", "HOST_TAG", "EXCLUDE_VIEWS"} <= named
    assert named <= set(conf.metrics.settings())


def test_every_call_on_this_side_exists() -> None:
    named = set(re.findall(r"\bmetrics\.([a-z]+)\(?", TEXT.replace("zemanta_ops.metrics.middleware", "")))
    assert {"incr", "timer", "histogram", "configure"} <= named
    assert [name for name in named if not hasattr(metrics, name)] == []


def test_the_tags_of_each_metric_are_its_own() -> None:
    for package in PACKAGES:
        for cells in (cells for rows in tables(section("migrate_metrics", package)) for cells in rows):
            metric = KNOWN.get(next(iter(literals(cells[1])), ""))
            tags = re.findall(r"tags? ``([a-z]+)``", cells[2]) if metric and len(cells) > 2 else []
            assert set(tags) <= set(metric.tags if metric else ()), cells


def test_the_instrumentations_exist() -> None:
    named = set(re.findall(r"``([a-z]+)``\s+in\s+``INSTRUMENT``", TEXT))
    assert {"database", "cache", "celery", "responses"} <= named
    assert named <= set(instrumentation.NAMES)
