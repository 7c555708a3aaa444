"""Follows a page of the documentation, block by block, with the real programs, in a folder of its own.

Such a page has two kinds of code blocks. ``shell`` is run as one script, and what it sets is there in the next. Any
other language is a whole file, named by a comment in its first line (``# zemanta_ops.toml``). A test does each block
and looks at its effect; a block that no test reads is an error.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECONDS = 120

_BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)
_HEADING = re.compile(r"^(\S.*)\n(=+|-+)\n", re.MULTILINE)


class Block(NamedTuple):
    """One code block and the heading that it is under."""

    heading: str
    language: str
    body: str


def blocks(page: str) -> list[Block]:
    """Return the code blocks of ``docs/<page>.rst`` in their order."""
    text = (DOCS / f"{page}.rst").read_text(encoding="utf-8")
    headings = [(found.start(), found[1]) for found in _HEADING.finditer(text)]
    found = [
        Block(
            next(name for start, name in reversed(headings) if start < block.start()),
            block[1],
            textwrap.dedent(block[2]).strip("\n"),
        )
        for block in _BLOCK.finditer(text)
    ]
    unread = [line for line in text.splitlines() if line.endswith("::") and not line.startswith("..")]
    assert not unread, f"{page}: blocks that no test reads: {unread}"
    assert len(found) == text.count("code-block::"), f"{page}: a block is not at the left margin"
    return found


def headings(page: str) -> list[str]:
    """Return the headings of a page that have code blocks: unpack them into names, one test each."""
    return list(dict.fromkeys(block.heading for block in blocks(page)))


@contextmanager
def walkthrough(page: str, heading: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Walkthrough]:
    """Read what is under one heading of a page; at the end of the ``with`` block all of it must be done."""
    person = Walkthrough([block for block in blocks(page) if block.heading == heading], folder, environment)
    yield person
    assert not person.left, f"not done: {[block.body for block in person.left]}"


class Walkthrough:
    """A person who does code blocks, one after the other."""

    def __init__(self, left: list[Block], folder: Path, environment: Mapping[str, str]) -> None:
        """Be in ``folder``; ``environment`` goes on top of this process's."""
        self.folder = folder
        self.left = left
        self.environment = {**os.environ, **environment}
        # `python` and the console scripts are those of the interpreter that runs the tests.
        self.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{self.environment['PATH']}"

    def do(
        self, begins: str = "", /, *, typed: str = "", replace: Mapping[str, str] | None = None, code: int = 0
    ) -> str:
        """Do the next code block and return what it printed.

        Args:
            begins: How the block must begin, so that the test shows what it does.
            typed: What the person types when asked.
            replace: What the person puts in the place of examples; each must be there.
            code: The exit code that the script must end with.
        """
        block = self.left.pop(0)
        assert block.body.startswith(begins), block.body
        body = block.body
        for example, value in (replace or {}).items():
            assert example in body, f"{example} is not in:\n{body}"
            body = body.replace(example, value)
        return self.run(body, typed=typed, code=code) if block.language == "shell" else self._write(body)

    def run(self, script: str, *, typed: str = "", code: int = 0) -> str:
        """Run a script as ``do`` does; stderr is returned after stdout."""
        state = self.folder.parent / f"{self.folder.name}.environment"
        done = subprocess.run(
            ["sh", "-c", f'set -aeu\n{script}\nenv -0 > "{state}"'],
            cwd=self.folder,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{script}\n{done.stdout}{done.stderr}"
        if code == 0:
            pairs = state.read_text(encoding="utf-8").split("\0")
            self.environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        return done.stdout + done.stderr

    def _write(self, body: str) -> str:
        name, _, _ = body.partition("\n")
        path = self.folder / name.removeprefix("# ")
        assert name.startswith("# "), f"a file block names its file in the first line: {name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{body}\n", encoding="utf-8")
        return ""
