"""The token of a setting, by its name: in a file, or in the settings files of this project."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from zemanta_ops.secrets import config, ledger
from zemanta_ops.secrets.exceptions import LegacyTokenWarning, SecretError, SourceError
from zemanta_ops.secrets.files.scan import FoundToken, find_tokens
from zemanta_ops.secrets.files.source_file import SourceFile, discover, read
from zemanta_ops.secrets.secret import StrictSecret


def find_in_file(file: SourceFile, name: str) -> FoundToken:
    """Return the token of a setting in a file.

    Raises:
        SourceError: The setting has no token, or several. The message does not repeat the name, which may be a
            plaintext that was pasted by mistake.
    """
    found = [each for each in find_tokens(file) if name in each.names]
    exact = [each for each in found if each.setting == name] or found
    if len(exact) > 1:
        lines = " and ".join(dict.fromkeys(str(each.literal.line) for each in exact))
        names = list(dict.fromkeys(each.setting for each in exact))
        advice = f"Name {' or '.join(names)}" if len(names) == len(exact) else "Give decrypt_secret the token itself"
        raise SourceError(
            f"{file.path}: the setting has {len(exact)} tokens (line {lines}), and only one can be meant. {advice}"
        )
    if exact:
        return exact[0]
    plain = [literal for literal in file.scalars if literal.setting == name]
    if plain:
        raise SourceError(f"{file.path}:{plain[0].line}: the setting is not encrypted")
    raise SourceError(f"{file.path} has no setting of that name with a token. Run: audit_secrets {file.path}")


def find_in_project(name: str) -> FoundToken:
    """Return the token of a setting: in the settings module, or else in a file below the working directory.

    Raises:
        SourceError: There is none, or several files have one.
    """
    module = _find_settings()
    found = _search([module], name) if module else []
    found = found or _search(discover([Path()]), name)
    if len(found) > 1:
        files = ", ".join(str(each.path) for each in found)
        raise SourceError(f"several files have a token for that setting ({files}): name one with --file")
    if not found:
        raise SourceError("no file here has a setting of that name with a token. Run: audit_secrets")
    return found[0]


def _search(paths: Iterable[Path], name: str) -> list[FoundToken]:
    found = []
    for path in paths:
        try:
            file = read(path)
            names = {each for token in find_tokens(file) for each in token.names}
        except SourceError:
            # A file that is not valid is not read by the program either; audit_secrets names it.
            continue
        if name in names:
            found.append(find_in_file(file, name))
    return found


def _find_settings() -> Path | None:
    """Return the file of the settings module, without importing it."""
    name = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if name in sys.modules:
        origin = getattr(sys.modules[name], "__file__", None)
    else:
        try:
            spec = find_spec(name) if name else None
        except (ImportError, ValueError):
            spec = None
        origin = spec.origin if spec else None
    return Path(origin) if origin and origin.endswith(".py") else None


def decrypt(found: FoundToken, app: str = "") -> bytes:
    """Decrypt a token with the configuration of its file, for its setting and the application.

    Raises:
        SecretError: It cannot be decrypted, or belongs to another application or setting.
    """
    if found.token is None:
        raise SourceError(f"{found.place}: not a token")
    with config.use(config.load_own(found.path)), warnings.catch_warnings():
        warnings.simplefilter("ignore", LegacyTokenWarning)
        try:
            value = StrictSecret(found.text).decrypt_bytes(name=found.owner, app=app)
        except SecretError as error:
            raise SourceError(f"{found.place}: {error}") from None
    ledger.reveal(value)
    return value
