"""Builds the servers with Go's own client; what is there already is left alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.servers import cache, golang
from tests.servers.golang import MissingToolError
from tests.servers.recipes import MODULES, RECIPES, Recipe

TOOLS = {
    "cargo": "Rust's cargo (https://rustup.rs)",
    "cc": "a C compiler (Debian: apt install build-essential)",
}


class BuildError(Exception):
    """A build failed; the message carries the last lines of its output."""


def install(names: list[str]) -> None:
    """Build the servers that are not there yet, one after the other, with a line of progress each.

    MissingToolError and BuildError are raised only after all the others have been tried.
    """
    missing: list[str] = []
    failed: list[str] = []
    with cache.locked():
        for name in names:
            try:
                _install(RECIPES[name])
            except MissingToolError as error:
                missing.append(f"{name}: {error}")
            except BuildError as error:
                failed.append(str(error))
    if failed:
        raise BuildError("\n".join([*failed, *missing]))
    if missing:
        raise MissingToolError("\n".join(missing))


def _install(recipe: Recipe) -> None:
    if cache.installed(recipe.name):
        print(f"{recipe.name} {recipe.version}: installed", flush=True)
        return
    for tool in recipe.also_needs:
        if not shutil.which(tool):
            raise MissingToolError(f"it is built with {TOOLS[tool]}, which is not on this machine")
    go = golang.find()
    print(f"{recipe.name} {recipe.version}: building, this takes minutes the first time ...", flush=True)
    started = time.monotonic()
    cache.fill(cache.root() / recipe.folder, lambda folder: _build(recipe, go, folder))
    print(f"{recipe.name} {recipe.version}: built in {time.monotonic() - started:.0f} s", flush=True)


def _build(recipe: Recipe, go: Path, folder: Path) -> None:
    env = _environment(recipe, go, folder)
    for name, package in recipe.packages.items():
        # The last package is the server; the flags are its own.
        last = name == list(recipe.packages)[-1]
        flags = ["-trimpath", "-buildvcs=false", "-tags", recipe.tags, "-ldflags", recipe.ldflags if last else ""]
        if recipe.module:
            command = ["build", "-C", str(MODULES / recipe.name), *flags, "-o", str(folder / name), package]
        else:
            command = ["install", *flags, f"{package}@v{recipe.version}"]
        done = subprocess.run(
            [go, *command],
            env=env,
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            raise BuildError(f"{recipe.name} {recipe.version}: the build of {name} failed\n{done.stdout[-4000:]}")


def _environment(recipe: Recipe, go: Path, folder: Path) -> dict[str, str]:
    """Return the environment of a build: the machine's own, but for what decides how the binary comes out."""
    env = {key: value for key, value in os.environ.items() if key not in {"GOFLAGS", "GOOS", "GOARCH"}}
    env.update(GOBIN=str(folder), CGO_ENABLED="1" if recipe.cgo else "0", GOWORK="off", GOTOOLCHAIN="local")
    env["PATH"] = f"{go.parent}{os.pathsep}{env.get('PATH', '')}"
    if "cargo" in recipe.also_needs:
        env.update(_rust(folder.parent))
        _forget_half_copies(go)
    binaries = {name: folder / name for name in recipe.packages}
    return env | {key: value.format(**binaries) for key, value in recipe.env.items()}


def _rust(scratch: Path) -> dict[str, str]:
    """Return what lets today's Rust build yesterday's code.

    The Flux library asks for an old Rust by file, which the toolchain's name overrides, and denies warnings by
    attribute, which only ``--cap-lints`` on the compiler's command line undoes (RUSTFLAGS does not reach it).
    """
    wrapper = scratch / "rustc-wrapper"
    wrapper.write_text('#!/bin/sh\nexec "$@" --cap-lints warn\n')
    wrapper.chmod(0o755)
    env = {"RUSTC_WRAPPER": str(wrapper)}
    rustup = shutil.which("rustup")
    if rustup:
        listed = subprocess.run([rustup, "toolchain", "list"], capture_output=True, text=True, check=True).stdout
        # If there is none it prints a sentence on the same stream.
        installed = [line for line in listed.splitlines() if not line.startswith("no ")]
        if not installed:
            raise MissingToolError("rustup is here, but no Rust: rustup toolchain install stable")
        active = [line for line in installed if "active" in line or "default" in line]
        env["RUSTUP_TOOLCHAIN"] = (active or installed)[0].split()[0]
    return env


def _forget_half_copies(go: Path) -> None:
    """Remove the Flux library's source from Go's build cache.

    The pkg-config of InfluxDB 2 copies it there and never looks whether an earlier copy was interrupted.
    """
    build_cache = subprocess.run([go, "env", "GOCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    shutil.rmtree(Path(build_cache, "pkgconfig", "github.com"), ignore_errors=True)
