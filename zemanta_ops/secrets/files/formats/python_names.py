"""Names in Python: the setting that an expression means, and which arguments of a call are names, not values."""

from __future__ import annotations

import ast
import re

from zemanta_ops.secrets.files.formats.base import SettingPath

# A part of a name that only the running program knows.
UNKNOWN = "?"
# globals()["X"] is the setting X.
_NAMESPACES = frozenset({"globals", "locals", "vars"})
# Constants of Django that are keys in settings.
_CONSTANTS = {"DEFAULT_DB_ALIAS": "default", "DEFAULT_CACHE_ALIAS": "default"}
# Calls that look a value up elsewhere: the environment, a file, a service. Their first argument is its name.
_LOOKUP = re.compile(
    r"env|conf|secret|vault|param|get|read|open|(?<!s)load|fetch|client|path|resolve|lookup|output|keyring|file",
    re.IGNORECASE,
)
# Calls whose result is made of their arguments, whatever else their name contains.
_MAKES = re.compile(
    r"^(?:builtins\.)?(?:str|bytes|bytearray)$|(?:^|\.)(?:loads|safe_load|fromhex|fromkeys|parse\w*|decode|encode|\w*64decode|format|join|replace)$"
)
# Methods of strings whose results do not contain their arguments.
_CUTS = frozenset({"encode", "decode", "split", "rsplit", "splitlines", "partition", "rpartition", "strip", "lstrip"})
_CUTS |= {"rstrip", "removeprefix", "removesuffix", "startswith", "endswith"}
_MODULES = frozenset({"codecs", "base64", "binascii"})
_DEFAULT = re.compile(r"default|fallback|value|initial|otherwise", re.IGNORECASE)
_REFERENCE = re.compile(r"[A-Za-z0-9_./:-]*")


def name_of(node: ast.expr) -> SettingPath:
    """Return the parts of the name of a target, a function or a variable: ``X``, ``settings.X``, ``X["a"]["b"]``."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        return (*name_of(node.value), node.attr)
    if isinstance(node, ast.Subscript):
        # An index that is a variable may be any key.
        return (*name_of(node.value), UNKNOWN if isinstance(node.slice, ast.Name) else key_of(node.slice))
    if isinstance(node, ast.Starred):
        return name_of(node.value)
    if isinstance(node, ast.Call) and name_of(node.func)[-1] in _NAMESPACES:
        return ()
    return (UNKNOWN,)


def key_of(node: ast.expr | None) -> str:
    """Return a key of a mapping, or an index, as a part of a setting's name."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int)):
        return str(node.value)
    if text := text_of(node):
        return text
    return _CONSTANTS.get(node.id, node.id) if isinstance(node, ast.Name) else UNKNOWN


def text_of(node: ast.expr | None) -> str | None:
    """Return the value of a string that is written without fields: ``"a" "b"``, ``"a" + "b"``, ``f"ab"``."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        parts = [text_of(part) for part in node.values]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [text_of(node.left), text_of(node.right)]
    else:
        return None
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None


def looks_up(call: ast.Call) -> bool:
    """Whether a call asks for a value by its name, as ``os.environ.get("KEY")`` and ``env("KEY")`` do."""
    names = [part for part in name_of(call.func) if part != UNKNOWN]
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, (ast.Constant, ast.JoinedStr)):
        return False
    name = ".".join(names)
    return bool(_LOOKUP.search(name)) and not _MAKES.search(name)


def is_value(call: ast.Call, argument: ast.expr | ast.keyword) -> bool:
    """Whether an argument is part of the result of a call, as opposed to the name by which it looks something up."""
    name = name_of(call.func)
    if len(name) > 1 and name[-1] in _CUTS and name[0] not in _MODULES:
        return False
    if not looks_up(call):
        return True
    if isinstance(argument, ast.keyword):
        return argument.arg is None or bool(_DEFAULT.search(argument.arg))
    index = call.args.index(argument)
    if index == 0 or (name[-1] == "getattr" and index == 1):
        text = text_of(argument)
        return text is not None and not _REFERENCE.fullmatch(text)
    return not re.search(r"open|path|file|join|password|credential", name[-1], re.IGNORECASE)
