"""Commands as processes of a project on disk: one for each node, with a log of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def write_project(folder: Path, manage: str, **modules: str) -> None:
    """Write ``manage.py``, and the modules of the app ``shop``."""
    (folder / "manage.py").write_text(manage)
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    for name, text in modules.items():
        (folder / "shop" / f"{name}.py").write_text(text)


@contextmanager
def running(folder: Path, name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``manage.py`` with its output in ``NAME.log``, buffered as under any service manager."""
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(folder / "manage.py"), *arguments],
            env={**inherited, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), "DJANGO_SETTINGS_MODULE": ""},
            stdout=log,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def migrate(folder: Path, *arguments: str) -> None:
    """Create the tables."""
    with running(folder, "setup", *arguments, "migrate") as process:
        assert process.wait(60) == 0, (folder / "setup.log").read_text()


def says(folder: Path, name: str, text: str) -> Callable[[], bool]:
    """Return a condition: the log of a node has a text."""
    return lambda: text in (folder / f"{name}.log").read_text()
