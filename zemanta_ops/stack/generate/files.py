"""Files that are generated into a folder: compare them with what exists, then write all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zemanta_ops import atomic

# Returns whether a text is a decrypted secret, which must not be in any generated file.
IsSecret = Callable[[str], bool]

State = Literal["new", "unchanged", "different"]


class SettingsError(Exception):
    """The files cannot be generated from these settings; the message has no secret in it."""


class WriteError(Exception):
    """A file could not be written, or must not be overwritten; the message says which and why."""


@dataclass(frozen=True)
class GeneratedFile:
    """A file to write; ``path`` is relative to the folder, ``mode`` is for a file that does not exist yet."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True)
class Generated:
    """The files of one target, and warnings for the person who generates them."""

    files: Sequence[GeneratedFile]
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class PlannedFile:
    """A file with its path on the disk, and how it compares with what exists there."""

    file: GeneratedFile
    path: Path
    state: State


def compare_files(files: Iterable[GeneratedFile], folder: Path) -> list[PlannedFile]:
    """Return the files with what the folder has in their places.

    Raises:
        WriteError: Something exists there that is not a readable file.

    """
    return [
        PlannedFile(file, folder / file.path, _read_state(folder / file.path, file.text.encode())) for file in files
    ]


def write_files(planned: Sequence[PlannedFile], *, force: bool = False) -> None:
    """Write the files that are new, and with ``force`` those that are different too.

    Raises:
        WriteError: A different file exists and ``force`` is not given, so nothing is written; or a file could not be
            written and is unchanged.

    """
    conflicts = [str(each.path) for each in planned if each.state == "different"]
    if conflicts and not force:
        raise WriteError(f"{', '.join(conflicts)} has other contents. To overwrite it, add --force")
    for each in planned:
        if each.state == "unchanged":
            continue
        try:
            each.path.parent.mkdir(parents=True, exist_ok=True)
            atomic.replace(each.path, each.file.text.encode(), mode=each.file.mode)
        except OSError as error:
            raise WriteError(f"{each.path} could not be written: {error.strerror}") from None


def _read_state(path: Path, data: bytes) -> State:
    try:
        return "unchanged" if atomic.find_target(path).read_bytes() == data else "different"
    except FileNotFoundError:
        return "new"
    except OSError as error:
        raise WriteError(f"{path} cannot be read: {error.strerror}") from None
