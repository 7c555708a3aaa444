from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from django.test import RequestFactory, override_settings
from django.urls import ResolverMatch, path, resolve
from django.utils import translation

from tests.metrics import site
from zemanta_ops.metrics.request.view_names import name_callable, name_request, name_view

pytestmark = pytest.mark.urls("tests.metrics.site")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/named/", "named"),
        ("/shop/item/1/", "eu:item"),
        ("/shop/bare/1/", "shop/bare/<int:pk>/"),
        ("/route/7/", "route/<int:pk>/"),
        ("/year/2024/", "^year/(?P<year>[0-9]{4})/$"),
        ("/", "tests.metrics.site.plain"),
        ("/class/", "class"),
        ("/api/articles/", "article-list"),
        ("/admin/auth/user/3/change/", "admin:auth_user_change"),
        ("/en-us/about/", "about"),
        ("/en-us/bare/", "bare/"),
    ],
)
def test_a_view_has_its_resolvers_name_else_its_route_else_its_dotted_name(path: str, name: str) -> None:
    assert name_view(resolve(path), "GET") == name


def test_all_languages_of_an_unnamed_route_are_one_view() -> None:
    with translation.override("de"):
        assert name_view(resolve("/de/bare/")) == "bare/"


def test_no_match_is_unresolved() -> None:
    assert name_view(None) == "unresolved"


@pytest.mark.parametrize(
    ("view", "name"),
    [
        (site.plain, "tests.metrics.site.plain"),
        (site.view, "tests.metrics.site.plain"),
        (site.ClassView.as_view(), "tests.metrics.site.ClassView"),
        (site.Api.as_view(), "tests.metrics.site.Api"),
        (site.Articles.as_view({"get": "list"}), "tests.metrics.site.Articles.list"),
        (site.router, "rest_framework.routers.SimpleRouter"),
    ],
)
def test_classes_are_named_by_their_class_and_action(view: Any, name: str) -> None:
    assert name_callable(view, "GET") == name
    assert name_view(ResolverMatch(view, (), {}), "GET") == name


@pytest.mark.parametrize(("method", "name"), [("GET", ".list"), ("get", ".list"), ("POST", ""), (None, "")])
def test_the_action_is_that_of_the_method_of_the_request(method: str | None, name: str) -> None:
    request = RequestFactory().get("/")
    request.method = method
    request.resolver_match = ResolverMatch(site.Articles.as_view({"get": "list"}), (), {})
    assert name_request(request, 200) == f"tests.metrics.site.Articles{name}"


def test_a_language_is_one_of_the_prefixes_of_the_urlconf_that_answered() -> None:
    own: Any = ModuleType("own_urls")
    own.urlpatterns = [path("de/bare/", site.plain)]
    request: Any = RequestFactory().get("/de/bare/")
    with translation.override("de"):
        assert name_request(request, 200) == "bare/"
        request.urlconf = own
        # Here it is a part of the route, and in the root it is a prefix.
        assert name_request(request, 200) == "de/bare/"
    own_root = override_settings(ROOT_URLCONF=own)
    request.urlconf = site
    with own_root, translation.override("de"):
        assert name_request(request, 200) == "bare/"


def test_a_request_that_was_not_resolved_is_resolved_in_its_own_urlconf() -> None:
    own: Any = ModuleType("own_urls")
    own.urlpatterns = [path("mine/", site.plain, name="mine")]
    request: Any = RequestFactory().get("/mine/")
    assert name_request(request, 200) == "middleware"
    request.urlconf = own
    assert name_request(request, 200) == "mine"
    assert name_request(request, 404) == "unresolved"
