"""Python settings files through LibCST: the setting that each string belongs to, and the exact place of its text."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import libcst as cst
from libcst.metadata import ByteSpanPositionProvider, CodeSpan, MetadataWrapper

from zemanta_ops.secrets.files.formats.base import FormatError, Literal, SettingPath, Span, line_of, pieces

# Methods that return the value of a Secret: Secret(…).get() still belongs to the setting.
_READERS = frozenset({"get", "get_bytes", "decrypt"})


def scalars(text: str) -> list[Literal]:
    """Return every string of a Python module, with the dotted name of the setting that it is assigned to.

    Raises:
        FormatError: The text is not Python.
    """
    _check(text)
    try:
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    except cst.ParserSyntaxError as error:
        raise FormatError(error.raw_line, "not valid Python") from None
    spans = cast("Mapping[cst.CSTNode, CodeSpan]", wrapper.resolve(ByteSpanPositionProvider))
    return list(_Visitor(text, spans).node(wrapper.module, _Context()))


def _check(text: str) -> None:
    """Parse with CPython first: LibCST's parser crashes the process if brackets nest a few thousand deep."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        raise FormatError(error.lineno or 0, "not valid Python") from None
    except (ValueError, RecursionError, MemoryError):
        raise FormatError(0, "not valid Python, or nested too deeply") from None


@dataclass(frozen=True)
class _Context:
    """Where in the settings the visitor is."""

    path: SettingPath = ()
    call: str = ""
    direct: bool = True

    def key(self, name: str) -> _Context:
        return replace(self, path=(*self.path, name))

    def inside(self) -> _Context:
        return replace(self, direct=False, call="")


class _Visitor:
    def __init__(self, text: str, spans: Mapping[cst.CSTNode, CodeSpan]) -> None:
        self.text = text
        self.spans = spans
        self.offset = _offsets(text)

    def node(self, node: cst.CSTNode, place: _Context) -> Iterator[Literal]:
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            yield from handler(self, node, place)
        else:
            inner = place.inside() if isinstance(node, cst.BaseExpression) else place
            for child in node.children:
                yield from self.node(child, inner)

    def span(self, node: cst.CSTNode) -> Span:
        code = self.spans[node]
        return self.offset(code.start), self.offset(code.start + code.length)

    def assign(self, node: cst.Assign, place: _Context) -> Iterator[Literal]:
        yield from self._to_target(node.targets[0].target, node.value, place)

    def assign_annotated(
        self, node: cst.AnnAssign | cst.AugAssign | cst.NamedExpr, place: _Context
    ) -> Iterator[Literal]:
        if node.value is not None:
            yield from self._to_target(node.target, node.value, place)

    def _to_target(self, target: cst.BaseExpression, value: cst.BaseExpression, place: _Context) -> Iterator[Literal]:
        if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple):
            for left, right in zip(target.elements, value.elements, strict=False):
                yield from self._to_target(left.value, right.value, place)
            return
        yield from self.node(value, replace(place, path=(*place.path, *_name(target))))

    def scope(self, node: cst.ClassDef | cst.FunctionDef, place: _Context) -> Iterator[Literal]:
        for child in node.children:
            yield from self.node(child, place.key(node.name.value))

    def mapping(self, node: cst.Dict, place: _Context) -> Iterator[Literal]:
        for element in node.elements:
            known = isinstance(element, cst.DictElement)
            inner = place.key(_key(element.key)) if isinstance(element, cst.DictElement) else place
            yield from self.node(element.value, inner if known else inner.inside())

    def sequence(self, node: cst.List | cst.Tuple | cst.Set, place: _Context) -> Iterator[Literal]:
        for index, element in enumerate(node.elements):
            yield from self.node(element.value, place.key(str(index)))

    def call(self, node: cst.Call, place: _Context) -> Iterator[Literal]:
        name = ".".join(_name(node.func))
        last = name.rpartition(".")[2]
        if last in ("Secret", "StrictSecret"):
            yield from self._arguments(node.args, replace(place, call=last), place.inside(), wanted=(0, "token"))
        elif name.endswith("Secret.template"):
            inner = replace(place, call="Secret.template")
            yield from self._arguments(node.args, inner, place.inside(), wanted=(1, "token"))
        elif name == "dict":
            for argument in node.args:
                yield from self.node(argument.value, place.key(argument.keyword.value if argument.keyword else "?"))
        elif last in _READERS and isinstance(node.func, cst.Attribute):
            yield from self.node(node.func.value, place)
            yield from self._arguments(node.args, place.inside(), place.inside())
        else:
            yield from self.node(node.func, place.inside())
            yield from self._arguments(node.args, place.inside(), place.inside())

    def _arguments(
        self, arguments: Sequence[cst.Arg], first: _Context, others: _Context, wanted: tuple[int, str] = (0, "")
    ) -> Iterator[Literal]:
        for index, argument in enumerate(arguments):
            is_wanted = argument.keyword.value == wanted[1] if argument.keyword else index == wanted[0]
            yield from self.node(argument.value, first if is_wanted else others)

    def either(self, node: cst.IfExp, place: _Context) -> Iterator[Literal]:
        yield from self.node(node.body, place)
        yield from self.node(node.test, place.inside())
        yield from self.node(node.orelse, place)

    def one_of(self, node: cst.BooleanOperation, place: _Context) -> Iterator[Literal]:
        yield from self.node(node.left, place)
        yield from self.node(node.right, place)

    def string(self, node: cst.SimpleString, place: _Context) -> Iterator[Literal]:
        yield from self._literal(node, [node], place)

    def concatenation(self, node: cst.ConcatenatedString, place: _Context) -> Iterator[Literal]:
        parts: list[cst.SimpleString] = []
        right: cst.BaseExpression = node
        while isinstance(right, cst.ConcatenatedString) and isinstance(right.left, cst.SimpleString):
            parts.append(right.left)
            right = right.right
        if isinstance(right, cst.SimpleString):
            yield from self._literal(node, [*parts, right], place)
        else:
            for child in node.children:
                yield from self.node(child, place.inside())

    def _literal(self, node: cst.CSTNode, parts: list[cst.SimpleString], place: _Context) -> Iterator[Literal]:
        values = [part.evaluated_value for part in parts]
        if any(isinstance(value, bytes) for value in values):
            return
        runs: list[Span] = []
        for part, value in zip(parts, values, strict=True):
            start, end = self.span(part)
            quote = len(part.quote)
            runs += pieces(self.text, (start + len(part.prefix) + quote, end - quote), str(value))
        span = self.span(node)
        value = "".join(map(str, values))
        yield Literal(
            place.path, value, span, tuple(runs), line_of(self.text, span[0]), call=place.call, direct=place.direct
        )


def _offsets(text: str) -> Callable[[int], int]:
    """Return a function from offsets in UTF-8 bytes, which LibCST counts, to offsets in characters."""
    if text.isascii():
        return lambda offset: offset
    table: list[int] = []
    for index, character in enumerate(text):
        table += [index] * len(character.encode())
    table.append(len(text))
    return table.__getitem__


def _name(node: cst.BaseExpression) -> SettingPath:
    """Return the parts of the name of a target or a function: ``X``, ``settings.X`` and ``X["a"]["b"]``."""
    if isinstance(node, cst.Name):
        return (node.value,)
    if isinstance(node, cst.Attribute):
        return (*_name(node.value), node.attr.value)
    if isinstance(node, cst.Subscript):
        index = node.slice[0].slice
        return (*_name(node.value), _key(index.value) if isinstance(index, cst.Index) else "?")
    return ("?",)


def _key(node: cst.BaseExpression) -> str:
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        value = node.evaluated_value
        return value if isinstance(value, str) else "?"
    return node.value if isinstance(node, (cst.Integer, cst.Name)) else "?"


_HANDLERS: dict[type[cst.CSTNode], Callable[..., Iterator[Literal]]] = {
    cst.Assign: _Visitor.assign,
    cst.AnnAssign: _Visitor.assign_annotated,
    cst.AugAssign: _Visitor.assign_annotated,
    cst.NamedExpr: _Visitor.assign_annotated,
    cst.ClassDef: _Visitor.scope,
    cst.FunctionDef: _Visitor.scope,
    cst.Dict: _Visitor.mapping,
    cst.List: _Visitor.sequence,
    cst.Tuple: _Visitor.sequence,
    cst.Set: _Visitor.sequence,
    cst.Call: _Visitor.call,
    cst.IfExp: _Visitor.either,
    cst.BooleanOperation: _Visitor.one_of,
    cst.SimpleString: _Visitor.string,
    cst.ConcatenatedString: _Visitor.concatenation,
}
