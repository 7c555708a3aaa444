"""The real SecretCrypt 1.0.4 of PyPI, in a folder and a process of its own: its scripts have the names of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import cache

VERSION = "1.0.4"
_DRIVER = """
import getpass, importlib, json, sys
getpass.getpass = lambda *_: "example password"
from secretcrypt import StrictSecret
from secretcrypt.encrypt_secret import encrypt_secret
answers = []
for verb, backend, value, params in json.load(sys.stdin):
    if verb == "encrypt":
        module = importlib.import_module("secretcrypt." + backend)
        answers.append(encrypt_secret(module, value.encode("utf-8"), params))
    else:
        answers.append(StrictSecret(value).decrypt().decode("utf-8"))
print(json.dumps(answers))
"""

Job = tuple[str, str, str, dict[str, str]]


def installed() -> Path:
    """Return the folder of the package; skip the test, or fail it with CI=true, where PyPI cannot be reached."""
    folder = cache.root() / f"secretcrypt-{VERSION}-py{sys.version_info[0]}{sys.version_info[1]}"
    with cache.locked():
        if not folder.is_dir():
            try:
                cache.fill(folder, _install)
            except subprocess.CalledProcessError:
                reason = f"secretcrypt {VERSION} could not be installed from PyPI"
                if os.environ.get("CI") == "true":
                    pytest.fail(reason, pytrace=False)
                pytest.skip(reason)
    return folder


class SecretCrypt:
    """Runs the package in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, jobs: list[Job]) -> list[str]:
        """Encrypt and decrypt in one new process: verb, backend, plaintext or token, params."""
        ended = subprocess.run(
            [sys.executable, "-c", _DRIVER],
            input=json.dumps(jobs),
            env={**os.environ, "PYTHONPATH": str(self.folder), "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        answers: list[str] = json.loads(ended.stdout)
        return answers


def _install(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder)]
    subprocess.run([*command, f"secretcrypt=={VERSION}"], check=True, capture_output=True)
