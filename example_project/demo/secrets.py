"""The secrets of a run: invented, encrypted by the real ``encrypt_secret``, written into a settings file."""

from __future__ import annotations

import secrets

from example_project.demo.folder import SETTINGS_MODULE, Folder
from example_project.shop.views.proof import SECRET_SETTINGS

CONFIG = """app = "print-shop"
require_context = true

[environments.demo]
backend = "local"
"""
HEAD = '''"""The settings of this run of the demo. Whoever reads this file learns no secret from it."""

from example_project.settings.base import *
from zemanta_ops.secrets import Secret, decrypt_settings

SERVE_STATIC = True
'''
TAIL = "\ndecrypt_settings(globals())\n"


def invent() -> dict[str, str]:
    """Return a fresh example secret for each secret setting."""
    return {path: f"example-{secrets.token_urlsafe(24)}" for path in SECRET_SETTINGS}


def encrypt(folder: Folder, plaintexts: dict[str, str]) -> dict[str, str]:
    """Return the tokens, each bound to its setting; the first call makes the local key, inside the folder."""
    (folder.path / "zemanta_ops.toml").write_text(CONFIG, encoding="utf-8")
    command = ("-m", "zemanta_ops.secrets", "encrypt", "--name")
    return {
        path: folder.run(*command, path, environment=folder.environment(), stdin=f"{plaintext}\n").strip()
        for path, plaintext in plaintexts.items()
    }


def write_settings(folder: Folder, tokens: dict[str, str]) -> str:
    """Write the settings file of the run and return its text."""
    text = HEAD + "".join(f'{_target(path)} = Secret("{token}")\n' for path, token in tokens.items()) + TAIL
    (folder.path / f"{SETTINGS_MODULE}.py").write_text(text, encoding="utf-8")
    return text


def _target(path: str) -> str:
    first, *rest = path.split(".")
    return first + "".join(f"[{key}]" if key.isdecimal() else f'["{key}"]' for key in rest)
