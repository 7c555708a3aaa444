"""encrypt_secret --into FILE NAME and --from-env-file: the token takes its place, and nothing else changes."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.secrets.tokens import local
from tests.secrets.verbs.calls import call
from tests.secrets.verbs.into import IMPORT, PLAINTEXT, TOKEN, shown, typed
from zemanta_ops.secrets import Secret, load_config, wire
from zemanta_ops.secrets.files.scan import find_tokens
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.verbs import encrypt

CASES = [
    ("a.py", "A = Secret('OLD').get()  # é\r\nB = 1\n", "A", f"A = Secret('{TOKEN}').get()  # é\r\nB = 1\n"),
    ("a.py", "A = Secret('')\n", "A", f"A = Secret('{TOKEN}')\n"),
    ("a.py", "A = 'hunter2'  # x\n", "A", f'A = Secret("{TOKEN}")  # x\n'),
    ("a.py", "D = {'x': {'P': ('hun'\n 'ter2')}}\n", "D.x.P", f"D = {{'x': {{'P': (Secret(\"{TOKEN}\"))}}}}\n"),
    ("a.py", "B = 1", "A", f'B = 1\nA = Secret("{TOKEN}")\n'),
    (
        "a.py",
        "B = 1\n\n# last\ndecrypt_settings(globals())\n",
        "A",
        f'B = 1\nA = Secret("{TOKEN}")\n\n# last\ndecrypt_settings(globals())\n',
    ),
    ("a.py", "U = Secret.template('r://:{}@h', 'OLD')\n", "U", f"U = Secret.template('r://:{{}}@h', '{TOKEN}')\n"),
    ("a.toml", "a = 1\n[d]\np = 'OLD' # x\n", "d.p", f"a = 1\n[d]\np = '{TOKEN}' # x\n"),
    ("a.toml", "[d]\np = 1234 # x\n", "d.p", f'[d]\np = "{TOKEN}" # x\n'),
    ("a.toml", "[d]\np = '''\nhunter2\n'''\nq = 1\n", "d.p", f'[d]\np = "{TOKEN}"\nq = 1\n'),
    (
        "a.toml",
        "# top\na = [\n[1],\n]\n\n# of d\n[d]\nq = 1\n",
        "p",
        f'# top\na = [\n[1],\n]\np = "{TOKEN}"\n\n# of d\n[d]\nq = 1\n',
    ),
    ("a.toml", "# top\n[d]\nq = 1\n", "p", f'# top\np = "{TOKEN}"\n[d]\nq = 1\n'),
    ("a.toml", "", "p", f'p = "{TOKEN}"\n'),
    ("a.yaml", "d:\n  - p: hunter2 # x\n", "d.0.p", f'd:\n  - p: "{TOKEN}" # x\n'),
    ("a.yaml", "p: |\n  hunter2\n  hunter3\nq: 1\n", "p", f'p: "{TOKEN}"\nq: 1\n'),
    ("a.yaml", "p:\nq: 1\n", "p", f'p: "{TOKEN}"\nq: 1\n'),
    ("a.json", '{"d": {"p": "hunter2",\t"q": 1.50}}', "d.p", f'{{"d": {{"p": "{TOKEN}",\t"q": 1.50}}}}'),
    ("a.json", '{"p": null}', "p", f'{{"p": "{TOKEN}"}}'),
    (".env", "export A='hunter2' # x\nB=1\n", "A", f"export A='{TOKEN}' # x\nB=1\n"),
    (".env", "A=\nB=1\n", "A", f"A={TOKEN}\nB=1\n"),
    (".env", "B=1", "A", f'B=1\nA="{TOKEN}"\n'),
    (".env", "B=1\r\n", "A", f'B=1\r\nA="{TOKEN}"\r\n'),
]


def test_a_secret_that_another_value_refers_to_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "A=hunter2\nB=postgres://u:${A}@h/d\n"
    (home / ".env").write_text(text)
    ended = typed(monkeypatch, "local", "--into", ".env", "A")
    assert ended.code == 1
    assert ".env:2 B: refers to A, and would have its token in the value" in ended.err
    assert (home / ".env").read_text() == text


@pytest.mark.parametrize(("name", "before", "setting", "after"), CASES)
def test_the_token_takes_its_place_and_all_else_stays(
    name: str, before: str, setting: str, after: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / name
    head = IMPORT if name == "a.py" else ""
    path.write_bytes(f"{head}{before}".replace("OLD", local("old")).encode())
    path.chmod(0o640)
    ended = typed(monkeypatch, "local", "--add", "--into", name, setting)
    assert (ended.code, ended.out) == (0, ""), ended.err
    assert shown(path) == head + after
    [found] = find_tokens(read(path))
    assert (found.setting, Secret(found.text).get()) == (setting, PLAINTEXT)
    assert ended.err.startswith(f"{name}: {setting} ")
    assert "hunter" not in ended.err
    assert PLAINTEXT not in ended.err
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (f"{IMPORT}A = Secret('OLD')\n", "a.py: A was a local token and is now a local token\n"),
        (f"{IMPORT}A = Secret('plain::hunter2')\n", "a.py: A was a plain token and is now a local token\n"),
        (f"{IMPORT}A = 'hunter2'\n", "a.py: A was not encrypted and is now a local token\n"),
        (f"{IMPORT}A = Secret('')\n", "a.py: A is now a local token\n"),
        (
            IMPORT.replace(", decrypt_settings", ""),
            "a.py: A was added as a local token\nthe setting is now a Secret. Add decrypt",
        ),
    ],
)
def test_it_says_what_it_did(before: str, says: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a.py").write_text(before.replace("OLD", local("old")))
    assert typed(monkeypatch, "local", "--add", "--into", "a.py", "A").err.startswith(says)


@pytest.mark.parametrize(
    ("toml", "old", "arguments", "context"),
    [
        ("", {}, [], {}),
        ('app = "shop"', {}, [], {}),
        ('app = "shop"', {}, ["--name", "d.p"], {"app": "shop", "name": "d.p"}),
        ("", {}, ["--app", "shop"], {"app": "shop", "name": "d.p"}),
        ('app = "shop"\nrequire_context = true', {}, [], {"app": "shop", "name": "d.p"}),
        ("", {"app": "shop", "name": "d.p", "env": "test"}, [], {"app": "shop", "name": "d.p", "env": "test"}),
        ("", {"name": "moved"}, ["--context", "env=new"], {"name": "d.p", "env": "new"}),
    ],
)
def test_when_the_token_is_bound(
    toml: str,
    old: dict[str, str],
    arguments: list[str],
    context: dict[str, str],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (home / "zemanta_ops.toml").write_text(toml)
    path = home / "a.toml"
    path.write_text(f'[d]\np = "{local("old", **old)}"\n')
    ended = typed(monkeypatch, "local", *arguments, "--into", "a.toml", "d.p")
    assert ended.code == 0, ended.err
    [found] = find_tokens(read(path))
    assert wire.parse(found.text).context == context
    assert all(f"{key}={value}" in ended.err for key, value in context.items())
    monkeypatch.setenv("ZEMANTA_OPS_ENV", context.get("env", ""))
    assert load_config(path, app="shop")["d"]["p"] == PLAINTEXT


@pytest.mark.parametrize(
    ("name", "text", "setting", "says"),
    [
        (
            "a.py",
            "A = 'hunter2'\n",
            "A",
            "add this line first, above the setting: from zemanta_ops.secrets import Secret",
        ),
        ("a.py", "B = 1\n", "A", "add this line first"),
        ("a.py", f"{IMPORT}A = 'hunter2'\nA = 'hunter3'\n", "A", "A is set in lines 2, 3"),
        ("a.py", f"{IMPORT}A = env('hunter2')\n", "A", 'a.py:2: A is the result of a call: put Secret("") there'),
        ("a.py", f"{IMPORT}D = {{}}\n", "D.x", 'a.py has no D.x: put Secret("") there and run the command again'),
        ("a.py", "A = (hunter2\n", "A", "not valid Python"),
        ("a.toml", "[d]\n", "d.p", 'a.toml has no d.p: put "" there and run the command again'),
        ("a.yaml", "q: 1\n", "p", 'a.yaml has no p: put "" there and run the command again'),
        ("a.json", "{}", "p", 'a.json has no p: put "" there and run the command again'),
        (".env", "B=1\n", "a-b", "letters, digits and _"),
        ("a.ini", "p = hunter2", "p", "is not a .py"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_plaintext_is_asked_for(
    name: str, text: str, setting: str, says: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / name).write_text(text)
    monkeypatch.setattr(sys, "stdin", None)
    ended = call(encrypt, "local", "--into", name, setting)
    assert (ended.code, ended.out) == (1, "")
    assert says in ended.err
    assert "hunter" not in ended.err
    assert (home / name).read_text() == text


def test_another_name_than_the_settings_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a.toml").write_text('p = ""\n')
    assert "must be the same" in typed(monkeypatch, "local", "--name", "q", "--into", "a.toml", "p").err
    (home / "zemanta_ops.toml").write_text("require_context = true\n")
    assert "add app to it" in typed(monkeypatch, "local", "--into", "a.toml", "p").err
    (home / "zemanta_ops.toml").write_text("")
    plain = typed(monkeypatch, "plain", "--into", "a.toml", "p", plaintext='hun"ter2')
    assert (plain.code, "hun" in plain.err) == (1, False)
    assert (home / "a.toml").read_text() == 'p = ""\n'


ENV = "# the shop\nexport A='example one' # x\nB=\nC=\"two\\nlines\"\n"


@pytest.mark.parametrize("source", ["production.txt", "-"])
@pytest.mark.parametrize("arguments", [[], ["--app", "shop"]])
def test_a_whole_env_file(source: str, arguments: list[str], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = local("already")
    text = f"{ENV}D={token}\n"
    (home / "production.txt").write_text(text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert "--reader" in call(encrypt, "local", *arguments, "--from-env-file", "production.txt").err
    ended = call(encrypt, "local", *arguments, "--reader", "python-dotenv", "--from-env-file", source)
    assert (ended.code, ended.err) == (0, "")
    assert "example one" not in ended.out
    (home / ".env").write_text(ended.out)
    assert load_config(".env", app="shop") == {"A": "example one", "B": "", "C": "two\nlines", "D": "already"}
    assert "B=\n" in ended.out
    assert f"D={token}\n" in ended.out
    names = {found.setting: wire.parse(found.text).context.get("name") for found in find_tokens(read(home / ".env"))}
    assert names == ({"A": "A", "C": "C", "D": None} if arguments else dict.fromkeys("ACD"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from-env-file", "gone"], "cannot be read"),
        (["--from-env-file", "bad"], "bad:2: expected NAME=value"),
        (["--from-env-file", "twice"], "twice: A is set in lines 1 and 3: keep one of them"),
        (["--from-env-file", "comments"], "comments has no values, so nothing was encrypted"),
        (["--from-env-file", "utf-16"], "utf-16 is not text in UTF-8"),
        (["--from-env-file", "bad", "--name", "A"], "cannot be used with --into or --name"),
        (["--from-env-file", "bad", "--into", ".env", "A"], "cannot be used with --into or --name"),
    ],
)
def test_an_env_file_that_cannot_be_read(arguments: list[str], says: str, home: Path) -> None:
    (home / "bad").write_text("A=1\nhunter2\n")
    (home / "twice").write_text("A=hunter2\nB=\nA=other\n")
    (home / "comments").write_text("# hunter2\n\n")
    (home / "utf-16").write_text("A=hunter2\n", encoding="utf-16")
    ended = call(encrypt, "local", *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert says in ended.err
    assert "hunter2" not in ended.err


@pytest.mark.parametrize("into", [[], ["--into", "a.toml", "p"]])
def test_wrong_arguments_are_said_before_the_plaintext_is_read(
    into: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "a.toml").write_text('p = ""\n')
    monkeypatch.setattr(sys, "stdin", None)
    assert "--context takes KEY=VALUE" in call(encrypt, "local", "--context", "hunter2", *into).err


@pytest.mark.parametrize("backend", ["local", "plain", "password", "sealed", "kms", "vault"])
@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        (b"", []),
        (b"\n", []),
        (b"\r\n", []),
        (b"", ["--multiline"]),
        (b"\n\n", ["--multiline"]),
        (b"  \t\n", []),
        (b"\0\0", []),
        (b"\xef\xbb\xbf\r\n", []),
        (b" \n \n", ["--multiline"]),
        (b"\xff\xfe\r\0\n\0", ["--multiline"]),
    ],
)
def test_empty_input_never_replaces_a_secret(
    backend: str, given: bytes, arguments: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = f"a = '{local('old')}'\n"
    (home / "a.toml").write_text(before)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    ended = call(encrypt, backend, *arguments, "--into", "a.toml", "a")
    assert ended.code == 1
    assert "use --empty" in ended.err
    assert (home / "a.toml").read_text() == before


def test_an_empty_file_and_an_empty_answer_are_empty_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a.toml").write_text("a = ''\n")
    (home / "empty").write_text("")
    assert "use --empty" in call(encrypt, "local", "--from-file", "empty").err
    monkeypatch.setattr("zemanta_ops.secrets.verbs.plaintext._prompt", lambda: b"")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert "use --empty" in call(encrypt, "local").err
    ended = call(encrypt, "local", "--empty", "--from-file", "empty", "--into", "a.toml", "a")
    assert ended.code == 0
    [found] = find_tokens(read(home / "a.toml"))
    assert Secret(found.text).get() == ""
