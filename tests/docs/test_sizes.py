"""Functions and files stay short, and nothing small is in a file of its own without a reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from statistics import median

from tests.docs.english import PACKAGE

LONGEST_FILE = 300
# It had more lines when this was first measured: shorten it, and take it out.
LONG_FILES = {"metrics/client.py": 380}
SMALL_FILE = 40
# A check is a plug-in, one file each; the script of a composite is the twin of that of an alert.
SMALL_FILES = {
    "checks/alerts.py",
    "checks/cloudwatch.py",
    "checks/declarations.py",
    "management/output.py",
    "stack/generate/kapacitor/composites.py",
}


@cache
def read_files() -> dict[str, str]:
    """Return the text of every file of the package, by its path in it."""
    return {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def count_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the length of a function without its docstring."""
    match function.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as docstring:
            return function.end_lineno - function.lineno - (docstring.end_lineno - docstring.lineno)  # type: ignore[operator]
    return function.end_lineno - function.lineno + 1  # type: ignore[operator]


def find_functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def to_path(module: str) -> str:
    return module.removeprefix("zemanta_ops.").replace(".", "/") + ".py"


def find_imports(text: str) -> Iterator[str]:
    """Yield the paths of the modules that a module imports, by whichever form of import."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (to_path(each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield to_path(node.module)
            yield from (to_path(f"{node.module}.{each.name}") for each in node.names)


def test_of_twenty_functions_nineteen_have_at_most_18_lines() -> None:
    lengths = sorted(count_lines(function) for text in read_files().values() for function in find_functions(text))
    assert lengths[len(lengths) * 95 // 100] <= 18


def test_files_are_short_and_no_further_one_is_long() -> None:
    lengths = {path: len(text.splitlines()) for path, text in read_files().items()}
    assert 60 <= median(lengths.values()) <= 110
    assert {path: lines for path, lines in lengths.items() if lines > LONG_FILES.get(path, LONGEST_FILE)} == {}


def test_what_only_one_other_file_of_the_room_uses_is_in_that_file() -> None:
    users: dict[str, set[str]] = {path: set() for path in read_files()}
    for path, text in read_files().items():
        for imported in set(find_imports(text)) & users.keys() - {path}:
            users[imported].add(path)
    small = {path for path, text in read_files().items() if len(text.splitlines()) < SMALL_FILE and "__" not in path}
    lonely = {path for path in small if [each.split("/")[0] for each in users[path]] == [path.split("/")[0]]}
    assert lonely == SMALL_FILES
