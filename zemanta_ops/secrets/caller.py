"""The setting that the calling code assigns a secret to, from its source: for errors and overrides of ``.get()``."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from types import FrameType

SettingCall = tuple[tuple[str, ...], ast.Call]

_PACKAGE = "zemanta_ops."
_ROOM = "zemanta_ops.secrets."
_COMMANDS = "zemanta_ops.secrets.verbs."
_READERS = frozenset({"get", "get_bytes", "decrypt", "decrypt_bytes"})


@dataclass(frozen=True)
class Caller:
    """Code that reads a secret.

    Attributes:
        setting: The path of the setting that it assigns the secret to, such as ``SECRET_KEY``; "" if it is not known.
        place: ``file:line``; "" for code of this package.
        is_command: Whether it is a command of ours, which wants the token's own plaintext.
    """

    setting: str = ""
    place: str = ""
    is_command: bool = False


def find_caller(path: str = "") -> Caller:
    """Return the code that called this package; ``path`` is the setting, if that is known already."""
    if is_command():
        return Caller(path, is_command=True)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _module_of(frame).startswith(_ROOM):
        frame = frame.f_back
    if frame is None or _module_of(frame).startswith(_PACKAGE):
        return Caller(path)
    return Caller(path or _find_setting(frame), f"{frame.f_code.co_filename}:{frame.f_lineno}")


def is_command() -> bool:
    """Whether a command of ours reads the secret: an operator's machine belongs to no environment."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _module_of(frame).startswith(_ROOM):
        if _module_of(frame).startswith(_COMMANDS):
            return True
        frame = frame.f_back
    return False


def _find_setting(frame: FrameType) -> str:
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals)))
    except (SyntaxError, ValueError, RecursionError):
        return ""
    found = [path for path, call in _find_calls(tree, ()) if _is_running(call, frame)]
    return ".".join(found[0]) if len(found) == 1 else ""


def _module_of(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__')}."


def _is_running(call: ast.Call, frame: FrameType) -> bool:
    """Whether a frame is in this call. Before Python 3.11, only the line is known."""
    positions = getattr(frame.f_code, "co_positions", None)
    if positions is None:
        return call.lineno <= frame.f_lineno <= (call.end_lineno or 0)
    current = next(islice(positions(), frame.f_lasti // 2, None), None)
    # The start of a method call that spans lines is that of the method's name.
    return current is not None and current[1::2] == (call.end_lineno, call.end_col_offset)


def _find_calls(node: ast.AST, path: tuple[str, ...]) -> Iterator[SettingCall]:
    """Yield each call that reads a secret, with the path that its value is assigned to."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _READERS:
        yield path, node
    if isinstance(node, ast.Assign):
        yield from _find_calls(node.value, _read_target(node.targets[0]))
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _find_calls(node.value, _read_target(node.target))
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        # A property of a class of settings; the variables of a function are not settings.
        for inner in ast.walk(node):
            if isinstance(inner, ast.Return) and inner.value is not None:
                yield from _find_calls(inner.value, (node.name,) if node.name.isupper() else ())
    else:
        for key, child in _list_children(node):
            yield from _find_calls(child, path if key is None or not path else (*path, key))


def _list_children(node: ast.AST) -> Iterator[tuple[str | None, ast.AST]]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield str(key.value) if isinstance(key, ast.Constant) else None, value
    elif isinstance(node, (ast.List, ast.Tuple)):
        yield from ((str(index), element) for index, element in enumerate(node.elts))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        yield from ((keyword.arg, keyword.value) for keyword in node.keywords)
    else:
        yield from ((None, child) for child in ast.iter_child_nodes(node))


def _read_target(node: ast.expr) -> tuple[str, ...]:
    """Return the path of a name, or of an item of it: ``DATABASES["default"]["PASSWORD"]``."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        above = _read_target(node.value)
        return (*above, str(node.slice.value)) if above else ()
    return ()
