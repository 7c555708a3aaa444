"""The encoder and ``statsd.parse``, held against the real Telegraf and what InfluxDB then holds."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

from tests.metrics.chain import Chain, State, assert_reaches, expected_state
from tests.servers.process import wait_until
from zemanta_ops.metrics.client import Client
from zemanta_ops.metrics.options import Options
from zemanta_ops.metrics.series.series import COUNTER, GAUGE, SET, TIMING
from zemanta_ops.metrics.series.tags import clean_tags

# ``@`` becomes a name of the case's own, so that cases do not meet in one series.
LINES = [
    "@:1|c",
    "@,k=v:-3|c",
    "@:1.9|c",
    "@:1|c|@0.1",
    "@:1|c|@0.1:2|c|@0.1",
    "@:1|c|@x",
    "@:1|c|nothing",
    "@:1.5|g",
    "@:-1.5|g",
    "@:0|g:-10|g",
    "@:5|g:+2|g",
    "@:200|ms:300.25|ms",
    "@:1.5|ms|@0.1",
    "@:1.5|ms|@0.0107",
    "@:4|h:5|h",
    "@:x|s:y|s:x|s",
    "@:1|c:200|ms",
    "@.dotted-name/x:1|c",
    "@ second word:1|c",
    "@,k=x y=z\"q'|:1|c",
    "@,k=x y:1|c",
    '@,k=say "hi":1|c',
    "@,k=a=b:1|c",
    "@,k=é 汉 🙂:1|c",
    "@,ключ=v:1|c",
    "@,k=in\\side:1|c",
    "@,k=end\\:1|c",
    "@,k=:1|c",
    "@,lonely:1|c",
    "@,=v:1|c",
    "@,metric_type=mine:1|c",
    "@,b=2,a=1:1|c",
    "@,k=1,k=2:1|c",
    "@,k=a\tb\fc\rd:1|c",
    "@,k=\x1c\x7f\x01:1|c",
    "@,k=a\xa0b\u2028c:1|c",
    "  @:1|c  ",
    "@:0x1p4|g",
    "@:1_000|g",
    "@:99999999999999999999|c",
    "@",
    "@:1",
    "@:1|x",
    "@:x|c",
    "@:True|g",
    "@:-1|ms",
    "@:1|ms:-2|ms:3|ms",
    "@:1|ms:oops|ms:3|ms",
    "@:1e999|g",
    "@:+x|s",
    "@:1_|g",
    "@:|c",
    "@:|s",
    "@,view=app:detail:1|c",
    "@,route=<int:pk>:1|c",
    "@:1|c|#k:v,flag,empty:",
    "@:1|c|@0.5|#k:v:w",
    "@:1|c|#k:é",
    "@:1|c|#k:é,",
    "@:1|c|#k:v,é",
    "@:1|d",
    "@:1|c|c:container|#",
    "@:1|ms|#",
    "@,k=v:1|c|#k:w",
]


def test_the_parser_reads_what_telegraf_reads(chain: Chain) -> None:
    lines = [line.replace("@", f"line{number}_", 1) for number, line in enumerate(LINES)]
    parsed = [chain.parse(line) for line in lines]
    chain.telegraf.send(*lines)

    assert_reaches(lambda: chain.state("line"), expected_state([s for part in parsed for s in part.samples]))
    refused = [rejection for part in parsed for rejection in part.rejected]
    # Telegraf drops a distribution without a word.
    refused = [rejection for rejection in refused if "distributions" not in rejection.reason]

    def logged() -> int:
        return len(re.findall(r"unable to parse metric|unsupported", chain.telegraf.log()))

    # The last line of the log may be written after the last point.
    assert wait_until(lambda: logged() >= len(refused), 15)
    assert logged() == len(refused)


def random_lines(dice: random.Random, number: int) -> Iterator[str]:
    """Yield lines put together from what has a meaning in the protocol and what has none."""
    odd = [
        "",
        ",",
        "=",
        "|",
        "\\",
        " ",
        "é",
        "a",
        "b=c",
        "\t",
        '"',
        "'",
        "#",
        "@",
        "_",
        ".",
        "\x1f",
        "\u2003",
        "-",
        "/",
    ]
    values = ["1", "-2", "+3", "4.5", "1e3", "x", "", "0x1p2", "1e999", " 1", "1 ", "٣"]
    timings = ["ms", "h", "ms|@0.5", "ms|@1", "ms|@-1", "C", "", "ms "]
    # Integers and floats in one field would be a conflict in the database.
    kinds = [["c", "s", "c|@0.25", "c|@0", *timings], ["g", "g|@0.1", *timings]]
    for index in range(number):
        tags = "".join(f",{dice.choice(odd)}k{dice.choice(odd)}={''.join(dice.choices(odd, k=3))}" for _ in range(2))
        fitting = dice.choice(kinds)
        bits = ":".join(f"{dice.choice(values)}|{dice.choice(fitting)}" for _ in range(dice.randint(1, 3)))
        yield f"random{index}_{dice.choice(['', tags])}:{bits}"


def test_the_parser_reads_random_lines_as_telegraf_reads_them(chain: Chain) -> None:
    lines = list(random_lines(random.Random(8125), 300))
    chain.telegraf.send(*lines)

    assert_reaches(
        lambda: chain.state("random"), expected_state([s for line in lines for s in chain.parse(line).samples])
    )


HOSTILE_TAGS: list[dict[str, Any]] = [
    {"view": "app:detail", "route": "jobs/<int:pk>/"},
    {"inject": "x,evil=1", "newline": "a\nb:1|c", "pipe": "1|c|@0.1"},
    {"quotes": "\"'`", "equals": "a=b=c", "spaces": "  two  words "},
    {"tab": "a\tb\r\f", "nul": "\x00", "end": "back\\", "inner": "back\\slash"},
    {"ключ": "значение", "汉字": "🙂", "surrogate": "\ud800", "lines": "\u2028"},
    {"bool": True, "number": 1.5, "none": None, "empty": "", "long": "é" * 500},
    {"metric_type": "mine", "time": "now", "_field": "f", "_measurement": "m"},
    {"hash": "#a:b", "at": "@0.1", "star": "*", "percent": "%s%d", "brace": "{}"},
]


def test_what_the_client_emits_arrives_with_the_sanitised_tags(chain: Chain) -> None:
    client = Client(Options(host="127.0.0.1", port=chain.telegraf.port, dialect=chain.dialect, report_seconds=3600))
    expected: State = {}
    for index, tags in enumerate(HOSTILE_TAGS):
        name = f"emit {index}:|,\n.done"
        client.emit(COUNTER, name, 3, tags)
        client.emit(TIMING, name + "t", 12.5, tags)
        client.emit(GAUGE, name + "g", -4, tags)
        client.emit(SET, name + "s", "+a:b|c,d", tags)
        measurement = f"emit_{index}_____done"
        for suffix, kind, fields in (
            ("", "counter", {"value": 3}),
            ("t", "timing", {"count": 1, "sum": 12.5, "lower": 12.5, "upper": 12.5}),
            ("g", "gauge", {"value": -4}),
            ("s", "set", {"value": 1}),
        ):
            key = frozenset({**clean_tags(tags), "metric_type": kind}.items())
            expected[measurement + suffix, key] = fields
    client.close()

    assert_reaches(lambda: chain.state("emit"), expected)


def test_the_name_c_alone_is_none_with_dogstatsd_extensions(chain: Chain) -> None:
    line = "c:1|c"
    chain.telegraf.send(line)

    if chain.parse(line).rejected:
        assert wait_until(lambda: bool(re.search(r"unable to parse metric: \|?c$", chain.telegraf.log(), re.MULTILINE)))
    else:
        assert_reaches(lambda: chain.state("c"), expected_state(chain.parse(line).samples))
