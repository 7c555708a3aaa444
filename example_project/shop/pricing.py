"""What a job costs, timed and counted with the shop's own metrics."""

from decimal import Decimal

from example_project.shop.models import PrintJob
from zemanta_ops import metrics

CENTS_A_PAGE = Decimal(7)


@metrics.timer("shop.price", step="total")
def price(job: PrintJob) -> Decimal:
    """Return the price of a job in the shop's currency."""
    return (CENTS_A_PAGE * job.pages / 100).quantize(Decimal("0.01"))


def accept(job: PrintJob) -> None:
    """Count a job that has just been taken in."""
    metrics.incr("shop.job.accepted", size="large" if job.pages > 100 else "small")
    metrics.histogram("shop.job.pages", job.pages)
