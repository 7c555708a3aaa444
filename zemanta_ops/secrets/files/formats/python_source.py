"""The text of a Python module with its syntax tree: where each node is, and what its imports mean."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from functools import cached_property

from zemanta_ops.secrets.files.formats.base import FormatError, SettingPath, Span, pieces

_LINE_END = re.compile(r"\r\n|\r|\n")
_STRING = re.compile(
    r"""(?P<prefix>[A-Za-z]{0,2})(?P<quote>'{3}|"{3}|'|")(?P<body>(?:[^\\'"]|\\.|(?!(?P=quote))['"])*)(?P=quote)""",
    re.DOTALL,
)
# What may be between the parts of one string: white space, comments, brackets and +.
_GAP = re.compile(r"(?:[\s()+]|\\(?=\r|\n)|#[^\r\n]*)*")
_OURS = "zemanta_ops"


class PythonSource:
    """A parsed module."""

    def __init__(self, text: str) -> None:
        """Parse the text.

        Raises:
            FormatError: It is not Python.
        """
        self.text = text
        self.tree = _parse(text)
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def span(self, node: ast.expr) -> Span:
        """Return the character offsets of an expression."""
        assert node.end_lineno is not None  # noqa: S101 (a parser sets both)
        assert node.end_col_offset is not None  # noqa: S101
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def start_of(self, line: int) -> int:
        """Return the offset at which the line after a line begins; lines count from 1."""
        return self._starts[line] if line < len(self._starts) else len(self.text)

    def _offset(self, line: int, column: int) -> int:
        start = self._starts[line - 1]
        if self._is_ascii:
            return start + column
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode(errors="ignore"))

    @cached_property
    def _is_ascii(self) -> bool:
        return self.text.isascii()

    def find_string(self, value: str, node: ast.expr, outer: ast.expr | None) -> Span | None:
        """Return the place of a string. Before Python 3.12, places inside an f-string (``outer``) may be wrong."""
        span = self.span(node)
        if outer is None or _evaluate(_STRING.fullmatch(self.text, *span)) == value:
            return span
        found = (match for match in _STRING.finditer(self.text, self.span(outer)[0] + 2, self.span(outer)[1] - 1))
        return next((match.span() for match in found if _evaluate(match) == value), None)

    def split_string(self, span: Span) -> tuple[Span, ...]:
        """Return the spans of the source between the quotes of a string, of each of its parts."""
        at, end = span
        runs: list[Span] = []
        while at < end:
            gap = _GAP.match(self.text, at, end)
            at = gap.end() if gap else at
            match = _STRING.match(self.text, at, end)
            if match is None:
                break
            runs += pieces(self.text, match.span("body"), str(_evaluate(match)))
            at = match.end()
        return tuple(runs)

    @cached_property
    def imports(self) -> dict[str, str]:
        """The dotted name that each imported name means; that of a class of this module has no dot."""
        found: dict[str, str] = {}
        for node in _walk_statements(self.tree.body):
            if isinstance(node, ast.Import):
                found |= {name.asname or name.name.partition(".")[0]: _root(name) for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                found |= {name.asname or name.name: f"{module}.{name.name}" for name in node.names}
            elif isinstance(node, ast.ClassDef):
                found[node.name] = node.name
        return found

    def identify(self, name: SettingPath) -> tuple[str, str]:
        """Return what a called name is: our class, and the module of a class that has only its name; "" for neither.

        A name whose origin is not known counts as ours.
        """
        origin = self.imports.get(name[0], "") if name else ""
        full = (*origin.split("."), *name[1:]) if origin else name
        size = 2 if full[-1:] == ("template",) else 1
        wanted = ".".join(full[-size:])
        if wanted not in ("Secret", "StrictSecret", "Secret.template"):
            return "", ""
        if not origin or origin.startswith((".", _OURS)):
            return wanted, ""
        return "", ".".join(full[:-size]) or "this file"


def _walk_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for child in ast.iter_child_nodes(node) if not isinstance(node, (ast.Assign, ast.Expr)) else ():
            if isinstance(child, ast.stmt):
                yield from _walk_statements([child])
            elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
                yield from _walk_statements(child.body)


def _parse(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        # The program may need a newer Python than the one that runs this.
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise FormatError(error.lineno or 0, f"not valid Python {version}") from None
    except (ValueError, RecursionError, MemoryError):
        raise FormatError(0, "not valid Python, or nested too deeply") from None


def _root(name: ast.alias) -> str:
    return name.name if name.asname else name.name.partition(".")[0]


def _evaluate(match: re.Match[str] | None) -> object:
    """Return the value of the source of one string; an f-string has no fields."""
    if match is None:
        return None
    prefix = match["prefix"].lower()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(prefix.replace("f", "").replace("u", "") + match[0][len(prefix) :])
    except (SyntaxError, ValueError):
        return None
    return value.replace("{{", "{").replace("}}", "}") if "f" in prefix and isinstance(value, str) else value
