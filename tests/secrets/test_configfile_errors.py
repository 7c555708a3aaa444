"""load_config: what does not fit and what is not such a file, reported with file, line and name and never a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from tests.secrets.configuration import Config, saved
from tests.secrets.tokens import local
from zemanta_ops.secrets import load_config
from zemanta_ops.secrets.exceptions import ConfigError

WRONG = [
    ('[database]\nhost = "db"\npassword = "hunter2"\n', ":3: database.password must be a token"),
    ('[database]\nhost = "db"\npassword = 12345\n', ":3: database.password must be a token"),
    ('[database]\npassword = ""\n', ":1: database does not fit its type: missing required field `host`"),
    ('[database]\nhost = 1\npassword = ""\n', ":2: database.host does not fit its type: Expected `str`, got `int`"),
    ('database = """\nhunter2\n"""', ":1: database does not fit its type: Expected `object`, got `str`"),
    ('[database]\nhost = "h"\npassword = ""\npasword = "hunter2"', ":4: database.pasword is unknown; did you mean"),
    ('hunter = 1\ndatabase = {host="h", password=""}', ":1: hunter is unknown; known are database, debug, mirrors"),
    ('database = {host="h", password=""}\n[[mirrors]]\nurl="u"\n[[mirrors]]\nurl=3', ":5: mirrors.1.url does not fit"),
    ('database = {host="h", password=""}\nspare = [\n1\n]', ":2: spare must be a token"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_what_does_not_fit_is_said_with_file_line_and_name(text: str, says: str, home: Path) -> None:
    path = saved(home, "a.toml", text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, Config)
    assert str(caught.value).startswith(f"{path}{says}")
    assert not {"hunter2", "12345"} & set(str(caught.value).replace('"', " ").split())
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_messages_of_msgspec_that_repeat_a_value_are_not_passed_on(home: Path) -> None:
    @dataclass
    class Picky:
        mode: Literal["a", "b"] = "a"
        port: int = 1

        def __post_init__(self) -> None:
            if self.port > 1:
                raise ValueError(f"Expected `hunter{self.port}`")

    for text in ('mode = "hunter2"', "port = 2"):
        with pytest.raises(ConfigError) as caught:
            load_config(saved(home, "a.toml", text), Picky)
        assert "hunter" not in str(caught.value)
        assert "mode is not a value" in str(caught.value) or "its type (ValueError)" in str(caught.value)


def test_an_error_about_a_type_carries_no_plaintext_in_its_chain_and_its_frames(home: Path) -> None:
    class Wanted(msgspec.Struct):
        level: Literal["low", "high"]
        password: str

    path = saved(home, "a.toml", f'level = "{local("example level")}"\npassword = "{local("example password")}"\n')
    with pytest.raises(ConfigError, match="level is not a value") as caught:
        load_config(path, Wanted)
    assert caught.value.__context__ is None
    ours = [entry.frame for entry in caught.traceback if "/zemanta_ops/" in str(entry.path)]
    assert ours
    shown = [repr(value) for frame in ours for value in frame.f_locals.values()]
    assert not [text for text in shown if "example level" in text or "example password" in text]


NOT_FILES: list[tuple[str, str | bytes, str]] = [
    ("a.toml", "a = 1\nb = hunter2\n", "is not valid TOML at line 2"),
    ("a.yaml", "a: 1\nb: [hunter2\n", r"a.yaml:\d: not valid YAML"),
    ("a.yaml", "a: 1\n---\nb: hunter2\n", "more than one document"),
    ("a.yaml", "a: !hunter2 1\n", "a.yaml:1: not valid YAML"),
    ("a.yaml", "- hunter2\n", "must hold names"),
    ("a.yaml", "a: 2024-99-99\n", "out of range"),
    ("a.yml", "a: \x00hunter2\n", "not valid YAML"),
    ("a.json", '{"a": 1,\n"b": hunter2}', "a.json:2: not valid JSON"),
    ("a.json", '["hunter2"]', "must hold names"),
    ("a.json", '{"a": 1, "a": "hunter2"}', "is repeated"),
    ("a.json", '{"a": ' + "9" * 5000 + "}", "out of range"),
    (".env", "A=1\nhunter2\n", ".env:2: expected NAME=value"),
    (".env", "A=1\nA=hunter2\n", ".env:2: A is repeated"),
    ("a.toml", b"a = 1\nb = '\xffhunter2'\n", "a.toml:2: not UTF-8"),
    ("a.ini", "a = hunter2", "is not a .toml"),
    ("settings.py", "A = 'hunter2'", "is not a .toml"),
    ("a.json", '{"a": ' + "[" * 100 + "]" * 100 + "}", "nested too deeply"),
    ("a.json", '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ("a.toml", "a = " + "[" * 5_000 + "]" * 5_000, "nested too deeply|is not valid TOML"),
    ("a.yaml", "a: " + "[" * 700 + "]" * 700, "nested too deeply"),
    ("a.yaml", "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ), "more than 100000 values"),
    ("a.yaml", "a: &a [*a]\n", "nested too deeply"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "says"), NOT_FILES)
def test_what_is_no_such_file_is_an_error_without_its_content(
    name: str, content: str | bytes, says: str, home: Path
) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load_config(saved(home, name, content))
    assert str(home) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_cannot_be_read(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.toml cannot be read: No such file"):
        load_config(home / "gone.toml")
    (home / "folder.json").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_config(home / "folder.json")
