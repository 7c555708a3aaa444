"""One run of mutmut for one module, in a copy of the repository that the next run goes on with.

Processes that tests start import the package as it is installed, without mutants.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIES = ROOT / "build" / "mutants"
# pytest ends as if it were interrupted when a mutant keeps it from collecting the tests.
KILLED = ("killed", "timeout", "segfault", "caught by type check", "check was interrupted by user")
# What the tests read beside the package and themselves.
_BESIDE = [
    "example_project", "benchmarks", "docs", "manage.py", "Makefile",
    "README.rst", "CHANGELOG.rst", "CONTRIBUTING.rst", "LICENSE",
]  # fmt: skip
# The tests that have tried the mutants of a copy, and their hash: mutmut itself only sees changes of the module.
_KEY = "tests.key"
_PYTEST = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "tests.mutants.forking", "-m", "not (second_tier or more)"]


@dataclass(frozen=True)
class Score:
    """The result for one module.

    Attributes:
        module: Its path below the package, without ``.py``.
        killed: How many mutants the tests noticed.
        survivors: The names of the others that were run.
        left: How many were not run, because time was over.
        failure: Why mutmut could not run, or "".
    """

    module: str
    killed: int
    survivors: tuple[str, ...]
    left: int
    failure: str = ""

    @property
    def percent(self) -> float:
        """The share of the mutants that were noticed."""
        return 100 * self.killed / max(self.killed + len(self.survivors), 1)


def run_module(module: str, tests: str, seconds: float, jobs: int, *, only_survivors: bool = False) -> Score:
    """Mutate a module for at most ``seconds``.

    Mutants that earlier runs have tried are tried again only if the tests have changed since; with ``only_survivors``,
    those that no test has noticed, whether or not the tests have changed.
    """
    folder = COPIES / module.replace("/", ".")
    key = _read_key(folder)
    if key != _hash_tests(tests) and not (only_survivors and key.startswith(f"{tests}\n")):
        shutil.rmtree(folder, ignore_errors=True)
    known = _read_statuses(folder) if only_survivors and folder.exists() else {}
    survivors = [name for name, status in known.items() if status not in KILLED]
    _copy(folder, module, tests)
    log = folder / "mutmut.log"
    with log.open("w") as out:
        try:
            ended = subprocess.run(
                _mutmut("run", "--max-children", str(jobs), *survivors),
                cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=seconds, check=False,
            ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            ended = 0
    return _read_score(folder, module, f"mutmut failed, see {log.relative_to(ROOT)}" if ended else "")


def _read_statuses(folder: Path) -> dict[str, str]:
    listed = subprocess.run(
        _mutmut("results", "--all", "true"), cwd=folder, capture_output=True, text=True, check=False
    ).stdout
    return dict(line.strip().rsplit(": ", 1) for line in listed.splitlines() if ": " in line)


def _read_score(folder: Path, module: str, failure: str) -> Score:
    found = _read_statuses(folder)
    counts = Counter(found.values())
    survivors = tuple(sorted(name for name, status in found.items() if status in ("survived", "no tests")))
    killed = sum(counts[status] for status in KILLED)
    return Score(module, killed, survivors, len(found) - killed - len(survivors), failure)


def show(module: str, mutant: str) -> str:
    """Return the diff of a mutant."""
    folder = COPIES / module.replace("/", ".")
    return subprocess.run(_mutmut("show", mutant), cwd=folder, capture_output=True, text=True, check=False).stdout


def _mutmut(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mutmut", *arguments]


def _read_key(folder: Path) -> str:
    key = folder / _KEY
    return key.read_text() if key.is_file() else ""


def _hash_tests(tests: str) -> str:
    """Return the list of the tests with a SHA-256 of them, and of the fixtures and helpers beside and above them."""
    found: set[Path] = set()
    for path in (ROOT / "tests" / test.partition("::")[0] for test in tests.split()):
        found.update(path.rglob("*.py") if path.is_dir() else [path])
        for folder in (folder for folder in path.parents if folder.is_relative_to(ROOT / "tests")):
            found.update(each for each in folder.glob("*.py") if not each.name.startswith("test_"))
    return f"{tests}\n{hashlib.sha256(b''.join(path.read_bytes() for path in sorted(found))).hexdigest()}"


def _copy(folder: Path, module: str, tests: str) -> None:
    """Copy what git knows of the repository, and say in its configuration what is mutated."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode().split("\0")  # fmt: skip
    for name in filter(None, names):
        source, target = ROOT / name, folder / name
        if source.is_file() and not (target.is_file() and source.read_bytes() == target.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    settings = {
        "source_paths": ["zemanta_ops"],
        "only_mutate": [f"zemanta_ops/{module}.py"],
        "also_copy": _BESIDE,
        "pytest_add_cli_args": _PYTEST,
        "pytest_add_cli_args_test_selection": [f"tests/{test}" for test in tests.split()],
    }
    (folder / _KEY).write_text(_hash_tests(tests))
    lines = "\n".join(f"{name} = {value!r}" for name, value in settings.items())
    (folder / "pyproject.toml").write_text(f"{(ROOT / 'pyproject.toml').read_text()}\n[tool.mutmut]\n{lines}\n")
