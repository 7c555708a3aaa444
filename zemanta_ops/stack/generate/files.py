"""Files that are generated into a folder: compared with what is there, and written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from zemanta_ops import atomic

# What can be generated, and the module whose ``generate()`` does it.
TARGETS = {"telegraf": "zemanta_ops.stack.generate.telegraf"}

# Tells whether a value is a decrypted secret, which no generated file may hold.
IsSecret = Callable[[str], bool]

State = Literal["new", "unchanged", "different"]


class SettingsError(Exception):
    """Nothing can be generated from these settings; the message has no secret in it."""


class WriteError(Exception):
    """A file could not be written, or must not be; the message says which and why."""


@dataclass(frozen=True)
class File:
    """A file to be; ``path`` is relative to the folder, ``mode`` what a new one gets."""

    path: str
    text: str
    mode: int = 0o644


@dataclass(frozen=True)
class Generated:
    """The files of one target, and what a person should know about them."""

    files: Sequence[File]
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Target:
    """A file with its place, and how that place looks before."""

    file: File
    path: Path
    state: State


def nothing_secret(_: str) -> bool:
    """Tell that no value is a secret."""
    return False


def generate(target: str, is_secret: IsSecret = nothing_secret) -> Generated:
    """Return the files of one of TARGETS.

    Raises:
        SettingsError: they cannot be made from these settings.
    """
    make: Callable[[IsSecret], Generated] = import_module(TARGETS[target]).generate
    return make(is_secret)


def compare(files: Iterable[File], folder: Path) -> list[Target]:
    """Look at what is in the folder already.

    Raises:
        WriteError: something is there that is not a readable file.
    """
    return [Target(file, folder / file.path, _state(folder / file.path, file.text.encode())) for file in files]


def write(targets: Iterable[Target], *, force: bool = False) -> None:
    """Write the files that are new, and with ``force`` those that are different too.

    Raises:
        WriteError: a file that is different stands there and ``force`` is not given; nothing is written then. Or one
            could not be written; it is as it was.
    """
    targets = list(targets)
    in_the_way = [str(target.path) for target in targets if target.state == "different"]
    if in_the_way and not force:
        raise WriteError(f"{', '.join(in_the_way)} has other contents; --force overwrites it")
    for target in targets:
        if target.state == "unchanged":
            continue
        try:
            _replace(target.path.resolve(), target.file)
        except OSError as error:
            raise WriteError(f"{target.path} could not be written: {error.strerror}") from None


def _state(path: Path, data: bytes) -> State:
    try:
        return "unchanged" if path.read_bytes() == data else "different"
    except FileNotFoundError:
        return "new"
    except OSError as error:
        raise WriteError(f"{path} cannot be read: {error.strerror}") from None


def _replace(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o7777 if path.exists() else file.mode
    atomic.replace(path, file.text.encode(), mode=mode)
