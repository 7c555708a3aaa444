"""Grafana merges the rows of a table's queries as this package does: a row for each view.

Grafana itself cannot run here. ``merge_frames`` does what its documentation says of the transformations in use.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.servers.influxdb1 import InfluxDB1
from tests.servers.stores import Store, store_of_1
from tests.stack.generate.grafana.traffic import SETTINGS, configured
from zemanta_ops.stack.charts.interpolation import Choice, Window
from zemanta_ops.stack.charts.results import list_panels, run_target
from zemanta_ops.stack.generate.grafana import build_dashboards, read_sources

Json = Mapping[str, Any]
Frame = list[dict[str, Any]]


def merge_frames(frames: Sequence[Frame], transformations: Sequence[Json]) -> Frame:
    """Return the rows of a table."""
    for each in transformations:
        if each["id"] == "filterFieldsByName":
            hidden = each["options"]["exclude"]["names"]
            frames = [[{k: v for k, v in row.items() if k not in hidden} for row in frame] for frame in frames]
        elif each["id"] == "merge":
            frames = [merge(frames)]
    return frames[0]


def merge(frames: Sequence[Frame]) -> Frame:
    """Merge rows that are equal in every column that all frames have."""
    shared = set.intersection(*(set(row) for frame in frames for row in frame))
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for frame in frames:
        for row in frame:
            rows.setdefault(tuple(row[column] for column in sorted(shared)), {}).update(row)
    return list(rows.values())


def write_views(store: Store) -> None:
    now = int(time.time())
    for number, view in enumerate(("home", "cart")):
        tags = f"app=print-shop,env=test,host=web-1,method=GET,view={view},status=200"
        for ago in (600, 300, 60 + 30 * number):
            moment = (now - ago) * 10**9
            store.write(f"http_request_count,{tags} value=2 {moment}")
            fields = f"count=2,sum=30,mean=15,upper=20,95_percentile={1_000 - ago}"
            store.write(f"http_request_duration,{tags} {fields} {moment}")
            repeated = f"http_request_repeated_queries,alias=default,{tags}"
            store.write(f"{repeated} count=2,sum=4,mean=2,upper={ago} {moment}")


def test_a_view_is_one_row_although_a_maximum_has_the_time_of_its_point(influxdb1: InfluxDB1) -> None:
    store = store_of_1(influxdb1, influxdb1.create("tables"))
    write_views(store)
    now = int(time.time())
    # Without BUCKETS, a view's percentile is a maximum too.
    with configured(INFLUXDB=store.settings, METRICS={**SETTINGS["METRICS"], "BUCKETS": []}):
        sources, _ = read_sources()
        overview = build_dashboards(sources, "influxql")["overview"]
    [table] = [panel for panel in list_panels(overview) if panel["type"] == "table"]
    window = Window((now - 900) * 1_000, now * 1_000)
    with store.connect() as database:
        frames = [run_target(target, database, window, Choice(), "10s") for target in table["targets"]]
    # What InfluxQL calls time, Grafana calls Time.
    named = [[{"Time" if k == "time" else k: v for k, v in row.items()} for row in frame] for frame in frames if frame]
    rows = merge_frames(named, table["transformations"])
    assert {row["view"]: row["p95 of the worst host"] for row in rows} == {"home": 940, "cart": 910}
    assert [row["most repeated query"] for row in rows] == [600, 600]
    assert len(rows) == 2
