"""Whatever is declared: the real Kapacitor starts on the files, and runs each script."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.servers.fixtures import require, run
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import wait_until
from tests.stack.generate.kapacitor.running import (
    ROUTING_KEY,
    GeneratedKapacitor,
    generate_kapacitor,
    read_handlers,
    read_scripts,
)
from zemanta_ops.stack.declarations import Alert, Composite, above, below, describe, last, mean, rate, sum_of, total

RECEIVERS = {
    "pager": {"BACKEND": "pagerduty"},
    "chat-1": {"BACKEND": "webhook", "URL": "https://chat.example.com"},
    "größe": {"BACKEND": "email", "TO": "ops@example.com"},
}
ENVIRONMENT = {
    "KAPACITOR_PAGERDUTY2_ROUTING_KEY": ROUTING_KEY,
    "KAPACITOR_HTTPPOST_0_URL": "http://127.0.0.1:9/example",
    "KAPACITOR_INFLUXDB_0_PASSWORD": "example-password",
}
# One of each kind that means something to TICKscript, InfluxQL, Go's templates, HTML, JSON or YAML.
ODD = [
    *("'~!@", '"#%^', "\\&*(", "/)-_", "`=+[", "]}|;", ":,.<", ">? é", "日\U0001f600"),
    *("''", "'''", "\\'", "\\\\", '\\"', "//", "/*", "{x", "}}", "%s", "%!", "$$", "a=b", "--", "lambda:", "<b>&amp;"),
]


@pytest.mark.second_tier
def test_kapacitor_applies_every_odd_character(influxdb1: InfluxDB1, database: str, tmp_path: Path) -> None:
    require("kapacitor")

    def declare() -> None:
        for number, odd in enumerate(ODD):
            name = f"own.{number}{odd}x"
            describe(name, kind="counter", measurement=f"m{odd}x", field=f"f{odd}x", tags=(f"t{odd}x", "host"))
            by = (f"t{odd}x",)
            Composite(f"own.{number}.single", value=total(name, host=f"{odd}*{odd}"), by=by)
            errors = Composite(f"own.{number}.share", value=total(name, host=odd) / total(name), by=by)
            message = "" if "{x" in odd else f"{odd.replace('}', '}}')} {{value:.1f}} {odd.replace('}', '}}')}"
            Alert(
                errors,
                crit=above(1),
                name=f"{number}{odd}",
                message=message,
                meaning=f"{odd}<script>",
                runbook=f"https://wiki.example.com/{odd}",
            )
            Alert(errors, crit=above(1), by=(), name=f"{number} no data{odd}", no_data="alert", window="2m")

    files = generate_kapacitor(declare, database, influxdb1.url, ALERTS={"RECEIVERS": RECEIVERS})
    server = GeneratedKapacitor(tmp_path, files, ENVIRONMENT)
    with ExitStack() as stack:
        run(server, stack)
        assert sorted(server.list_tasks()) == sorted(read_scripts(files))
        assert server.list_errors() == []
        topics = {topic["id"] for topic in server.call("alerts/topics")["topics"]}
        assert {handler["topic"] for handler in read_handlers(files).values()} <= topics
    assert len(read_scripts(files)) > 2 * len(ODD)


@pytest.mark.second_tier
def test_a_declaration_that_is_gone_takes_its_task_with_it(influxdb1: InfluxDB1, database: str, tmp_path: Path) -> None:
    require("kapacitor")

    def generate_with(*names: str) -> Any:
        def declare() -> None:
            for name in names:
                Composite(name, value=rate("http.request.count"))

        return generate_kapacitor(declare, database, influxdb1.url)

    server = GeneratedKapacitor(tmp_path, generate_with("own.a", "own.b"))
    with ExitStack() as stack:
        run(server, stack)
        assert {"shop-composite-own-a", "shop-composite-own-b"} < set(server.list_tasks())
        server.load(tmp_path, generate_with("own.b", "own.c"))
        os.kill(server.pid, signal.SIGHUP)
        assert wait_until(lambda: "shop-composite-own-a" not in server.list_tasks())
        assert {"shop-composite-own-b", "shop-composite-own-c"} < set(server.list_tasks())
        assert server.list_errors() == []


# What is refused before it reaches a script is left out here: control characters, braces and dollars.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="{}$")
TEXTS = st.text(CHARACTERS, min_size=1, max_size=12) | st.sampled_from([odd for odd in ODD if not {*"{}$"} & {*odd}])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.sampled_from(
    [("10s", "30s"), ("1m", "5m"), ("90s", "3m"), ("8m", "16m"), ("1h", "6h"), ("40s", "2m"), ("1d", "2d")]
)
TERMS = [total, rate, mean, last, sum_of]


@st.composite
def declarations(draw: st.DrawFn) -> Callable[[], None]:
    """Return a function that declares metrics, a composite and an alert with texts and numbers of any kind."""
    kinds = draw(st.tuples(*[st.sampled_from(["counter", "gauge", "timing"])] * 2))
    tags = draw(st.lists(TEXTS, max_size=3, unique=True))
    by = tuple(draw(st.lists(st.sampled_from(tags), unique=True))) if tags else ()
    places = draw(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS))
    functions = [
        draw(st.sampled_from(TERMS[:3] if kind == "timing" else TERMS[:2] if kind == "counter" else TERMS[2:]))
        for kind in kinds
    ]
    filters = {tag: draw(TEXTS) for tag in tags if tag.isidentifier() and draw(st.booleans())}
    operation = draw(st.sampled_from(["__truediv__", "__add__", "__sub__", "__mul__"]))
    number = draw(st.none() | NUMBERS.filter(bool))
    every, window = draw(TIMES)
    texts = draw(st.tuples(TEXTS, TEXTS, TEXTS))
    limit, lasting = draw(NUMBERS), draw(st.booleans())
    no_data = draw(st.sampled_from(["keep", "ok", "alert"]))
    minimum = draw(st.floats(0, 1e9))

    def declare() -> None:
        for name, kind, measurement, field in zip(("own.a", "own.b"), kinds, places[::2], places[1::2], strict=True):
            describe(name, kind=kind, measurement=f"m{measurement}", field=field, tags=tags)
        left = functions[0]("own.a", **filters)
        right: Any = functions[1]("own.b", **filters) if number is None else number
        value = getattr(left, operation)(right)
        composite = Composite(
            f"own.{texts[0]}", value=value, by=by, every=every, window=window, min_denominator=minimum
        )
        Alert(
            composite,
            name=f"own.{texts[0]}",
            crit=above(limit) if lasting else None,
            warn=None if lasting else below(limit),
            every=every,
            window=window,
            for_=window if lasting else "0s",
            no_data=no_data,
            message=f"{texts[1]}{{value:.2%}}{''.join(f'{{{tag}}}' for tag in by if tag.isidentifier())}",
            meaning=texts[2],
        )

    return declare


@pytest.fixture(scope="module")
def server(influxdb1: InfluxDB1, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GeneratedKapacitor]:
    require("kapacitor")
    files = generate_kapacitor(lambda: None, influxdb1.create("kapacitor_random"), influxdb1.url)
    with ExitStack() as stack:
        kapacitor = GeneratedKapacitor(tmp_path_factory.mktemp("random"), files, ENVIRONMENT)
        run(kapacitor, stack)
        yield kapacitor


@pytest.mark.more
@settings(deadline=None)
@given(declare=declarations())
def test_kapacitor_takes_the_scripts_of_random_declarations(
    server: GeneratedKapacitor, declare: Callable[[], None]
) -> None:
    scripts = read_scripts(generate_kapacitor(declare, "kapacitor_random"))
    for name in scripts.keys() - server.list_tasks().keys():
        server.call("tasks", {"id": "random", "type": "batch", "script": scripts[name], "status": "enabled"})
        server.delete("tasks/random")
    assert server.list_errors() == []
