"""The patterns in ``ZEMANTA_OPS["METRICS"]["LEGACY_NAMES"]``, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from zemanta_ops.conf import conf
from zemanta_ops.metrics import catalog
from zemanta_ops.metrics.gauges.registry import registered
from zemanta_ops.metrics.series.tags import clean_name
from zemanta_ops.stack.generate.telegraf.legacy.patterns import Pattern, overlap, parse
from zemanta_ops.stack.settings import bad_settings


class LegacyError(Exception):
    """LEGACY_NAMES cannot be used; ``problems`` has a sentence for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def declared_patterns() -> list[Pattern]:
    """Return the declared patterns.

    Raises:
        LegacyError: the setting is no list of strings, a pattern is malformed, two overlap, or one would take a
            metric that the application emits itself.
    """
    patterns, wrong = _read(conf.metrics.legacy_names)
    wrong += [problem for problem in bad_settings() if "LEGACY_NAMES" in problem]
    if wrong:
        raise LegacyError(wrong)
    return patterns


def problems() -> list[str]:
    """Return a sentence for everything that is wrong with the patterns in LEGACY_NAMES."""
    return _read(conf.metrics.legacy_names)[1]


def _read(texts: Sequence[str]) -> tuple[list[Pattern], list[str]]:
    patterns: list[Pattern] = []
    wrong: list[str] = []
    for text in texts:
        try:
            patterns.append(parse(text))
        except ValueError as error:
            wrong.append(f"LEGACY_NAMES {text!r}: {error}")
    return patterns, [*wrong, *_overlaps(patterns), *_takes_ours(patterns)]


def _overlaps(patterns: Sequence[Pattern]) -> Iterator[str]:
    for first, second in combinations(patterns, 2):
        if why := overlap(first, second):
            yield f"LEGACY_NAMES {first.text!r} and {second.text!r} overlap: {why}"


def _takes_ours(patterns: Sequence[Pattern]) -> Iterator[str]:
    """Find patterns that fit metrics which have tags already; a template would take their names apart."""
    if not patterns:
        return
    prefix = clean_name(conf.metrics.prefix)
    ours = [metric.name for metric in catalog.METRICS] + [clean_name(gauge.name) for gauge in registered()]
    names = [f"{prefix}.{name}" if prefix else name for name in ours]
    for pattern in patterns:
        taken = next((name for name in names if pattern.fits(name.split("."))), None)
        if taken:
            yield f"LEGACY_NAMES {pattern.text!r} fits {taken}, which the application emits with tags"
