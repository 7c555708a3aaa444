from __future__ import annotations

from pathlib import Path

import pytest

from zemanta_ops.stack.inventory.source_calls import find_calls, find_project_calls


def found(source: str) -> list[tuple[str, str, dict[str, str | None]]]:
    return [(call.name, call.kind, dict(call.tags)) for call in find_calls(source, Path("shop.py"))]


@pytest.mark.parametrize(
    "source",
    [
        "from zemanta_ops import metrics\nmetrics.incr('signup', plan='pro')",
        "from zemanta_ops import metrics as m\nm.incr('signup', plan='pro')",
        "import zemanta_ops.metrics\nzemanta_ops.metrics.incr('signup', plan='pro')",
        "import zemanta_ops.metrics as m\nm.incr('signup', plan='pro')",
        "from zemanta_ops.metrics import incr\nincr('signup', plan='pro')",
        "from zemanta_ops.metrics import incr as count\ndef f():\n    count('signup', 5, plan='pro')",
    ],
)
def test_every_way_to_import(source: str) -> None:
    assert found(source) == [("signup", "counter", {"plan": "pro"})]


@pytest.mark.parametrize(
    ("call", "kind", "tags"),
    [
        ("decr('a')", "counter", {}),
        ("gauge('a', 1, delta=True, queue=name)", "gauge", {"queue": None}),
        ("timing('a', seconds=1)", "timing", {}),
        ("timing('a', 1, seconds='tag')", "timing", {"seconds": "tag"}),
        ("timer('a', value=1)", "timing", {"value": "1"}),
        ("block_timer('a')", "timing", {}),
        ("histogram('a', 3, **tags)", "histogram", {"**": None}),
        ("unique('a', user)", "set", {}),
    ],
)
def test_kinds_and_tags(call: str, kind: str, tags: dict[str, str | None]) -> None:
    assert found(f"from zemanta_ops import metrics\nmetrics.{call}") == [("a", kind, tags)]


def test_decorators_are_calls() -> None:
    source = "from zemanta_ops import metrics\n@metrics.timer('load', source='s3')\ndef load(): ..."
    assert found(source) == [("load", "timing", {"source": "s3"})]


@pytest.mark.parametrize(
    "source",
    [
        "metrics.incr('signup')",
        "from elsewhere import metrics\nmetrics.incr('signup')",
        "from zemanta_ops import metrics\nmetrics.incr(name)",
        "from zemanta_ops import metrics\nmetrics.health()",
        "from zemanta_ops import metrics\n(lambda: metrics)()('a')",
        "def broken(:",
        "null = '\0'",
    ],
)
def test_what_is_no_call_of_the_client_is_left_out(source: str) -> None:
    assert found(source) == []


def test_the_projects_own_apps_are_read_and_installed_packages_are_not() -> None:
    calls = find_project_calls()
    assert {"shop.price"} <= {call.name for call in calls}
    assert all("example_project" in call.place for call in calls)
    assert all(call.place.rpartition(":")[2].isdecimal() for call in calls)
