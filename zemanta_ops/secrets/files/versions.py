"""The changes of files in the history of a git repository: renames, branches and merges included."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from zemanta_ops.secrets.files.git import LITERAL, Commit, list_versions, read_objects, run

_DIFF = ("--raw", "--no-abbrev", "-z")
_FORMAT = "--format=%x01" + "%x02".join(("%H", "%P", "%an", "%at"))
_NO_BLOB = re.compile("0+")
_BATCH = 200


@dataclass(frozen=True)
class FileChange:
    """A change of one file against one parent; names are relative to the repository's top, "" for none.

    Attributes:
        old: Name before.
        new: Name after.
        old_blob: Object name of the contents before; "" for none.
        new_blob: Object name of the contents after; "" for none.
    """

    old: str
    new: str
    old_blob: str
    new_blob: str


@dataclass(frozen=True)
class CommitChanges:
    """The changes of one commit.

    Attributes:
        commit: The commit.
        changes: Each changed file, with its change against each parent. Files of a merge that are as in one of its
            parents are not changed.
    """

    commit: Commit
    changes: Sequence[Sequence[FileChange]]


def find_names(top: Path, word: str) -> set[str]:
    """Return the names of all files in which any commit added or removed a word."""
    options = ("-m", "--full-history", "--no-renames", "--name-only", "--format=", "-S", word)
    output = run(top, "log", "--no-ext-diff", "--no-textconv", "-z", *options)
    return {name.strip("\n") for name in os.fsdecode(output).split("\0")} - {""}


def list_changes(top: Path, names: Iterable[str]) -> list[CommitChanges]:
    """Return every commit that changed one of the files, parents before children."""
    wanted = sorted(names)
    if not wanted:
        return []
    order = ("--topo-order", "--reverse", "--full-history", "-m", "-M")
    output = run(top, LITERAL, "log", *order, *_DIFF, _FORMAT, "--", *wanted)
    records: dict[str, list[list[FileChange]]] = {}
    headers: dict[str, list[str]] = {}
    for record in os.fsdecode(output).split("\x01")[1:]:
        header, _, body = record.partition("\0")
        fields = header.split("\x02")
        headers[fields[0]] = fields
        records.setdefault(fields[0], []).append(list(_read_changes(body)))
    return [_combine(headers[name], against) for name, against in records.items()]


def _combine(header: list[str], against: list[list[FileChange]]) -> CommitChanges:
    name, parents, author, seconds = header
    by_file = [{change.new or change.old: change for change in changes} for changes in against]
    # Git shows nothing for a parent that has all of the files as they are.
    common = set.intersection(*map(set, by_file)) if len(against) >= len(parents.split()) else set[str]()
    changes = [[each[file] for each in by_file] for file in by_file[0] if file in common]
    return CommitChanges(Commit(name, author, datetime.fromtimestamp(int(seconds), timezone.utc)), changes)


def _read_changes(body: str) -> Iterator[FileChange]:
    fields = iter(body.split("\0"))
    for field in fields:
        if not field.strip("\n"):
            continue
        _, _, old_blob, new_blob, status = field.strip("\n").lstrip(":").split(" ")
        old = next(fields)
        new = next(fields) if status[0] in "RC" else old
        yield FileChange(
            "" if status[0] in "AC" else old,
            "" if status[0] == "D" else new,
            "" if _NO_BLOB.fullmatch(old_blob) or status[0] == "C" else old_blob,
            "" if _NO_BLOB.fullmatch(new_blob) else new_blob,
        )


def list_contents(top: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the contents of every version of a file, newest first, across renames."""
    versions = list_versions(top / name)
    for start in range(0, len(versions), _BATCH):
        batch = versions[start : start + _BATCH]
        contents = read_objects(top, [f"{version.commit.hash}:{version.name}" for version in batch])
        yield from ((version.name, data or b"") for version, data in zip(batch, contents, strict=True))


def read_contents(top: Path, blobs: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield each object name with its contents, some hundred at a time."""
    for start in range(0, len(blobs), _BATCH):
        batch = blobs[start : start + _BATCH]
        for blob, data in zip(batch, read_objects(top, batch), strict=True):
            yield blob, data or b""
