"""The part of a settings file that can concern one setting, so that many versions need not be parsed whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

_TRIPLE = {quote: re.compile(rf"(?:[^\\]|\\.)*?{quote}", re.DOTALL) for quote in ("'''", '"""')}
_PYTHON = re.compile(
    r"""\#[^\r\n]* | (?P<triple>'{3}|"{3}) | '(?:[^\\'\r\n]|\\.)*' | "(?:[^\\"\r\n]|\\.)*"
    | (?P<open>[(\[{]) | (?P<close>[)\]}])""",
    re.VERBOSE | re.DOTALL,
)
_LINE = re.compile(r"^(?=[^\s#)\]}])", re.MULTILINE)
_CONTINUES = re.compile(r"(?:else|elif|except|finally)\b")
_IMPORT = re.compile(r"(?:from|import|class Secret)\b")
_YAML_START = re.compile(r"^(?=[^\s#\]}])", re.MULTILINE)
_YAML_SEPARATOR = re.compile(r"---|\.\.\.|%")
# Aliases refer to other parts, and the place in a list is part of a setting's name.
_YAML_WHOLE = re.compile(r"^- |[:\-,\[{]\s*[&*]\w", re.MULTILINE)
_TOML_START = re.compile(r"""^(?=[ \t]*(?:\[\[?[\w."' -]+\]\]?[ \t]*(?:\#.*)?$|[\w."'-]+[\w."' -]*=))""", re.MULTILINE)


def excerpt(text: str, kind: str, word: str) -> str:
    """Return the statements or entries that contain a word, and what is needed to understand them.

    It need not be valid by itself: the caller then parses the whole text.
    """
    if kind == ".py":
        return "".join(part for part in _split(text, _find_statements(text)) if word in part or _IMPORT.match(part))
    if kind in (".yaml", ".yml") and not _YAML_WHOLE.search(text):
        parts = _split(text, (match.start() for match in _YAML_START.finditer(text)))
        return "".join(part for part in parts if word in part or _YAML_SEPARATOR.match(part))
    if kind == ".toml" and '"""' not in text and "'''" not in text:
        parts = _split(text, (match.start() for match in _TOML_START.finditer(text)))
        return "".join(part for part in parts if word in part or part.lstrip().startswith("["))
    return text


def _split(text: str, starts: Iterable[int]) -> Iterator[str]:
    last = 0
    for start in starts:
        yield text[last:start]
        last = start
    yield text[last:]


def _find_statements(text: str) -> Iterator[int]:
    """Yield where each top-level statement starts, decorators and the branches of a statement included in it."""
    state = (0, "")
    at = 0
    decorated = False
    for part in _split(text, [match.start() for match in _LINE.finditer(text)]):
        if state == (0, "") and part and not _CONTINUES.match(part):
            if not decorated:
                yield at
            decorated = part.startswith("@")
        state = _lex(part, *state)
        at += len(part)


# Versions of a file share most of their parts.
@lru_cache(maxsize=16384)
def _lex(text: str, depth: int, quote: str) -> tuple[int, str]:
    """Return how many brackets, and which triple quotes, are open after a text, given those before it."""
    at = 0
    while True:
        if quote:
            end = _TRIPLE[quote].match(text, at)
            if end is None:
                return depth, quote
            at, quote = end.end(), ""
        match = _PYTHON.search(text, at)
        if match is None:
            return depth, ""
        at = match.end()
        quote = match["triple"] or ""
        depth += bool(match["open"]) - bool(match["close"])
