"""AWS tags of resources as tags of their series: only those that a declaration allows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zemanta_ops.stack.cloudwatch.names import to_snake_case
from zemanta_ops.stack.cloudwatch.queries import ListedMetric

# Tags of a resource by each ending of its ARN that could be a dimension's value.
TagsByName = Mapping[str, Mapping[str, str]]


def read_resource_tags(client: Any, resource_type: str, allowed: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the allowed tags of all resources of a type; errors of AWS are raised.

    Args:
        client: A client of the Resource Groups Tagging API.
        resource_type: For example ``rds:db``.
        allowed: The tags' keys in AWS. A resource without any of them is left out.

    """
    found: dict[str, dict[str, str]] = {}
    for resource in _list_resources(client, resource_type):
        tags = {each["Key"]: each["Value"] for each in resource.get("Tags", ()) if each["Value"]}
        chosen = {to_snake_case(key): tags[key] for key in allowed if key in tags}
        if chosen:
            found.update(dict.fromkeys(_list_endings(resource["ResourceARN"]), chosen))
    return found


def find_tags(metric: ListedMetric, tags: TagsByName) -> Mapping[str, str]:
    """Return the tags of the resource that the metric's first dimension names."""
    # The resources of a linked account cannot be read from here, and may have the same names.
    return tags.get(metric.dimensions[0][1], {}) if metric.dimensions and not metric.account else {}


def _list_resources(client: Any, resource_type: str) -> Iterator[Mapping[str, Any]]:
    request: dict[str, Any] = {"ResourceTypeFilters": [resource_type], "ResourcesPerPage": 100}
    while True:
        answer = client.get_resources(**request)
        yield from answer["ResourceTagMappingList"]
        if not answer.get("PaginationToken"):
            return
        request["PaginationToken"] = answer["PaginationToken"]


def _list_endings(arn: str) -> list[str]:
    """Return what follows each colon and slash of the resource's part of an ARN."""
    resource = arn.split(":", 5)[-1]
    return [resource, *(resource[match.end() :] for match in re.finditer("[:/]", resource))]
