from __future__ import annotations

import pytest

from tests.metrics.agents import Agent, client_of, counted
from zemanta_ops.metrics.series.cache import SeriesCache
from zemanta_ops.metrics.series.series import COUNTER, Series

TAGS = [{}, {"view": "home"}, {"view": "home", "method": "GET"}]


@pytest.mark.parametrize("tags", TAGS, ids=len)
def test_a_series_is_found_by_its_name_and_tags_alone(tags: dict[str, str]) -> None:
    cache, series = SeriesCache(), Series(COUNTER, "n", tags, "n", tags)
    for others in TAGS:
        if others != tags:
            cache.add("n", others, Series(COUNTER, "n", others, "n", others))
    assert cache.get("n", tags) is None
    cache.add("n", tags, series)
    assert cache.get("n", dict(tags)) is series
    assert cache.get("m", tags) is None
    assert cache.get("n", {**tags, "more": "home"}) is None


@pytest.mark.parametrize("tags", TAGS, ids=len)
def test_an_entry_counts_once_until_all_are_forgotten(tags: dict[str, str]) -> None:
    cache, series = SeriesCache(), Series(COUNTER, "n", tags, "n", tags)
    for name in ("n", "n", "m"):
        cache.add(name, tags, series)
    assert len(cache) == 2
    cache.clear()
    assert len(cache) == 0
    assert cache.get("n", tags) is None


@pytest.mark.parametrize("tags", [{"view": []}, {"view": [], "method": "GET"}], ids=len)
def test_a_value_that_cannot_be_hashed_is_an_error(tags: dict[str, object]) -> None:
    cache = SeriesCache()
    cache.add("n", {"view": "home"}, Series(COUNTER, "n", {"view": "home"}, "n", {"view": "home"}))
    with pytest.raises(TypeError):
        cache.get("n", tags)


def test_a_client_that_meets_ever_new_series_forgets_old_ones(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zemanta_ops.metrics.client.MAX_CACHED", 10)
    client = client_of(running, flush_seconds=60, max_series=1000, max_tag_values=1000)
    for number in range(100):
        client.incr("n", view=f"view-{number}")
        assert len(client._get_cache(COUNTER)) <= 10
    client.close()
    assert counted(running, "n") == 100
