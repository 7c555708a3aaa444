"""What ``push_cloudwatch`` and the system checks refuse: arguments, settings and declarations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from tests.commands.push_cloudwatch.running import QUEUES, run
from tests.stack.cloudwatch.account import REGION
from tests.stack.cloudwatch.fake import FakeCloudWatch
from zemanta_ops.stack.settings import NO_DATABASE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--until", "2026-01-01"], "--until needs --since"),
        (["--since", "2026-01-02", "--until", "2026-01-01"], "--since must be earlier than --until"),
        (["--since", "2099-01-01"], "not in the future"),
        (["--list", "--since", "2h"], "--list prices the schedule, not a back-fill"),
        (["--only", "ec2"], '--only ec2: the declaration is off. To turn it on, name it in ZEMANTA_OPS["CLOUDWATCH"]'),
        (["--only", "rsd"], "--only rsd: there is no such declaration. Did you mean rds?"),
    ],
)
def test_wrong_arguments_end_it_with_code_2(
    aws: FakeCloudWatch, configured: None, arguments: list[str], words: str
) -> None:
    code, _, err = run(*arguments)

    assert (code, words in err) == (2, True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, NO_DATABASE),
        ({"CLOUDWATCH": {"REGIONS": 5}}, 'ZEMANTA_OPS["CLOUDWATCH"]["REGIONS"] must be a list of strings'),
        ({"CLOUDWATCH": {"REGIONS": ["Europe"]}}, "REGIONS must name AWS regions"),
        (
            {"CLOUDWATCH": {"DECLARATIONS": {"sqss": {"ENABLED": True}}}},
            "sqss: there is no such declaration. Did you mean sqs?",
        ),
        (
            {"PROMETHEUS": {"WRITE_URL": "http://a.example/w", "READ_URL": "http://a.example"}, "CLOUDWATCH": {}},
            "accepts remote write only",
        ),
        ({"CLOUDWATCH": {"DECLARATIONS": {"rds": True}}}, "rds must map keys to values, such as METRICS"),
        ({"CLOUDWATCH": {"DECLARATIONS": ["rds"]}}, '["DECLARATIONS"] must be a dict of dicts'),
        (
            {"CLOUDWATCH": {"DECLARATIONS": {"rds": {"DIMENSION": {}}}}},
            "rds has no key 'DIMENSION'. Did you mean DIMENSIONS?",
        ),
    ],
)
def test_wrong_settings_end_it_with_code_3(aws: FakeCloudWatch, settings: dict[str, Any], words: str) -> None:
    with override_settings(ZEMANTA_OPS=settings):
        code, _, err = run()
        _, out, _ = run("--json")
    assert (code, words in err) == (3, True), err
    document = json.loads(out)
    assert (document["ok"], words in " ".join(document["problems"])) == (False, True)


@pytest.mark.parametrize(
    ("declaration", "fault"),
    [
        ({"METRIC": {}}, "rds has no key 'METRIC'. Did you mean METRICS?"),
        ({"metrics": {}}, "rds has no key 'metrics'. Did you mean METRICS?"),
        (None, "rds must map keys to values, such as METRICS"),
        ({"METRICS": {"A": {"STATISTIC": "Sum"}}}, "METRICS has no key 'STATISTIC' in A. Did you mean STATISTICS?"),
        ({"LOOK_BACK": 30}, "LOOK_BACK is shorter than the period of 60 s"),
    ],
)
def test_e140_names_each_mistake_in_a_declaration(declaration: dict[str, Any] | None, fault: str) -> None:
    with override_settings(ZEMANTA_OPS={"CLOUDWATCH": {"DECLARATIONS": {"rds": declaration}}}):
        (message,) = [each for each in run_checks(tags=["zemanta_ops"]) if each.id == "zemanta_ops.E140"]
    assert fault in message.msg


def test_good_declarations_are_silent() -> None:
    section = {"REGIONS": [REGION], "RESOURCE_TAGS": ["env"], "DECLARATIONS": {"queues": QUEUES, "s3": {}}}
    with override_settings(ZEMANTA_OPS={"CLOUDWATCH": section}):
        assert [each for each in run_checks(tags=["zemanta_ops"]) if each.id == "zemanta_ops.E140"] == []
