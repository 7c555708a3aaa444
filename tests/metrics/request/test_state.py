"""What instrumentations have measured in one request is added up by metric and tags."""

from __future__ import annotations

from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.request.state import REQUEST, RequestState, get_request_state

DURATION, COUNT = catalog.QUERY_DURATION, catalog.REQUEST_COUNT
ALIAS, OTHER = (("alias", "default"),), (("alias", "other"),)


def test_samples_of_one_metric_and_its_tags_are_summed() -> None:
    state = RequestState()
    for value, tags in ((1.5, ALIAS), (2.0, OTHER), (4.0, ALIAS)):
        state.add(DURATION, value, tags)
    state.add(DURATION, 8.0)
    state.add(COUNT, 16.0, ALIAS)
    assert state.add_up() == {
        (DURATION, ALIAS): 5.5,
        (DURATION, OTHER): 2.0,
        (DURATION, ()): 8.0,
        (COUNT, ALIAS): 16.0,
    }


def test_of_what_was_noted_the_most_frequent_is_counted() -> None:
    state = RequestState()
    for what in ("a", "b", "b", "c", "b", "a"):
        state.note(COUNT, what, ALIAS)
    state.note(COUNT, "b", OTHER)
    state.note(COUNT, "b")
    assert state.add_up() == {(COUNT, ALIAS): 3, (COUNT, OTHER): 1, (COUNT, ()): 1}


def test_a_request_without_samples_has_no_sums() -> None:
    assert RequestState().add_up() == {}


def test_the_state_of_a_request_is_there_until_it_is_closed() -> None:
    assert get_request_state() is None
    state = RequestState()
    token = REQUEST.set(state)
    try:
        assert state.is_closed is False
        assert get_request_state() is state
        state.close()
        assert get_request_state() is None
    finally:
        REQUEST.reset(token)
