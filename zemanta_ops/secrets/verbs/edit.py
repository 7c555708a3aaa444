"""``edit_secret``: opens the plaintext of one setting in an editor, and writes its new token back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from zemanta_ops.secrets import backends, config, wire
from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.verbs.editor import edit
from zemanta_ops.secrets.verbs.encryption import add_encryption_arguments, encrypt

if TYPE_CHECKING:
    from zemanta_ops.secrets.files.scan import FoundToken

HELP = "edit the plaintext of a secret in your editor, and write its new token back"
EPILOG = """examples:
  edit_secret mysite/settings.py DATABASES.default.PASSWORD
  EDITOR="code --wait" edit_secret production.env SIGNING_KEY
  edit_secret --env production config.yaml mail.password     to another environment of zemanta_ops.toml

The editor is $VISUAL or $EDITOR, and else vi. It gets a file that only you can read, which is overwritten and removed
afterwards. The new token is made by the backend of the old one, with the key of zemanta_ops.toml, and is bound as the
old one was. If the text did not change, nothing is written. An editor may keep copies in other places, such as its
history: turn that off.

exit codes: 0 the new token is in the file, or nothing changed; 1 it could not be decrypted or encrypted, or the editor
failed, and the file is unchanged; 2 wrong arguments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the settings file")
    parser.add_argument("setting", metavar="NAME", help="the setting, such as DATABASES.default.PASSWORD")
    parser.add_argument("--to", dest="backend", metavar="BACKEND", help=f"one of {', '.join(backends.names())}")
    parser.add_argument("--key", metavar="KEY", help="the backend's key, such as alias/shop")
    parser.add_argument("--empty", action="store_true", help="accept an empty text")
    add_encryption_arguments(parser)


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001
    """Edit."""
    try:
        err.write(f"{_edit(options)}\n")
    except SecretError as error:
        err.write(f"edit_secret: {error}\n")
        return 1
    return 0


def _edit(options: argparse.Namespace) -> str:
    # Imported here: reading files needs the extra "source", and --help must work without it.
    from zemanta_ops.secrets.files.file_replacement import replace_file
    from zemanta_ops.secrets.files.source_file import read_to_change
    from zemanta_ops.secrets.files.token_replacement import replace_tokens
    from zemanta_ops.secrets.verbs import lookup

    path, name = options.file, options.setting
    file = read_to_change(path)
    found = lookup.find_in_file(file, name)
    before = lookup.decrypt(found, options.app)
    after = edit(before)
    if after == before:
        return f"{path}: {found.setting} did not change, so nothing was written"
    assert found.token is not None  # noqa: S101 (it was decrypted)
    token = _encrypt(options, found, found.token, after)
    replace_file(path, file.encode(replace_tokens(file, {found.literal: token})), file.data)
    return f"{path}: {found.setting} is now a new {wire.parse(token).backend} token"


def _encrypt(options: argparse.Namespace, found: FoundToken, old: wire.Token, plaintext: bytes) -> str:
    """Encrypt as the old token was, but for what the command line says."""
    own = config.load_own(found.path)
    name = old.name or (found.owner if own.require_context else "")
    given = argparse.Namespace(**{**vars(options), "context": [], "backend": options.backend or old.backend})
    if not own.environments and given.backend == old.backend and not options.key and old.backend in ("kms", "vault"):
        given.key = old.params.get("key")
    # The old context has the application too.
    given.app = "" if old.app else options.app
    with config.use(own):
        return encrypt(given, lambda: plaintext, name, old.context, own)
