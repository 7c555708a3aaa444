"""Views of every kind, and the URLs that lead to them, for the tests of the middleware."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from django.views import View
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet


def plain(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return HttpResponse("ok")


async def plain_async(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse("ok")


def failing(request: HttpRequest) -> HttpResponse:
    raise LookupError("on purpose")


# Views that have begun and do not answer.
begun: list[str] = []


async def hanging(request: HttpRequest) -> HttpResponse:
    begun.append(request.path)
    await asyncio.sleep(60)
    return HttpResponse("never")


def streaming(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b"a"
        yield b"b"

    return StreamingHttpResponse(parts())


async def streaming_async(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(0)
        yield b"b"

    return StreamingHttpResponse(parts())


def leaving(request: HttpRequest) -> HttpResponse:
    raise SystemExit(1)


class ClassView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("ok")


class Articles(ViewSet):
    authentication_classes = ()
    permission_classes = ()

    def list(self, request: Any) -> Response:
        return Response([])


class Api(APIView):
    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Any) -> Response:
        return Response({})


router = SimpleRouter()
router.register("articles", Articles, basename="article")

view: Callable[..., HttpResponse] = functools.partial(plain, extra=1)

shop = ([path("item/<int:pk>/", plain, name="item"), path("bare/<int:pk>/", plain)], "shop")

urlpatterns = [
    path("", plain),
    path("named/", plain, name="named"),
    path("async/", plain_async, name="async"),
    path("fail/", failing, name="fail"),
    path("hang/", hanging, name="hang"),
    path("leave/", leaving, name="leave"),
    path("stream/", streaming, name="stream"),
    path("stream-async/", streaming_async, name="stream-async"),
    path("route/<int:pk>/", plain),
    re_path(r"^year/(?P<year>[0-9]{4})/$", plain),
    path("class/", ClassView.as_view(), name="class"),
    path("shop/", include(shop, namespace="eu")),
    path("api/", include(router.urls)),
    path("admin/", admin.site.urls),
    *i18n_patterns(path("about/", plain, name="about"), path("bare/", plain)),
]
