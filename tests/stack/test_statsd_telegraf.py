"""The same lines, to the real Telegraf and to the project's own parser and aggregator: the same points."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from math import isclose
from pathlib import Path

import pytest

from tests.servers.fixtures import require, run
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import Telegraf, config
from zemanta_ops.stack.agent.aggregator import Aggregator
from zemanta_ops.stack.generate.telegraf.legacy.patterns import parse_pattern, render_templates
from zemanta_ops.stack.statsd import parse

Points = dict[tuple[str, frozenset[tuple[str, str]]], dict[str, float]]

TEMPLATES = render_templates(
    [
        parse_pattern(each)
        for each in ("z.{env}.{measurement}", "v.view.{method}.{measurement}.{field*}", "w.*.{measurement*}")
    ]
)
# One parser thread, so that the order of values is that of the lines. Nothing is deleted: the last points hold it all.
# Without percentiles, because Telegraf fails on those of a timing that has no value (a sample rate above 1).
KEEP = "\n".join(
    ["number_workers_threads = 1", *(f"delete_{each} = false" for each in ("counters", "gauges", "sets", "timings"))]
)
OPTIONS = {
    "influx": KEEP,
    "dogstatsd": f"{KEEP}\ndatadog_extensions = true",
    "templates": f"{KEEP}\ntemplates = {TEMPLATES!r}",
}
RATES: tuple[str, ...] = (
    "0.1",
    "0.3",
    "0.5",
    "1",
    "2",
    "1.0000001",
    "inf",
    "-inf",
    "nan",
    "0",
    "-1",
    "-0.5",
    "5e-324",
    "1e-300",
    "1e-19",
)
RATES += ("x", "", "0.1@", "0x1p-2", "1_0", "1e-2", "1e400")
VALUES: tuple[str, ...] = (
    "1",
    "-1",
    "+1",
    "0",
    "-0",
    "1.9",
    "-1.9",
    "1e3",
    "9223372036854775807",
    "9223372036854775808",
    "nan",
    "inf",
)
VALUES += (
    "-inf",
    "+Infinity",
    "1_0",
    "1e1_0",
    "0x1_0p2",
    "0x_1p2",
    "1__0",
    "_1",
    "1_",
    "0x1p",
    "1e999",
    "",
    " 1",
    "0b1",
)
VALUES += ("0" * 5000 + "7", "9" * 400, "1e-400", ".5", "5.", ".", "+", "1e", "٣", "infinit", "nAn", "0X1P2", "true")
NAMES: tuple[str, ...] = (
    "",
    " ",
    "  ",
    "\x1e",
    ".",
    "..",
    "a..b",
    "a.b.",
    "é.ü",
    "a b",
    "a\tb",
    " a",
    "a\u2028b",
    "a=b",
    "a/b",
)
NAMES += (
    "z.prod.x",
    "z.prod.x.y",
    "z.prod.",
    "z..x",
    "v.view.GET.hits.a.b",
    "v.view.GET..a",
    "w.1.a.b.c",
    "z",
    "v.view",
)
TAGS: tuple[str, ...] = (
    "k=v",
    "k=",
    "=v",
    "k",
    "",
    "k=v,k=w",
    "b=1,a=2",
    "k=v=w",
    "é=ü",
    "k= v ",
    "metric_type=x",
    "env=own",
    "k=a\\",
    "k=\\",
)
DATADOG: tuple[str, ...] = (
    "k:v",
    "k:v,flag",
    "flag,other",
    "flag,other,third",
    "k:",
    ":v",
    ":v,b:x",
    "a,b:c,d",
    ",",
    "",
    "k:v:w",
    "a,,b:c",
)
DATADOG += ("k:é", "k:v,", "é", "a:b,:,c:d", "x,y:")
LONE: tuple[str, ...] = (
    "{}",
    "{}:",
    "{}:1",
    "{}:1|",
    "{}:1|x",
    "{}:1|d",
    "{}:1|c|",
    "{}::1|c",
    "{}:1|c:2|c:x|c:4|c",
    "{}:inf|g:2|g",
    "{}:nan|g:inf|g",
)
LONE += (
    "{}:a|s:b|s:a|s",
    "{}:|s",
    "{}:-a|s",
    "{}:-1|ms",
    "{}:1|ms|@2:5|ms",
    "{}:9223372036854775807|c:1|c",
    "_e{}:1|c",
)
LONE += (
    "{}:1|c|c:container",
    "{}:1|c|#a:b|#c:d",
    "{}:nan|ms:1|ms",
    "{}:1|ms:inf|ms:3|h",
    "{}:1|C",
    "{}:1|c|0.1",
    "{}:3|ms|#@0.5",
)


def list_vectors() -> Iterator[str]:
    """Yield lines of every kind, each with a name of its own unless its name is what is tried."""
    lines = [f"{{}}:3|{kind}|@{rate}" for kind in ("c", "ms", "h", "g", "s") for rate in RATES]
    lines += [f"{{}}:{value}|{kind}" for kind in ("c", "ms", "h", "g") for value in VALUES]
    lines += [f"{{}},{tags}:1|c" for tags in TAGS] + [f"{{}}:1|c|#{tags}" for tags in DATADOG]
    lines += [f"{{}},a=b:1|c|@0.5|#{tags}" for tags in DATADOG]
    yield from (line.replace("{}", f"n{number}") for number, line in enumerate([*lines, *LONE]))
    yield from (f"{name}:1|c" for name in NAMES)
    yield from (f"{name},env=own,k=v:2|ms" for name in NAMES)
    chance = random.Random(7)
    for number in range(300):
        yield f"r{number % 40}" + "".join(chance.choices("a.:|,=@#cgmsh10-+ ", k=chance.randrange(1, 14)))


def read_points(path: Path) -> Points:
    """Return the last state of each series in a file of line protocol, without the host tag."""
    points: Points = {}
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:
        head, fields, _ = re.split(r"(?<!\\) ", line)
        name, *pairs = (re.sub(r"\\([,= ])", r"\1", part) for part in re.split(r"(?<!\\),", head))
        tags = (re.match(r"([^=]*)=(.*)", pair, re.DOTALL) for pair in pairs)
        key = frozenset((found[1], found[2]) for found in tags if found and found[1] != "host")
        points[name, key] = {
            field: float(value.removesuffix("i"))
            for field, _, value in (part.partition("=") for part in fields.split(","))
        }
    return points


def compute_points(lines: list[str], options: str) -> Points:
    """Return what the project's own code makes of the lines."""
    aggregators: dict[str, Aggregator] = {}
    for line in lines:
        parsed = parse(
            line, dogstatsd=options == "dogstatsd", distributions=False, templates=TEMPLATES * (options == "templates")
        )
        for sample in parsed.samples:
            parsed.samples = [sample._replace(name=sample.measurement)]
            aggregators.setdefault(sample.field_name, Aggregator(())).add(0, parsed)
    points: Points = {}
    for field_name, aggregator in aggregators.items():
        for each in aggregator.total().series:
            key = (each.name, frozenset({**each.tags, "metric_type": each.type}.items()))
            prefix = f"{field_name}_" if field_name != "value" and len(each.fields) > 1 else ""
            names = {"value": field_name} if field_name != "value" else {}
            found = {names.get(name, prefix + name): value for name, value in each.fields.items()}
            if found:
                points.setdefault(key, {}).update(found)
    return points


@pytest.mark.parametrize("options", list(OPTIONS))
def test_every_vector_is_counted_or_refused_as_by_the_real_telegraf(
    options: str, tmp_path: Path, server_stack: ExitStack
) -> None:
    require("telegraf")
    port, out = free_port(), tmp_path / "points.txt"
    text = config(port, f'[[outputs.file]]\nfiles = ["{out}"]', statsd=OPTIONS[options], interval="200ms")
    telegraf = Telegraf(tmp_path, text.replace("percentiles = [50.0, 90.0, 99.0]", ""), port)
    run(telegraf, server_stack)
    lines = list(list_vectors())
    for start in range(0, len(lines), 20):
        telegraf.send("\n".join(lines[start : start + 20]))
    telegraf.send("the_end:1|c")
    wait_until(lambda: out.exists() and "the_end" in out.read_text(encoding="utf-8", errors="replace"), 20)
    telegraf.stop()  # which writes the last points

    found, expected = read_points(out), compute_points([*lines, "the_end:1|c"], options)
    wrong = [
        (key, found.get(key), expected.get(key))
        for key in sorted({*found, *expected}, key=str)
        if not are_close(found.get(key), expected.get(key))
    ]
    assert not wrong
    assert len(found) > 200


def are_close(first: dict[str, float] | None, second: dict[str, float] | None) -> bool:
    """Whether two points have the same fields with the same values."""
    if first is None or second is None or first.keys() != second.keys():
        return False
    return all(isclose(value, second[name], rel_tol=1e-9, abs_tol=1e-12) for name, value in first.items())
