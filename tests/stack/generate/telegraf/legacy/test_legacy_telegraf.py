"""What ``explain`` makes of a name, compared with what the real Telegraf makes of it under the generated templates."""

from __future__ import annotations

import itertools
import random

import pytest

from tests.servers.fixtures import StartTelegraf
from tests.servers.process import free_port, wait_until
from tests.stack.generate.telegraf.printed import Printed, points
from zemanta_ops.stack.generate.telegraf.legacy.explanation import Explanation, explain_name
from zemanta_ops.stack.generate.telegraf.legacy.patterns import (
    Pattern,
    explain_overlap,
    parse_pattern,
    render_templates,
)
from zemanta_ops.stack.generate.telegraf.telegraf_conf import TelegrafConfig, render_config

Series = tuple[str, frozenset[tuple[str, str]]]

DECLARED = [
    "z1.{env}.{host}.{measurement=view}.{method}.{view}.{view}.{status}",
    "z1.{env}.{host}.{host}.{host}.{measurement=view}.{method}.{view}.{view}.{status}",
    "z1.{env}.{host}.{measurement=job}.*.{field*}",
    "z1.{env}.{host}.{measurement=queue}.{measurement}",
    "z1.{env}.{host}.{measurement=queue}.{measurement}.{field}",
    "cron.{measurement*}",
    "cost.{region}.{measurement}.{field=usd}",
    "price.$HOME.{measurement}.{field=e$t}",
]

NAMES = [
    "z1.prod.web-1.view.GET.home.index.200",
    "z1.prod.web-1.view.GET.home.index",
    "z1.prod.web-1.view.GET.home.index.200.surplus",
    "z1.prod.web-1.view.GET.home.index.200.more.and.more",
    "z1.prod.web-1.example.com.view.GET.home.index.200",
    "z1.prod.web-1.eu.example.com.view.GET.home.index.200",
    "z1.prod.web-1.VIEW.GET.home.index.200",
    "z1.prod.db-1.job.nightly.rows.read",
    "z1.prod.db-1.job.nightly.value",
    "z1.prod.db-1.job.nightly",
    "z1.prod..job.nightly.rows",
    "z1..db-1.job.nightly.rows",
    "z1.prod.db-1.job..rows",
    "z1.prod.db-1.job.nightly.",
    "z1.prod.a=b.job.nightly.rows",
    "z1.prod.é 汉.job.nightly.rows",
    "z1.prod.é汉.job.nightly.zeilen-é",
    'z1.prod.say"hi".job.nightly.rows',
    "z1.prod.in\\side.job.nightly.rows",
    "z1.prod.end\\.job.nightly.rows",
    "z1.prod.$HOME.job.nightly.rows",
    "z1.prod.db-1.queue.mail",
    "z1.prod.db-1.queue.mail.waiting",
    "z1.prod.db-1.queue.mail.waiting.long",
    "z1.prod.db-1.queue.",
    "cron.a",
    "cron.a.b.c",
    "cron.",
    "cron",
    "cost.eu.rds.usd",
    "cost.eu.rds.eur",
    "price.$HOME.book.e$t",
    "unrelated.name",
    "http.request.count",
    ".",
]


def assert_converted(names: list[str], patterns: list[Pattern], start_telegraf: StartTelegraf) -> None:
    """Send the names to a Telegraf with the templates of these patterns, and compare the points with the explanation.

    Names of which different segments are left out become one series, and their fields may become one point.
    """
    outcomes = [explain_name(name, patterns) for name in names]
    expected = {said(outcome) for outcome in outcomes if outcome.measurement}
    port = free_port()
    config = TelegrafConfig(address=f"127.0.0.1:{port}", interval=0.2, templates=render_templates(patterns))
    telegraf = start_telegraf(render_config(config), port, {"TELEGRAF_HOSTNAME": "agent"})
    lines, attempts = [f"{name}:1|c" for name in names], 3
    telegraf.send(*lines)

    def found() -> dict[Series, set[str]]:
        fields: dict[Series, set[str]] = {}
        for point in points(telegraf.log()):
            if not point.measurement.startswith("internal_"):
                fields.setdefault(point[:2], set()).update(point.fields)
        return fields

    wanted: dict[Series, set[str]] = {}
    for point in expected:
        wanted.setdefault(point[:2], set()).update(point.fields)
    # A busy system drops datagrams. A name that is sent twice gives the same point.
    while not wait_until(lambda: found() == wanted, 10, 0.2) and attempts:
        attempts -= 1
        telegraf.send(*lines)
    assert found() == wanted
    assert telegraf.warnings() == []


def said(outcome: Explanation) -> Printed:
    """Return the point that an outcome describes."""
    # The agent adds its own name only if a point has no tag host, and an empty one is one at that time.
    own = {} if any("tag host is empty" in lost for lost in outcome.lost) else {"host": "agent"}
    tags = {**own, **outcome.tags, "metric_type": "counter"}
    return Printed(outcome.measurement, frozenset(tags.items()), frozenset({outcome.field}))


def test_a_table_of_names(start_telegraf: StartTelegraf) -> None:
    patterns = [parse_pattern(text) for text in DECLARED]
    assert {explain_name(name, patterns).pattern for name in NAMES} == {*DECLARED, ""}
    assert_converted(NAMES, patterns, start_telegraf)


@pytest.mark.parametrize(
    ("line", "dogstatsd", "host"),
    [
        ("z1.web-1.hits,host=sent,team=ops:1|c", False, "web-1"),
        ("z1.web-1.hits:1|c|#host:sent,team:ops", True, "sent"),
    ],
)
def test_tags_that_are_sent_beside_a_name(line: str, dogstatsd: bool, host: str, start_telegraf: StartTelegraf) -> None:
    port = free_port()
    patterns = render_templates([parse_pattern("z1.{host}.{measurement}")])
    config = TelegrafConfig(address=f"127.0.0.1:{port}", interval=0.2, dogstatsd=dogstatsd, templates=patterns)
    telegraf = start_telegraf(render_config(config), port)
    telegraf.send(line)
    tags = frozenset({"host": host, "team": "ops", "metric_type": "counter"}.items())
    expected = Printed("hits", tags, frozenset({"value"}))
    assert wait_until(lambda: expected in points(telegraf.log()), 20), telegraf.log()


def random_patterns(dice: random.Random) -> list[Pattern]:
    """Return patterns over three words, as many of some hundred as do not overlap."""
    parts = [
        "a",
        "a",
        "b",
        "b",
        "c",
        "*",
        "{t}",
        "{u}",
        "{measurement}",
        "{measurement=a}",
        "{measurement=b}",
        "{field}",
    ]
    patterns: list[Pattern] = []
    for _ in range(400):
        segments = dice.choices(parts, k=dice.randint(1, 4)) + dice.choices([["{measurement*}"], ["{field*}"], []])[0]
        try:
            pattern = parse_pattern(".".join(segments))
        except ValueError:
            continue
        if not any(explain_overlap(pattern, other) for other in patterns):
            patterns.append(pattern)
    return patterns


@pytest.mark.parametrize("seed", range(4))
def test_random_patterns_and_every_name_of_three_words(seed: int, start_telegraf: StartTelegraf) -> None:
    patterns = random_patterns(random.Random(seed))
    assert len(patterns) >= 5
    names = [".".join(words) for length in range(1, 6) for words in itertools.product("abc", repeat=length)]
    assert_converted(names, patterns, start_telegraf)
