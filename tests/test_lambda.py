"""The Lambda function in AWS's own runtime on loopback, and its package; CloudWatch and KMS are moto over HTTP."""

from __future__ import annotations

import importlib
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.servers.emulator import LambdaEmulator
from tests.servers.fixtures import StartInfluxDB1, require, run
from tests.servers.influxdb1 import ADMIN, ADMIN_PASSWORD, InfluxDB1
from tests.servers.kms import ALIAS, KMS, REGION
from tests.servers.process import free_port
from tests.servers.victoriametrics import VictoriaMetrics
from tests.special_files import KINDS, kept, make_special
from zemanta_ops.lambda_package import build_package, main
from zemanta_ops.secrets import wire
from zemanta_ops.stack.cloudwatch.declarations import DeclarationError

HANDLER = "zemanta_ops.aws_lambda.handler"


@pytest.fixture(scope="module")
def aws(kms_server: KMS) -> KMS:
    """Return moto with a queue that has sent a message in each of the last 60 minutes."""
    now = datetime.now(timezone.utc)
    data = [
        {
            "MetricName": "NumberOfMessagesSent",
            "Dimensions": [{"Name": "QueueName", "Value": "mail"}],
            "Timestamp": now - timedelta(minutes=minute),
            "Value": 1.0,
        }
        for minute in range(60)
    ]
    kms_server.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=data)
    return kms_server


@pytest.fixture(scope="module")
def password_token(kms_server: KMS) -> str:
    """Return a token of the database's password, bound to the application and to the variable's name."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kms_server.environment.items():
            patch.setenv(name, value)
        from zemanta_ops.secrets.backends.kms import KMSBackend

        context = {"app": "shop", "name": "INFLUXDB_PASSWORD"}
        token = KMSBackend().encrypt(ADMIN_PASSWORD.encode(), context, key=ALIAS, region=REGION)
    return wire.format(token)


def start(
    stack: ExitStack, folder: Path, aws: KMS, url: str, database: str, *, seconds: int = 30, **env: str
) -> LambdaEmulator:
    """Start the function from its own package."""
    require("lambda")
    task = folder / "task"
    build_package(folder / "dist")
    with zipfile.ZipFile(folder / "dist" / "zemanta_ops_lambda.zip") as package:
        package.extractall(task)
    environment = {
        **aws.environment,
        "AWS_REGION": REGION,
        "ZEMANTA_OPS_APP": "shop",
        "INFLUXDB_URL": url,
        "INFLUXDB_DATABASE": database,
        "INFLUXDB_USERNAME": ADMIN,
        **env,
    }
    emulator = LambdaEmulator(folder, task, HANDLER, environment, seconds)
    run(emulator, stack)
    return emulator


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.mark.second_tier
def test_a_cold_start_decrypts_and_writes_and_a_warm_one_changes_nothing(
    stack: ExitStack, tmp_path: Path, aws: KMS, password_token: str, guarded_influxdb1: InfluxDB1
) -> None:
    database = guarded_influxdb1.create("lambda")
    function = start(stack, tmp_path, aws, guarded_influxdb1.url, database, INFLUXDB_PASSWORD=password_token)

    def count() -> int:
        return len(guarded_influxdb1.query("SELECT * FROM cloudwatch_aws_sqs", database))

    cold = function.invoke()
    assert (cold["ok"], cold["metrics_requested"], cold["rows"]) == (True, 1, 30), cold
    assert count() == 30
    warm = function.invoke({"since": (datetime.now(timezone.utc) - timedelta(minutes=20)).isoformat(), "only": ["sqs"]})
    assert (warm["ok"], [each["declaration"] for each in warm["covered"]]) == (True, ["sqs"])
    assert count() in (30, 31)
    assert ADMIN_PASSWORD not in function.log()


@pytest.mark.second_tier
def test_victoriametrics_is_a_target_too(
    stack: ExitStack, tmp_path: Path, aws: KMS, victoriametrics: VictoriaMetrics
) -> None:
    function = start(stack, tmp_path, aws, "", "", VICTORIAMETRICS_WRITE_URL=victoriametrics.url)

    assert function.invoke()["rows"] == 30
    assert victoriametrics.series('{__name__="cloudwatch_aws_sqs_number_of_messages_sent_sum",db="telegraf"}')


@pytest.mark.second_tier
def test_what_is_missing_is_raised_after_the_rest_is_written(
    stack: ExitStack, tmp_path: Path, aws: KMS, influxdb1: InfluxDB1, database: str
) -> None:
    toml = tmp_path / "wrong.toml"
    toml.write_text('[declarations.wrong]\nnamespace = "No/Such"\ndimensions = {}\nmetrics = { A = "Sum" }\n')
    function = start(stack, tmp_path, aws, influxdb1.url, database, ZEMANTA_OPS_CLOUDWATCH=str(toml))
    answer = function.invoke()

    assert answer["errorType"] == "IncompleteError"
    assert "wrong in eu-west-1: no declared metric exists in No/Such. Correct the declaration" in answer["errorMessage"]
    assert len(influxdb1.query("SELECT * FROM cloudwatch_aws_sqs", database)) == 30


@pytest.mark.second_tier
def test_a_function_that_waits_for_a_hung_database_ends_by_itself_in_time(
    stack: ExitStack, tmp_path: Path, aws: KMS, start_influxdb1: StartInfluxDB1
) -> None:
    server = start_influxdb1()
    server.create("metrics")
    function = start(stack, tmp_path, aws, server.url, "metrics", seconds=10)
    server.pause()
    try:
        answer = function.invoke()
    finally:
        server.resume()

    assert answer["errorType"] == "IncompleteError"
    assert "no answer before the time ended. Nothing was requested from CloudWatch" in answer["errorMessage"]


@pytest.mark.second_tier
def test_lambda_ends_a_function_whose_connection_is_never_answered(stack: ExitStack, tmp_path: Path, aws: KMS) -> None:
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(4):
        # With the queue full, Linux answers no other connection.
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listening.getsockname())
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    assert start(stack, tmp_path, aws, url, "metrics", seconds=2).invoke() == "Task timed out after 2.00 seconds"


@pytest.mark.second_tier
def test_what_a_function_cannot_reach_is_named(stack: ExitStack, tmp_path: Path, aws: KMS) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    function = start(stack, tmp_path, aws, nowhere, "metrics", AWS_ENDPOINT_URL=nowhere)

    # A warm start cannot reach them either.
    for answer in (function.invoke(), function.invoke()):
        assert answer["errorType"] == "UnreachableError"
        assert "cannot reach CloudWatch (127.0.0.1:" in answer["errorMessage"]
        assert "and database metrics at http://127.0.0.1:" in answer["errorMessage"]


@pytest.mark.second_tier
def test_a_token_of_another_application_ends_the_start_without_showing_anything(
    stack: ExitStack, tmp_path: Path, aws: KMS, password_token: str, influxdb1: InfluxDB1
) -> None:
    env: dict[str, Any] = {"INFLUXDB_PASSWORD": password_token, "ZEMANTA_OPS_APP": "other"}
    answer = start(stack, tmp_path, aws, influxdb1.url, "metrics", **env).invoke()

    assert "INFLUXDB_PASSWORD" in str(answer)
    assert "another application" in str(answer)
    assert password_token not in str(answer)


def test_the_package_is_small_reproducible_and_has_our_code_alone(tmp_path: Path) -> None:
    first, template = build_package(tmp_path / "a")
    second, _ = build_package(tmp_path / "b")

    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size < 2**20
    names = zipfile.ZipFile(first).namelist()
    assert {name.split("/")[0] for name in names} == {"zemanta_ops"}
    assert "zemanta_ops/stack/cloudwatch/defaults.toml" in names
    assert template.read_text().startswith("AWSTemplateFormatVersion")


def test_the_function_needs_neither_django_nor_what_the_runtime_lacks(tmp_path: Path) -> None:
    package, _ = build_package(tmp_path, 'regions = ["eu-west-1"]\n')
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); "
        "sys.modules.update(dict.fromkeys(['django', 'cryptography', 'influxdb_client', 'statsd'])); "
        "import zemanta_ops.aws_lambda as function; print(function.__file__, len(function._declarations))"
    )
    command = [sys.executable, "-c", script, str(package)]
    env: dict[str, Any] = {"AWS_REGION": REGION, "PATH": "/nowhere", "INFLUXDB_URL": "http://127.0.0.1:1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, check=False)

    assert done.stdout.split() == [f"{package}/zemanta_ops/aws_lambda.py", "10"], done.stderr


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module of the function, loaded as Lambda loads it."""
    monkeypatch.setenv("INFLUXDB_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.delenv("ZEMANTA_OPS_CLOUDWATCH", raising=False)
    monkeypatch.delitem(sys.modules, "zemanta_ops.aws_lambda", raising=False)
    return importlib.import_module("zemanta_ops.aws_lambda")


MOMENT = datetime(2026, 3, 14, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (None, ((), None, None)),
        ({}, ((), None, None)),
        ({"only": "rds"}, (("rds",), None, None)),
        ({"only": ["rds", "sqs"], "since": None}, (("rds", "sqs"), None, None)),
        ({"since": "2h"}, ((), MOMENT - timedelta(hours=2), None)),
        (
            {"since": "2026-03-01", "until": "2026-03-02T01:00+01:00"},
            ((), MOMENT - timedelta(days=13.5), MOMENT - timedelta(days=12.5)),
        ),
        ({"version": "0", "detail-type": "Scheduled Event", "time": "2026-03-14T12:00:00Z"}, ((), None, None)),
    ],
)
def test_an_event_chooses_declarations_and_a_back_fill(function: ModuleType, event: Any, expected: Any) -> None:
    assert function.read_event(event, MOMENT) == expected


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("2h", "the event must be an object"),
        ([], "the event must be an object"),
        ({"sinse": "2h"}, "the event has 'sinse'. Did you mean since?"),
        ({"since": "yesterday"}, "since is not a time, such as"),
        ({"since": 5}, "since is not a time, such as"),
        ({"until": "2h"}, "until needs since"),
        ({"since": "1h", "until": "2h"}, "since must be earlier than until"),
        ({"since": "2030-01-01"}, "not in the future"),
        ({"only": {"rds": 1}}, "only must be the name of a declaration"),
    ],
)
def test_an_event_that_cannot_be_read_does_not_become_an_ordinary_run(
    function: ModuleType, event: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        function.read_event(event, MOMENT)


def test_the_environment_names_one_database_and_a_file_that_exists(function: ModuleType) -> None:
    with pytest.raises(ValueError, match="one of INFLUXDB_URL and VICTORIAMETRICS_WRITE_URL must be set; 0 are"):
        function.read_database_options({"INFLUXDB_DATABASE": "telegraf"})
    both = {"INFLUXDB_URL": "http://a.example", "VICTORIAMETRICS_WRITE_URL": "http://b.example"}
    with pytest.raises(ValueError, match="must be set; 2 are"):
        function.read_database_options(both)
    with pytest.raises(FileNotFoundError, match=r"elsewhere\.toml"):
        function.read_declarations({"ZEMANTA_OPS_CLOUDWATCH": "elsewhere.toml"}, REGION)


def test_wrong_declarations_do_not_get_into_a_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DeclarationError, match="Did you mean regions"):
        build_package(tmp_path, "region = 'eu-west-1'\n")
    toml = tmp_path / "cloudwatch.toml"
    toml.write_text("[declarations.rds]\nmetric = {}\n")
    assert main([str(tmp_path / "dist"), "--declarations", str(toml)]) == 1
    assert "rds has no key 'metric'. Did you mean metrics?" in capsys.readouterr().err
    assert main([str(tmp_path / "dist"), "--declarations", str(tmp_path / "nothing.toml")]) == 1
    assert "nothing.toml: No such file or directory" in capsys.readouterr().err
    toml.write_text('regions = ["eu-west-1"]\n')
    assert main([str(tmp_path / "dist"), "--declarations", str(toml)]) == 0
    assert "cloudwatch.toml" in zipfile.ZipFile(tmp_path / "dist" / "zemanta_ops_lambda.zip").namelist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_replaces_regular_files_only(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "template.yaml").touch()
    path = make_special(kind, tmp_path / "zemanta_ops_lambda.zip")
    with kept(path):
        assert main([str(tmp_path)]) == 1
    assert f"{path}: it is {KINDS[kind]}, not a regular file" in capsys.readouterr().err
