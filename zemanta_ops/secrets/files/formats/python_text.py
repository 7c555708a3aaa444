"""Python settings files through their syntax tree: the setting that each value belongs to, and its exact place."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from zemanta_ops.secrets.files.formats.base import FIELD, Literal, SettingPath
from zemanta_ops.secrets.files.formats.python_names import UNKNOWN, is_value, key_of, name_of, text_of
from zemanta_ops.secrets.files.formats.python_source import PythonSource

# Methods that return the value of a Secret: Secret(…).get() still belongs to the setting.
_READERS = frozenset({"get", "get_bytes", "decrypt"})
_PERCENT = re.compile(r"%(?:\(\w*\))?[#0 +-]*[\d.*]*[a-zA-Z]")
_BRACES = re.compile(r"\{[^{}]*\}")


def scalars(text: str) -> list[Literal]:
    """Return every string, and the numbers and bytes that are values, with the setting that each is assigned to.

    Raises:
        FormatError: The text is not Python.
    """
    seen: dict[tuple[int, int], Literal] = {}
    for literal in values(text):
        if literal.placed:
            seen.setdefault(literal.span, literal)
    return list(seen.values())


def values(text: str) -> list[Literal]:
    """Return what each setting's value consists of: literals, texts of f-strings and names of other variables.

    Raises:
        FormatError: The text is not Python.
    """
    visitor = _Visitor(PythonSource(text))
    return list(visitor.visit_all(visitor.source.tree.body, _Context()))


@dataclass(frozen=True)
class _Context:
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

    def key(self, *names: str) -> _Context:
        return replace(self, path=(*self.path, *names))

    def inside(self, readable: bool = True) -> _Context:
        return replace(self, direct=False, call="", foreign="", readable=self.readable and readable)

    def branch(self) -> _Context:
        return replace(self, conditional=True)

    def target(self, names: SettingPath) -> _Context:
        return replace(self, path=(*self.scope, *names))


class _Visitor:
    def __init__(self, source: PythonSource) -> None:
        self.source = source

    def visit(self, node: ast.AST | None, at: _Context) -> Iterator[Literal]:
        handler = _HANDLERS.get(type(node))
        if node is None:
            return
        if isinstance(node, ast.stmt):
            at = replace(at, statement=node.lineno)
        if handler is not None:
            yield from handler(self, node, at)
        else:
            yield from self.visit_all(ast.iter_child_nodes(node), at.inside() if isinstance(node, ast.expr) else at)

    def visit_all(self, nodes: Iterable[ast.AST | None], at: _Context) -> Iterator[Literal]:
        for node in nodes:
            yield from self.visit(node, at)

    # Statements.

    def assign(self, node: ast.Assign, at: _Context) -> Iterator[Literal]:
        for target in node.targets:
            yield from self._to_target(target, node.value, at)

    def assign_one(self, node: ast.AnnAssign | ast.AugAssign, at: _Context) -> Iterator[Literal]:
        if node.value is not None:
            yield from self._to_target(node.target, node.value, at)

    def walrus(self, node: ast.NamedExpr, at: _Context) -> Iterator[Literal]:
        if at.path != at.scope:
            yield from self.visit(node.value, at)
        yield from self._to_target(node.target, node.value, replace(at, direct=True, readable=True))

    def _to_target(self, target: ast.expr, value: ast.expr, at: _Context) -> Iterator[Literal]:
        if not isinstance(target, (ast.Tuple, ast.List)):
            yield from self.visit(value, at.target(name_of(target)))
        elif isinstance(value, (ast.Tuple, ast.List)):
            for left, right in _pair(target.elts, value.elts):
                yield from self._to_target(left, right, at)
        else:
            for left in target.elts:
                yield from self.visit(value, at.target(name_of(left)).inside())

    def scope(self, node: ast.ClassDef | ast.FunctionDef, at: _Context) -> Iterator[Literal]:
        inner = replace(at.target((node.name,)), scope=(*at.scope, node.name))
        yield from self.visit_all(ast.iter_child_nodes(node), inner)

    def branches(self, node: ast.AST, at: _Context) -> Iterator[Literal]:
        for child in ast.iter_child_nodes(node):
            yield from self.visit(child, at.inside(readable=False) if isinstance(child, ast.expr) else at.branch())

    def loop(self, node: ast.For, at: _Context) -> Iterator[Literal]:
        yield from self.visit(node.iter, at.target(name_of(node.target)))
        yield from self.visit_all([*node.body, *node.orelse], at.branch())

    # Expressions.

    def mapping(self, node: ast.Dict, at: _Context) -> Iterator[Literal]:
        for key, value in zip(node.keys, node.values, strict=True):
            inside = at.key(key_of(key)) if key else at if isinstance(value, (ast.Dict, ast.Name)) else at.inside()
            yield from self.visit(value, inside)

    def sequence(self, node: ast.List | ast.Tuple | ast.Set, at: _Context) -> Iterator[Literal]:
        for index, element in enumerate(node.elts):
            yield from self.visit(element, at.key(str(index)))
        # (name, value) may become an item of a dict.
        if len(node.elts) == 2 and (key := text_of(node.elts[0])) and key.isidentifier():
            yield from self.visit(node.elts[1], replace(at, path=(*at.path[:-1], key)))

    def call(self, node: ast.Call, at: _Context) -> Iterator[Literal]:
        name = name_of(node.func)
        ours, foreign = self.source.identify(name)
        if ours or foreign:
            wanted = (1, "token") if ours == "Secret.template" else (0, "token")
            yield from self._secret(node, replace(at, call=ours, foreign=foreign), wanted)
        elif name == ("dict",):
            yield from self.visit_all(node.args, at)
            yield from self._keywords(node, at)
        elif name[-1] in _READERS and isinstance(node.func, ast.Attribute) and self._is_secret(node.func.value):
            stated = [text_of(each.value) or "" for each in node.keywords if each.arg == "name"]
            yield from self.visit(node.func.value, replace(at, stated="".join(stated)))
        elif (setter := _SETTERS.get(name[-1])) and at.path == at.scope:
            yield from setter(self, node, at)
        else:
            yield from self._other_call(node, name, at)

    def _is_secret(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self.source.identify(name_of(node.func)) != ("", "")

    def _secret(self, node: ast.Call, at: _Context, wanted: tuple[int, str]) -> Iterator[Literal]:
        others = replace(at.inside(readable=False), foreign="")
        yield from self._with_index(node.args, at, others, wanted[0])
        for keyword in node.keywords:
            yield from self.visit(keyword.value, at if keyword.arg == wanted[1] else others)

    def _with_index(self, nodes: Sequence[ast.expr], at: _Context, others: _Context, index: int) -> Iterator[Literal]:
        for number, node in enumerate(nodes):
            yield from self.visit(node, at if number == index else others)

    def _keywords(self, node: ast.Call, at: _Context) -> Iterator[Literal]:
        for keyword in node.keywords:
            yield from self.visit(keyword.value, at.key(keyword.arg) if keyword.arg else at)

    def _other_call(self, node: ast.Call, name: SettingPath, at: _Context) -> Iterator[Literal]:
        inner = at.inside()
        if isinstance(node.func, ast.Attribute) and name[-1] == "format":
            yield from self._template(node.func.value, _BRACES, inner)
        else:
            if isinstance(node.func, ast.Name):
                yield from self._refer(node.func, inner)
            yield from self.visit_all(ast.iter_child_nodes(node.func), inner)
        for argument in node.args:
            yield from self.visit(argument, inner if is_value(node, argument) else at.inside(readable=False))
        for keyword in node.keywords:
            yield from self.visit(keyword.value, inner if is_value(node, keyword) else at.inside(readable=False))

    def update(self, node: ast.Call, at: _Context) -> Iterator[Literal]:
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 (a name of one part is not a setter)
        owner = name_of(node.func.value)
        first, *rest = node.args or [None]
        if rest and owner == ("dict",):
            owner, first = name_of(node.args[0]), rest[0]
        inner = at.target(() if owner[-1:] == ("__dict__",) else owner)
        yield from self.visit(first, inner)
        yield from self._keywords(node, inner)

    def set_item(self, node: ast.Call, at: _Context) -> Iterator[Literal]:
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        *objects, key, value = ([owner] if owner and len(node.args) == 2 else []) + node.args
        names = name_of(objects[0]) if objects and objects[0] else ()
        yield from self.visit(value, at.target((*names, text_of(key) or UNKNOWN)))

    def configure(self, node: ast.Call, at: _Context) -> Iterator[Literal]:
        yield from self._keywords(node, at.target(()))

    def append(self, node: ast.Call, at: _Context) -> Iterator[Literal]:
        owner = name_of(node.func.value) if isinstance(node.func, ast.Attribute) else ()
        yield from self.visit_all(node.args, at.target((*owner, UNKNOWN)))

    def either(self, node: ast.IfExp, at: _Context) -> Iterator[Literal]:
        yield from self.visit(node.test, at.inside(readable=False))
        yield from self.visit_all([node.body, node.orelse], at.branch())

    def one_of(self, node: ast.BoolOp, at: _Context) -> Iterator[Literal]:
        yield from self.visit_all(node.values, at)

    def compare(self, node: ast.Compare, at: _Context) -> Iterator[Literal]:
        yield from self.visit_all(ast.iter_child_nodes(node), at.inside(readable=False))

    def operation(self, node: ast.BinOp, at: _Context) -> Iterator[Literal]:
        if text_of(node) is not None:
            yield from self.string(node, at)
        elif isinstance(node.op, ast.BitOr):
            yield from self.visit_all([node.left, node.right], at)
        elif isinstance(node.op, ast.Mod):
            yield from self._template(node.left, _PERCENT, at.inside())
            yield from self.visit(node.right, at.inside())
        else:
            # A division joins the parts of a path.
            yield from self.visit_all([node.left, node.right], at.inside(not isinstance(node.op, ast.Div)))

    def _template(self, node: ast.expr, fields: re.Pattern[str], at: _Context) -> Iterator[Literal]:
        text = text_of(node)
        if text is None:
            yield from self.visit(node, at)
            return
        yield from self.visit(node, replace(at, readable=False))
        yield from self._text(node, fields.sub(FIELD, text), at)

    def fstring(self, node: ast.JoinedStr, at: _Context) -> Iterator[Literal]:
        if text_of(node) is not None:
            yield from self.string(node, at)
            return
        parts = [text_of(part) for part in node.values]
        yield from self._text(node, "".join(FIELD if part is None else part for part in parts), at.inside())
        inner = replace(at.inside(), fstring=at.fstring or node)
        yield from self.visit_all((part.value for part in node.values if isinstance(part, ast.FormattedValue)), inner)

    def _text(self, node: ast.expr, text: str, at: _Context) -> Iterator[Literal]:
        yield replace(self._make(node, text, at), placed=False, string=False)

    def subscript(self, node: ast.Subscript, at: _Context) -> Iterator[Literal]:
        yield from self.visit(node.slice, at.inside(readable=False))
        yield from self._refer(node, at)
        if not isinstance(node.value, ast.Name):
            yield from self.visit(node.value, at.inside())

    def attribute(self, node: ast.Attribute, at: _Context) -> Iterator[Literal]:
        yield from self._refer(node, at)
        if not isinstance(node.value, ast.Name):
            yield from self.visit(node.value, at.inside())

    def _refer(self, node: ast.expr, at: _Context) -> Iterator[Literal]:
        names = name_of(node)
        if at.readable and at.path != at.scope and names and names[0] != UNKNOWN:
            yield replace(self._make(node, "", at), placed=False, string=False, refers=names)

    def string(self, node: ast.expr, at: _Context) -> Iterator[Literal]:
        value = text_of(node)
        assert value is not None  # noqa: S101 (every caller has asked)
        span = self.source.find_string(value, node, at.fstring)
        literal = self._make(node, value, at)
        if span is None:
            yield replace(literal, placed=False, string=False)
        else:
            yield replace(literal, span=span, pieces=self.source.split_string(span), string=True)

    def constant(self, node: ast.Constant, at: _Context) -> Iterator[Literal]:
        if isinstance(node.value, str):
            yield from self.string(node, at)
        elif at.readable and isinstance(node.value, (bytes, int, float, complex)) and not isinstance(node.value, bool):
            source = self.source.text[slice(*self.source.span(node))]
            yield replace(self._make(node, source, at), placed=at.fstring is None)

    def _make(self, node: ast.expr, value: str, at: _Context) -> Literal:
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


def _pair(left: Sequence[ast.expr], right: Sequence[ast.expr]) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Pair the targets of an unpacking with its values; a starred target gets a list."""
    star = next((index for index, each in enumerate(left) if isinstance(each, ast.Starred)), None)
    if star is None:
        yield from zip(left, right, strict=False)
        return
    after = len(left) - star - 1
    end = len(right) - after
    yield from zip(left[:star], right[:star], strict=False)
    rest = right[star:end]
    if rest:
        made = ast.List(elts=list(rest), ctx=ast.Load())
        yield left[star], ast.copy_location(made, rest[0])
    yield from zip(left[star + 1 :], right[end:], strict=False)


_SETTERS: dict[str, Callable[[_Visitor, ast.Call, _Context], Iterator[Literal]]] = {
    "update": _Visitor.update,
    "__ior__": _Visitor.update,
    "__init__": _Visitor.update,
    "setattr": _Visitor.set_item,
    "__setattr__": _Visitor.set_item,
    "__setitem__": _Visitor.set_item,
    "setitem": _Visitor.set_item,
    "setdefault": _Visitor.set_item,
    "configure": _Visitor.configure,
    "append": _Visitor.append,
    "extend": _Visitor.append,
}

_HANDLERS: dict[type[ast.AST], Callable[..., Iterator[Literal]]] = {
    ast.Assign: _Visitor.assign,
    ast.AnnAssign: _Visitor.assign_one,
    ast.AugAssign: _Visitor.assign_one,
    ast.NamedExpr: _Visitor.walrus,
    ast.ClassDef: _Visitor.scope,
    ast.FunctionDef: _Visitor.scope,
    ast.AsyncFunctionDef: _Visitor.scope,
    ast.If: _Visitor.branches,
    ast.While: _Visitor.branches,
    ast.For: _Visitor.loop,
    ast.Try: _Visitor.branches,
    ast.Match: _Visitor.branches,
    ast.Dict: _Visitor.mapping,
    ast.List: _Visitor.sequence,
    ast.Tuple: _Visitor.sequence,
    ast.Set: _Visitor.sequence,
    ast.Call: _Visitor.call,
    ast.IfExp: _Visitor.either,
    ast.BoolOp: _Visitor.one_of,
    ast.Compare: _Visitor.compare,
    ast.BinOp: _Visitor.operation,
    ast.JoinedStr: _Visitor.fstring,
    ast.Subscript: _Visitor.subscript,
    ast.Attribute: _Visitor.attribute,
    ast.Name: _Visitor._refer,
    ast.Constant: _Visitor.constant,
}
