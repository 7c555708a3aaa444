"""Checks of the settings that choose and tag requests: REQUEST_TAGS and EXCLUDE_PATHS."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator

import pytest
from django.http import HttpRequest, HttpResponse

from tests.test_checks_metrics import ids, messages


async def return_tags(request: HttpRequest, response: HttpResponse) -> dict[str, str]:
    return {}


async def yield_tags(request: HttpRequest, response: HttpResponse) -> AsyncIterator[str]:
    yield "tag"


@pytest.mark.parametrize("path", ["nowhere.at.all", "tests.settings.SECRET_KEY"])
def test_e105_request_tags_must_lead_to_a_function(path: str) -> None:
    assert ids(ZEMANTA_OPS={"METRICS": {"REQUEST_TAGS": path}}) == ["zemanta_ops.E105"]
    assert ids(ZEMANTA_OPS={"METRICS": {"REQUEST_TAGS": "tests.test_checks_requests.take_any"}}) == []


def take_any(*arguments: object) -> dict[str, str]:
    return {}


def take_one(request: HttpRequest) -> dict[str, str]:
    return {}


def take_three(request: HttpRequest, response: HttpResponse, more: str) -> dict[str, str]:
    return {}


def take_named(request: HttpRequest, *, response: HttpResponse) -> dict[str, str]:
    return {}


class Tags:
    def __init__(self, request: HttpRequest, response: HttpResponse) -> None:
        self.request = request

    def method(self, response: HttpResponse) -> dict[str, str]:
        return {}


bound_tags = Tags(HttpRequest(), HttpResponse()).method
given_tags = functools.partial(take_three, more="x")


@pytest.mark.parametrize("name", ["take_one", "take_three", "take_named", "Tags", "bound_tags"])
def test_e109_request_tags_must_take_a_request_and_a_response(name: str) -> None:
    assert ids(ZEMANTA_OPS={"METRICS": {"REQUEST_TAGS": f"tests.test_checks_requests.{name}"}}) == ["zemanta_ops.E109"]


@pytest.mark.parametrize("name", ["take_any", "given_tags"])
def test_request_tags_with_two_free_arguments_are_accepted(name: str) -> None:
    assert ids(ZEMANTA_OPS={"METRICS": {"REQUEST_TAGS": f"tests.test_checks_requests.{name}"}}) == []


@pytest.mark.parametrize("path", ["healthz", "healthz/", "^/healthz", "/a/*/b", "/a/**", "http://shop.example/a/"])
def test_w105_paths_that_no_request_has_are_reported(path: str) -> None:
    assert ids(ZEMANTA_OPS={"METRICS": {"EXCLUDE_PATHS": ["/healthz/", path, "/static/*"]}}) == ["zemanta_ops.W105"]


@pytest.mark.parametrize("path", ["*", "/", "/healthz/", "/static/*"])
def test_paths_that_requests_have_are_accepted(path: str) -> None:
    assert ids(ZEMANTA_OPS={"METRICS": {"EXCLUDE_PATHS": [path]}}) == []


def yield_pairs(request: HttpRequest, response: HttpResponse) -> Iterator[tuple[str, str]]:
    yield "tag", "value"


class AsyncTags:
    async def __call__(self, request: HttpRequest, response: HttpResponse) -> dict[str, str]:
        return {}


partial_tags = functools.partial(return_tags)
object_of_tags = AsyncTags()
wrapped_tags = functools.wraps(return_tags)(lambda *arguments: return_tags(*arguments))


@pytest.mark.parametrize(
    "name", ["return_tags", "yield_tags", "yield_pairs", "partial_tags", "object_of_tags", "wrapped_tags"]
)
def test_e106_request_tags_must_not_be_async_or_a_generator(name: str) -> None:
    (message,) = messages(ZEMANTA_OPS={"METRICS": {"REQUEST_TAGS": f"tests.test_checks_requests.{name}"}})
    assert message.id == "zemanta_ops.E106"
