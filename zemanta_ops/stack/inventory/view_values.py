"""List every value of the tag ``view``: the names of all views in the URL configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.urls import ResolverMatch, URLResolver, get_resolver

from zemanta_ops.metrics.request.view_names import UNRESOLVED, view_name


def list_view_names() -> list[str]:
    """Return the names of all views, as the middleware tags them, and ``unresolved``."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return [UNRESOLVED]
    return sorted({UNRESOLVED, *_walk(get_resolver().url_patterns, "", [])})


def _walk(patterns: Iterable[Any], prefix: str, namespaces: list[str | None]) -> Iterator[str]:
    for pattern in patterns:
        route = _join(prefix, str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            inner = [*namespaces, pattern.namespace] if pattern.namespace else namespaces
            yield from _walk(pattern.url_patterns, route, inner)
        else:
            match = ResolverMatch(pattern.callback, (), {}, pattern.name, namespaces=namespaces, route=route)
            # A view of Django REST framework's routers has one action per method.
            for method in getattr(pattern.callback, "actions", None) or [""]:
                yield view_name(match, method)


def _join(prefix: str, route: str) -> str:
    """Join two routes as Django's resolver does, which keeps a ``^`` only at the beginning."""
    return prefix + route.removeprefix("^") if prefix else route
