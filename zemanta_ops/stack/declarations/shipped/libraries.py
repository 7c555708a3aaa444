"""What requests and tasks wait for: the database, the cache, other services."""

from zemanta_ops.stack.declarations.model import Alert, Composite, describe
from zemanta_ops.stack.declarations.terms import above, total

describe(
    "db.query.duration",
    meaning="Time of each database query.",
    trouble="The mean of an operation doubles, or its outcome is error.",
    impact="Everything that needs the database is slow at once.",
    action="Look at locks, slow queries and the load of the database server.",
)
describe(
    "cache.operation.duration",
    meaning="Time of each cache operation.",
    trouble="Above a few milliseconds for a cache on the network.",
    impact="Every page that reads the cache waits for it.",
    action="Look at the cache server's load and at the size of the values.",
)
describe(
    "cache.lookup.count",
    meaning="Keys looked up in a cache: hits and misses.",
    trouble="Misses outnumber hits after a deploy or a restart, and stay so.",
    impact="The database does the work that the cache spared it.",
    action="Look for a changed key prefix, a short time-out, or evictions.",
)
describe(
    "http.client.duration",
    meaning="Time of each outgoing HTTP call.",
    trouble="One peer is far above the others, or its calls end with an error.",
    impact="Requests that call the peer are slow or fail.",
    action="Look at the status page of the peer; shorten the time-out if calls hang.",
)

Composite(
    "cache.hit_ratio",
    numerator=total("cache.lookup.count", result="hit"),
    denominator=total("cache.lookup.count"),
    by=("alias",),
    unit="ratio",
    min_denominator=20,
    meaning="Share of the keys looked up that the cache had.",
    trouble="It falls after a deploy and does not recover.",
    impact="The database does the work that the cache spared it.",
    action="Look for a changed key prefix, a short time-out, or evictions.",
)
client_errors = Composite(
    "http.client.error_ratio",
    numerator=total("http.client.duration", status="5*"),
    denominator=total("http.client.duration"),
    by=("peer",),
    unit="ratio",
    min_denominator=20,
    meaning="Share of the outgoing calls to a peer that it answered with a server error.",
    trouble="Above one in twenty.",
    impact="What needs the peer fails.",
    action="Look at the status page of the peer.",
)
Alert(
    client_errors,
    warn=above(0.05),
    crit=above(0.25),
    window="5m",
    for_="5m",
    message="{peer}: {value:.1%} of outgoing calls fail",
    meaning="Another service answers with server errors.",
    impact="What needs the service fails.",
    action="Look at the status page of the service.",
)
