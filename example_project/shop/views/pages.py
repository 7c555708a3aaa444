"""Ordinary pages: functions and classes, the database, and a call to the shop's own API."""

from __future__ import annotations

import httpx
from django.conf import settings
from django.db.models import Count, Sum
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.generic import CreateView, DetailView, ListView

from example_project.shop.models import PrintJob
from example_project.shop.pricing import accept, price


def home(request: HttpRequest) -> HttpResponse:
    """Show what waits, what is on the press, and every kind of page there is to click."""
    states = {
        row["state"]: row["jobs"] for row in PrintJob.objects.values("state").annotate(jobs=Count("pk")).order_by()
    }
    counts = [(label, states.get(value, 0)) for value, label in PrintJob.State.choices]
    return render(request, "shop/home.html", {"counts": counts, "newest": PrintJob.objects.all()[:6]})


def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer a load balancer; excluded from the metrics by its path."""
    return HttpResponse("ok", content_type="text/plain")


class JobList(ListView):  # type: ignore[type-arg]  # generic for the type checker alone
    """All jobs."""

    model = PrintJob
    template_name = "shop/job_list.html"
    paginate_by = 20


class JobDetail(DetailView):  # type: ignore[type-arg]  # generic for the type checker alone
    """One job with its price."""

    model = PrintJob
    template_name = "shop/job_detail.html"

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        """Add the price."""
        return super().get_context_data(price=price(self.object), currency=settings.PAYMENT["currency"], **kwargs)


class JobCreate(CreateView):  # type: ignore[type-arg]  # generic for the type checker alone
    """Take a job in."""

    model = PrintJob
    fields = ("title", "pages")
    template_name = "shop/job_form.html"

    def form_valid(self, form: ModelForm[PrintJob]) -> HttpResponse:
        """Save the job and count it."""
        response = super().form_valid(form)
        accept(form.instance)
        return response


def summary(_request: HttpRequest) -> JsonResponse:
    """Return the shop's totals, for other programs."""
    return JsonResponse(PrintJob.objects.aggregate(jobs=Count("pk"), pages=Sum("pages")))


def mirror(request: HttpRequest) -> HttpResponse:
    """Ask the shop's own API over HTTP and show its answer: an outgoing call, as to any other service."""
    answer = httpx.get(settings.SHOP_URL + reverse("api:summary"), timeout=5)
    answer.raise_for_status()
    return render(request, "shop/mirror.html", {"status": answer.status_code, "body": answer.text})
