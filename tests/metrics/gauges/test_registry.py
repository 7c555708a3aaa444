"""What a gauge's function may return, and the registry."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db.models import Count

from zemanta_ops import metrics
from zemanta_ops.metrics.gauges import registry as gauges
from zemanta_ops.metrics.gauges.registry import AppGauge


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[Any, AppGauge]:
    gauges.find_gauges()  # the installed apps' own gauges are imported once, before the registry is emptied
    empty: dict[Any, AppGauge] = {}
    monkeypatch.setattr(gauges, "_registry", empty)
    return empty


def readings(returned: Any, **tags: Any) -> list[tuple[float, dict[str, Any]]]:
    gauge = AppGauge("jobs", lambda: returned, every=30, timeout=30, tags=tags)
    return [(reading.value, dict(reading.tags)) for reading in gauge.read()]


@pytest.mark.parametrize("number", [3, 2.5, Decimal("2.5"), Fraction(5, 2)])
def test_a_number(number: Any) -> None:
    assert readings(number, queue="mail") == [(float(number), {"queue": "mail"})]


def test_none_is_nothing_to_report() -> None:
    assert readings(None) == []


def test_pairs_of_number_and_tags() -> None:
    rows = [(1, {"queue": "mail"}), (2, {"queue": "sms"})]
    assert readings(rows, env="x") == [(1, {"env": "x", "queue": "mail"}), (2, {"env": "x", "queue": "sms"})]


def test_a_generator_of_rows() -> None:
    def rows() -> Iterator[dict[str, object]]:
        yield {"value": 4, "queue": "mail", "state": "new"}

    assert readings(rows()) == [(4, {"queue": "mail", "state": "new"})]


@pytest.mark.django_db
def test_a_queryset_that_aggregates() -> None:
    for model in ("order", "bill"):
        ContentType.objects.create(app_label="warehouse", model=model)
    rows = ContentType.objects.filter(app_label="warehouse").values("app_label").annotate(value=Count("id"))
    assert readings(rows.order_by()) == [(2, {"app_label": "warehouse"})]


@pytest.mark.parametrize(
    "wrong", ["12", b"12", True, object(), {"value": 1}, [1, 2], [{"count": 1}], [("a", {})], [(1, "a")]]
)
def test_anything_else_is_refused_by_name_and_type_and_without_its_value(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"the gauge 'jobs' returned a .*\. Return a number"):
        readings(wrong)


def test_an_async_function() -> None:
    async def count() -> int:
        return 5

    assert [reading.value for reading in AppGauge("jobs", count, every=30, timeout=30).read()] == [5]


def test_registering_leaves_the_function_as_it_is() -> None:
    @metrics.app_gauge("jobs.waiting", every=60, queue="mail")
    def jobs_waiting() -> int:
        return 7

    assert jobs_waiting() == 7
    (gauge,) = gauges.find_gauges()
    assert (gauge.name, gauge.every, gauge.timeout, gauge.tags) == ("jobs.waiting", 60, 60, {"queue": "mail"})


def test_a_function_that_is_imported_twice_is_registered_once() -> None:
    def define() -> None:
        @metrics.app_gauge("jobs.waiting", every=60)
        def jobs_waiting() -> int:
            return 7

    define()
    define()
    assert len(gauges.find_gauges()) == 1


@pytest.mark.parametrize("seconds", [{"every": 0}, {"every": -1}, {"timeout": 0}])
def test_seconds_that_make_no_sense_are_refused(seconds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="'jobs' needs every and timeout in seconds, greater than zero"):
        metrics.app_gauge("jobs", **seconds)
