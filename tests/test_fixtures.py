"""A fixture of a folder means the same in each test below: another of its name would silently replace it for some."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
# The module is a plug-in that tests/conftest.py loads, so its fixtures are those of every test.
PLUGIN = TESTS / "servers" / "fixtures.py"
# This one of pytest's own is replaced for every test.
REPLACED = {"monkeypatch"}


def find_fixtures(path: Path) -> Iterator[str]:
    """Yield the names of the fixtures that a file defines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list):
                    yield node.name


def test_no_fixture_replaces_one_of_a_folder_above() -> None:
    folders = {path: path.parent for path in TESTS.rglob("conftest.py")} | {PLUGIN: TESTS}
    names = {path: set(find_fixtures(path)) - REPLACED for path in folders}
    assert len(names[PLUGIN]) > 10
    assert [
        (name, above.relative_to(TESTS), below.relative_to(TESTS))
        for above, folder in folders.items()
        for below in folders
        if above != below and folders[below].is_relative_to(folder)
        for name in names[above] & names[below]
    ] == []
