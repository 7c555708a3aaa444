"""The pages on deployments and sizing: settings, manifests, sections and sums are held against the real things."""

from __future__ import annotations

import random
import re
import textwrap
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from ruamel.yaml import YAML

from benchmarks.flow import FEW_FIELDS, NODES, Node
from tests.metrics.agents import agent, client_of
from tests.servers.fixtures import StartTelegraf
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.process import free_port, wait_until
from tests.servers.telegraf import config
from zemanta_ops.checks.metrics import check_settings
from zemanta_ops.conf import conf

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(path.stem for path in DOCS.glob("deployment_*.rst"))


def text(page: str) -> str:
    return (DOCS / f"{page}.rst").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page in one language."""
    found = re.findall(rf"^( *)\.\. code-block:: {language}\n\n((?:\1 +.*\n|\n)+)", text(page), re.MULTILINE)
    return [textwrap.dedent(body) for _, body in found]


def containers(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    spec = manifest["spec"]["template"]["spec"]
    yield from (*spec.get("initContainers", ()), *spec["containers"])


def test_there_is_a_page_for_each_deployment_and_the_first_page_leads_to_it() -> None:
    led_to = re.findall(r":doc:`(deployment_\w+)`", text("deployment"))
    assert led_to == [f"deployment_{name}" for name in ("one_box", "autoscaled", "containers", "serverless")]
    assert sorted(led_to) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_of_the_page_are_accepted_as_they_stand(page: str) -> None:
    first, *_ = blocks(page, "python")
    names: dict[str, Any] = {}
    exec(first.replace('Secret("paste the token here")', '"example-token"'), names)
    with override_settings(ZEMANTA_OPS=names["ZEMANTA_OPS"]):
        assert check_settings() == []
        assert conf.metrics.host_tag is None or page == "deployment_one_box"


@pytest.mark.parametrize("page", PAGES)
def test_each_page_says_what_is_lost_and_what_to_check(page: str) -> None:
    headings = re.findall(r"^(.+)\n-+$", text(page), re.MULTILINE)
    assert {"Settings", "What is lost", "Check"} <= set(headings)
    assert "check_metrics" in text(page).split("\nCheck\n")[1]


def test_the_manifests_are_yaml_and_set_variables_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = [YAML(typ="safe").load(block) for block in blocks("deployment_containers", "yaml")]
    assert [manifest["kind"] for manifest in manifests] == ["DaemonSet", "Deployment", "Deployment"]
    for manifest in manifests:
        labels = manifest["spec"]["template"]["metadata"]["labels"]
        assert manifest["spec"]["selector"]["matchLabels"] == labels
    variables = [
        each for manifest in manifests for container in containers(manifest) for each in container.get("env", ())
    ]
    ours = [each for each in variables if each["name"].startswith("ZEMANTA_OPS_METRICS_")]
    assert {each["name"].removeprefix("ZEMANTA_OPS_METRICS_") for each in ours} == {"HOST", "HOST_TAG"}
    for each in ours:
        monkeypatch.setenv(each["name"], each.get("value", "192.0.2.7"))
    assert (conf.metrics.host, conf.metrics.host_tag) == ("192.0.2.7", None)


def test_telegraf_leaves_out_the_fields_that_the_page_excludes(
    start_telegraf: StartTelegraf, influxdb1: InfluxDB1, database: str
) -> None:
    (section,) = blocks("sizing", "toml")
    port = free_port()
    output = section.replace("http://127.0.0.1:8086", influxdb1.url).replace('"telegraf"', f'"{database}"')
    percentiles = ("[50.0, 90.0, 99.0]", "[50.0, 90.0, 95.0, 99.0]")
    start_telegraf(config(port, output, interval="500ms").replace(*percentiles), port).send("load:1.5|ms")
    wait_until(lambda: bool(influxdb1.last_points("^load$", database)), 20)
    assert set(influxdb1.types("load", database)) == {"count", *FEW_FIELDS}


def test_the_questions_to_influxdb_are_ones_that_it_answers(influxdb1: InfluxDB1, database: str) -> None:
    (create,) = re.findall(r"influx -execute '(.+)'", text("deployment_one_box"))
    influxdb1.query(create.replace(" telegraf ", f" {database}_new "))
    (policy,) = influxdb1.query(f"SHOW RETENTION POLICIES ON {database}_new")
    assert policy["duration"] == "720h0m0s"

    influxdb1.write("load,view=home value=1\nload,view=detail value=1", database)
    questions = re.findall(r"``(SHOW .+?)``", text("sizing"))
    answers = [influxdb1.query(question, database)[0]["count"] for question in questions]
    assert answers == [2, 2]


def test_the_sums_of_the_example_are_those_of_the_measured_node() -> None:
    node, page = Node(), text("sizing").replace("\N{MULTIPLICATION SIGN}", "x")
    size = f"({node.series} x {node.line_bytes} + {node.requests} x {node.value_bytes})"
    assert f"2 x {node.combinations} + {node.others} = {node.series}\n" in page
    assert f"{node.processes} x ⌈{size} ÷ 1,342⌉ = {node.datagrams}\n" in page
    assert f"{node.series} ÷ {node.interval} = {node.points:g}\n" in page
    assert f"     - {NODES * node.series:,}\n" in page
    assert f"     - {NODES * node.points:,.0f}\n" in page


def count_datagrams(samples: list[tuple[str, str, int]]) -> tuple[int, int]:
    """Emit series of a kind, a name and a number of values; return the datagrams, and what the formula gives."""
    with agent() as listener:
        client = client_of(listener, flush_seconds=3600, host_tag=None, max_names=100_000)
        for kind, name, values in samples:
            for number in range(values):
                getattr(client, kind)(name, (0.0001, 1.234, 9.999)[number % 3])
        client.flush()
        sent = client.health()["datagrams"]
        client.close()
    timings = sum(values for kind, _, values in samples if kind == "timing")
    return sent, ceil((len(samples) * 90 + timings * 12) / (1432 - 90))


@pytest.mark.parametrize("seed", range(5))
def test_no_mix_of_metrics_makes_more_datagrams_than_the_formula(seed: int) -> None:
    chance = random.Random(seed)
    samples = []
    for number in range(chance.randrange(1, 400)):
        # The longest line of a series with one value has 90 bytes.
        name = f"n{number}." + "x" * chance.choice((1, 30, 77 - len(f"n{number}.")))
        kind = chance.choice(("incr", "gauge", "timing", "timing"))
        samples.append((kind, name, chance.choice((1, 2, 5, 900)) if kind == "timing" else 1))
    sent, bound = count_datagrams(samples)
    assert sent <= bound


@pytest.mark.parametrize("values", [20, 53, 60, 100, 113, 130])
def test_dozens_of_timings_of_every_series_make_at_most_twice_as_many(values: int) -> None:
    sent, bound = count_datagrams([("timing", f"n{number:03}.".ljust(77, "x"), values) for number in range(200)])
    assert sent <= 2 * bound
