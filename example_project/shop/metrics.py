"""What the shop's own metrics mean, and when they hurt: dashboards and alerts are made from this."""

from zemanta_ops.stack.declarations import Alert, Composite, above, describe, last, total

describe(
    "shop.jobs",
    unit="jobs",
    tags=("state",),
    meaning="Print jobs by state.",
    trouble="Waiting jobs rise for ten minutes.",
    impact="Posters are printed late.",
    action="Check whether a press has stopped.",
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
    "shop.large_job_ratio",
    numerator=total("shop.job.accepted", size="large"),
    denominator=total("shop.job.accepted"),
    unit="ratio",
    meaning="Share of the jobs taken in that are large.",
    trouble="Above a half: the presses will not keep up.",
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
