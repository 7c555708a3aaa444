"""Names the view of a request: the value of the tag ``view``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.urls import ResolverMatch

UNRESOLVED = "unresolved"


def name_view(match: ResolverMatch | None, method: str = "") -> str:
    """Return the resolver's name with its namespaces, else the route, else the dotted name of the view.

    A language prefix is not part of the route: a view has one name for all languages. A class-based view has the dotted
    name of its class; a view of Django REST framework also has the action.
    """
    if match is None:
        return UNRESOLVED
    if match.url_name:
        return match.view_name
    return _strip_language(match.route or "", settings.ROOT_URLCONF) or name_callable(match.func, method)


def name_callable(view: Callable[..., Any], method: str = "") -> str:
    """Return the module and qualified name of a view function, or of the class that it was made from."""
    while isinstance(view, functools.partial):
        view = view.func
    view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
    named: Any = view_class or (view if hasattr(view, "__qualname__") else type(view))
    action = (getattr(view, "actions", None) or {}).get(method.lower())
    return ".".join(part for part in (named.__module__, named.__qualname__, action) if part)


@functools.lru_cache(maxsize=4096)
def _strip_language(route: str, urlconf: str) -> str:
    first, slash, rest = route.partition("/")
    languages = {settings.LANGUAGE_CODE, *dict(settings.LANGUAGES)}
    prefixed = slash and first in languages and is_language_prefix_patterns_used(urlconf)[0]
    return rest if prefixed else route
