"""Find tests that cannot fail, and sleeps for a guessed time, in the source of the tests.

``python -m tests.assertions`` lists them.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

ROOT = Path(__file__).resolve().parents[1]
# What fails a test by itself, by the last part of its dotted name. So does every call whose name begins with "assert".
FAILING = frozenset({"raises", "warns", "deprecated_call", "fail", "fnmatch_lines", "no_fnmatch_line"})
# Loops poll, and inner functions imitate slow work.
LOOPS_AND_FAKES = (ast.While, ast.For, ast.AsyncFor, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)

ASSERTS_NOTHING = "asserts nothing"
CONSTANT = "asserts a constant"
SAME_CALL = "compares a call with itself"
BROAD = "expects any exception with any text"
ONLY_IF_RAISED = "asserts only if an exception comes"
UNREACHED = "asserts after the call that raises"
SLEEPING = "sleeps for a guess"


@dataclass(frozen=True)
class Finding:
    """A function of the tests, with what is wrong with it."""

    function: str
    fault: str
    line: int

    def __str__(self) -> str:
        return f"{self.function}: {self.fault}, line {self.line}"


@dataclass
class Module:
    """A module of the tests: its functions at any depth, and what its names mean that it imports."""

    path: str
    tree: ast.Module
    functions: defaultdict[str, list[Function]] = field(default_factory=lambda: defaultdict(list))
    imported: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                self.functions[node.name].append(node)
            elif isinstance(node, ast.ImportFrom):
                self.imported |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
            elif isinstance(node, ast.Import):
                self.imported |= {each.asname or each.name: each.name for each in node.names}


class Suite:
    """The modules of the tests. A helper that asserts, itself or by what it calls, asserts for the tests that call it.

    Args:
        sources: the text of each module by its path, such as ``tests/test_signals.py``.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        modules = [Module(path, ast.parse(text)) for path, text in sources.items()]
        self._modules = {_to_dotted(module.path): module for module in modules}
        self._methods: defaultdict[str, list[Function]] = defaultdict(list)
        for name, function in (each for module in modules for each in _list_methods(module)):
            self._methods[name].append(function)
        self._calls = {
            function: (module, [node.func for node in ast.walk(function) if isinstance(node, ast.Call)])
            for module in modules
            for same in module.functions.values()
            for function in same
        }
        self._asserting = {function for function in self._calls if _fails_by_itself(function)}
        while found := {function for function in self._calls if self._begins_to_assert(function)}:
            self._asserting |= found

    def find(self) -> list[Finding]:
        """Return what is wrong, in the order of the sources."""
        return [finding for module in self._modules.values() for finding in self._find_in(module)]

    def _find_in(self, module: Module) -> Iterator[Finding]:
        is_test_module = Path(module.path).name.startswith("test_")
        for name, function in _list_outer(module.tree.body):
            where = f"{module.path}::{name}"
            if is_test_module and function.name.startswith("test") and function not in self._asserting:
                yield Finding(where, ASSERTS_NOTHING, function.lineno)
            for fault, node in _find_faults(function):
                yield Finding(where, fault, node.lineno)

    def _begins_to_assert(self, function: Function) -> bool:
        module, calls = self._calls[function]
        return function not in self._asserting and any(
            reached in self._asserting for called in calls for reached in self._resolve(module, called)
        )

    def _resolve(self, module: Module, called: ast.expr) -> list[Function]:
        """Return the functions of the tests that a call may reach."""
        match called:
            case ast.Name(id=name) if name in module.imported:
                return self._look_up(module.imported[name])
            case ast.Name(id=name):
                return module.functions.get(name, [])
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if module.imported.get(owner) in self._modules:
                return self._look_up(f"{module.imported[owner]}.{name}")
            case ast.Attribute(attr=name):
                return self._methods.get(name, [])
        return []

    def _look_up(self, dotted: str) -> list[Function]:
        home, _, name = dotted.rpartition(".")
        return self._modules[home].functions.get(name, []) if home in self._modules else []


def read_suite() -> Suite:
    """Return the suite of this repository."""
    paths = sorted((ROOT / "tests").rglob("*.py"))
    return Suite({path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths})


def _to_dotted(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def _list_outer(body: Iterable[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yield the functions and methods of a module that are not inside a function."""
    for node in body:
        if isinstance(node, Function):
            yield f"{prefix}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _list_outer(node.body, f"{prefix}{node.name}::")
        elif isinstance(node, ast.If | ast.Try):
            yield from _list_outer([*node.body, *node.orelse], prefix)


def _list_methods(module: Module) -> Iterator[tuple[str, Function]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            yield from ((each.name, each) for each in node.body if isinstance(each, Function))


def _fails_by_itself(function: Function) -> bool:
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Raise) and node.exc is not None and "AssertionError" in ast.unparse(node.exc))
        or (isinstance(node, ast.Call) and _is_failing_name(_read_last_name(node.func)))
        for node in ast.walk(function)
    )


def _is_failing_name(name: str) -> bool:
    return name.startswith("assert") or name in FAILING


def _read_last_name(called: ast.expr) -> str:
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _find_faults(function: Function) -> Iterator[tuple[str, ast.stmt | ast.expr]]:
    nodes = list(ast.walk(function))
    asserts = [node for node in nodes if isinstance(node, ast.Assert)]
    yield from ((CONSTANT, node) for node in asserts if _is_constant(node.test))
    yield from ((SAME_CALL, node) for node in asserts if _compares_same_call(node.test))
    yield from ((BROAD, node) for node in nodes if isinstance(node, ast.Call) and _is_broad(node))
    yield from ((UNREACHED, node) for each in nodes if isinstance(each, ast.With) for node in _find_unreached(each))
    handlers = [node for node in nodes if isinstance(node, ast.ExceptHandler)]
    handled = {node for handler in handlers for node in ast.walk(handler) if isinstance(node, ast.Assert)}
    if asserts and handled.issuperset(asserts):
        yield ONLY_IF_RAISED, asserts[0]
    yield from ((SLEEPING, node) for node in _find_sleeps(function.body))


def _is_constant(tested: ast.expr) -> bool:
    match tested:
        case ast.Constant(value=False | None | 0):  # `assert False` fails whenever it is reached
            return False
        case ast.Constant() | ast.JoinedStr() | ast.Lambda() | ast.Tuple():
            return True
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(map(_is_constant, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _is_literal(operand)
        case ast.Compare(left=left, comparators=others):
            return all(map(_is_literal, [left, *others]))
    return False


def _is_literal(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except ValueError:
        return False
    return True


def _compares_same_call(tested: ast.expr) -> bool:
    match tested:
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]):
            return ast.dump(left) == ast.dump(right) and any(isinstance(node, ast.Call) for node in ast.walk(left))
    return False


def _is_broad(call: ast.Call) -> bool:
    if not _is_raises(call) or {keyword.arg for keyword in call.keywords} & {"match", "check"}:
        return False
    names = {ast.unparse(node) for node in ast.walk(call.args[0])} if call.args else set()
    return not names.isdisjoint({"Exception", "BaseException"})


def _is_raises(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _read_last_name(node.func) == "raises"


def _find_unreached(block: ast.With) -> Iterator[ast.stmt]:
    """Yield what is asserted at the end of a block that is left by an exception."""
    if any(_is_raises(item.context_expr) for item in block.items) and len(block.body) > 1:
        yield from (node for node in block.body[-1:] if isinstance(node, ast.Assert))


def _find_sleeps(body: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Yield sleeps for a constant time outside of loops and inner functions."""
    for node in body:
        if isinstance(node, LOOPS_AND_FAKES):
            continue
        if (
            isinstance(node, ast.Call)
            and _read_last_name(node.func) == "sleep"
            and node.args
            and _is_fixed(node.args[0])
        ):
            yield node
        yield from _find_sleeps(ast.iter_child_nodes(node))


def _is_fixed(seconds: ast.expr) -> bool:
    """Whether a time is a number above 0 or a constant of the module. Sleeping for 0 only lets others run."""
    names = [node.id for node in ast.walk(seconds) if isinstance(node, ast.Name)]
    is_computed = any(isinstance(node, ast.Call | ast.Attribute) for node in ast.walk(seconds))
    return not is_computed and all(name.isupper() for name in names) and ast.unparse(seconds) != "0"


if __name__ == "__main__":
    print(*read_suite().find(), sep="\n")
