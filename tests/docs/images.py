"""Builds and runs images as their Dockerfile says, without Docker: each line does in a folder what it does in one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# Nothing of this machine that could decrypt, and nothing that measures.
_KEPT = ("PATH", "LANG", "TMPDIR", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


class Image:
    """An image: a folder that is its root, and a virtualenv that is its Python."""

    def __init__(self, root: Path) -> None:
        """Make the Python of the base image."""
        self.root = root
        self.command: list[str] = []
        self._workdir = root
        self._python = root / "python"
        if not self._python.is_dir():
            subprocess.run([sys.executable, "-m", "venv", self._python], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that every process of the image has."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {**kept, "HOME": str(self.root), "PATH": f"{self._python / 'bin'}{os.pathsep}{kept['PATH']}"}

    def build(self, dockerfile: Path, *, without: Sequence[str] = ()) -> None:
        """Do what each line says; ``without`` are files that COPY leaves out.

        Raises:
            subprocess.CalledProcessError: A RUN failed.
        """
        for line in dockerfile.read_text(encoding="utf-8").splitlines():
            keyword, _, rest = line.partition(" ")
            if keyword == "WORKDIR":
                self._workdir = self.root / rest.lstrip("/")
                self._workdir.mkdir(parents=True, exist_ok=True)
            elif keyword == "COPY":
                *sources, target = rest.split()
                self._copy(dockerfile.parent, [each for each in sources if each not in without], target)
            elif keyword == "RUN":
                self._run_layer(rest)
            elif keyword == "CMD":
                self.command = json.loads(rest)
            else:
                assert keyword in ("#", "FROM"), line

    def _run_layer(self, script: str) -> None:
        """Run a line. Packages are installed once, as Docker keeps a layer whose line and files have not changed."""
        layer = self.root / "layer"
        if not script.startswith("pip install"):
            self.run(["sh", "-c", script], {})
        elif not layer.is_file():
            self.run(["sh", "-c", script], {})
            layer.touch()

    def _copy(self, context: Path, sources: list[str], target: str) -> None:
        for source in sources:
            if (context / source).is_dir():
                shutil.copytree(context / source, self._workdir / target, dirs_exist_ok=True)
            else:
                shutil.copy(context / source, self._workdir / target)

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> str:
        """Run a command to its end and return what it printed."""
        around = {**self.environment, **environment}
        done = subprocess.run(
            ["env", *command], cwd=self._workdir, env=around, check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout
