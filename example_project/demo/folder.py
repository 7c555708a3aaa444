"""The temporary folder that holds all that a run makes, and the environment that keeps children inside it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from example_project.demo import cleanup
from example_project.shop.views.proof import NONCE_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
SETTINGS_MODULE = "shop_settings"


class CommandFailedError(Exception):
    """A command of the demo ended with an error; the text has what it printed."""


class Folder:
    """A folder that is gone after the run; keys, sockets, database and logs are in it.

    The processes of the run are registered in it, and end with it: if this process is killed, another one sees to it.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="print-shop-"))
        self._watcher = cleanup.start_watching(self.path)

    def __enter__(self) -> Folder:  # noqa: PYI034  Self is not in typing before Python 3.11
        return self

    def __exit__(self, *exception: object) -> None:
        if self._watcher.stdin:
            self._watcher.stdin.close()
        self._watcher.wait()

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment of a child: a home of its own, so that nobody's real one is touched."""
        home = self.path / "home"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        return {
            **kept,
            "HOME": str(home),
            "TMPDIR": str(self.path),
            "PYTHONPATH": os.pathsep.join((str(self.path), str(ROOT))),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SHOP_DATA_DIR": str(self.path),
            "ZEMANTA_OPS_CONFIG": str(self.path / "zemanta_ops.toml"),
            **extra,
        }

    def served(self, nonce: str, **extra: str) -> dict[str, str]:
        """Return the environment of a child that runs with the settings of this run."""
        return self.environment(**{"DJANGO_SETTINGS_MODULE": SETTINGS_MODULE, NONCE_VARIABLE: nonce, **extra})

    def run(self, *arguments: str, environment: Mapping[str, str], stdin: str | None = None) -> str:
        """Run this Python with arguments and return what it prints.

        Raises:
            CommandFailedError: its exit code was not 0.

        """
        done = subprocess.run(
            cleanup.build_launch(self.path, [sys.executable, *arguments]),
            cwd=ROOT,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailedError(f"python {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout
