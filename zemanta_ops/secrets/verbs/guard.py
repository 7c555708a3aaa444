"""``guard_secrets FILE…``: a pre-commit hook that stops a plaintext in place of a token. Needs no key."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from zemanta_ops.secrets.exceptions import SecretError
from zemanta_ops.secrets.files import git
from zemanta_ops.secrets.files.scan import FoundToken, find_tokens
from zemanta_ops.secrets.files.source_file import SourceFile, decode

HELP = "stop a commit that replaces an encrypted secret with a plaintext (a pre-commit hook)"
EPILOG = """examples:
  guard_secrets                  every file staged for the next commit
  guard_secrets settings.py      only these files; the call that pre-commit makes

With pre-commit, name this repository and the hook id guard-secrets in .pre-commit-config.yaml.

exit codes: 0 no secret would be committed in plaintext; 1 one would be, or a staged file cannot be read;
2 wrong arguments.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="staged files (default: all of them)")


def run(options: argparse.Namespace, out: TextIO, err: TextIO) -> int:  # noqa: ARG001
    """Compare the staged files with the last commit."""
    try:
        top = git.find_top(Path())
        chosen = {str(file.resolve().relative_to(top)) for file in options.files}
        staged = git.list_staged(top)
        olds = [old for old, _ in staged if old]
        before = _find_encrypted(olds, git.read_objects(top, [f"HEAD:{old}" for old in olds]))
        names = [new for _, new in staged if new and (not chosen or new in chosen)]
        after = git.read_objects(top, [f":{name}" for name in names]) if before else []
    except (git.GitError, ValueError) as error:
        err.write(f"guard_secrets: {error}\n")
        return 1
    pairs = zip(names, after, strict=True) if before else ()
    found = [line for name, data in pairs for line in _check_file(name, data or b"", before)]
    err.writelines(f"{line}\n" for line in found)
    return int(bool(found))


def _find_encrypted(names: Iterable[str], texts: Iterable[bytes | None]) -> dict[str, str]:
    """Return the backend of each encrypted setting in the last commit, in any file that this commit changes."""
    return {
        found.setting: found.token.backend
        for name, data in zip(names, texts, strict=True)
        for found in _read_tokens(name, data or b"")
        if found.token and found.token.backend != "plain"
    }


def _read_tokens(name: str, data: bytes) -> list[FoundToken]:
    try:
        return find_tokens(decode(Path(name), data))
    except SecretError:
        # A committed file that does not parse has no settings.
        return []


def _check_file(name: str, data: bytes, before: dict[str, str]) -> list[str]:
    try:
        return list(_find_plaintexts(decode(Path(name), data), before))
    except SecretError as error:
        return [f"{error}. The file cannot be checked for plaintexts"]


def _find_plaintexts(file: SourceFile, before: dict[str, str]) -> Iterator[str]:
    if not any(setting.rpartition(".")[2] in file.text for setting in before):
        return
    encrypted = {token.literal for token in find_tokens(file) if token.token and token.token.backend != "plain"}
    for literal in file.strings:
        if literal.setting in before and literal.direct and literal.value and literal not in encrypted:
            yield (
                f"{file.path}:{literal.line}: {literal.setting} was encrypted ({before[literal.setting]}) and would "
                f"now be committed in plaintext. Run: encrypt_secret --into {file.path} {literal.setting}"
            )
