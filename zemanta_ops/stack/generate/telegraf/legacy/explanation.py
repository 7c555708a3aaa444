"""Explain what Telegraf makes of a dotted name with the generated templates."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from zemanta_ops.stack.generate.telegraf.legacy.patterns import FIELD, MEASUREMENT, Pattern
from zemanta_ops.stack.statsd import GO_SPACE

_SPACE = re.compile(f"[{GO_SPACE}]+")
_JOINER = "_"
DEFAULT_FIELD = "value"


@dataclasses.dataclass(frozen=True)
class Explanation:
    """A name as Telegraf writes it.

    ``pattern`` is the one that it fits. If it is empty, ``reason`` explains why, and the whole name is the
    measurement. ``left_out`` are the segments that the pattern leaves out; ``lost`` has a sentence for each part that
    is lost although the pattern does not leave it out.
    """

    name: str
    measurement: str
    tags: dict[str, str] = dataclasses.field(default_factory=dict)
    field: str = DEFAULT_FIELD
    pattern: str = ""
    left_out: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    reason: str = ""


def explain_name(name: str, patterns: Sequence[Pattern]) -> Explanation:
    """Return what Telegraf makes of a name, given without value and tags."""
    word, *after = _SPACE.split(name.strip(GO_SPACE), maxsplit=1)
    cut = [f"Telegraf cuts a name at the first blank: {after[0]!r} is lost"] if after else []
    parts = word.split(".")
    pattern = next((each for each in patterns if each.fits(parts)), None)
    if pattern is None:
        return Explanation(name, _JOINER.join(parts), lost=tuple(cut), reason=_explain_misfit(parts, patterns))
    return _apply_pattern(name, parts, pattern, cut)


def _apply_pattern(name: str, parts: Sequence[str], pattern: Pattern, cut: list[str]) -> Explanation:
    texts: dict[str, list[str]] = {}
    left_out: list[str] = []
    for index, segment in enumerate(pattern.segments):
        taken = parts[index:] if segment.rest else parts[index : index + 1]
        (texts.setdefault(segment.role, []) if segment.role else left_out).extend(taken)
    joined = {role: _JOINER.join(found) for role, found in texts.items()}
    measurement, stored = joined.pop(MEASUREMENT), joined.pop(FIELD, "") or DEFAULT_FIELD
    # A backslash at the end would escape the next character in the line protocol, so Telegraf cuts it off.
    tags = {key: value.rstrip("\\") for key, value in sorted(joined.items())}
    lost = [*cut, *_find_losses(measurement, tags, joined)]
    kept = {key: value for key, value in tags.items() if value}
    return Explanation(name, measurement, kept, stored, pattern.text, tuple(left_out), tuple(lost))


def _find_losses(measurement: str, tags: dict[str, str], given: dict[str, str]) -> Iterator[str]:
    if not measurement:
        yield "the segment of the measurement is empty: Telegraf drops the metric"
    if measurement.endswith("\\"):
        yield "the measurement ends with a backslash, which garbles the point"
    for key, value in tags.items():
        if not given[key]:
            yield f"the segment of the tag {key} is empty: the tag is left out"
        elif value != given[key]:
            yield f"the tag {key} ends with a backslash, which is cut off"


def _explain_misfit(parts: Sequence[str], patterns: Sequence[Pattern]) -> str:
    """Return which pattern is nearest, and why the name does not fit it."""
    if not patterns:
        return "LEGACY_NAMES declares no pattern"
    dotted = [found for pattern in patterns for found in _find_dotted(parts, pattern)]
    if dotted:
        return f"it has more segments than a pattern; it would fit if {' or '.join(dotted[:3])} had no dot in it"
    nearest = max(
        patterns, key=lambda pattern: (pattern.count_fitting(parts), -abs(len(pattern.segments) - len(parts)))
    )
    index = nearest.count_fitting(parts)
    if index == len(nearest.segments):
        return f"{nearest.text} is nearest; the name is longer"
    if index == len(parts):
        return f"{nearest.text} is nearest; the name ends before its segment {index + 1}"
    return f"{nearest.text} is nearest; segment {index + 1} is {parts[index]!r}, not {nearest.segments[index].word!r}"


def _find_dotted(parts: Sequence[str], pattern: Pattern) -> Iterator[str]:
    """Yield the segments that may have dots in them, such as an FQDN as source; without the dots the name fits."""
    surplus = len(parts) - len(pattern.segments)
    if surplus <= 0:
        return
    for index, segment in enumerate(pattern.segments):
        whole = ".".join(parts[index : index + surplus + 1])
        if segment.role and not segment.word and pattern.fits([*parts[:index], whole, *parts[index + surplus + 1 :]]):
            yield f"the {segment.role} {whole!r}"
