"""Run ``encrypt_secret --into`` as a person who types the plaintext, and show the file."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from tests.secrets.verbs.calls import Ended, call
from zemanta_ops.secrets.verbs import encrypt

PLAINTEXT = "example-plaintext"
IMPORT = "from zemanta_ops.secrets import Secret, decrypt_settings\n"
TOKEN = "local:v=2&key=TOKEN"


def typed(monkeypatch: pytest.MonkeyPatch, *arguments: str, plaintext: str = PLAINTEXT) -> Ended:
    """Run ``encrypt_secret`` with the plaintext on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{plaintext}\n".encode())))
    return call(encrypt, *arguments)


def shown(path: Path) -> str:
    """Return the file with its new tokens shortened."""
    return re.sub(r"local:v=2&key=\w+(?:&[\w=.&]+)?:[\w+/=]+", TOKEN, path.read_bytes().decode())
