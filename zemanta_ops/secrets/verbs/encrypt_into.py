"""``encrypt_secret --into`` and ``--from-env-file``: tokens in the place of settings, and of a whole ``.env``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets import config, wire
from zemanta_ops.secrets.exceptions import EncryptError, SecretError
from zemanta_ops.secrets.files import place
from zemanta_ops.secrets.files.formats import Literal
from zemanta_ops.secrets.files.replace import replace_file
from zemanta_ops.secrets.files.rewrite import check_safe
from zemanta_ops.secrets.files.scan import is_token, literals
from zemanta_ops.secrets.files.source_file import SourceFile, decode, read
from zemanta_ops.secrets.verbs.plaintext import read_bytes, read_plaintext, stdin
from zemanta_ops.secrets.verbs.target import encrypted

_STDIN = "-"


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> None:
    """Write the token into its file, or print a line for each value of a ``.env``.

    Raises:
        SecretError: It cannot be done; the file is as it was.
    """
    if options.from_env_file:
        if options.into or options.name:
            raise EncryptError("--from-env-file names each value itself: it goes without --into and --name")
        out.write(_tokens(options))
        return
    path, name = Path(options.into[0]), options.into[1]
    if options.name not in ("", name):
        raise EncryptError("--name and the name that --into writes to must be the same")
    file = read(path)
    where = place.find(file, name)
    old = _old(file, where.literal)
    kept = old.context if old else {}
    bound = kept.get("name") or _binds(options, path)
    new = encrypted(options, lambda: read_plaintext(options, err), name if bound else "", kept)
    replace_file(path, file.encoded(where.write(new)), file.data)
    err.write(f"{path}: {name} {_done(where.literal, old)} a {wire.parse(new).backend} token{_of(new)}\n")
    if file.kind == ".py" and "decrypt_settings" not in file.text and not old:
        err.write("the setting is a Secret now: decrypt_settings(globals()), as the last line, makes a str of it\n")


def _tokens(options: argparse.Namespace) -> str:
    source = options.from_env_file
    if source == _STDIN:
        file = decode(Path(".env"), stdin().buffer.read())
    else:
        file = decode(Path(source).with_name(".env"), read_bytes(Path(source)))
    binds = _binds(options, Path(source).absolute())
    lines = []
    for literal in literals(file):
        token = literal.value
        if token and not is_token(file, literal):
            token = encrypted(options, token.encode, literal.setting if binds else "")
            check_safe(file, token)
        lines.append(f'{literal.setting}="{token}"\n')
    return "".join(lines)


def _binds(options: argparse.Namespace, near: Path) -> bool:
    settings = config.load(near)
    if settings.require_context and not (options.app or settings.app):
        raise EncryptError(f"{config.FILE_NAME} requires tokens bound to an application: add app to it, or --app")
    return bool(options.name or options.app or settings.require_context)


def _old(file: SourceFile, literal: Literal | None) -> wire.Token | None:
    if literal is None or not is_token(file, literal) or not literal.value.strip():
        return None
    try:
        return wire.parse(literal.value.strip())
    except SecretError:
        return None


def _done(literal: Literal | None, old: wire.Token | None) -> str:
    if literal is None:
        return "added as"
    if not literal.value and literal.string:
        return "is now"
    return f"was {f'a {old.backend} token' if old else 'not encrypted'} and is now"


def _of(token: str) -> str:
    context = wire.parse(token).context
    return f", bound to {', '.join(f'{key}={value}' for key, value in context.items())}" if context else ""
