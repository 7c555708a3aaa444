"""The template of the Lambda function: expanded as AWS expands it, then linted; raw, the linter sees almost nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from tests.servers import pypi
from zemanta_ops.lambda_package import SOURCE, TEMPLATE_NAME

TEMPLATE = (SOURCE / "stack" / "cloudwatch" / TEMPLATE_NAME).read_text(encoding="utf-8")

pytestmark = pytest.mark.second_tier

# Runs with the tools' own packages: it prints the expanded template and what the linter reports about it.
SCRIPT = """
import json, sys
from cfnlint import api
from cfnlint.config import ManualArgs
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

class Policies:
    def load(self):
        return {}

found = []
for text in json.load(sys.stdin):
    document = yaml_parse(text)
    document["Resources"]["Push"]["Properties"]["CodeUri"] = "s3://example-bucket/package.zip"
    parameters = document["Parameters"]
    try:
        expanded = transform(document, {}, Policies())
    except Exception as error:
        causes = [each.message for each in getattr(error, "causes", [])]
        found.append([{}, [str(getattr(error, "message", error)), *causes]])
        continue
    expanded.pop("Transform", None)
    expanded["Parameters"] = parameters
    matches = api.lint(json.dumps(expanded), config=ManualArgs(regions=["eu-west-1"]))
    found.append([expanded, [f"{match.rule.id} {match.message}" for match in matches]])
print(json.dumps(found, default=str))
"""

FAULTS: dict[str, tuple[str, str, str]] = {
    "a runtime that does not exist": ("Runtime: python3.13", "Runtime: python3.99", "python3.99"),
    "a memory beyond the limit": ("MemorySize: !Ref MemoryMegabytes", "MemorySize: 99999", "99999"),
    "an unknown comparison": ("GreaterThanThreshold", "MoreThanThreshold", "MoreThanThreshold"),
    "a reference to nothing": ("Value: !Ref Push\n      Statistic", "Value: !Ref Pull\n      Statistic", "Pull"),
    "an unknown property of the schedule": ("OmitName: true", "OmitTheName: true", "OmitTheName"),
    "a policy without an effect": (
        "              Effect: Allow\n              Action: [cloudwatch",
        "              Action: [cloudwatch",
        "Effect",
    ),
    "a wrong mode of the time window": ('Mode: "OFF"', 'Mode: "NEVER"', "NEVER"),
}


@cache
def lint_all() -> dict[str, tuple[dict[str, Any], list[str]]]:
    """Return the expanded template and its findings: of the template itself, and with each fault."""
    texts = {"": TEMPLATE}
    for name, (right, wrong, _) in FAULTS.items():
        assert TEMPLATE.count(right) == 1, name
        texts[name] = TEMPLATE.replace(right, wrong)
    env = {**os.environ, "PYTHONPATH": str(pypi.template_tools()), "AWS_DEFAULT_REGION": "eu-west-1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        input=json.dumps(list(texts.values())),
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: (expanded, lines) for name, (expanded, lines) in zip(texts, json.loads(done.stdout), strict=True)}


def find(kind: str) -> dict[str, Any]:
    """Return the properties of the only resource of a type."""
    [found] = [each["Properties"] for each in lint_all()[""][0]["Resources"].values() if each["Type"] == kind]
    return dict(found)


def test_the_expanded_template_has_no_findings() -> None:
    expanded, findings = lint_all()[""]

    assert findings == []
    kinds = {each["Type"].removeprefix("AWS::") for each in expanded["Resources"].values()}
    assert kinds == {
        *("CloudWatch::Alarm", "IAM::Role", "Scheduler::Schedule"),
        *("Lambda::EventInvokeConfig", "Lambda::Function"),
    }


@pytest.mark.parametrize("name", FAULTS)
def test_the_linter_catches_a_planted_fault(name: str) -> None:
    findings = lint_all()[name][1]

    assert any(FAULTS[name][2] in line for line in findings), findings


def test_the_schedule_has_no_name_and_nothing_repeats_a_failed_run() -> None:
    schedule = find("AWS::Scheduler::Schedule")

    assert "Name" not in schedule
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    assert find("AWS::Lambda::EventInvokeConfig")["MaximumRetryAttempts"] == 0
    assert find("AWS::Lambda::Function")["ReservedConcurrentExecutions"] == 1


def test_the_function_may_do_what_it_does_and_no_more() -> None:
    text = json.dumps([each for each in lint_all()[""][0]["Resources"].values() if each["Type"] == "AWS::IAM::Role"])

    for action in ("cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "tag:GetResources", "kms:Decrypt"):
        assert action in text
    assert "kms:EncryptionContext:app" in text
    assert ":*" not in text.replace("arn:${AWS::Partition}", "")


def test_a_function_that_has_stopped_raises_the_alarm() -> None:
    assert find("AWS::CloudWatch::Alarm")["TreatMissingData"] == "breaching"


def test_every_action_of_the_code_is_in_the_template() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (SOURCE / "stack" / "cloudwatch").glob("*.py"))
    used = set(re.findall(r"\b(?:cloudwatch|tag|sts):[A-Z]\w+", code))

    assert {"cloudwatch:ListMetrics", "tag:GetResources"} <= used
    assert [action for action in used if action not in TEMPLATE] == []
