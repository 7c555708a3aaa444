"""decrypt_secret NAME and --file, and secret_textconv: the settings of files, decrypted for a person."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from tests.secrets.tokens import local
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.verbs import decrypt, textconv

PLAINTEXT = "example-plaintext"


def test_a_setting_is_found_in_its_file_by_its_name(home: Path) -> None:
    (home / "zemanta_ops.toml").write_text('app = "shop"\n')
    bound = local(PLAINTEXT, app="shop", name="D.x.P")
    (home / "a.py").write_text(f"D = {{'x': {{'P': Secret('{bound}')}}}}\nB = Secret('{local('other')}')\n")
    assert call(decrypt, "--file", "a.py", "D.x.P").out == PLAINTEXT
    assert call(decrypt, "--file", "a.py", "B").out == "other"
    assert call(decrypt, "D.x.P").out == PLAINTEXT


def test_a_token_of_a_helper_variable_is_found_by_the_name_of_its_setting(home: Path) -> None:
    (home / "a.py").write_text(f"_PW = Secret('{local(PLAINTEXT, name='D.P')}').get(name='D.P')\nD = {{'P': _PW}}\n")
    assert call(decrypt, "--file", "a.py", "D.P").out == PLAINTEXT
    assert call(decrypt, "--file", "a.py", "_PW").out == PLAINTEXT


def test_the_settings_module_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        (home / f"{name}_settings.py").write_text(f"A = Secret('{local(name)}')\n")
    ended = call(decrypt, "A")
    assert "several files have a token for that setting (first_settings.py, second_settings.py)" in ended.err
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "second_settings")
    monkeypatch.setattr(sys, "path", [str(home), *sys.path])
    assert call(decrypt, "A").out == "second"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--file", "a.py", "PLAIN"], "a.py:2: the setting is not encrypted"),
        (["--file", "a.py", "hunter2"], "a.py has no setting of that name"),
        (["hunter2"], "no file here has a setting of that name"),
        (["--file", "a.py", "TWICE"], "a.py: the setting has 2 tokens (line 3 and 4)"),
        (["--file", "gone.py", "A"], "cannot be read"),
        (["--file", "a.py", "MOVED"], "a.py:5: the token belongs to another setting"),
        (["--file", "a.py", "A", "--name", "A"], "--name is for a token"),
        (["--file", "a.py", "NONE"], "a.py:6: not a token"),
    ],
)
def test_what_cannot_be_decrypted_is_one_line_without_the_value(arguments: list[str], says: str, home: Path) -> None:
    (home / "a.py").write_text(
        f"A = Secret('{local(PLAINTEXT)}')\nPLAIN = 'hunter2'\nTWICE = Secret('{local('1')}')\n"
        f"TWICE = Secret('{local('2')}')\nMOVED = Secret('{local(PLAINTEXT, name='A')}')\nNONE = Secret('hunter2')\n"
    )
    ended = call(decrypt, *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert says in ended.err
    assert len(ended.err.splitlines()) == 1
    assert "hunter2" not in ended.err


def test_the_name_of_a_bound_token_is_an_option_of_the_command(home: Path) -> None:
    ended = call(decrypt, local(PLAINTEXT, name="A"))
    assert ended.err == "decrypt_secret: the token is bound to a name: give it with --name\n"
    assert call(decrypt, local(PLAINTEXT, name="A"), "--name", "A").out == PLAINTEXT
    bound = local(PLAINTEXT, app="shop", name="A")
    both = "a name: give it with --name, and to an application: give it with --app"
    assert call(decrypt, bound).err == f"decrypt_secret: the token is bound to {both}\n"
    assert call(decrypt, bound, "--name", "A", "--app", "shop").out == PLAINTEXT
    (home / "zemanta_ops.toml").write_text('app = "shop"\n')
    assert call(decrypt, bound, "--name", "A").out == PLAINTEXT


@pytest.mark.parametrize(("token", "given"), [("", ""), ("-", ""), ("-", "\n"), ("-", "\r\n\r\n")])
def test_no_token_is_not_the_empty_secret(token: str, given: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    ended = call(decrypt, token)
    assert (ended.code, ended.out) == (1, "")
    assert "not a token: it is empty" in ended.err


@pytest.mark.parametrize("token", ["kms:region=eu-west-1", "local:v=2", "password:v=2", "sealed:v=1"])
def test_a_token_that_a_shell_has_cut_is_recognized(token: str, home: Path) -> None:
    ended = call(decrypt, token)
    assert ended.code == 1
    assert "cut it at an unquoted &. Put the token in single quotes" in ended.err
    assert token not in ended.err


def test_ci_reveals_no_setting_either(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a.py").write_text(f"A = Secret('{local(PLAINTEXT)}')\n")
    monkeypatch.setenv("CI", "true")
    assert "--reveal" in call(decrypt, "A").err
    assert call(decrypt, "--reveal", "A").out == PLAINTEXT


def test_textconv_shows_plaintexts_in_place_of_tokens(home: Path) -> None:
    token = local("two\nlines")
    (home / "a.py").write_text(f"A = Secret('{token}')  # é\nB = Secret('nonsense')\nC = 'text'\n")
    assert call(textconv, "a.py").out == "A = Secret('two\\nlines')  # é\nB = Secret('nonsense')\nC = 'text'\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "A = (\n"),
        ("a.bin", "anything"),
        ("a.py", "A = Secret('local:v=2&key=0123456789abcdef:QUJDREVGRw==')\n"),
        ("a.yaml", "{{ helm }}: x: y\n"),
    ],
)
def test_textconv_prints_what_it_cannot_decrypt_as_it_is(name: str, text: str, home: Path) -> None:
    (home / name).write_text(text)
    ended = call(textconv, name)
    assert (ended.code, ended.out, ended.err) == (0, text, "")


@pytest.mark.parametrize(("variable", "value"), [("CI", "1"), ("ZEMANTA_OPS_SECRETS", "fake")])
def test_textconv_decrypts_nothing_in_ci_and_tests(
    variable: str, value: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"A = Secret('{local(PLAINTEXT)}')\n"
    (home / "a.py").write_text(text)
    monkeypatch.setenv(variable, value)
    assert call(textconv, "a.py").out == text


def test_git_shows_the_change_of_a_plaintext_and_no_rotation(
    repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(repository / ".keys"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    (repository / ".gitignore").write_text(".keys\n")
    git(repository, "config", "diff.secrets.textconv", f"{sys.executable} -m zemanta_ops.secrets textconv")
    (repository / ".git/info/attributes").write_text("*.py diff=secrets\n")
    commit("one", **{"a.py": f"A = Secret('{local('first-example')}')\nB = Secret('{local('same-example')}')\n"})
    commit("two", **{"a.py": f"A = Secret('{local('second-example')}')\nB = Secret('{local('same-example')}')\n"})
    shown = git(repository, "diff", "HEAD~1")
    assert "-A = Secret('first-example')\n+A = Secret('second-example')\n B = Secret('same-example')" in shown
