"""Names are those of Telegraf 1.39's own input: dashboards made for it work, and a series continues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.servers.fixtures import require
from tests.stack.cloudwatch import telegraf_names
from zemanta_ops.stack.cloudwatch.names import name_field, name_measurement, to_snake_case

ROWS: list[dict[str, Any]] = json.loads(telegraf_names.TABLE.read_text(encoding="utf-8"))


def test_the_table_has_every_shipped_metric() -> None:
    assert [(row["namespace"], tuple(row["dimensions"]), row["metric"]) for row in ROWS] == (
        telegraf_names.list_metrics()
    ), "run: python -m tests.stack.cloudwatch.telegraf_names"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['namespace']} {row['metric']}")
def test_a_name_is_that_of_the_real_plug_in(row: dict[str, Any]) -> None:
    assert name_measurement(row["namespace"]) == row["measurement"]
    assert sorted([*map(to_snake_case, row["dimensions"]), "region"]) == row["tags"]
    assert telegraf_names.list_fields(row["metric"]) == row["fields"]


@pytest.mark.second_tier
def test_the_real_plug_in_still_makes_the_table() -> None:
    require("telegraf-cloudwatch")
    assert telegraf_names.make_table() == ROWS


@pytest.mark.parametrize(
    ("statistic", "field"),
    [
        ("p99", "latency_p99"),
        ("p99.9", "latency_p99_9"),
        ("tm90", "latency_tm90"),
        ("IQM", "latency_iqm"),
        ("TM(10%:90%)", "latency_tm_10_90"),
        ("PR(:300)", "latency_pr_300"),
    ],
)
def test_a_statistic_that_telegraf_cannot_ask_for_follows_its_pattern(statistic: str, field: str) -> None:
    assert name_field("Latency", statistic) == field
