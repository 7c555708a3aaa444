"""Measurement, tag and field names: those of Telegraf's CloudWatch input in its sparse format.

Dashboards made for Telegraf work unchanged, and a series continues when this takes over from Telegraf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_STATISTICS = {
    "Average": "average",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "SampleCount": "sample_count",
    "Sum": "sum",
}


def to_snake_case(text: str) -> str:
    """Return the text as Telegraf writes it, oddities included: ``EBSIOBalance%`` becomes ``ebsio_balance%``."""
    letters: list[str] = []
    for index, letter in enumerate(text):
        following = text[index + 1 : index + 2]
        # A small s after a capital is the plural of an acronym: no new word begins at "P" of "IOPs".
        begins_word = text[index - 1].islower() or (following.islower() and following != "s")
        if index and letter.isupper() and begins_word:
            letters.append("_")
        letters.append(letter.lower())
    return "".join(letters).replace(" ", "_").replace("__", "_")


def describe_repeated_tags(dimensions: Iterable[str], tags: Iterable[str], resource_tags: Iterable[str]) -> list[str]:
    """Return a sentence if two tags of a series have the same name."""
    names = ["region", "account", *tags, *map(to_snake_case, (*dimensions, *resource_tags))]
    repeated = sorted({name for name in names if names.count(name) > 1})
    return [f"two tags of a series have the same name: {', '.join(repeated)}"] if repeated else []


def name_measurement(namespace: str) -> str:
    """Return the measurement of a namespace: ``AWS/RDS`` becomes ``cloudwatch_aws_rds``."""
    return "cloudwatch_" + to_snake_case(namespace.replace("/", "_"))


def name_field(metric: str, statistic: str) -> str:
    """Return the field of a statistic; those that Telegraf cannot ask for follow its pattern: ``_p99_9``."""
    ending = _STATISTICS.get(statistic) or re.sub(r"[^a-z0-9]+", "_", statistic.lower()).strip("_")
    return to_snake_case(f"{metric}_{ending}")
