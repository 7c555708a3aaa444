"""Requests: how many, how fast, how many fail, and what they do to the database."""

from zemanta_ops.stack.declarations.model import Alert, Composite, describe
from zemanta_ops.stack.declarations.terms import above, total

describe(
    "http.request.duration",
    meaning="Time until a response, or its first byte, was ready.",
    trouble="The mean of a view rises and stays up, or the worst host is far above the mean.",
    impact="Pages load slowly; above a few seconds people reload, which adds load.",
    action="Open the slowest view. Compare its query time and outgoing calls with its total.",
)
describe(
    "http.request.count",
    meaning="Requests that Django answered.",
    trouble="It drops to nothing while users are awake, or jumps without a reason that you know.",
    impact="A drop means that requests do not reach the application: users see errors of the proxy.",
    action="Compare with the same time last week, then look at the load balancer and at the last deploy.",
)
describe(
    "http.request.bucket",
    meaning="Requests answered within a limit; percentiles over all hosts are computed from it.",
    trouble="None by itself: look at the percentiles.",
    impact="None by itself.",
    action="Choose the limits in METRICS BUCKETS around the times that matter to users.",
)
describe(
    "http.stream.duration",
    meaning="Time until a streaming response was sent and closed.",
    trouble="It rises with the number of open streams, or nears the time-out of the proxy.",
    impact="Downloads break off, and each open stream keeps a worker busy.",
    action="Look at the size of what is streamed and at the workers that are free.",
)
describe(
    "http.request.queries",
    meaning="Database queries of one request.",
    trouble="Hundreds in one request, or a number that grows with the data.",
    impact="The page gets slower with every row that is added.",
    action="Open the view and look at its most repeated statement.",
)
describe(
    "http.request.query_time",
    meaning="Time of all database queries of one request together.",
    trouble="It is most of the request's duration.",
    impact="Pages are as slow as the database, and connections run out.",
    action="Look at slow queries in the database first, then at the number of queries.",
)
describe(
    "http.request.repeated_queries",
    meaning="How often one request sent its most repeated SQL statement.",
    trouble="Above ten: the view has an N+1 query.",
    impact="The page gets slower with every row that is added.",
    action="Add select_related or prefetch_related to the view's queryset.",
)
describe(
    "http.response.size",
    meaning="Size of a response's body.",
    trouble="It grows from week to week.",
    impact="Pages load slowly on slow networks, and traffic costs more.",
    action="Paginate the view, or compress its response.",
)

error_ratio = Composite(
    "http.request.error_ratio",
    numerator=total("http.request.count", status="5*"),
    denominator=total("http.request.count"),
    by=("view",),
    unit="ratio",
    min_denominator=20,
    meaning="Share of the requests of a view that ended with a server error.",
    trouble="Above one in a hundred.",
    impact="Users see error pages.",
    action="Look at the exceptions of the view, and whether a deploy came just before.",
)
Alert(
    error_ratio,
    warn=above(0.01),
    crit=above(0.05),
    window="5m",
    for_="2m",
    message="{view}: {value:.1%} of requests fail",
    meaning="A view answers with server errors.",
    impact="Users see error pages.",
    action="Look at the exceptions of the view, and whether a deploy came just before.",
)
