"""Assignments of tokens in text that is not a setting: ``- KEY=token`` in a compose file, ``ENV``, ``.ini``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from zemanta_ops.secrets import backends
from zemanta_ops.secrets.files.formats import Literal, kind_of
from zemanta_ops.secrets.files.plaintext import is_allowed, is_readable

_NAME = r"(?<![\w.-])(?P<name>[A-Za-z_][\w.-]*)"
# What is before a token. In a settings file, other assignments are settings, which are compared by their names.
_BEFORE = re.compile(rf"""{_NAME}["']?\s*[=:]\s*["']?\Z""")
_BEFORE_INSIDE = re.compile(rf"{_NAME}=\Z")
_VALUE = r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>(?:\$\{[^}]*\}|[^\s"',;}\]])+))"""
_COMMAND = ("$(", "`")
_COMPARED = frozenset({".py", ".env"})


@dataclass(frozen=True)
class Replaced:
    """A line that assigns a plaintext to what had a token."""

    line: int
    name: str
    backend: str


def find_replaced(old: tuple[str, bytes], new: tuple[str, bytes]) -> Iterator[Replaced]:
    """Yield the changed lines that assign a readable value to a name that fewer lines assign a token to now.

    Args:
        old: Name and contents of the file before.
        new: Name and contents of the file now.
    """
    kinds = [kind_of(*old), kind_of(*new)]
    if not _COMPARED.isdisjoint(kinds) or not backends.may_hold_tokens(old[1].decode("latin-1")):
        return
    before, after = (_read(data) for _, data in (old, new))
    pattern = _BEFORE_INSIDE if any(kinds) else _BEFORE
    lost = _count(before, pattern)
    lost.subtract(_count(after, pattern))
    known = frozenset(before)
    for (name, backend), number in lost.items():
        for line, text in enumerate(after, 1) if number > 0 else ():
            if text not in known and _assigns(text, name, line, inside=any(kinds)) and not is_allowed(after, line):
                yield Replaced(line, name, backend)


def _read(data: bytes) -> list[str]:
    return data.decode("latin-1").splitlines()


def _count(lines: list[str], pattern: re.Pattern[str]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for line in lines:
        for token in backends.find_tokens(line) if backends.may_hold_tokens(line) else ():
            if match := pattern.search(line[: token.start()]):
                found[match["name"], token[0].partition(":")[0]] += 1
    return found


def _assigns(line: str, name: str, number: int, *, inside: bool) -> bool:
    """Return whether a line assigns a readable value to a name."""
    between = "=" if inside else r"""["']?\s*[=:]\s*"""
    for match in re.finditer(rf"(?<![\w.-]){re.escape(name)}{between}{_VALUE}", line):
        value = next(text for text in match.group("double", "single", "bare") if text is not None)
        readable = is_readable(Literal((name,), value, (0, 0), (), number))
        if readable and not value.startswith(_COMMAND):
            return True
    return False
