"""Python settings files through their syntax tree: the setting that each value belongs to, and its exact place."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from zemanta_ops.secrets.files.formats.base import Literal, SettingPath
from zemanta_ops.secrets.files.formats.python_expressions import Context, Expressions
from zemanta_ops.secrets.files.formats.python_names import UNKNOWN, is_value, name_of, text_of
from zemanta_ops.secrets.files.formats.python_source import PythonSource

# Methods that return the value of a Secret: Secret(…).get() still belongs to the setting.
_READERS = frozenset({"get", "get_bytes", "decrypt"})
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
    return list(visitor.visit_all(visitor.source.tree.body, Context()))


def _is_property(node: ast.ClassDef | ast.FunctionDef) -> bool:
    names = (name_of(each.func if isinstance(each, ast.Call) else each)[-1:] for each in node.decorator_list)
    return isinstance(node, ast.FunctionDef) and any("".join(name).endswith("property") for name in names)


class _Visitor(Expressions):
    def assign(self, node: ast.Assign, at: Context) -> Iterator[Literal]:
        for target in node.targets:
            yield from self._to_target(target, node.value, at)

    def assign_one(self, node: ast.AnnAssign | ast.AugAssign, at: Context) -> Iterator[Literal]:
        if node.value is not None:
            yield from self._to_target(node.target, node.value, at)

    def walrus(self, node: ast.NamedExpr, at: Context) -> Iterator[Literal]:
        if at.path != at.scope:
            yield from self.visit(node.value, at)
        yield from self._to_target(node.target, node.value, replace(at, direct=True, readable=True))

    def _to_target(self, target: ast.expr, value: ast.expr, at: Context) -> Iterator[Literal]:
        if not isinstance(target, (ast.Tuple, ast.List)):
            yield from self.visit(value, at.target(name_of(target)))
        elif isinstance(value, (ast.Tuple, ast.List)):
            for left, right in _pair(target.elts, value.elts):
                yield from self._to_target(left, right, at)
        else:
            for left in target.elts:
                yield from self.visit(value, at.target(name_of(left)).inside())

    def scope(self, node: ast.ClassDef | ast.FunctionDef, at: Context) -> Iterator[Literal]:
        inner = replace(at.target((node.name,)), scope=(*at.scope, node.name), of_property=_is_property(node))
        yield from self.visit_all(ast.iter_child_nodes(node), inner)

    def returned(self, node: ast.Return, at: Context) -> Iterator[Literal]:
        # What a property returns is the value of the setting.
        outer = replace(at, path=at.scope, scope=at.scope[:-1]) if at.of_property else at
        yield from self.visit(node.value, outer)

    def branches(self, node: ast.AST, at: Context) -> Iterator[Literal]:
        for child in ast.iter_child_nodes(node):
            yield from self.visit(child, at.inside(readable=False) if isinstance(child, ast.expr) else at.branch())

    def loop(self, node: ast.For, at: Context) -> Iterator[Literal]:
        yield from self.visit(node.iter, at.target(name_of(node.target)))
        yield from self.visit_all([*node.body, *node.orelse], at.branch())

    def managed(self, node: ast.withitem, at: Context) -> Iterator[Literal]:
        yield from self.visit(node.context_expr, at)
        if node.optional_vars is not None:
            yield from self._to_target(node.optional_vars, node.context_expr, at.inside())

    def match(self, node: ast.Match, at: Context) -> Iterator[Literal]:
        yield from self.branches(node, at)
        for pattern in (each for case in node.cases for each in ast.walk(case.pattern)):
            if isinstance(pattern, (ast.MatchAs, ast.MatchStar)) and pattern.name:
                yield from self.visit(node.subject, at.target((pattern.name,)).inside().branch())

    def call(self, node: ast.Call, at: Context) -> Iterator[Literal]:
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

    def _secret(self, node: ast.Call, at: Context, wanted: tuple[int, str]) -> Iterator[Literal]:
        others = replace(at.inside(readable=False), foreign="")
        yield from self._with_index(node.args, at, others, wanted[0])
        for keyword in node.keywords:
            yield from self.visit(keyword.value, at if keyword.arg == wanted[1] else others)

    def _with_index(self, nodes: Sequence[ast.expr], at: Context, others: Context, index: int) -> Iterator[Literal]:
        for number, node in enumerate(nodes):
            yield from self.visit(node, at if number == index else others)

    def _keywords(self, node: ast.Call, at: Context) -> Iterator[Literal]:
        for keyword in node.keywords:
            yield from self.visit(keyword.value, at.key(keyword.arg) if keyword.arg else at)

    def _other_call(self, node: ast.Call, name: SettingPath, at: Context) -> Iterator[Literal]:
        inner = at.inside()
        if isinstance(node.func, ast.Attribute) and name[-1] == "format":
            yield from self.template(node.func.value, _BRACES, inner)
        else:
            if isinstance(node.func, ast.Name):
                yield from self.refer(node.func, inner)
            yield from self.visit_all(ast.iter_child_nodes(node.func), inner)
        for argument in node.args:
            yield from self.visit(argument, inner if is_value(node, argument) else at.inside(readable=False))
        for keyword in node.keywords:
            inside = inner if is_value(node, keyword) else at.inside(readable=False)
            if not at.attributes:
                yield from self.visit(keyword.value, inside)
            # The result may have the argument as an attribute, as that of SimpleNamespace has.
            if keyword.arg and (at.attributes or (at.direct and at.path != at.scope)):
                yield from self.visit(keyword.value, replace(inside.key(keyword.arg), attributes=True))
            # Env(KEY=(str, "default")), for example.
            if keyword.arg and keyword.arg.isupper():
                yield from self.visit(keyword.value, at.target((keyword.arg,)))

    def update(self, node: ast.Call, at: Context) -> Iterator[Literal]:
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 (a name of one part is not a setter)
        owner = name_of(node.func.value)
        given = node.args
        if len(given) > 1 and owner == ("dict",):
            owner, given = name_of(given[0]), given[1:]
        inner = at.target(() if owner[-1:] == ("__dict__",) else owner)
        yield from self.visit_all(given, inner)
        yield from self._keywords(node, inner)

    def set_item(self, node: ast.Call, at: Context) -> Iterator[Literal]:
        owners = [node.func.value] if isinstance(node.func, ast.Attribute) and len(node.args) == 2 else []
        if len(node.args) < 2:
            return
        *objects, key, value = owners + node.args
        names = name_of(objects[0]) if objects else ()
        yield from self.visit(value, at.target((*names, text_of(key) or UNKNOWN)))

    def configure(self, node: ast.Call, at: Context) -> Iterator[Literal]:
        yield from self._keywords(node, at.target(()))

    def append(self, node: ast.Call, at: Context) -> Iterator[Literal]:
        owner = name_of(node.func.value) if isinstance(node.func, ast.Attribute) else ()
        yield from self.visit_all(node.args, at.target((*owner, UNKNOWN)))


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


_SETTERS: dict[str, Callable[[_Visitor, ast.Call, Context], Iterator[Literal]]] = {
    "update": _Visitor.update,
    "__ior__": _Visitor.update,
    "__init__": _Visitor.update,
    "setattr": _Visitor.set_item,
    "__setattr__": _Visitor.set_item,
    "__setitem__": _Visitor.set_item,
    "setitem": _Visitor.set_item,
    "putenv": _Visitor.set_item,
    "setdefault": _Visitor.set_item,
    "configure": _Visitor.configure,
    "append": _Visitor.append,
    "extend": _Visitor.append,
}

_Visitor.handlers = {
    ast.Assign: _Visitor.assign,
    ast.AnnAssign: _Visitor.assign_one,
    ast.AugAssign: _Visitor.assign_one,
    ast.NamedExpr: _Visitor.walrus,
    ast.ClassDef: _Visitor.scope,
    ast.FunctionDef: _Visitor.scope,
    ast.AsyncFunctionDef: _Visitor.scope,
    ast.Return: _Visitor.returned,
    ast.If: _Visitor.branches,
    ast.While: _Visitor.branches,
    ast.For: _Visitor.loop,
    ast.AsyncFor: _Visitor.loop,
    ast.withitem: _Visitor.managed,
    ast.Try: _Visitor.branches,
    ast.Match: _Visitor.match,
    ast.Dict: _Visitor.mapping,
    ast.List: _Visitor.sequence,
    ast.Tuple: _Visitor.sequence,
    ast.Set: _Visitor.sequence,
    ast.Call: _Visitor.call,
    ast.IfExp: _Visitor.either,
    ast.BoolOp: _Visitor.one_of,
    ast.Compare: _Visitor.compare,
    ast.UnaryOp: _Visitor.unary,
    ast.BinOp: _Visitor.operation,
    ast.JoinedStr: _Visitor.fstring,
    ast.Subscript: _Visitor.subscript,
    ast.Attribute: _Visitor.attribute,
    ast.Name: _Visitor.refer,
    ast.Constant: _Visitor.constant,
}
