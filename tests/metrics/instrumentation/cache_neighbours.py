"""A site with Sentry's cache spans or the debug toolbar beside the cache instrumentation, as a program.

``python -m tests.metrics.instrumentation.cache_neighbours NEIGHBOUR FOLDER`` sends two requests, and prints as JSON the
operations and lookups of each and what the neighbour has seen. Both neighbours patch Django for good, so each needs a
process of its own.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django
from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

NEIGHBOUR, FOLDER = sys.argv[1:3] if __name__ == "__main__" else ("", "")
SPANS: list[str] = []


def view(request: HttpRequest) -> HttpResponse:
    """Use each cache in every way that counts."""
    for alias in caches:
        cache: Any = caches[alias]
        cache.set("a", 1)
        cache.get("a")
        cache.get("absent")
        cache.get_or_set(f"new{id(request)}", 3)
        cache.get_many(["a", "absent"])
        cache.incr("a")
        cache.decr("a")
        cache.delete("a")
    return HttpResponse("<html><body>hello</body></html>")


urlpatterns: list[Any] = [path("", view, name="view")]


def note_spans(event: Any, _hint: Any) -> None:
    """Note the operations that Sentry has seen, and send nothing."""
    SPANS.extend(span["op"] for span in event["spans"] if span["op"].startswith("cache."))


def start_sentry() -> None:
    """Start Sentry with cache spans; nothing is sent."""
    import sentry_sdk
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn="http://example@127.0.0.1:9/1",
        traces_sample_rate=1.0,
        before_send_transaction=note_spans,
        integrations=[DjangoIntegration(cache_spans=True)],
    )


def configure() -> None:
    """Set Django up, with Sentry before or after it."""
    has_toolbar = "toolbar" in NEIGHBOUR
    settings.configure(
        SECRET_KEY="tests-only-not-a-secret",
        DEBUG=True,
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        INTERNAL_IPS=["127.0.0.1"],
        STATIC_URL="/static/",
        INSTALLED_APPS=["django.contrib.staticfiles", "zemanta_ops", *(["debug_toolbar"] if has_toolbar else [])],
        MIDDLEWARE=[
            "zemanta_ops.metrics.middleware.RequestMetricsMiddleware",
            *(["debug_toolbar.middleware.DebugToolbarMiddleware"] if has_toolbar else []),
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        DEBUG_TOOLBAR_CONFIG={"IS_RUNNING_TESTS": False},
        DEBUG_TOOLBAR_PANELS=["debug_toolbar.panels.cache.CachePanel"],
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
            "disk": {"BACKEND": "diskcache.DjangoCache", "LOCATION": FOLDER},
        },
        ZEMANTA_OPS={"METRICS": {"INSTRUMENT": ["cache"], "ENABLED": True}},
    )
    if "sentry first" in NEIGHBOUR:
        start_sentry()
    django.setup()
    if "sentry last" in NEIGHBOUR:
        start_sentry()
    if has_toolbar:
        urlpatterns.append(path("__debug__/", include("debug_toolbar.urls")))


def main() -> None:
    """Send two requests and print what was recorded."""
    configure()
    import sentry_sdk

    from tests.metrics.instrumentation.caching import DURATION, LOOKUPS
    from zemanta_ops.testing import capture_metrics

    found = []
    for _ in range(2):
        SPANS.clear()
        # Without Sentry it does nothing. A WSGI server starts it; the test client does not.
        with capture_metrics() as recorded, sentry_sdk.start_transaction(name="view"):
            response = Client().get("/")
        operations = [(each.tags["alias"], each.tags["operation"]) for each in recorded.find(DURATION)]
        lookups = [(each.tags["alias"], each.tags["result"]) for each in recorded.find(LOOKUPS)]
        seen = {"spans": SPANS.copy(), "toolbar": b"djDebug" in response.content}
        classes = [type(caches[alias]).__name__ for alias in caches]
        found.append({"operations": operations, "lookups": lookups, "classes": classes, **seen})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
