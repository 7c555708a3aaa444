"""Settings in comments: what a line of a file would set if it were not commented out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from zemanta_ops.secrets.files import formats
from zemanta_ops.secrets.files.formats import Literal
from zemanta_ops.secrets.files.formats.base import FormatError

_COMMENT = re.compile(r"(?:^|\s)#+:?\s*(.*)")
# A shorter text is not a secret, and a longer one without quotes and digits is prose.
_SHORTEST = 6


def find_commented(lines: Iterable[tuple[int, str]], kind: str, names: Collection[str]) -> Iterator[Literal]:
    """Yield the strings that comments set for one of the names.

    Args:
        lines: Lines of a file, with their numbers.
        kind: Its format.
        names: The last parts of settings.
    """
    start = re.compile(rf"[\"']?\b(?:{'|'.join(map(re.escape, names))})\b.*")
    for number, line in lines:
        comment = _COMMENT.search(line)
        found = start.search(comment[1]) if comment else None
        if comment and found:
            yield from (replace(each, line=number) for each in _read(comment[1].strip(), found[0], kind, names))


def _read(comment: str, rest: str, kind: str, names: Collection[str]) -> list[Literal]:
    # In Python, a line may be an item of a dict or an argument.
    frames = ("{}", "_ = {{{}}}", "_ = dict({})") if kind == ".py" else ("{}",)
    for code in (frame.format(text) for frame in frames for text in (comment, rest)):
        try:
            values = formats.values(code, kind)
        except FormatError:
            continue
        if found := [each for each in values if each.path and each.path[-1] in names and _is_string(each, code)]:
            return found
    return []


def _is_string(value: Literal, code: str) -> bool:
    text = value.value
    if not value.string or not value.direct or len(text) < _SHORTEST or len(text.split()) != 1:
        return False
    return f'"{text}"' in code or f"'{text}'" in code or any(map(str.isdigit, text))
