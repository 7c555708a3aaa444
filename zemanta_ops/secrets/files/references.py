"""Which settings have a value: those that it is assigned to, and those that name a variable which has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from zemanta_ops.secrets.files.formats import Literal
from zemanta_ops.secrets.files.formats.base import SettingPath, Span
from zemanta_ops.secrets.files.source_file import SourceFile

# How many names are followed from one setting, and how many values they may lead to in one file.
_MAX_NAMES = 30
_MAX_VALUES = 20_000


@lru_cache(maxsize=8)
def find_names(file: SourceFile) -> Mapping[Span, frozenset[str]]:
    """Return the dotted names under which the program may read each value, by its place in the file.

    These are its own name, with and without the classes and functions around it, the name that ``get(name=...)``
    states, and the names of settings that use a variable which has the value.

    Raises:
        SourceError: The file is not valid.
    """
    found: dict[Span, set[str]] = defaultdict(set)
    for value in find_values(file):
        found[value.span] |= {value.setting, ".".join(value.path[value.scope :]), value.stated}
    return {span: frozenset(names - {""}) for span, names in found.items()}


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
