"""Pages that are slow, ask too often or fail, as they do in every real site."""

import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render

from example_project.shop.models import PrintJob

MAX_MILLISECONDS = 2000
MAX_LINES = 25


class PaymentError(Exception):
    """The gateway does not take the payment."""


def slow(request: HttpRequest) -> HttpResponse:
    """Wait the milliseconds of ``?ms=``, 150 by default."""
    wanted = request.GET.get("ms", "150")
    if not wanted.isdecimal() or int(wanted) > MAX_MILLISECONDS:
        return HttpResponseBadRequest(f"ms is a whole number up to {MAX_MILLISECONDS}", content_type="text/plain")
    time.sleep(int(wanted) / 1000)
    return render(request, "shop/slow.html", {"milliseconds": wanted})


def report(_request: HttpRequest) -> HttpResponse:
    """Ask the database once for each job, as a loop over related objects does: N+1 queries."""
    lines = [PrintJob.objects.get(pk=pk).title for pk in PrintJob.objects.values_list("pk", flat=True)[:MAX_LINES]]
    return HttpResponse("\n".join(lines), content_type="text/plain")


def fail(_request: HttpRequest) -> HttpResponse:
    """Raise with a secret in a local variable: the error page must not show it."""
    gateway = settings.PAYMENT["gateways"][0]
    _charge(gateway["name"], f"Bearer {gateway['credential']}")
    return HttpResponse("paid")


def _charge(gateway: str, header: str) -> None:
    if header:
        raise PaymentError(f"the {gateway} gateway does not answer")
