"""``encrypt_secret --into`` and ``--from-env-file``: the token of a setting in its file, and those of a ``.env``."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets import config, wire
from zemanta_ops.secrets.exceptions import EncryptError, SecretError, SourceError
from zemanta_ops.secrets.files import place
from zemanta_ops.secrets.files.env_readers import Entry, list_entries, read_entry
from zemanta_ops.secrets.files.env_references import find_references
from zemanta_ops.secrets.files.file_replacement import replace_file
from zemanta_ops.secrets.files.formats.base import Literal
from zemanta_ops.secrets.files.plaintext import describe_copies, find_copies
from zemanta_ops.secrets.files.scan import FoundToken, is_token
from zemanta_ops.secrets.files.source_file import SourceFile, decode, read_to_change
from zemanta_ops.secrets.files.token_replacement import check_safe
from zemanta_ops.secrets.verbs.encryption import encrypt
from zemanta_ops.secrets.verbs.plaintext import open_stdin, read_bytes, read_plaintext

_STDIN = "-"
# What every program that loads .env files reads in the same way.
_BARE = re.compile(r"[A-Za-z0-9:=&%+/._~-]*")
_CALL = re.compile(r"^\s*decrypt_settings\s*\(", re.MULTILINE)


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> None:
    """Write the token to its file, or print a line for each value of a ``.env``.

    Raises:
        SecretError: It failed; the file is unchanged.
    """
    if options.from_env_file:
        if options.into or options.name:
            raise EncryptError("--from-env-file cannot be used with --into or --name: each value has its own name")
        out.write(_encrypt_env_file(options))
    else:
        err.write(_encrypt_setting(options, err))


def _encrypt_setting(options: argparse.Namespace, err: TextIO) -> str:
    """Write the token of one setting; return what was done."""
    path, name = Path(options.into[0]), options.into[1]
    file = read_to_change(path)
    target = place.find(file, name, add=options.add)
    old = _read_old_token(file, target.literal)
    if file.kind == ".env" and not old:
        _refuse_references(file, name)
    kept = old.context if old else {}
    owner = FoundToken(file, target.literal, old).owner if target.literal else name
    if options.name not in ("", name, owner):
        raise EncryptError("--name must be the same as the name that --into writes to")
    own = config.load_own(path)
    bound = kept.get("name") or _must_bind(options, own)
    plaintexts = [target.literal.value] if target.literal and not old else []

    def read_new() -> bytes:
        plaintext = read_plaintext(options, err)
        plaintexts.append(plaintext.decode(errors="replace"))
        return plaintext

    new = encrypt(options, read_new, owner if bound else "", kept, own)
    text = target.write(new)
    replace_file(path, file.encode(text), file.data)
    token = wire.parse(new)
    change = _describe_change(target.literal, old)
    done = [f"{path}: {name} {change} a {token.backend} token{_describe_context(token)}"]
    if file.kind == ".py" and not old:
        done += _describe_decryption(text, new, inside=bool(target.literal and target.literal.scope))
    done += describe_copies(path, find_copies(text, plaintexts), "the plaintext")
    return "".join(f"{line}\n" for line in done)


def _refuse_references(file: SourceFile, name: str) -> None:
    for entry, _ in find_references(list_entries(file), [name]):
        raise EncryptError(
            f"{file.path}:{entry.literal.line} {entry.literal.setting}: refers to {name}, and would have its token in "
            "the value. Write it out first, and encrypt that too"
        )


def _describe_decryption(text: str, token: str, *, inside: bool) -> list[str]:
    """Return what makes the setting a str, unless the file does it; ``inside`` a class, its base class may."""
    if any(inside or match.start() > text.index(token) for match in _CALL.finditer(text)):
        return []
    if inside:
        return [
            "the setting is now a Secret. To make it a str, call decrypt_settings(cls) in setup() of the class "
            "(django-configurations), or decrypt_settings(globals()) after the class is loaded into the module"
        ]
    imports = "" if "decrypt_settings" in text else ", imported from zemanta_ops.secrets,"
    return [f"the setting is now a Secret. Add decrypt_settings(globals()){imports} as the last line to make it a str"]


def _encrypt_env_file(options: argparse.Namespace) -> str:
    source = options.from_env_file
    file = _read_env_file(source)
    entries = list_entries(file)
    _check_entries(entries, file.path, options)
    own = config.load_own(Path(source)) if source != _STDIN else config.Config()
    binds = _must_bind(options, own if own.path else config.load())
    lines = []
    for entry in entries:
        token, name = entry.literal.value, entry.literal.setting
        if token and not is_token(file, entry.literal):
            value = read_entry(entry, f"{source}:{entry.literal.line}", options.reader).value
            token = encrypt(options, value.encode, name if binds else "", own=own if own.path else None)
            check_safe(file, token)
        lines.append(_write_line(name, token))
    return "".join(lines)


def _read_env_file(source: str) -> SourceFile:
    """Read a ``.env`` file, whatever its name is."""
    shown, data = (
        ("standard input", open_stdin().buffer.read()) if source == _STDIN else (source, read_bytes(Path(source)))
    )
    try:
        return dataclasses.replace(decode(Path(".env"), data), path=Path(shown))
    except SourceError:
        raise SourceError(f"{shown} is not text in UTF-8") from None


def _check_entries(entries: Sequence[Entry], path: Path, options: argparse.Namespace) -> None:
    """Refuse a file without values, such as the output of a failed command, and one with two values of one name."""
    if not entries and not options.empty:
        raise EncryptError(f"{path} has no values, so nothing was encrypted: use --empty if that is right")
    lines: dict[str, int] = {}
    for literal in (entry.literal for entry in entries):
        if literal.setting in lines:
            where = f"lines {lines[literal.setting]} and {literal.line}"
            raise EncryptError(f"{path}: {literal.setting} is set in {where}: keep one of them")
        lines[literal.setting] = literal.line


def _write_line(name: str, token: str) -> str:
    # docker --env-file does not remove quotes, so there are none unless another reader needs them.
    return f"{name}={token}\n" if _BARE.fullmatch(token) else f'{name}="{token}"\n'


def _must_bind(options: argparse.Namespace, settings: config.Config) -> bool:
    if settings.require_context and not (options.app or settings.app):
        raise EncryptError(
            f"{settings.shown} requires tokens that are bound to an application: add app to it, or use --app"
        )
    return bool(options.name or options.app or settings.require_context)


def _read_old_token(file: SourceFile, literal: Literal | None) -> wire.Token | None:
    if literal is None or not is_token(file, literal) or not literal.value.strip():
        return None
    try:
        return wire.parse(literal.value.strip())
    except SecretError:
        return None


def _describe_change(literal: Literal | None, old: wire.Token | None) -> str:
    if literal is None:
        return "was added as"
    if not literal.value and literal.string:
        return "is now"
    return f"was {f'a {old.backend} token' if old else 'not encrypted'} and is now"


def _describe_context(token: wire.Token) -> str:
    pairs = ", ".join(f"{key}={value}" for key, value in token.context.items())
    return f", bound to {pairs}" if pairs else ""
