"""A zemanta_ops.toml that is missing, or lacks a name, never turns off what tokens are bound to."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.configuration import saved
from tests.secrets.tokens import local
from zemanta_ops.secrets import Secret, StrictSecret, config, decrypt_settings, load_config, modes
from zemanta_ops.secrets.exceptions import ConfigError, SecretError

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """
from zemanta_ops.secrets import Secret, decrypt_settings
API_KEY = Secret({token!r})
decrypt_settings(globals())
print("started with", len(API_KEY))
"""


def by_settings(token: str) -> Any:
    settings: dict[str, Any] = {"A": Secret(token)}
    decrypt_settings(settings)
    return settings["A"]


def by_class(token: str) -> Any:
    made = type("Production", (), {"A": Secret(token)})
    decrypt_settings(made)
    return made.A  # type: ignore[attr-defined]


def by_file(token: str) -> Any:
    return load_config(saved(Path.cwd(), "data.toml", f'A = "{token}"\n'))["A"]


READERS: dict[str, Callable[[str], Any]] = {
    "decrypt_settings": by_settings,
    "decrypt_settings of a class": by_class,
    "load_config": by_file,
    "get": lambda token: Secret(token).get(name="A"),
    "get_bytes": lambda token: Secret(token).get_bytes(name="A"),
    "template": lambda token: Secret.template("{}", token).get(name="A"),
    "strict": lambda token: StrictSecret(token).decrypt(name="A"),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("mode", ["", modes.DEFERRED, modes.FAKE])
def test_a_token_that_is_bound_to_an_application_needs_one(
    read: Callable[[str], Any], mode: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(modes.VARIABLE, mode)
    token = local("example", app="shop", name="A")
    with pytest.raises(SecretError) as caught:
        read(token)
    for wanted in ("zemanta_ops.toml is missing here", "COPY zemanta_ops.toml", "ZEMANTA_OPS_CONFIG"):
        assert wanted in str(caught.value)
    assert "shop" not in str(caught.value)
    (home / "zemanta_ops.toml").write_text('app = "shop"\n')
    if not mode:
        assert read(token) in ("example", b"example")
    else:
        read(token)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_file_without_app_is_named(read: Callable[[str], Any], home: Path) -> None:
    (home / "zemanta_ops.toml").write_text("require_context = false\n")
    with pytest.raises(SecretError, match=r"zemanta_ops\.toml does not name one\. Add to it: app = "):
        read(local("example", app="shop", name="A"))


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_token_that_is_bound_to_an_environment_needs_one(
    read: Callable[[str], Any], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = local("example", name="A", env="production")
    with pytest.raises(SecretError, match=r"does not know its own\. Run: export ZEMANTA_OPS_ENV="):
        read(token)
    (home / "zemanta_ops.toml").write_text('environment = "staging"\n')
    with pytest.raises(SecretError, match="another environment"):
        read(token)
    monkeypatch.setenv(config.ENVIRONMENT_VARIABLE, "production")
    assert read(token) in ("example", b"example")


def test_a_build_is_for_every_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.VARIABLE, modes.DEFERRED)
    (home / "zemanta_ops.toml").write_text('environment = "development"\n')
    for read in READERS.values():
        read(local("example", name="A", env="production"))


def test_an_application_by_hand_is_known(home: Path) -> None:
    token = local("example", app="shop", name="A")
    settings: dict[str, Any] = {"A": Secret(token)}
    decrypt_settings(settings, app="shop")
    assert settings["A"] == Secret(token).get(name="A", app="shop") == "example"
    assert load_config(saved(home, "data.toml", f'A = "{token}"\n'), app="shop") == {"A": "example"}


def test_a_token_without_an_application_needs_no_file(home: Path) -> None:
    for read in READERS.values():
        assert read(local("example", name="A")) in ("example", b"example")


def test_the_path_in_the_variable_must_exist(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(config.FILE_VARIABLE, str(home / "gone.toml"))
    with pytest.raises(ConfigError, match="does not exist"):
        by_settings(local("example"))


@pytest.mark.parametrize("copied", [False, True])
def test_an_image_that_lacks_the_file_does_not_start(copied: bool, home: Path) -> None:
    """As in an image: the settings were copied, and the folder above them is another one."""
    repository, image = home / "repository", home / "image"
    for folder in (repository, image):
        (folder / "site").mkdir(parents=True)
    (repository / "zemanta_ops.toml").write_text('app = "shop"\nrequire_context = true\n')
    token = local("example", app="shop", name="API_KEY")
    (repository / "site" / "settings.py").write_text(SETTINGS.format(token=token))
    shutil.copy(repository / "site" / "settings.py", image / "site")
    if copied:
        shutil.copy(repository / "zemanta_ops.toml", image)
    done = subprocess.run(
        [sys.executable, "site/settings.py"],
        cwd=image,
        env={"PYTHONPATH": str(ROOT), "HOME": str(home), "XDG_DATA_HOME": str(home / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("started with 7" in done.stdout) == copied
    assert ("COPY zemanta_ops.toml" in done.stderr) != copied
