"""Find the calls of the metrics client in the source of the project's own apps, without running it."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps

KINDS = {
    "incr": "counter",
    "decr": "counter",
    "gauge": "gauge",
    "timing": "timing",
    "timer": "timing",
    "block_timer": "timing",
    "histogram": "histogram",
    "unique": "set",
}
PACKAGE = "zemanta_ops"
MODULE = "zemanta_ops.metrics"
# Keywords that are the value of a call, not tags, if the call has no second positional argument.
VALUES = {
    "incr": {"count", "value"},
    "decr": {"count", "value"},
    "gauge": {"value"},
    "timing": {"seconds", "value"},
    "histogram": {"value"},
    "unique": {"value"},
}


@dataclass(frozen=True)
class Call:
    """One call: the metric's name, its tags (None if the value is computed), and its place in the source."""

    name: str
    kind: str
    tags: tuple[tuple[str, str | None], ...]
    place: str


def find_project_calls() -> list[Call]:
    """Return the calls in all installed apps that are not installed packages, by name."""
    folders = {Path(app.path) for app in apps.get_app_configs() if not _is_installed(Path(app.path))}
    calls = [call for folder in folders for path in _list_sources(folder) for call in find_calls(_read(path), path)]
    return sorted(set(calls), key=lambda call: (call.name, call.place))


def find_calls(source: str, path: Path) -> Iterator[Call]:
    """Yield the calls with a constant name in one file, or nothing if it is not Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    modules, functions = _find_imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = _find_function(node.func, modules, functions)
            if function in KINDS and node.args and isinstance(node.args[0], ast.Constant):
                tags = tuple(sorted(_find_tags(node, function)))
                yield Call(str(node.args[0].value), KINDS[function], tags, f"{path}:{node.lineno}")


def _find_imports(tree: ast.AST) -> tuple[set[str], dict[str, str]]:
    """Return the names that a file gives to the module, and to the functions that it imports from it."""
    modules: set[str] = set()
    functions: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.asname or alias.name for alias in node.names if alias.name == MODULE)
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            modules.update(alias.asname or alias.name for alias in node.names if alias.name == "metrics")
        elif isinstance(node, ast.ImportFrom) and node.module == MODULE:
            functions.update({alias.asname or alias.name: alias.name for alias in node.names})
    return modules, functions


def _find_function(called: ast.expr, modules: set[str], functions: dict[str, str]) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr if ast.unparse(called.value) in modules else ""
    return functions.get(called.id, "") if isinstance(called, ast.Name) else ""


def _find_tags(call: ast.Call, function: str) -> Iterator[tuple[str, str | None]]:
    values = set() if len(call.args) > 1 else VALUES.get(function, set())
    for keyword in call.keywords:
        if keyword.arg is None:
            yield "**", None
        elif keyword.arg not in values and (function, keyword.arg) != ("gauge", "delta"):
            given = keyword.value
            yield keyword.arg, str(given.value) if isinstance(given, ast.Constant) else None


def _is_installed(folder: Path) -> bool:
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return folder.name == PACKAGE or any(folder.is_relative_to(library) for library in libraries)


def _list_sources(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*.py")) if not {"migrations", "site-packages"} & set(path.parts))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
