"""What a person reads about a wrong declaration: what is wrong, and what to do."""

from __future__ import annotations

import re

import pytest

from tests.stack.declarations.test_faults import WRONG, faults, no_declarations

__all__ = ["no_declarations"]

# For each message, one of the wrong declarations that it is about. The place of a declaration is left out.
TEXTS: dict[str, tuple[str, str]] = {
    "no name": (
        "Composite '' has a name that is not a metric's",
        "Use letters, digits, dashes and underscores, with dots between words.",
    ),
    "a row repeated by what no variable is called": (
        "Description 'shop.jobs' has repeat='mail-zone', which Grafana cannot repeat a row by",
        "Leave it out: its values are lines.",
    ),
    "a numerator that is a text": (
        "Composite 'shop.error_ratio' has a numerator that is not an aggregate",
        'Write an aggregate, for example total("http.request.count", status="5*").',
    ),
    "no denominator": (
        "Composite 'shop.error_ratio' has a denominator that is not an aggregate",
        'Write an aggregate, for example total("http.request.count", status="5*").',
    ),
    "a value beside numerator and denominator": (
        "Composite 'shop.error_ratio' has a value and a numerator or denominator",
        "Give either value, or numerator and denominator.",
    ),
    "a name that no database stores": (
        "Alert 'a\\x00b' has a control character in its name",
        "Write it without.",
    ),
    "a tag of a composite twice": (
        "Composite 'shop.error_ratio' names a tag twice",
        "Name each tag once.",
    ),
    "an expression with an endless number": (
        "Composite 'a.b' has a value that is not an aggregate, nor two of them",
        'Write an aggregate, for example total("http.request.count", status="5*").',
    ),
    "a threshold that no float holds": (
        "Alert 'http.request.count' has a crit that is not a threshold",
        "Write above(0.05) or below(10).",
    ),
    "a minimum that no float holds": (
        "Composite 'shop.error_ratio' has a min_denominator that is not a number from 0",
        "Give a number such as 20.",
    ),
    "a target that no float holds": (
        "Objective 'checkout' has a target that is not a number",
        "Give a share such as 0.999.",
    ),
    "a limit that no float holds": (
        "Objective 'checkout' has a within that is not a number",
        "Give milliseconds.",
    ),
    "an alert about a text": (
        "Alert '?' judges something that is not a composite or an aggregate",
        'Write an aggregate, for example total("http.request.count", status="5*").',
    ),
    "an unknown no_data": (
        "Alert 'http.request.count' has no_data='page'",
        "Give one of: keep, ok, alert.",
    ),
    "an objective without bad and within": (
        "Objective 'checkout' needs either bad or within",
        'Give bad={"status": "5*"}, or within=500 for requests within 500 ms.',
    ),
    "an objective whose every event is bad": (
        "Objective 'checkout' has a bad without a filter, so every event is bad",
        'Give bad={"status": "5*"}.',
    ),
    "an objective about a rate": (
        "Objective 'checkout' has a total that is not one of total(…)",
        'Write an aggregate, for example total("http.request.count", status="5*").',
    ),
    "an objective whose bad events are a rate": (
        "Objective 'checkout' has a bad that is not one of total(…)",
        'Write an aggregate, for example total("http.request.count", status="5*").',
    ),
    "a minimum of events that is true": (
        "Objective 'checkout' has min_events that is not a whole number from 0",
        "Give a number such as 100.",
    ),
    "a tag that is a number": (
        "Composite 'shop.error_ratio' has a tag that is not a text",
        "Give the names of tags as texts.",
    ),
    "a meaning that is a number": (
        "Description 'visitors' has a meaning that is not a text",
        "Give meaning as a text.",
    ),
    "an unknown metric": (
        "Alert 'http.requests.count' uses the unknown metric 'http.requests.count'",
        "Did you mean http.request.count?",
    ),
    "an unknown metric of one side": (
        "Composite 'shop.error_ratio' uses the unknown metric 'nothing'",
        "Emit it first, or describe() it with its kind.",
    ),
    "a description of what nobody emits": (
        "Description 'jobs.wating' is of a metric that nothing emits",
        "Did you mean jobs.waiting?",
    ),
    "a description with an unknown kind": (
        "Description 'aws' has the kind 'summary'",
        "Give one of: counter, timing, histogram, gauge, set, percentile.",
    ),
    "a metric that is off": (
        "Alert 'db.query.duration' uses 'db.query.duration', which is off",
        'Add "database" to INSTRUMENT.',
    ),
    "a filter that the metric lacks": (
        "Alert 'http.request.count' uses the tag 'queue', which 'http.request.count' lacks",
        "It has: method, status, view.",
    ),
    "by that the composite does not keep": (
        "Alert 'shop.error_ratio' has by='method', which its composite does not keep",
        "The composite keeps: view.",
    ),
    "sides without by in common": (
        "Composite 'shop.error_ratio' has by='view', which only one of its two sides has: 'cpu.cores' lacks it",
        "Name in by only tags that both sides have.",
    ),
    "the rate of a gauge": (
        "Alert 'jobs.waiting' uses rate() of 'jobs.waiting', a gauge",
        "A gauge has: mean, last, sum_of.",
    ),
    "the mean of a timing's percentile": (
        "Alert 'http.request.duration.95_percentile' uses mean('http.request.duration.95_percentile')",
        "Percentiles cannot be averaged or added. Use mean(…) or BUCKETS.",
    ),
    "the sum of a metric that nothing emits": (
        "Alert 'cpu.coers' uses the unknown metric 'cpu.coers'",
        "Did you mean cpu.cores?",
    ),
    "a limit that is not a bucket": (
        "Objective 'checkout' has within=300, which is not in BUCKETS",
        "Give one of: 100, 500; or add it to BUCKETS.",
    ),
    "a composite named as a metric": (
        "Composite 'http.request.count' is written as http_request_count, as is 'http.request.count'",
        "Rename it; a dot becomes an underscore in the database.",
    ),
    "two composites that are one measurement": (
        "Composite 'a_b' is written as a_b, as is 'a.b'",
        "Rename it; a dot becomes an underscore in the database.",
    ),
    "two alerts of one subject": (
        "Alert 'http.request.count' has the name of Alert 'http.request.count' (…)",
        "Give one of them name=….",
    ),
    "two descriptions of one metric": (
        "Description 'visitors' has the name of Description 'visitors' (…)",
        "Give one of them another name.",
    ),
    "two objectives of one name": (
        "Objective 'checkout' has the name of Objective 'Checkout' (…)",
        "Give one of them another name.",
    ),
    "neither warn nor crit": (
        "Alert 'http.request.count' has neither warn nor crit",
        "Give one, for example crit=above(0.05).",
    ),
    "warn above crit": (
        "Alert 'http.request.count' has warn 9 and crit 5 in the wrong order",
        "With above, crit must be above warn.",
    ),
    "warn and crit in two directions": (
        "Alert 'http.request.count' has warn and crit in different directions",
        "Use above or below for both.",
    ),
    "a window that is not a duration": (
        "Alert 'http.request.count' has a window that is not a duration such as 30s, 5m, 2h or 30d",
        "For example 5m.",
    ),
    "for_ that is not a multiple of every": (
        "Alert 'http.request.count' has a for_ of 90s, which is not a multiple of every",
        "every is 1m.",
    ),
    "a window that is not a multiple of every": (
        "Alert 'http.request.count' has a window of 5m, which is not a multiple of every",
        "every is 2m.",
    ),
    "every that does not divide a day": (
        "Composite 'shop.error_ratio' has every='7m', which does not divide a day",
        "For example 1m.",
    ),
    "a window below the agent's interval": (
        "Composite 'shop.error_ratio' has a window of 5s, shorter than AGENT_INTERVAL",
        "AGENT_INTERVAL is 10 s.",
    ),
    "a window of centuries": (
        "Alert 'http.request.count' has a window that is longer than 36500d",
        "For example 5m.",
    ),
    "a time of more digits than Python converts": (
        "Alert 'http.request.count' has a for_ that is longer than 36500d",
        "For example 5m.",
    ),
    "an objective over more time than there is": (
        "Objective 'checkout' has a period that is longer than 36500d",
        "For example 5m.",
    ),
    "an objective over hours": (
        "Objective 'checkout' has a period of less than a day",
        "For example 30d.",
    ),
    "a target of all": (
        "Objective 'checkout' has a target of 1, which is not between 0 and 1",
        "Give a share, for example 0.999.",
    ),
    "a period beyond the retention": (
        "Objective 'checkout' has a period of 91d, longer than the database keeps points",
        "INFLUXDB RETENTION is 90d.",
    ),
    "an unknown placeholder": (
        "Alert 'http.request.count' has the unknown placeholder {vew} in its message",
        "Allowed: {level}, {name}, {value}.",
    ),
    "a placeholder without a name": (
        "Alert 'http.request.count' has the unknown placeholder {} in its message",
        "Allowed: {level}, {name}, {value}.",
    ),
    "a placeholder that looks into an object": (
        "Alert 'http.request.count' has the unknown placeholder {value.__class__} in its message",
        "Allowed: {level}, {name}, {value}.",
    ),
    "a format of gigabytes": (
        "Alert 'http.request.count' has a message that cannot be formatted: a width or a precision is above 99",
        "Allowed: {level}, {name}, {value}.",
    ),
    "a template": (
        "Alert 'http.request.count' has {{ in its message",
        "Write it without.",
    ),
    "the end of a TICKscript text": (
        "Alert 'http.request.count' has ''' in its message",
        "Write it without.",
    ),
    "a variable in a description": (
        "Description 'visitors' has $ in its meaning",
        "Write it without.",
    ),
    "a variable in the address of a runbook": (
        "Alert 'http.request.count' has $ in its runbook",
        "Write it without.",
    ),
    "a misspelt unit": (
        "Description 'visitors' has the unknown unit 'milisecond'",
        "Did you mean ms?",
    ),
    "a unit that is not a noun": (
        "Description 'visitors' has the unknown unit 'km/h²'",
        "Give a unit such as ms or ratio, or a plural noun such as jobs.",
    ),
    "division by zero": (
        "Composite 'a.b' divides by zero",
        "Divide by another number, or by a metric.",
    ),
    "a runbook that is a script": (
        "Alert 'http.request.count' has a runbook that is not an address of http or https without a password",
        "Give the address of a page, for example https://wiki.example.com/errors.",
    ),
    "crit without a runbook": (
        "Alert 'http.request.count' calls a person and has no runbook",
        "Give runbook the address of a page that says what to do, or set ALERTS RUNBOOKS.",
    ),
}


@pytest.mark.parametrize("label", TEXTS)
def test_a_fault_says_what_is_wrong_and_what_to_do(label: str) -> None:
    WRONG[label][1]()
    fault = faults()[-1]
    text = re.sub(r"\(tests\.stack\.declarations\.test_faults:\d+\)", "(…)", fault.text)
    assert (text, fault.hint) == (f"{TEXTS[label][0]} (…).", TEXTS[label][1])
