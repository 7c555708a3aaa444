"""Names the view of a request: the value of the tag ``view``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.http import HttpRequest
from django.urls import ResolverMatch, resolve

UNRESOLVED = "unresolved"
MIDDLEWARE = "middleware"


def name_request(request: HttpRequest, status: int) -> str:
    """Return the view of an answered request, whoever answered it.

    A middleware that answers (a cached page, a redirect to a login, a CORS preflight) leaves no match behind. Then it
    is the view of the path, or ``middleware`` if the path has none (a file of WhiteNoise, a flat page, a redirect to
    the path with a slash). ``unresolved`` is left for paths that match nothing and were not found.
    """
    match, method = request.resolver_match, request.method or ""
    urlconf = getattr(request, "urlconf", None)
    if match is None and status != 404:
        try:
            match = resolve(request.path_info, urlconf)
        except Exception:  # noqa: BLE001  (Resolver404, or a converter of the project that fails)
            return MIDDLEWARE
    return name_view(match, method, urlconf)


def name_view(match: ResolverMatch | None, method: str = "", urlconf: Any = None) -> str:
    """Return the resolver's name with its namespaces, else the route, else the dotted name of the view.

    A language prefix is not part of the route: a view has one name for all languages. A class-based view has the dotted
    name of its class; a view of Django REST framework also has the action.
    """
    if match is None:
        return UNRESOLVED
    if match.url_name:
        return match.view_name
    return _strip_language(match.route or "", urlconf or settings.ROOT_URLCONF) or name_callable(match.func, method)


def name_callable(view: Callable[..., Any], method: str = "") -> str:
    """Return the module and qualified name of a view function, or of the class that it was made from."""
    while isinstance(view, functools.partial):
        view = view.func
    view_class = getattr(view, "view_class", None)
    named: Any = view_class or (view if hasattr(view, "__qualname__") else type(view))
    action = (getattr(view, "actions", None) or {}).get(method.lower())
    return ".".join(part for part in (named.__module__, named.__qualname__, action) if part)


@functools.lru_cache(maxsize=4096)
def _strip_language(route: str, urlconf: Any) -> str:
    first, slash, rest = route.partition("/")
    languages = {settings.LANGUAGE_CODE, *dict(settings.LANGUAGES)}
    prefixed = slash and first in languages and is_language_prefix_patterns_used(urlconf)[0]
    return rest if prefixed else route
