"""The folder of the built servers: outside the checkout, one folder a version."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from tests.servers.recipes import RECIPES

ENV = "ZEMANTA_OPS_SERVERS_DIR"


def root() -> Path:
    """Return the cache folder: ``ZEMANTA_OPS_SERVERS_DIR``, or the user's cache directory."""
    return Path(os.environ.get(ENV) or Path(platformdirs.user_cache_dir("zemanta-ops"), "servers")).absolute()


def binary(server: str, name: str = "") -> Path:
    """Return where a server's binary is, or would be; by default its first."""
    recipe = RECIPES[server]
    return root() / recipe.folder / (name or next(iter(recipe.packages)))


def installed(server: str) -> bool:
    """Whether all binaries of a server are there."""
    return all(binary(server, name).is_file() for name in RECIPES[server].packages)


@contextmanager
def locked(folder: Path | None = None) -> Iterator[None]:
    """Keep a second installer out of the cache, or of one folder; the lock goes with the process, however it ends."""
    where = folder or root()
    where.mkdir(parents=True, exist_ok=True)
    with (where / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fill(folder: Path, build: Callable[[Path], None]) -> None:
    """Let ``build`` fill a new folder and give it its name only when it is complete.

    What an interrupted build left behind is removed first: the caller holds the lock, so nobody else is at it.
    """
    for leftover in folder.parent.glob(".building-*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder.parent) as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        build(made)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
