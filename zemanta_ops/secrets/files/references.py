"""Which settings have a value: those that it is assigned to, and those that name a variable which has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from zemanta_ops.secrets.files.formats import Literal
from zemanta_ops.secrets.files.formats.base import SettingPath, Span
from zemanta_ops.secrets.files.source_file import SourceFile

# How many names are followed from one setting, and how many values they may lead to in one file.
_MAX_NAMES = 30
_MAX_VALUES = 20_000


@dataclass(frozen=True)
class Names:
    """The dotted names of one value.

    Attributes:
        owners: Those that the program states when it decrypts the value: that of ``get(name=...)``, or else the path
            inside a class, of each setting that has the value. A token must be bound to one of them.
        all: Those by which a person may name it, too.
    """

    owners: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()


@lru_cache(maxsize=8)
def find_names(file: SourceFile) -> Mapping[Span, Names]:
    """Return the names of each value of a file, by its place.

    Raises:
        SourceError: The file is not valid.
    """
    owners: dict[Span, set[str]] = defaultdict(set)
    everything: dict[Span, set[str]] = defaultdict(set)
    for value in find_values(file):
        owners[value.span].add(choose_owner(value))
        everything[value.span] |= {value.setting, ".".join(value.path[value.scope :]), choose_owner(value)}
    return {span: Names(frozenset(owners[span] - {""}), frozenset(everything[span] - {""})) for span in everything}


def choose_owner(literal: Literal) -> str:
    """Return the name that the program states for a value: that of ``get(name=...)``, or its path inside a class."""
    return literal.stated or ".".join(literal.path[literal.scope :])


def find_values(file: SourceFile) -> list[Literal]:
    """Return what each setting's value consists of, with names of variables of the file followed to their values.

    Raises:
        SourceError: The file is not valid.
    """
    by_root: dict[str, list[Literal]] = defaultdict(list)
    for value in file.values:
        for part in {value.path[0], value.path[min(value.scope, len(value.path) - 1)]} if value.path else ():
            by_root[part].append(value)
    found: list[Literal] = []
    # Each step takes one away.
    steps = [None] * _MAX_VALUES
    for value in file.values:
        found.append(value)
        if value.refers and value.path and steps:
            found += _follow(value, by_root, {value.path[value.scope :]}, steps)
    return found


def _follow(
    name: Literal, by_root: Mapping[str, list[Literal]], seen: set[SettingPath], steps: list[None]
) -> Iterator[Literal]:
    """Yield the values of a variable under the path of the setting that uses it; each variable counts once."""
    wanted = name.refers
    if wanted in seen or len(seen) > _MAX_NAMES:
        return
    seen.add(wanted)
    for value in by_root.get(wanted[0], ()):
        skipped = 0 if value.path[: len(wanted)] == wanted else value.scope
        if value.path[skipped : skipped + len(wanted)] != wanted or value.path == name.path:
            continue
        if not steps:
            return
        steps.pop()
        moved = replace(
            value,
            path=(*name.path, *value.path[skipped + len(wanted) :]),
            scope=name.scope,
            statement=name.statement,
            direct=name.direct and value.direct,
            conditional=name.conditional or value.conditional,
        )
        if moved.refers:
            yield from _follow(moved, by_root, seen, steps)
        else:
            yield moved
