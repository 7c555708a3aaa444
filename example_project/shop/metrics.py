"""What the shop's own metrics mean, and when they hurt: dashboards and alerts are made from this."""

from zemanta_ops.stack.declarations import Alert, Composite, above, describe, last, total

describe(
    "shop.jobs",
    unit="jobs",
    tags=("state",),
    meaning="Print jobs by state.",
    trouble="Waiting jobs rise for ten minutes.",
    impact="Posters are printed late.",
    action="Look whether a press stands still.",
)
describe(
    "shop.price",
    meaning="Time to work out the price of a job.",
    trouble="It rises with the number of pages.",
    impact="The page of a job loads slowly.",
)
describe(
    "shop.job.accepted",
    unit="jobs",
    meaning="Print jobs that were taken in.",
    trouble="None in an hour of the day.",
)

Composite(
    "shop.not_found_ratio",
    numerator=total("http.request.count", status="404"),
    denominator=total("http.request.count"),
    by=("method",),
    unit="ratio",
    meaning="Share of the requests that ask for what is not there.",
    trouble="It jumps: a link is broken, or somebody is looking for holes.",
)
Alert(
    last("shop.jobs", state="waiting"),
    warn=above(50),
    crit=above(200),
    window="10m",
    for_="10m",
    message="{value:.0f} print jobs wait",
    runbook="https://wiki.example.com/print-jobs",
)
