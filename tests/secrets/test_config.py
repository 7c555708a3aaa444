"""zemanta_ops.toml."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from zemanta_ops.secrets import config
from zemanta_ops.secrets.exceptions import ConfigError

TWO = '[environments.a]\nbackend = "local"\n[environments.b]\nbackend = "kms"\nkey = "alias/b"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / config.FILE_NAME
    path.write_text(text)
    return path


def test_without_a_file_there_are_defaults(home: Path) -> None:
    assert config.load() == config.Config()


def test_a_byte_order_mark_is_not_part_of_it(home: Path) -> None:
    (home / config.FILE_NAME).write_bytes(b'\xef\xbb\xbfapp = "shop"\r\n')
    assert config.load().app == "shop"


def test_it_is_found_upward_from_the_working_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home, 'app = "shop"')
    (home / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(home / "a" / "b")
    assert config.load().path == path
    assert config.load().app == "shop"


def test_a_file_near_what_is_asked_for_wins_then_that_of_the_settings_then_the_working_directorys(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for name in ("near", "settings", "here"):
        (home / name).mkdir()
        found[name] = write(home / name, f'app = "{name}"')
    module = types.ModuleType("example_settings")
    module.__file__ = str(home / "settings" / "production.py")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", module.__name__)
    monkeypatch.chdir(home / "here")
    for name in ("near", "settings", "here"):
        assert config.find(home / "near" / "file.toml") == found[name]
        found[name].unlink()
    assert config.find(home / "near" / "file.toml") is None


def test_the_variable_wins(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, 'app = "shop"')
    other = home / "other.toml"
    other.write_text('app = "bank"')
    monkeypatch.setenv(config.FILE_VARIABLE, str(other))
    assert config.load().app == "bank"
    monkeypatch.setenv(config.FILE_VARIABLE, str(home / "gone.toml"))
    with pytest.raises(ConfigError, match="does not exist"):
        config.load()


def test_a_changed_file_is_read_again(home: Path) -> None:
    write(home, 'app = "shop"')
    assert config.load().app == "shop"
    write(home, 'app = "another"')
    assert config.load().app == "another"


def test_the_environment_is_named_or_the_only_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, TWO)
    assert config.load().environment("b").options == {"key": "alias/b"}
    with pytest.raises(ConfigError, match="a, b"):
        config.load().environment()
    with pytest.raises(ConfigError, match="a, b"):
        config.load().environment("c")
    monkeypatch.setenv(config.ENVIRONMENT_VARIABLE, "b")
    assert config.load().environment().backend == "kms"
    monkeypatch.delenv(config.ENVIRONMENT_VARIABLE)
    write(home, 'environment = "a"\n' + TWO)
    assert config.load().environment().backend == "local"
    write(home, TWO[: TWO.index("[environments.b]")])
    assert config.load().environment().name == "a"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("app = hunter2-example", "is not valid TOML"),
        ('aap = "hunter2-example"', "did you mean app?"),
        ('zzz = "hunter2-example"', "known are app, environment"),
        ("app = 1", "app must be a str"),
        ('environments = "hunter2-example"', "environments must be a dict"),
        ('[environments]\na = "hunter2-example"', "environments.a must be a table with a backend"),
        ("[environments.a]\nkey = 'hunter2-example'", "environments.a must be a table with a backend"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it_and_no_value(text: str, says: str, home: Path) -> None:
    path = write(home, text)
    with pytest.raises(ConfigError) as caught:
        config.load()
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_text_is_an_error(home: Path) -> None:
    write(home, "").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load()
