"""Each mistake in a declaration is one sentence that names the nearest right word, and all are reported at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stack.cloudwatch.account import QUEUES, REGION
from zemanta_ops.stack.cloudwatch.declarations import DeclarationError
from zemanta_ops.stack.cloudwatch.defaults import build_declarations, parse_toml

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"region": ["eu-west-1"]}, "cloudwatch.toml has no key 'region'. Did you mean regions?"),
    ({"regions": ["Europe"]}, "cloudwatch.toml: regions must name AWS regions, such as eu-west-1"),
    (
        {"roles": ["admin"]},
        "cloudwatch.toml: roles must be ARNs of IAM roles, or 'own' for the identity of the process",
    ),
    (
        {"declarations": {"rds": {"dimension": {}}}},
        "cloudwatch.toml: rds has no key 'dimension'. Did you mean dimensions?",
    ),
    (
        {"declarations": {"x": {**QUEUES, "metrics": {"A": "average"}}}},
        "cloudwatch.toml: x: metrics of A has no statistic 'average'. Did you mean Average?",
    ),
    (
        {"declarations": {"x": {**QUEUES, "metrics": {"A": {"stats": "Sum"}}}}},
        "cloudwatch.toml: x: metrics has no key 'stats' in A. Did you mean statistics?",
    ),
    ({"declarations": {"x": {"namespace": "A/B", "metrics": {"A": "Sum"}}}}, "cloudwatch.toml: x has no dimensions"),
    (
        {"declarations": {"x": {**QUEUES, "period": 90}}},
        "cloudwatch.toml: x: period must be 1, 5, 10, 20, 30 or a multiple of 60 up to 86400 seconds",
    ),
    (
        {"declarations": {"x": {**QUEUES, "look_back": 20 * 86400}}},
        "cloudwatch.toml: x: CloudWatch keeps a period of 60 s for 360 hours only: shorten look_back",
    ),
    (
        {"declarations": {"x": {**QUEUES, "resource_tags": ["env"]}}},
        "cloudwatch.toml: x: resource_tags needs resource_type, such as rds:db",
    ),
    (
        {"declarations": {"x": {**QUEUES, "tags": {"region": "north"}}}},
        "cloudwatch.toml: x: two tags of a series have the same name: region",
    ),
    ({"tags": {"region": "north"}}, "cloudwatch.toml: two tags of a series have the same name: region"),
    ({"resource_tags": ["Account"]}, "cloudwatch.toml: two tags of a series have the same name: account"),
    (
        {"tags": {"env": "live"}, "resource_tags": ["Env"]},
        "cloudwatch.toml: two tags of a series have the same name: env",
    ),
    (
        {"tags": {"queue_name": "mail", "function_name": "of what is off"}},
        "cloudwatch.toml: sqs: two tags of a series have the same name: queue_name",
    ),
    *(
        (
            {"tags": tags},
            'cloudwatch.toml: tags must map names to values of printable characters, such as {"env": "production"}',
        )
        for tags in ({"env": ""}, {"env": "a\nb"}, {"env": "a\\"}, {"e\nv": "a"}, {"env": 5}, ["env"])
    ),
    *(
        ({"declarations": {"rds": member}}, "cloudwatch.toml: rds must map keys to values, such as metrics")
        for member in (None, True, "off", ["CPUUtilization"])
    ),
    *(
        (
            {"declarations": {name: QUEUES}},
            f"cloudwatch.toml: {name!r} cannot be the name of a declaration. Use printable characters",
        )
        for name in ("", " ", "a\nb")
    ),
    ({"declarations": ["rds"]}, "cloudwatch.toml: declarations must map names to declarations"),
    (
        {"declarations": {"x": {**QUEUES, "metrics": {"A": ["p9.9", "p9_9"]}}}},
        "cloudwatch.toml: x: metrics of A has no statistic 'p9_9'. Did you mean p99?",
    ),
]


@pytest.mark.parametrize(("given", "line"), FAULTS)
def test_each_mistake_in_a_declaration_is_one_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        build_declarations(given, region=REGION)
    assert raised.value.faults == [line]


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(DeclarationError) as raised:
        build_declarations({"region": 1, "declarations": {"a": {}, "b": {"metrics": {"A": "Sun"}}}})
    assert len(raised.value.faults) == 6
    assert "cloudwatch.toml: a: there is no such declaration. " in str(raised.value)


def test_a_file_that_is_not_toml_is_one_line() -> None:
    with pytest.raises(DeclarationError, match=r"cloudwatch\.toml is not TOML"):
        parse_toml("regions = [")
