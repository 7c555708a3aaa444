"""Counts the words that make English read as translated. ``python -m tests.docs.english`` lists them.

Three kinds of text are read. ``comments`` are comments and docstrings, ``messages`` are all other strings of three
words or more, and ``docs`` are the pages. Literals (names, commands, quoted output) never count. Neither do the modules
that quote the counted words.

``where`` is right for a place and wrong for a condition. A program cannot always tell them apart, so it takes these for
places, and all others for conditions:

* ``where`` in a question, which ends with a question mark;
* ``where`` after a colon, or at the start of a sentence without a comma: ``Where the agent runs``;
* ``where`` after a noun for a place (``the file where``) or after ``from``, ``to``, ``of`` or ``about``;
* ``where`` after a word that takes a question: ``shows where``, ``decide where``, ``how and where``.

``say`` is right for a text, so ``the message says`` does not count. Neither do ``tell apart``, ``tell-tale`` and
``stand-in``.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "zemanta_ops"
ROOMS = ("secrets", "metrics", "stack")
AROUND = ("tests", "benchmarks", "example_project")
QUOTING = [Path(__file__).resolve(), Path(__file__).resolve().with_name("test_english.py")]
PAGES = [*sorted(ROOT.glob("docs/*.rst")), *(ROOT / f"{name}.rst" for name in ("README", "CONTRIBUTING", "CHANGELOG"))]

_NOUNS = """
    address block column commit context directory environment field file folder function hop host image line
    list machine module node page path place point position process registry repository row section server
    table thread"""
_PREPOSITIONS = "about from of to"
_QUESTIONS = """
    ask choose decide define determine find how is know name on remember report return see show
    understand what when who"""
_BEFORE_PLACE = "|".join(f"{word}(?:s|d|ed)?" for word in f"{_NOUNS} {_PREPOSITIONS} {_QUESTIONS}".split())
_PLACE = rf"""(?<![\w-])(?:{_BEFORE_PLACE})(?:\s+and|\s+or|,)?\s+where\b
    |\bwhere\b[^.!;:]*\?
    |:\s*where\b|(?:\A|[.-])\s*where\b(?=[^,.;]*(?:[.;]|\Z))"""
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")

# What is counted, and how often 1,000 words may have it: what the best-written packages have.
LIMITS = {
    "where": 0.6,
    "stand": 0.0,
    "tell, say": 0.5,
    "is no": 0.0,
    "of before": 0.0,
    "so many": 0.0,
}
_COUNTED = {
    "where": rf"{_PLACE}|(?-i:WHERE)|(?P<counted>\bwhere\b)",
    "stand": r"\bstand-ins?\b|(?P<counted>\b(?:stands?|stood|standing)\b)",
    "tell, say": r"""(?:messages?|texts?|README|page|report)\s+(?:that\s+)?says?\b
        |\bt(?:ell|ells|old)\b[^.;:]{0,60}?\bapart\b|\btell-tale\b
        |(?P<counted>\b(?:tell|tells|told|say|says|said)\b)""",
    "is no": r"\bthere\s+(?:is|are|was|were)\s+no\b|(?P<counted>\b(?:is|are|was|were|be)\s+no\b(?!\s+(?:longer|more)))",
    "of before": r"(?P<counted>\bof\s+before\b)",
    "so many": r"(?P<counted>\bso\s+many\b|\bas\s+well\s+as\s+it\s+can\b)",
}
_PATTERNS = {word: re.compile(pattern, re.IGNORECASE | re.VERBOSE) for word, pattern in _COUNTED.items()}


class Text(NamedTuple):
    """A piece of prose, and where it is."""

    path: Path
    line: int
    text: str


class Finding(NamedTuple):
    """A counted word, and where it is."""

    word: str
    path: Path
    line: int
    context: str


def docs(pages: list[Path] = PAGES) -> Iterator[Text]:
    """Return the prose of the pages, paragraph by paragraph, without literals."""
    for page in pages:
        for line, paragraph in _paragraphs(page.read_text(encoding="utf-8")):
            # Each cell of a table and each item of a list is a sentence.
            sentences = re.sub(r"^ *(?:\* - |- |\* |\d\. )", ". ", paragraph, flags=re.MULTILINE)
            yield Text(page, line, _without_literals(sentences))


def comments(room: str) -> Iterator[Text]:
    """Return the comments and docstrings of a room."""
    for path in modules(room):
        source = path.read_text(encoding="utf-8")
        yield from (Text(path, line, _without_literals(text)) for line, text in _comments(source))
        yield from (Text(path, line, _without_literals(text)) for line, text in _read_strings(path)[0])


def messages(room: str) -> Iterator[Text]:
    """Return the strings of a room, three words or longer, that are not docstrings."""
    for path in modules(room):
        for line, text in _read_strings(path)[1]:
            if len(_WORD.findall(text)) > 2:
                yield Text(path, line, _without_literals(text))


def modules(room: str) -> list[Path]:
    """Return the modules of a room. The house is those outside of the three rooms; tests and examples are around it."""
    if room in AROUND:
        return sorted(path for path in (ROOT / room).rglob("*.py") if path not in QUOTING)
    if room != "house":
        return sorted((PACKAGE / room).rglob("*.py"))
    return sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ROOMS)


def findings(texts: list[Text]) -> list[Finding]:
    """Return the counted words of the texts."""
    found = []
    for path, line, text in texts:
        for word, pattern in _PATTERNS.items():
            for match in pattern.finditer(text):
                if match.groupdict().get("counted"):
                    context = " ".join(text[max(0, match.start() - 40) : match.end() + 30].split())
                    found.append(Finding(word, path, line, context))
    return found


def per_thousand(texts: list[Text]) -> dict[str, float]:
    """Return how often 1,000 words have each counted word."""
    words = sum(len(_WORD.findall(text.text)) for text in texts)
    counts = Counter(finding.word for finding in findings(texts))
    return {word: 1000 * counts[word] / max(words, 1) for word in LIMITS}


@cache
def report(wanted: str = "") -> Mapping[str, list[Text]]:
    """Return each kind of text of each room, or only one kind of all rooms, by a title."""
    kinds = {kind: read for kind, read in {"comments": comments, "messages": messages}.items() if wanted in ("", kind)}
    texts = {f"{room}, {kind}": list(read(room)) for room in (*ROOMS, "house", *AROUND) for kind, read in kinds.items()}
    return {**texts, "docs": list(docs())} if wanted in ("", "docs") else texts


def _without_literals(text: str) -> str:
    text = re.sub(r"``[^`]*``|:\w+:`[^`]*`|`[^`]*`_?", "…", text)
    return re.sub(r"https?://\S+", "…", text)


def _paragraphs(page: str) -> Iterator[tuple[int, str]]:
    """Return the paragraphs of a page that are not literal, with their lines."""
    literal: int | None = None
    lines: list[str] = []
    for number, line in enumerate([*page.splitlines(), ""], 1):
        indent = len(line) - len(line.lstrip())
        if literal is not None and line.strip():
            literal = None if indent <= literal else literal
        if literal is None and line.strip() and not line.lstrip().startswith((".. code-block", ".. _", ":")):
            lines.append(line)
        elif lines and not line.strip():
            yield number - len(lines), "\n".join(lines)
            lines = []
        if re.match(r"\s*(\.\. code-block|(?!\.\.).*::$)", line):
            literal = indent


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Return the comments; those in lines that follow each other are one text."""
    start, lines = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or re.match(r"#\s*(noqa|type:|pragma)", token.string):
            continue
        if lines and token.start[0] != start + len(lines):
            yield start, " ".join(lines)
            lines = []
        start = start if lines else token.start[0]
        lines.append(token.string.lstrip("# "))
    if lines:
        yield start, " ".join(lines)


@cache
def _read_strings(path: Path) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Return the docstrings of a module and its other strings, with their lines."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    docstrings = list(_docstrings(nodes))
    others = {id(node) for _, _, node in docstrings}
    return [(line, text) for line, text, _ in docstrings], list(_strings(nodes, others))


def _docstrings(nodes: list[ast.AST]) -> Iterator[tuple[int, str, ast.Constant]]:
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(value=ast.Constant(value=str(text)) as docstring), *_]:
                    yield docstring.lineno, text, docstring


def _strings(nodes: list[ast.AST], others: set[int]) -> Iterator[tuple[int, str]]:
    """Return the strings of a module; each value in an f-string becomes an ellipsis."""
    inner = set[int]()
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            inner |= {id(part) for part in ast.walk(node)}
            parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner | others:
            yield node.lineno, node.value


if __name__ == "__main__":
    for kind, texts in report().items():
        print(f"{kind}:", ", ".join(f"{word} {count:.1f}" for word, count in per_thousand(texts).items()))
        for finding in findings(texts):
            print(f"    {finding.path.relative_to(ROOT)}:{finding.line}: {finding.word}: {finding.context}")
