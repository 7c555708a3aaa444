"""The page about CloudWatch, word for word, against moto and a real InfluxDB; and its tables against the code."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.docs.project import Project
from tests.docs.tables import literals, section, tables
from tests.docs.walkthrough import Block, blocks
from tests.servers.influxdb1 import InfluxDB1
from tests.servers.kms import KMS
from zemanta_ops.secrets import wire
from zemanta_ops.stack.cloudwatch.declarations import KEYS
from zemanta_ops.stack.cloudwatch.defaults import build_declarations, load_defaults, parse_toml

PAGE = "cloudwatch"
START, FETCHED, DEPLOY = "Start", "What is fetched", "Run it as a Lambda function"
LATE = "What happens to late and missing points"


def find(heading: str, language: str) -> list[Block]:
    """Return the blocks of one language under a heading."""
    return [block for block in blocks(PAGE) if (block.heading, block.language) == (heading, language)]


@pytest.fixture
def moto(tmp_path: Path) -> Iterator[KMS]:
    """Return a moto of the test's own, with an instance of RDS and a queue that had data in the last hour."""
    server = KMS(tmp_path)
    server.start()
    put_metrics(server)
    yield server
    server.server.stop()


def put_metrics(server: KMS) -> None:
    """Publish a value for each minute of the last hour."""
    now = datetime.now(timezone.utc)
    client = server.client("cloudwatch")
    for namespace, name, dimension in (
        ("AWS/RDS", "CPUUtilization", "DBInstanceIdentifier"),
        ("AWS/SQS", "NumberOfMessagesSent", "QueueName"),
    ):
        data = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": dimension, "Value": "shop"}],
                "Timestamp": now - timedelta(minutes=minute),
                "Value": 1.0,
            }
            for minute in range(60)
        ]
        client.put_metric_data(Namespace=namespace, MetricData=data)


@pytest.mark.more
def test_a_reader_has_metrics_of_rds_and_sqs_in_influxdb(
    new_project: Callable[..., Project], moto: KMS, influxdb1: InfluxDB1, database: str
) -> None:
    project = new_project(**moto.environment)
    [settings] = find(START, "python")
    text = settings.body.replace("http://127.0.0.1:8086", influxdb1.url).replace('"telegraf"', f'"{database}"')
    project.settings.write_text(f'INSTALLED_APPS = ["zemanta_ops"]\nSECRET_KEY = "example"\n{text}\n')
    [shell] = find(START, "shell")
    listed, pushed = (project.run("bash", "-c", line) for line in shell.body.splitlines())

    assert "rds in eu-west-1" in listed
    assert "2 series, 1 requests a run" in listed
    assert "rows written, 0 refused" in pushed
    assert len(influxdb1.query("SELECT cpu_utilization_average FROM cloudwatch_aws_rds", database)) == 30
    assert len(influxdb1.query("SELECT number_of_messages_sent_sum FROM cloudwatch_aws_sqs", database)) == 30
    [shell] = find(LATE, "shell")
    for line in shell.body.splitlines():
        project.run("bash", "-c", line)
    assert 57 <= len(influxdb1.query("SELECT number_of_messages_sent_sum FROM cloudwatch_aws_sqs", database)) <= 60


@pytest.mark.second_tier
def test_the_package_is_built_uploaded_and_deployed_as_the_page_says(tmp_path: Path, moto: KMS, aws: Path) -> None:
    """The last lines cannot run here: moto accepts the stack, but does not expand SAM, so there is no function."""
    [toml] = find(DEPLOY, "toml")
    (tmp_path / "cloudwatch.toml").write_text(toml.body)
    environment = {
        **moto.environment,
        "PATH": f"{aws}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "LAMBDA_BUCKET": "example-packages",
    }
    for block in find(DEPLOY, "shell"):
        subprocess.run(["bash", "-euc", block.body], cwd=tmp_path, env=environment, check=True, capture_output=True)

    assert "CodeUri: s3://example-packages/" in (tmp_path / "lambda" / "packaged.yaml").read_text()
    stored = moto.client("s3").list_objects_v2(Bucket="example-packages")["Contents"]
    assert [each["Size"] < 2**20 for each in stored] == [True]

    key = moto.client("kms").create_key()["KeyMetadata"]["Arn"]
    moto.client("kms").create_alias(AliasName="alias/shop", TargetKeyId=key)
    encrypt, deploy = (block.body.removeprefix("$ ").split("\n$ ")[0] for block in find(DEPLOY, "text"))
    token = run_line(encrypt, tmp_path, environment, "example-password")
    assert wire.parse(token).context == {"app": "shop", "name": "INFLUXDB_PASSWORD"}
    run_line(deploy, tmp_path, {**environment, "KMS_KEY_ARN": key, "INFLUXDB_TOKEN": token})
    [stack] = moto.client("cloudformation").describe_stacks(StackName="cloudwatch-metrics")["Stacks"]
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert (stack["StackStatus"], given["App"], given["InfluxdbUsername"]) == ("CREATE_COMPLETE", "shop", "writer")


def run_line(line: str, folder: Path, environment: dict[str, str], text: str = "") -> str:
    """Run one command line of the page, and return what it prints."""
    command = ["bash", "-euc", line]
    done = subprocess.run(command, cwd=folder, env=environment, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_declarations_of_the_page_can_be_used() -> None:
    [settings] = find(FETCHED, "python")
    names: dict[str, dict[str, dict[str, object]]] = {}
    exec(settings.body, names)
    found = {each.name: each for each in build_declarations(names["ZEMANTA_OPS"]["CLOUDWATCH"], spell=str.upper)}
    assert "redshift" not in found
    assert [metric.name for metric in found["orders"].metrics] == ["Placed", "PaymentSeconds", "Refused"]
    [toml] = find(DEPLOY, "toml")
    assert {each.tags for each in parse_toml(textwrap.dedent(toml.body))} == {(("env", "production"),)}


def test_the_page_has_every_shipped_declaration_with_its_namespace() -> None:
    rows = tables(section(PAGE, FETCHED))[0]
    shown = [(literals(name)[0], namespace, "(off)" not in words) for name, namespace, words in rows]
    assert shown == [(each.name, each.namespace, each.enabled) for each in load_defaults().values()]


def test_the_page_has_every_key_of_a_declaration() -> None:
    rows = tables(section(PAGE, FETCHED))[1]
    shown = [key for row in rows for key in literals(row[0])]
    assert sorted(shown) == sorted(map(str.upper, KEYS))
