"""The page on health: its example runs, and its tables have every key and every reason there is."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

import pytest
from django.test import RequestFactory, override_settings

from tests.docs.tables import DOCS, literals, tables
from tests.metrics.agents import agent
from zemanta_ops import metrics
from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.client import default_client

TEXT = (DOCS / "health.rst").read_text(encoding="utf-8")
KEYS, REASONS = ([literals(row[0])[0] for row in rows] for rows in tables(TEXT))


def example() -> Any:
    """Run the code block of the page and return its view."""
    block = re.search(r"code-block:: python\n\n((?:    .*\n|\n)+)", TEXT)
    assert block
    names: dict[str, Any] = {}
    exec(textwrap.dedent(block[1]), names)
    return names["healthz"]


@pytest.mark.django_db
def test_the_example_answers_with_every_key_of_the_table() -> None:
    with agent() as running, override_settings(ZEMANTA_OPS={"METRICS": {"ENABLED": True, "PORT": running.port}}):
        metrics.incr("")
        metrics.incr("n", 3)
        metrics.flush()
        answer = json.loads(example()(RequestFactory().get("/healthz/")).content)
        default_client.close()
    assert answer["ok"] is True
    assert list(answer["metrics"]) == KEYS
    assert answer["metrics"]["dropped"] == {"invalid_name": 1}
    assert answer["metrics"]["sent"] >= 1


@pytest.mark.django_db
def test_where_metrics_are_off_it_says_so() -> None:
    assert json.loads(example()(RequestFactory().get("/")).content)["metrics"] == {"enabled": False}


def test_the_table_has_every_reason_in_the_code() -> None:
    # The catalogue's list is held against the code in tests/stack/inventory.
    assert set(REASONS) == set(catalog.DROP_REASONS)
