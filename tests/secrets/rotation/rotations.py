"""Tokens to rotate, and the arguments of a rotation."""

from __future__ import annotations

import argparse
from pathlib import Path

from zemanta_ops.secrets import backends, wire
from zemanta_ops.secrets.files.scan import scan
from zemanta_ops.secrets.secret import StrictSecret
from zemanta_ops.secrets.verbs import rotate


def token(plaintext: str, backend: str = "local", **context: str) -> str:
    return wire.format(backends.load(backend).encrypt(plaintext.encode(), context))


def decrypted() -> dict[str, str]:
    return {found.setting: StrictSecret(found.text).decrypt() for found in scan([Path()])}


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    rotate.add_arguments(parser)
    return parser.parse_args(arguments)


def write_secrets(folder: Path, count: int) -> None:
    (folder / "a.py").write_text("".join(f'K{n} = Secret("{token(f"example {n}")}")\n' for n in range(count)))
