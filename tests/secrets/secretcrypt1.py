"""The real SecretCrypt 1.0.4 of PyPI, in a folder and a process of its own: its scripts have the names of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.servers import pypi
from tests.servers.process import untraced

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
    """Return the folder of the package; skip the test, or fail it with CI=true, if PyPI cannot be reached."""
    return pypi.installed("secretcrypt", VERSION, lambda folder: pypi.pip(folder, f"secretcrypt=={VERSION}"))


class SecretCrypt:
    """Runs the package in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, jobs: list[Job]) -> list[str]:
        """Encrypt and decrypt in one new process: verb, backend, plaintext or token, params."""
        ended = subprocess.run(
            [sys.executable, "-c", _DRIVER],
            input=json.dumps(jobs),
            env={**untraced(), "PYTHONPATH": str(self.folder), "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        answers: list[str] = json.loads(ended.stdout)
        return answers
