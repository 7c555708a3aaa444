"""Patterns of legacy names, and the Telegraf templates for them: one word for each segment between the dots.

``word``            this word and no other; it is left out
``*``               any text; it is left out
``{tag}``           any text, which becomes the tag of this name; if a name is used twice, ``_`` joins both texts
``{measurement}``   any text, which becomes the measurement, or a part of it
``{field}``         any text, which becomes the field, or a part of it; without one the field is ``value``
``{tag=word}``      this word and no other, and it is kept; the same with ``measurement`` and ``field``
``{field*}``        at the end: all remaining segments; the same with ``measurement``
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from zemanta_ops.metrics.series.tags import RESERVED_KEYS

ANY = "*"
MEASUREMENT = "measurement"
FIELD = "field"
# The template for names that fit no pattern: all of the name becomes the measurement.
WHOLE = "measurement*"

_WORD = r"[^\s.,:|{}*=\x00-\x1f\x7f]+"
_PLAIN = re.compile(_WORD)
_NAMED = re.compile(rf"\{{(?P<role>[A-Za-z_][A-Za-z0-9_-]*)(?P<rest>\*)?(?:=(?P<word>{_WORD}))?\}}")


@dataclass(frozen=True)
class Segment:
    """One segment: ``word`` is the required text, "" for any; ``role`` is what it becomes, "" for nothing."""

    role: str = ""
    word: str = ""
    rest: bool = False


@dataclass(frozen=True)
class Pattern:
    """A declared form of names. It fits names with its number of segments, or with more if the last takes all."""

    text: str
    segments: tuple[Segment, ...]

    @property
    def takes_rest(self) -> bool:
        """Whether the last segment takes all that remain."""
        return self.segments[-1].rest

    @property
    def filter(self) -> str:
        """Telegraf's filter: the words, and ``*`` for any text."""
        return ".".join(segment.word or ANY for segment in self.segments)

    @property
    def template(self) -> str:
        """Telegraf's template: what each segment becomes."""
        return ".".join(segment.role + (ANY if segment.rest else "") for segment in self.segments)

    def count_fitting(self, parts: Sequence[str]) -> int:
        """Return how many segments of a name fit, from the first on."""
        fitting = 0
        for segment, part in zip(self.segments, parts, strict=False):
            if segment.word not in ("", part):
                break
            fitting += 1
        return fitting

    def fits(self, parts: Sequence[str]) -> bool:
        """Whether a name, split at its dots, is one of this form."""
        surplus = len(parts) - len(self.segments)
        if surplus < 0 or (surplus and not self.takes_rest):
            return False
        return self.count_fitting(parts) == len(self.segments)


def parse_pattern(text: str) -> Pattern:
    """Return the pattern that a text declares.

    Raises:
        ValueError: It is not a pattern. The message says which segment is wrong, and what it may be.

    """
    pattern = Pattern(text, tuple(_parse_segment(part, index) for index, part in enumerate(text.split("."), 1)))
    roles = [segment.role for segment in pattern.segments]
    if any(segment.rest for segment in pattern.segments[:-1]):
        raise ValueError("only the last segment may take all that remain")
    if MEASUREMENT not in roles:
        raise ValueError("no segment is the {measurement}")
    if not any(segment.word for segment in pattern.segments):
        raise ValueError("it has no fixed word, so it would fit every name of this length")
    return pattern


def _parse_segment(part: str, index: int) -> Segment:
    if part == ANY:
        return Segment()
    if _PLAIN.fullmatch(part):
        return Segment(word=part)
    named = _NAMED.fullmatch(part)
    if not named:
        raise ValueError(f"segment {index}, {part!r}, is neither a word nor * nor {{name}} nor {{name=word}}")
    role, word, rest = named["role"], named["word"] or "", bool(named["rest"])
    if role in RESERVED_KEYS:
        raise ValueError(f"segment {index}: Telegraf or InfluxDB reserves the name {role}")
    if rest and (word or role not in (MEASUREMENT, FIELD)):
        raise ValueError(f"segment {index}: only {{measurement*}} and {{field*}} can take all that remain")
    return Segment(role, word, rest)


def explain_overlap(first: Pattern, second: Pattern) -> str:
    """Return why two patterns cannot be used together, or "" if they can.

    Telegraf compares the beginning of a name with a tree of the filters. There a shorter pattern may hide a longer one
    even if no name fits both, unless the longer one begins with exactly the same filter.
    """
    shorter, longer = sorted((first, second), key=lambda pattern: len(pattern.segments))
    pairs = list(zip(shorter.segments, longer.segments, strict=False))
    if any(a.word and b.word and a.word != b.word for a, b in pairs):
        return ""
    name = ".".join(
        (a.word if a else "") or (b.word if b else "") or "x" for a, b in zip_longest(shorter.segments, longer.segments)
    )
    if len(shorter.segments) == len(longer.segments) or shorter.takes_rest:
        return f"both fit {name}"
    if [a.word for a, _ in pairs] != [b.word for _, b in pairs]:
        return f"Telegraf, which compares the beginning, would use {shorter.text} for {name} too"
    return ""


def render_templates(patterns: Sequence[Pattern]) -> list[str]:
    """Return the templates of patterns that do not overlap.

    A filter also fits longer names, whose surplus segments Telegraf drops; dots in the source shift every segment after
    it. So each pattern of fixed length gets a second template, which keeps longer names whole.
    """
    own = {pattern.filter: pattern.template for pattern in patterns}
    longer = {f"{pattern.filter}.{ANY}": WHOLE for pattern in patterns if not pattern.takes_rest}
    return [f"{names} {template}" for names, template in {**longer, **own}.items()]
