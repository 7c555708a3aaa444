"""``watch_metrics --write``: the same points as the real Telegraf's, and watching that no database can stop."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from tests.commands.checking import checked, hop
from tests.commands.terminals import Terminal
from tests.commands.watching import refuse, watching, with_influxdb
from tests.servers.fixtures import StartInfluxDB1, StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import FLOATS, config, influxdb1_output
from tests.stack.telegraf_aggregates import send
from zemanta_ops.management.commands.watch_metrics import REQUEST_SECONDS
from zemanta_ops.stack.agent.accumulators import PERCENTILE_LIMIT
from zemanta_ops.stack.settings import NO_DATABASE
from zemanta_ops.stack.statsd import parse

INTERVAL = 3
PERCENTILES = f"percentiles = [50.0, 90.0, 95.0, 99.0]\n  percentile_limit = {PERCENTILE_LIMIT}"
TIMINGS = [f"load,view=home:{number * 7 % 901}.25|ms" for number in range(901)]
# Telegraf takes the median of the newest 1,000, and reads datagrams in no order: of this many it is not compared.
TIMINGS += [f"many.times,view=home:{number * 7 % 1501}.25|ms" for number in range(1501)]
LINES = [
    "hits,view=home,method=GET:2|c:3|c",
    "hits,view=home,method=GET:-1|c\nhits,view=detail,method=GET:1|c|@0.1",
    "hits,method=GET,view=home:1|c",
    "queue.waiting,queue=mail:5|g\nqueue.waiting,queue=mail:+2|g",
    "queue.waiting,queue=sms:0|g:-10|g",
    "queue.waiting,queue=push:-1.5|g",
    "users.active:anna|s:ben|s:anna|s",
    "rows.read,table=jobs:4|h:5|h:1000000|h",
    "load,view=rare:1.5|ms|@0.1:2.5|ms",
    "mixed,a=b:1|c:200|ms",
    "two.values,a=b:1|ms:2|ms",
    "tags,k=x y=z\"q'|,ключ=汉 🙂,inner=back\\slash,end=cut\\:1|c",
    "tags,host=web-7,tab=a\tb:1|c",
    "two words,k=v:1|c",
    "same.name:1|g\nsame.name:1|c",
    "refused,view=app:detail:1|c\nbroken",
]
VALUES = sum(len(parse(line).samples) for line in LINES + TIMINGS)


def batches(lines: list[str]) -> Iterator[str]:
    """Yield the lines, 40 a datagram."""
    for start in range(0, len(lines), 40):
        yield "\n".join(lines[start : start + 40])


def stored(influxdb: InfluxDB1, database: str) -> dict[tuple[str, frozenset[tuple[str, str]]], dict[str, Any]]:
    """Return the fields of every series, but for what an agent reports about itself."""
    found = {}
    for point in influxdb.last_points(".", database):
        if point.measurement == "many_times":
            del point.fields["median"]
        if not point.measurement.startswith("internal_"):
            found[point.measurement, frozenset(point.tags.items())] = point.fields
    return found


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def made(written: dict[str, Any]) -> int:
    """Return how many points there were in all: each is on one of these sides."""
    return int(written["points"] + written["refused"] + written["waiting"] + written["lost"])


def test_what_it_writes_is_what_the_real_telegraf_writes(
    start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str, tmp_path: Path
) -> None:
    """Each datagram goes to both: ``--forward`` passes it on to Telegraf."""
    port, ours = free_port(), influxdb1.create(f"{database}_ours")
    text = config(
        port,
        influxdb1_output(influxdb1.url, database),
        # With timings kept, it matters little in which of its intervals a busy machine's Telegraf reads them.
        statsd=f"{FLOATS}\n  delete_timings = false",
        interval=f"{INTERVAL}s",
        host=socket.gethostname(),
    ).replace("percentiles = [50.0, 90.0, 99.0]", PERCENTILES)
    start_telegraf(text, port)
    settings = with_influxdb(tmp_path, URL=influxdb1.url, DATABASE=ours)
    arguments = ["--json", "--write", "--forward", f"127.0.0.1:{port}", "--interval", "60", "--count", str(VALUES)]
    with watching(*arguments, **settings) as (process, listening):
        # All within one of Telegraf's intervals, which begin at multiples of their length.
        wait_until(lambda: time.time() % INTERVAL < 0.3, every=0.01)
        send(listening, *LINES, *batches(TIMINGS))
        out, _ = process.communicate(timeout=60)

    total = documents(out)[-1]
    assert total["received"]["values"] == VALUES, total["rejected"]
    assert total["forwarded"] == {
        "target": f"127.0.0.1:{port}",
        "sent": total["received"]["datagrams"],
        "failed": 0,
        "reason": "",
    }
    found = stored(influxdb1, ours)
    assert total["written"]["points"] == made(total["written"]) == len(found) + 2
    approximate = {key: pytest.approx(fields, rel=1e-9) for key, fields in found.items()}
    wait_until(lambda: stored(influxdb1, database) == approximate, 30)
    assert stored(influxdb1, database) == approximate
    for measurement in {measurement for measurement, _ in found}:
        assert influxdb1.types(measurement, ours) == influxdb1.types(measurement, database), measurement


def test_check_metrics_passes_with_it_in_place_of_telegraf(influxdb1: InfluxDB1, database: str, tmp_path: Path) -> None:
    influxdb = {"URL": influxdb1.url, "DATABASE": database}
    with watching("--write", "--interval", "0.5", **with_influxdb(tmp_path, **influxdb)) as (_, port):
        code, document = checked(tmp_path, metrics={"PORT": port}, influxdb=influxdb)

    assert (code, [each["status"] for each in document["hops"]]) == (0, ["ok"] * 5), document
    assert hop(document, "telegraf")["text"].startswith("watch_metrics wrote about itself")
    assert document["latency_seconds"] > 0


def test_check_metrics_says_that_it_writes_only_where_it_is_told_to(
    influxdb1: InfluxDB1, database: str, tmp_path: Path
) -> None:
    influxdb = {"URL": influxdb1.url, "DATABASE": database}
    with watching("--json", **with_influxdb(tmp_path, **influxdb)) as (_, port):
        code, document = checked(tmp_path, "--timeout", "1", metrics={"PORT": port}, influxdb=influxdb)

    assert (code, hop(document, "telegraf")["cause"]) == (13, "port_taken")
    assert hop(document, "telegraf")["text"].startswith("watch_metrics without --write (process ")
    assert "only with --write" in hop(document, "telegraf")["advice"]


def test_check_metrics_knows_it_if_it_writes_elsewhere(influxdb1: InfluxDB1, database: str, tmp_path: Path) -> None:
    influxdb = {"URL": influxdb1.url, "DATABASE": database}
    elsewhere = with_influxdb(tmp_path, **{**influxdb, "DATABASE": "missing"})
    with watching("--wri", "--interval", "0.5", **elsewhere) as (_, port):
        code, document = checked(tmp_path, "--timeout", "2", metrics={"PORT": port}, influxdb=influxdb)

    assert (code, hop(document, "telegraf")["cause"]) == (13, "agent_not_writing")


def test_a_dead_database_is_told_once_and_the_watching_goes_on(tmp_path: Path) -> None:
    settings = with_influxdb(
        tmp_path, URL=f"http://127.0.0.1:{free_port()}", DATABASE="none", USERNAME="writer", PASSWORD="example-pw"
    )
    with watching("--json", "--write", "--interval", "0.2", **settings) as (process, port):
        assert process.stdout
        counted = 0
        for number in range(1, 6):
            send(port, "hits:1|c")
            while counted < number:
                counted += sum(each["count"] for each in json.loads(process.stdout.readline())["series"])
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)

    total = documents(out)[-1]
    assert process.returncode == 0
    assert total["series"][0]["count"] == 5
    assert total["written"]["lost"] == made(total["written"]) > 5
    assert "refused" in total["written"]["reason"]
    assert err.count("does not accept points") == 1
    assert "example-pw" not in out + err


def test_what_waited_for_the_database_is_there_when_it_is_back(start_influxdb1: StartInfluxDB1, tmp_path: Path) -> None:
    influxdb = start_influxdb1()
    influxdb.create("late")
    influxdb.stop()
    settings = with_influxdb(tmp_path, URL=influxdb.url, DATABASE="late")
    with watching("--json", "--write", "--interval", "0.2", **settings) as (process, port):
        assert process.stdout
        written = {"waiting": 0}
        for _ in range(5):
            send(port, "hits:1|c")
            written = json.loads(process.stdout.readline())["written"]
        assert written["waiting"] > 0
        influxdb.start()
        while written["waiting"]:
            written = json.loads(process.stdout.readline())["written"]
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)

    total = documents(out)[-1]["written"]
    assert (total["points"], total["refused"], total["lost"]) == (made(total), 0, 0)
    assert influxdb.query("SELECT SUM(value) AS hits FROM hits", "late")[0]["hits"] == 5


def test_a_database_that_hangs_does_not_hold_up_an_interval(start_influxdb1: StartInfluxDB1, tmp_path: Path) -> None:
    influxdb = start_influxdb1()
    influxdb.create("hung")
    settings = with_influxdb(tmp_path, URL=influxdb.url, DATABASE="hung")
    with watching("--json", "--write", "--interval", "0.1", **settings) as (process, port):
        assert process.stdout
        influxdb.pause()
        send(port, "hits:1|c")
        states = [json.loads(process.stdout.readline()) for _ in range(15)]
        influxdb.resume()
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)

    assert sum(len(each["series"]) for each in states) == 1
    assert max(each["seconds"] for each in states) < REQUEST_SECONDS
    # The intervals gather behind the one request that waits for its answer.
    assert states[-1]["written"]["waiting"] > 15
    assert documents(out)[-1]["written"]["lost"] == 0


def test_a_refused_point_does_not_keep_the_others_out(influxdb1: InfluxDB1, database: str, tmp_path: Path) -> None:
    influxdb1.write('taken,metric_type=text value="text"', database)
    settings = with_influxdb(tmp_path, URL=influxdb1.url, DATABASE=database)
    with watching("--write", "--interval", "60", "--count", "2", **settings) as (process, port):
        send(port, "taken:1|c\nhits:1|c")
        out, err = process.communicate(timeout=30)

    assert process.returncode == 5
    assert "1 points were not written to" in err
    assert influxdb1.query("SELECT value FROM hits", database)[0]["value"] == 1
    assert err.count("refused 1 points") == 1
    assert f"3 points written to database {database} at {influxdb1.url}, 1 refused: " in out
    assert "field type conflict" in out


@pytest.mark.parametrize("bound", [["--once"], ["--for", "0.3"]])
def test_a_run_with_an_end_fails_if_points_are_lost(bound: list[str], tmp_path: Path) -> None:
    settings = with_influxdb(tmp_path, URL=f"http://127.0.0.1:{free_port()}", DATABASE="none")
    with watching("--json", "--write", "--interval", "0.2", *bound, **settings) as (process, _):
        out, err = process.communicate(timeout=30)

    assert process.returncode == 5
    assert f"{documents(out)[-1]['written']['lost']} points were not written to database none" in err


@pytest.mark.parametrize(
    ("influxdb", "words"),
    [
        ({}, NO_DATABASE),
        ({"URL": "http://127.0.0.1:8086"}, "either DATABASE (InfluxDB 1.x) or BUCKET"),
        ({"URL": "127.0.0.1:8086", "DATABASE": "telegraf"}, "must start with http://"),
    ],
)
def test_without_a_usable_database_it_does_not_start(
    influxdb: dict[str, str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with override_settings(ZEMANTA_OPS={"METRICS": {"ENABLED": True}, "INFLUXDB": influxdb}):
        assert refuse("--port", "0", "--write") == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert "Traceback" not in printed.err


def test_the_live_table_says_below_it_what_is_not_written(tmp_path: Path) -> None:
    settings = with_influxdb(tmp_path, URL=f"http://127.0.0.1:{free_port()}", DATABASE="none")
    with Terminal("--write", "--interval", "0.2", width=120, environment=settings) as terminal:
        terminal.wait_for_screen(lambda screen: "0 points written to database none at http://127.0.0.1:" in screen)
        terminal.wait_for_screen(lambda screen: "waiting: Connection refused" in screen)
        terminal.press("q")
        assert terminal.wait_for_end() == 0

    assert "lost: Connection refused" in terminal.seen
    assert "does not accept points" not in terminal.seen
