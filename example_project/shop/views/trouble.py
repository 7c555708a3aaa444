"""Pages that are slow or fail, as they do in every real site."""

import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render

MAX_MILLISECONDS = 2000


class PaymentError(Exception):
    """The gateway does not take the payment."""


def slow(request: HttpRequest) -> HttpResponse:
    """Wait as many milliseconds as ``?ms=`` says, 150 unless told."""
    wanted = request.GET.get("ms", "150")
    if not wanted.isdecimal() or int(wanted) > MAX_MILLISECONDS:
        return HttpResponseBadRequest(f"ms is a whole number up to {MAX_MILLISECONDS}", content_type="text/plain")
    time.sleep(int(wanted) / 1000)
    return render(request, "shop/slow.html", {"milliseconds": wanted})


def fail(_request: HttpRequest) -> HttpResponse:
    """Raise with a secret in a local variable: the error page must not show it."""
    gateway = settings.PAYMENT["gateways"][0]
    _charge(gateway["name"], f"Bearer {gateway['credential']}")
    return HttpResponse("paid")


def _charge(gateway: str, header: str) -> None:
    if header:
        raise PaymentError(f"the {gateway} gateway does not answer")
