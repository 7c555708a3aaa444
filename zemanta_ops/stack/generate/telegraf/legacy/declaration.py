"""Read the patterns in ``ZEMANTA_OPS["METRICS"]["LEGACY_NAMES"]``, and list their problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from zemanta_ops.conf import conf
from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.gauges.registry import find_gauges
from zemanta_ops.metrics.series.tags import clean_name
from zemanta_ops.stack.generate.telegraf.legacy.patterns import Pattern, explain_overlap, parse_pattern
from zemanta_ops.stack.settings import list_faults


class LegacyError(Exception):
    """LEGACY_NAMES cannot be used; ``problems`` has a sentence for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_patterns() -> list[Pattern]:
    """Return the declared patterns.

    Raises:
        LegacyError: The setting is not a list of strings, a pattern is malformed, two overlap, or one fits a metric
            that the application emits itself.

    """
    patterns, problems = _parse(conf.metrics.legacy_names)
    problems += [fault for fault in list_faults() if "LEGACY_NAMES" in fault]
    if problems:
        raise LegacyError(problems)
    return patterns


def list_problems() -> list[str]:
    """Return a sentence for each problem with the patterns in LEGACY_NAMES."""
    return _parse(conf.metrics.legacy_names)[1]


def _parse(texts: Sequence[str]) -> tuple[list[Pattern], list[str]]:
    patterns: list[Pattern] = []
    problems: list[str] = []
    for text in texts:
        try:
            patterns.append(parse_pattern(text))
        except ValueError as error:
            problems.append(f"LEGACY_NAMES {text!r}: {error}")
    return patterns, [*problems, *_find_overlaps(patterns), *_find_own_metrics(patterns)]


def _find_overlaps(patterns: Sequence[Pattern]) -> Iterator[str]:
    for first, second in combinations(patterns, 2):
        if why := explain_overlap(first, second):
            yield f"LEGACY_NAMES {first.text!r} and {second.text!r} overlap: {why}"


def _find_own_metrics(patterns: Sequence[Pattern]) -> Iterator[str]:
    """Find patterns that fit metrics which already have tags; a template would split their names."""
    if not patterns:
        return
    prefix = clean_name(conf.metrics.prefix)
    ours = [metric.name for metric in catalog.METRICS] + [clean_name(gauge.name) for gauge in find_gauges()]
    names = [f"{prefix}.{name}" if prefix else name for name in ours]
    for pattern in patterns:
        taken = next((name for name in names if pattern.fits(name.split("."))), None)
        if taken:
            yield f"LEGACY_NAMES {pattern.text!r} fits {taken}, which the application emits with tags"
