"""Expressions of a Python module: the literals and names that a setting's value consists of."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from zemanta_ops.secrets.files.formats.base import FIELD, Literal, SettingPath
from zemanta_ops.secrets.files.formats.python_names import UNKNOWN, key_of, name_of, text_of
from zemanta_ops.secrets.files.formats.python_source import PythonSource

_PERCENT = re.compile(r"%(?:\(\w*\))?[#0 +-]*[\d.*]*[a-zA-Z]")


@dataclass(frozen=True)
class Context:
    """Where in the settings the visitor is, and what it passed on its way."""

    path: SettingPath = ()
    scope: SettingPath = ()
    call: str = ""
    direct: bool = True
    readable: bool = True
    conditional: bool = False
    stated: str = ""
    foreign: str = ""
    fstring: ast.expr | None = None
    statement: int = 0
    attributes: bool = False
    of_property: bool = False

    def key(self, *names: str) -> Context:
        return replace(self, path=(*self.path, *names))

    def inside(self, readable: bool = True) -> Context:
        return replace(self, direct=False, call="", foreign="", readable=self.readable and readable)

    def branch(self) -> Context:
        return replace(self, conditional=True)

    def target(self, names: SettingPath) -> Context:
        return replace(self, path=(*self.scope, *names))


class Expressions:
    """Visits expressions; ``handlers`` has a method for each kind of node that is not just its parts."""

    handlers: ClassVar[Mapping[type[ast.AST], Callable[..., Iterator[Literal]]]] = {}

    def __init__(self, source: PythonSource) -> None:
        """Visit nodes of this module."""
        self.source = source

    def visit(self, node: ast.AST | None, at: Context) -> Iterator[Literal]:
        """Yield what a node consists of."""
        if node is None:
            return
        handler = self.handlers.get(type(node))
        if isinstance(node, ast.stmt):
            at = replace(at, statement=node.lineno)
        if handler is not None:
            yield from handler(self, node, at)
        else:
            yield from self.visit_all(ast.iter_child_nodes(node), at.inside() if isinstance(node, ast.expr) else at)

    def visit_all(self, nodes: Iterable[ast.AST | None], at: Context) -> Iterator[Literal]:
        """Yield what several nodes consist of."""
        for node in nodes:
            yield from self.visit(node, at)

    def mapping(self, node: ast.Dict, at: Context) -> Iterator[Literal]:
        """Visit a dict: each key is part of a name."""
        for key, value in zip(node.keys, node.values, strict=True):
            inside = at.key(key_of(key)) if key else at if isinstance(value, (ast.Dict, ast.Name)) else at.inside()
            yield from self.visit(value, inside)

    def sequence(self, node: ast.List | ast.Tuple | ast.Set, at: Context) -> Iterator[Literal]:
        """Visit a list, tuple or set: each index is part of a name."""
        for index, element in enumerate(node.elts):
            yield from self.visit(element, at.key(str(index)))
        # (name, value) may become an item of a dict.
        if len(node.elts) == 2 and (key := text_of(node.elts[0])) and key.isidentifier():
            yield from self.visit(node.elts[1], replace(at, path=(*at.path[:-1], key)))

    def either(self, node: ast.IfExp, at: Context) -> Iterator[Literal]:
        """Visit a conditional expression."""
        yield from self.visit(node.test, at.inside(readable=False))
        yield from self.visit_all([node.body, node.orelse], at.branch())

    def one_of(self, node: ast.BoolOp, at: Context) -> Iterator[Literal]:
        """Visit ``and`` and ``or``."""
        yield from self.visit_all(node.values, at)

    def unary(self, node: ast.UnaryOp, at: Context) -> Iterator[Literal]:
        """Visit ``-x`` and the like: a number stays one."""
        yield from self.visit(node.operand, at if isinstance(node.operand, ast.Constant) else at.inside())

    def compare(self, node: ast.Compare, at: Context) -> Iterator[Literal]:
        """Visit a comparison: its operands are not its value."""
        yield from self.visit_all(ast.iter_child_nodes(node), at.inside(readable=False))

    def operation(self, node: ast.BinOp, at: Context) -> Iterator[Literal]:
        """Visit an operation: ``+`` may join strings, ``|`` mappings, and ``%`` fills a template."""
        if text_of(node) is not None:
            yield from self.string(node, at)
        elif isinstance(node.op, ast.BitOr):
            yield from self.visit_all([node.left, node.right], at)
        elif isinstance(node.op, ast.Mod):
            yield from self.template(node.left, _PERCENT, at.inside())
            yield from self.visit(node.right, at.inside())
        else:
            # A division joins the parts of a path.
            yield from self.visit_all([node.left, node.right], at.inside(not isinstance(node.op, ast.Div)))

    def template(self, node: ast.expr, fields: re.Pattern[str], at: Context) -> Iterator[Literal]:
        """Visit a string whose fields a pattern finds."""
        text = text_of(node)
        if text is None:
            yield from self.visit(node, at)
            return
        yield from self.visit(node, replace(at, readable=False))
        yield from self._text(node, fields.sub(FIELD, text), at)

    def fstring(self, node: ast.JoinedStr, at: Context) -> Iterator[Literal]:
        """Visit an f-string."""
        if text_of(node) is not None:
            yield from self.string(node, at)
            return
        parts = [text_of(part) for part in node.values]
        yield from self._text(node, "".join(FIELD if part is None else part for part in parts), at.inside())
        inner = replace(at.inside(), fstring=at.fstring or node)
        yield from self.visit_all((part.value for part in node.values if isinstance(part, ast.FormattedValue)), inner)

    def _text(self, node: ast.expr, text: str, at: Context) -> Iterator[Literal]:
        yield replace(self._make(node, text, at), placed=False, string=False)

    def subscript(self, node: ast.Subscript, at: Context) -> Iterator[Literal]:
        """Visit ``X[...]``."""
        yield from self.visit(node.slice, at.inside(readable=False))
        yield from self.refer(node, at)
        if not isinstance(node.value, ast.Name):
            yield from self.visit(node.value, at.inside())

    def attribute(self, node: ast.Attribute, at: Context) -> Iterator[Literal]:
        """Visit ``X.y``."""
        yield from self.refer(node, at)
        if not isinstance(node.value, ast.Name):
            yield from self.visit(node.value, at.inside())

    def refer(self, node: ast.expr, at: Context) -> Iterator[Literal]:
        """Visit the name of a variable."""
        names = name_of(node)
        if at.readable and at.path != at.scope and names and names[0] != UNKNOWN:
            yield replace(self._make(node, "", at), placed=False, string=False, refers=names)

    def string(self, node: ast.expr, at: Context) -> Iterator[Literal]:
        """Visit a string without fields."""
        value = text_of(node)
        assert value is not None  # noqa: S101 (every caller has asked)
        span = self.source.find_string(value, node, at.fstring)
        literal = self._make(node, value, at)
        if span is None:
            yield replace(literal, placed=False, string=False)
        else:
            yield replace(literal, span=span, pieces=self.source.split_string(span), string=True)

    def constant(self, node: ast.Constant, at: Context) -> Iterator[Literal]:
        """Visit any other constant."""
        if isinstance(node.value, str):
            yield from self.string(node, at)
        elif at.readable and isinstance(node.value, (bytes, int, float, complex)) and not isinstance(node.value, bool):
            source = self.source.text[slice(*self.source.span(node))]
            yield replace(self._make(node, source, at), placed=at.fstring is None)

    def _make(self, node: ast.expr, value: str, at: Context) -> Literal:
        span = self.source.span(node)
        return Literal(
            path=at.path,
            value=value,
            span=span,
            pieces=(),
            line=node.lineno,
            call=at.call,
            direct=at.direct,
            string=False,
            readable=at.readable,
            conditional=at.conditional,
            stated=at.stated,
            foreign=at.foreign,
            scope=len(at.scope),
            statement=at.statement,
        )
