"""The pipeline itself: whether the metrics can be believed."""

from zemanta_ops.stack.declarations.model import Alert, describe
from zemanta_ops.stack.declarations.terms import above, below, last, rate, total

describe(
    "zemanta_ops.sent",
    meaning="Samples that the application's processes sent to the agent.",
    trouble="It stops while requests are answered.",
    impact="None for users; dashboards and alerts go blind.",
    action="Run: manage.py check_metrics",
)
describe(
    "zemanta_ops.dropped",
    meaning="Samples that the application dropped, by reason.",
    trouble="Any line at all: numbers on all dashboards are too low.",
    impact="None for users; dashboards and alerts are wrong.",
    action="refused or dns: the agent is down. queue_full: raise QUEUE_SIZE, or find the loop that emits.",
)
describe(
    "zemanta_ops.queue.depth",
    meaning="Samples that waited in a process at each flush.",
    trouble="It nears QUEUE_SIZE.",
    impact="None for users; beyond QUEUE_SIZE samples are dropped.",
    action="Raise QUEUE_SIZE, or find the loop that emits.",
)
describe(
    "zemanta_ops.flush.duration",
    meaning="Time that each flush of a process took.",
    trouble="It nears FLUSH_SECONDS.",
    impact="None for users; the queue fills and samples are dropped.",
    action="Look at the machine's load and at the network to the agent.",
)
describe(
    "zemanta_ops.cardinality",
    meaning="Tags that got too many values; further values became _other.",
    trouble="Anything above zero.",
    impact="None for users; the values of that tag cannot be told apart any more.",
    action="Find the tag that carries an id or an address, and remove it.",
)
describe(
    "zemanta_ops.gauge.duration",
    meaning="Time to collect an application-state gauge.",
    trouble="The outcome is error or timeout, or the time nears the gauge's every.",
    impact="None for users; the gauge shows a gap.",
    action="Run: manage.py emit_gauges, and read what it reports about the gauge.",
)
describe(
    "zemanta_ops.composite.duration",
    meaning="Time to compute the newest windows of a composite and to write them back.",
    trouble="It stops, its outcome is error, or it nears the composite's every.",
    impact="None for users; panels and alerts that use the composite show a gap.",
    action="Run: manage.py compute_composites --dry-run",
)
describe(
    "zemanta_ops.probe",
    meaning="A random number that check_metrics sends and looks for.",
    trouble="None: the number itself means nothing.",
    impact="None.",
    action="None.",
)
describe(
    "zemanta_ops.check.exit_code",
    meaning="What check_metrics --watch found; 0 means that metrics arrive.",
    trouble="Anything but 0: the number is the hop at which metrics stop.",
    impact="None for users; dashboards and alerts go blind.",
    action="Run: manage.py check_metrics",
)
describe(
    "zemanta_ops.check.latency",
    meaning="Time until the probe of check_metrics --watch could be read from the database.",
    trouble="It is more than three times AGENT_INTERVAL.",
    impact="None for users; alerts come late.",
    action="Look at the agent's buffer and at the database's load.",
)

describe(
    "zemanta_ops.cloudwatch.push",
    trouble="It does not change for longer than runs are apart.",
    impact="None for users; the dashboard of AWS is out of date.",
    action="Run push_cloudwatch by hand and read what it reports.",
)
describe(
    "zemanta_ops.cloudwatch.metrics",
    meaning="Metrics that push_cloudwatch requested, as AWS counts them for the bill.",
    trouble="It jumps: a declaration matches far more than it should.",
    impact="None for users; the bill grows.",
    action="Run: manage.py push_cloudwatch --list",
)
describe(
    "zemanta_ops.cloudwatch.rows",
    meaning="Rows that push_cloudwatch wrote.",
    trouble="It stops, or halves.",
    impact="None for users; the dashboard of AWS goes blind.",
    action="Run push_cloudwatch by hand and read what it reports.",
)
describe(
    "zemanta_ops.cloudwatch.failed",
    meaning="Declarations that the last run of push_cloudwatch did not cover.",
    trouble="Anything above zero.",
    impact="None for users; some metrics of AWS are missing.",
    action="Run push_cloudwatch by hand and read what it reports.",
)
describe(
    "zemanta_ops.cloudwatch.duration",
    meaning="Time that each run of push_cloudwatch took.",
    trouble="It nears the time between two runs.",
    impact="None for users; metrics of AWS come late.",
    action="Fetch fewer metrics, or raise the time-out of the function.",
)

Alert(
    rate("zemanta_ops.dropped"),
    warn=above(0.1),
    crit=above(100),
    by=("reason",),
    window="5m",
    # Nothing is reported while nothing is dropped.
    no_data="ok",
    name="zemanta_ops.dropped",
    message="{value:.0f} samples a second are dropped: {reason}",
    meaning="The application drops metrics.",
    impact="None for users; dashboards and alerts are wrong.",
    action="Run: manage.py check_metrics",
)

# The dead man's switch: what stops is worse than what fails, because nothing reports it.
Alert(
    total("zemanta_ops.sent"),
    crit=below(1),
    window="5m",
    for_="5m",
    no_data="alert",
    name="zemanta_ops.silent",
    message="No metrics of the application arrive",
    meaning="No process of the application, or no agent, has written anything for ten minutes.",
    trouble="Every process reports once per AGENT_INTERVAL, even if it has nothing to do.",
    impact="None for users, unless the application is down; dashboards and all other alerts are blind.",
    action="Look whether the application runs, then run: manage.py check_metrics",
)
Alert(
    total("zemanta_ops.gauge.duration"),
    warn=below(1),
    window="1h",
    for_="5m",
    every="5m",
    no_data="alert",
    name="zemanta_ops.collector",
    message="emit_gauges has collected nothing for an hour",
    meaning="Gauges are declared, and no process collects them.",
    impact="None for users; the gauges show gaps, and alerts about them keep their level.",
    action="Look whether manage.py emit_gauges --loop runs on any node.",
)
Alert(
    last("zemanta_ops.check.exit_code"),
    crit=above(0),
    window="10m",
    for_="5m",
    name="zemanta_ops.check",
    message="check_metrics --watch fails with exit code {value:.0f}",
    meaning="The canary does not find its metric in the database.",
    impact="None for users; dashboards and alerts are blind, or soon will be.",
    action="Run: manage.py check_metrics",
)
Alert(
    last("zemanta_ops.cloudwatch.push"),
    warn=below(1),
    window="30m",
    for_="5m",
    every="5m",
    no_data="alert",
    name="zemanta_ops.cloudwatch.push",
    message="push_cloudwatch has not run for half an hour",
    meaning="Metrics of AWS are declared, and no run has written anything.",
    impact="None for users; the dashboard of AWS, and alerts about it, are out of date.",
    action="Run push_cloudwatch by hand and read what it reports.",
)
