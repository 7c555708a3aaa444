"""The state of the shop, which no request carries; ``manage.py emit_gauges`` collects it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count

from example_project.shop.models import PrintJob
from zemanta_ops import metrics


@metrics.app_gauge("shop.jobs", every=30)
def jobs() -> Iterable[Mapping[str, Any]]:
    """Return how many jobs there are of each state."""
    return PrintJob.objects.order_by().values("state").annotate(value=Count("pk"))
