"""The page of public names is true: each exists, its module exports exactly these, and no other module exports any."""

from __future__ import annotations

import ast
from importlib import import_module
from inspect import isroutine
from pathlib import Path

import pytest

from tests.docs.tables import DOCS, literals, tables

PACKAGE = DOCS.parent / "zemanta_ops"
PUBLIC = {
    literals(row[0])[0]: literals(row[1])
    for rows in tables((DOCS / "public.rst").read_text(encoding="utf-8"))
    for row in rows
}


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def exported(path: Path) -> list[str] | None:
    """Return the ``__all__`` of a module, without importing it; None if it has none."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return None


EXPORTED = {dotted(path): names for path in PACKAGE.rglob("*.py") if (names := exported(path)) is not None}


def test_the_page_lists_modules() -> None:
    assert {"zemanta_ops.secrets", "zemanta_ops.metrics", "zemanta_ops.testing"} < set(PUBLIC)


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in PUBLIC.items() for name in names])
def test_every_listed_name_can_be_imported(module: str, name: str) -> None:
    assert getattr(import_module(module), name) is not None


@pytest.mark.parametrize("module", PUBLIC)
def test_a_listed_module_exports_its_listed_names(module: str) -> None:
    assert sorted(EXPORTED.get(module, [])) == sorted(PUBLIC[module])


def test_no_other_module_exports_names() -> None:
    assert set(EXPORTED) - set(PUBLIC) == set()


def test_every_listed_name_of_a_module_has_a_docstring() -> None:
    missing = [
        f"{module}.{name}"
        for module, names in PUBLIC.items()
        for name in names
        if isroutine(value := getattr(import_module(module), name)) or isinstance(value, type)
        if not value.__doc__
    ]
    assert missing == []
