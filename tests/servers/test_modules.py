"""The modules of our own, in which old releases are built, and what they need on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import cache, golang, install, recipes
from tests.servers.__main__ import main
from tests.servers.recipes import MODULES, RECIPES, Recipe


def test_where_cargo_is_missing_the_installer_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(cache.ENV, str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", "true")
    assert main(["install", "influxdb2"]) == 1
    assert capsys.readouterr().err == (
        "influxdb2: it is built with Rust's cargo (https://rustup.rs), which is not on this machine\n"
    )


@pytest.mark.parametrize("recipe", [recipe for recipe in RECIPES.values() if recipe.module], ids=lambda each: each.name)
def test_a_module_of_our_own_pins_the_version_of_its_recipe(recipe: Recipe) -> None:
    required = {
        line.split()[0]: line.split()[1]
        for line in (MODULES / recipe.name / "go.mod").read_text().splitlines()
        if " v" in line and "=>" not in line
    }
    server = list(recipe.packages.values())[-1]
    if server == ".":
        # A program of our own around a library, which is the first requirement.
        server = next(iter(required))
    assert [version for module, version in required.items() if server.startswith(module)] == [f"v{recipe.version}"]
    assert f" v{recipe.version} h1:" in (MODULES / recipe.name / "go.sum").read_text()


def test_a_changed_module_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "MODULES", tmp_path)
    (tmp_path / "vault").mkdir()
    folders = set()
    for mod, total in (("1", "1"), ("2", "1"), ("2", "2")):
        (tmp_path / "vault" / "go.mod").write_text(mod)
        (tmp_path / "vault" / "go.sum").write_text(total)
        folders.add(RECIPES["vault"].folder)
    assert len(folders) == 3


def test_a_build_that_fails_does_not_keep_the_others_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(cache.ENV, str(tmp_path))
    done: list[str] = []

    def build(recipe: Recipe, go: object, folder: Path) -> None:
        if recipe.name == "age":
            raise install.BuildError("the build of age failed")
        done.append(recipe.name)
        (folder / "sops").touch()

    monkeypatch.setattr(install, "_build", build)
    monkeypatch.setattr(golang, "find", lambda: Path("go"))
    assert main(["install", "age", "sops"]) == 1
    assert done == ["sops"]
    assert capsys.readouterr().err == "the build of age failed\n"
