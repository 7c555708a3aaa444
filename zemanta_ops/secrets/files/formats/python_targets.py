"""The expression that each setting of a Python module is set to, whatever it consists of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from zemanta_ops.secrets.files.formats import python_text
from zemanta_ops.secrets.files.formats.base import Literal, SettingPath, Span
from zemanta_ops.secrets.files.formats.python_expressions import Context
from zemanta_ops.secrets.files.formats.python_names import name_of
from zemanta_ops.secrets.files.formats.python_source import PythonSource

_ONE_VALUE = (ast.Constant, ast.JoinedStr, ast.BinOp, ast.UnaryOp)
_READERS = frozenset({"get", "get_bytes", "decrypt"})


@dataclass(frozen=True)
class Target:
    """The expression of one setting.

    Attributes:
        path: The parts of the setting's name.
        span: Its place.
        line: Its line, from 1.
        is_secret: Whether it is a ``Secret(...)``, or its ``get()``.
        scope: How many leading parts of the name are those of classes and functions.
        obstacle: Why ``Secret("...")`` cannot be written in its place; empty if it can.
    """

    path: SettingPath
    span: Span
    line: int
    is_secret: bool
    scope: int
    obstacle: str


def find_targets(text: str) -> list[Target]:
    """Return the expressions of all settings, the outermost ones first.

    Raises:
        FormatError: The text is not Python.
    """
    recorder = _Recorder(PythonSource(text))
    list(recorder.visit_all(recorder.source.tree.body, Context()))
    return recorder.targets


def find_import(text: str, before: int) -> tuple[bool, bool, str]:
    """Return whether a module imports ``Secret`` and whether it imports ``*``, and the module of a foreign class.

    An import counts if it runs for certain, and before the offset ``before``: not inside a function or an ``if``.
    """
    source = PythonSource(text)
    imports = [node for node in ast.walk(source.tree) if isinstance(node, ast.ImportFrom)]
    stars = any(name.name == "*" for node in imports for name in node.names)
    _, foreign = source.identify(("Secret",))
    return any(_binds_secret(node, source, before) for node in source.tree.body), stars, foreign


def _binds_secret(node: ast.stmt, source: PythonSource, before: int) -> bool:
    if isinstance(node, (ast.Try, ast.With)):
        return any(_binds_secret(each, source, before) for each in node.body)
    if not isinstance(node, ast.ImportFrom) or source.start_of(node.lineno - 1) >= before:
        return False
    return any((name.asname or name.name) == "Secret" for name in node.names)


def find_import_place(text: str, before: int) -> int:
    """Return where a line that imports can go: after the imports before the offset ``before``, or at the top."""
    source = PythonSource(text)
    line = 0
    for index, node in enumerate(source.tree.body):
        is_import = isinstance(node, (ast.Import, ast.ImportFrom))
        is_text = index == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if (is_import or is_text) and (future or is_text or source.start_of(node.end_lineno or 0) <= before):
            line = node.end_lineno or 0
    return source.start_of(line)


class _Recorder(python_text._Visitor):
    """Records the expression of each setting as it is visited."""

    def __init__(self, source: PythonSource) -> None:
        super().__init__(source)
        self.targets: list[Target] = []
        self._added: set[int] = set()

    def assign_one(self, node: ast.AnnAssign | ast.AugAssign, at: Context) -> Iterator[Literal]:
        if isinstance(node, ast.AugAssign):
            self._added.add(id(node.value))
        yield from super().assign_one(node, at)

    def visit(self, node: ast.AST | None, at: Context) -> Iterator[Literal]:
        if isinstance(node, ast.expr) and at.path != at.scope and not self._is_inside(node, at):
            self.targets.append(self._make_target(node, at))
        yield from super().visit(node, at)

    def _is_inside(self, node: ast.expr, at: Context) -> bool:
        start, end = self.source.span(node)
        return any(
            each.path == at.path and each.span[0] <= start and end <= each.span[1] for each in reversed(self.targets)
        )

    def _make_target(self, node: ast.expr, at: Context) -> Target:
        secret = self._holds_secret(node)
        obstacle = "" if secret else self._describe(node, at)
        return Target(at.path, self.source.span(node), node.lineno, secret, len(at.scope), obstacle)

    def _holds_secret(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute) and node.func.attr in _READERS:
            return self._holds_secret(node.func.value)
        return bool(self.source.identify(name_of(node.func))[0])

    def _describe(self, node: ast.expr, at: Context) -> str:
        if id(node) in self._added:
            return "is added to"
        if any(isinstance(each, (ast.Call, ast.Await)) for each in ast.walk(node)) or not at.direct:
            return "is the result of a call"
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            return "is the value of another name, which may be in plaintext"
        if isinstance(node, (ast.Dict, ast.List, ast.Tuple, ast.Set)):
            return "holds several values"
        if at.conditional and at.statement == 0:
            return "has several values"
        return "" if isinstance(node, _ONE_VALUE) else "has several values"


_Recorder.handlers = {
    **python_text._Visitor.handlers,
    ast.AnnAssign: _Recorder.assign_one,
    ast.AugAssign: _Recorder.assign_one,
}
