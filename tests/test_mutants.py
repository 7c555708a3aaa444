"""The list of modules to mutate names what exists, and results are kept only as long as the tests are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import runs
from tests.mutants.modules import MODULES

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_to_mutate_and_its_tests_exist(module: str) -> None:
    assert (ROOT / "zemanta_ops" / f"{module}.py").is_file()
    for test in MODULES[module].split():
        assert (ROOT / "tests" / test.partition("::")[0]).exists(), test


def test_the_key_of_results_changes_with_tests_fixtures_and_helpers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "ROOT", tmp_path)
    folder = tmp_path / "tests" / "room" / "shelf"
    folder.mkdir(parents=True)
    files = ["conftest.py", "room/helper.py", "room/test_other.py", "room/shelf/test_a.py", "room/shelf/test_b.py"]
    for name in files:
        (tmp_path / "tests" / name).write_text("")
    before = {tests: runs._hash_tests(tests) for tests in ("room/shelf/test_a.py", "room/shelf")}
    assert all(key.startswith(f"{tests}\n") for tests, key in before.items())
    changed = {}
    for name in files:
        (tmp_path / "tests" / name).write_text("x")
        changed[name] = [runs._hash_tests(tests) != key for tests, key in before.items()]
        (tmp_path / "tests" / name).write_text("")
    assert changed == {
        "conftest.py": [True, True],
        "room/helper.py": [True, True],
        "room/test_other.py": [False, False],
        "room/shelf/test_a.py": [True, True],
        "room/shelf/test_b.py": [False, True],
    }
