"""encrypt_secret --into FILE NAME and --from-env-file: the token takes its place, and nothing else changes."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from tests.secrets.tokens import local
from tests.secrets.verbs.calls import Ended, call
from zemanta_ops.secrets import Secret, load_config, wire
from zemanta_ops.secrets.files.scan import find_tokens
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.verbs import encrypt

PLAINTEXT = "example-plaintext"
IMPORT = "from zemanta_ops.secrets import Secret, decrypt_settings\n"
TOKEN = "local:v=2&key=TOKEN"


def typed(monkeypatch: pytest.MonkeyPatch, *arguments: str, plaintext: str = PLAINTEXT) -> Ended:
    """Run ``encrypt_secret`` with the plaintext on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{plaintext}\n".encode())))
    return call(encrypt, *arguments)


def shown(path: Path) -> str:
    """Return the file with its new tokens shortened."""
    return re.sub(r"local:v=2&key=\w+(?:&[\w=.&]+)?:[\w+/=]+", TOKEN, path.read_bytes().decode())


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
        ("a.py", "A = 'hunter2'\n", "A", "add this line first: from zemanta_ops.secrets import Secret"),
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
        (["--from-env-file", "bad"], ".env:2: expected NAME=value"),
        (["--from-env-file", "bad", "--name", "A"], "cannot be used with --into or --name"),
        (["--from-env-file", "bad", "--into", ".env", "A"], "cannot be used with --into or --name"),
    ],
)
def test_an_env_file_that_cannot_be_read(arguments: list[str], says: str, home: Path) -> None:
    (home / "bad").write_text("A=1\nhunter2\n")
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
    ("given", "arguments"), [(b"", []), (b"\n", []), (b"\r\n", []), (b"", ["--multiline"]), (b"\n\n", ["--multiline"])]
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


WHOLE = [
    'f"redis://:hunter2@{HOST}"',
    '"redis://:" + "hunter2" + "@" + HOST',
    '"redis://:hunter2@%s" % HOST',
    "20240101",
    "-5",
    "1.5",
    "None",
    "True",
    'b"hunter2"',
    'f"hunter2"',
    '("hunter2"\n     "more")',
    'f"a{HOST}" "hunter2" f"{HOST!r:>5}"',
]


@pytest.mark.parametrize("value", WHOLE)
@pytest.mark.parametrize("line", ["A = {}  # kept\nB = 1\n", "D = {{'a': [{}], 'b': 2}}\n", "A: str = {}\n"])
def test_the_whole_expression_of_a_setting_is_replaced(
    value: str, line: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = "D.a.0" if line.startswith("D") else "A"
    path = home / "a.py"
    path.write_text(f"{IMPORT}HOST = 'h'\n{line.format(value)}")
    ended = typed(monkeypatch, "local", "--into", "a.py", setting)
    assert ended.code == 0, ended.err
    bare = value.startswith("(")
    made = f'(Secret("{TOKEN}"))' if bare else f'Secret("{TOKEN}")'
    assert shown(path) == f"{IMPORT}HOST = 'h'\n{line.format(made)}"
    assert "was not encrypted and is now" in ended.err
    assert "hunter2" not in path.read_text() + ended.err


@pytest.mark.parametrize(
    ("text", "setting", "says"),
    [
        ('A = env("A", default="hunter2")\n', "A", "a.py:2: A is the result of a call"),
        ('A = os.environ.get("A") or "hunter2"\n', "A", "a.py:2: A is the result of a call"),
        ('A = "r://:{}@{}".format("hunter2", HOST)\n', "A", "a.py:2: A is the result of a call"),
        ('A, B = "hunter2 x".split()\n', "A", "a.py:2: A is the result of a call"),
        ('_PW = "hunter2"\nA = _PW\n', "A", "a.py:3: A is the value of another name"),
        ('A = "hunter2" if DEBUG else "hunter3"\n', "A", "a.py:2: A has several values"),
        ('A = X or "hunter2"\n', "A", "a.py:2: A has several values"),
        ('if DEBUG:\n    A = f"{X}hunter2"\nelse:\n    A = 1\n', "A", "A is set in lines 3, 5"),
        ('A = 1\nglobals()["A"] = "hunter2"\n', "A", "A is set in lines 2, 3"),
        ('D = {"P": 1}\nD["P"] = f"hunter2{X}"\n', "D.P", "D.P is set in lines 2, 3"),
        ('D = {"P": 1}\nD.update(P="hunter2")\n', "D.P", "D.P is set in lines 2, 3"),
        ('A = B = f"hunter2{X}"\n', "A", "a.py:2: A is set together with B"),
        ('A = B = "hunter2"\n', "B", "a.py:2: B is set together with A"),
        ('A = "hunter2"\nA += "more"\n', "A", "A is set in lines 2, 3"),
        ('A += "hunter2"\n', "A", "a.py:2: A is added to"),
        ('A = {"x": "hunter2"}\n', "A", "a.py:2: A holds several values"),
        ('A = ["hunter2"]\n', "A", "a.py:2: A holds several values"),
        ('A = Secret(os.environ["hunter2"])\n', "A", "a.py:2: A is a Secret of something else than one token"),
        ('A = "r://" + Secret("OLD").get() + "hunter2"\n', "A", "a.py:2: A is the result of a call"),
        ('A = lambda: "hunter2"\n', "A", "a.py:2: A has several values"),
        ("B = 1\n", "A", "a.py has no A: use --add to add it"),
    ],
)
def test_what_would_leave_a_plaintext_is_refused_with_its_line(
    text: str, setting: str, says: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = f"{IMPORT}{text}".replace("OLD", local("old"))
    (home / "a.py").write_text(before)
    ended = typed(monkeypatch, "local", "--into", "a.py", setting)
    assert ended.code == 1
    assert says in ended.err
    assert "hunter" not in ended.err
    assert (home / "a.py").read_text() == before


ADDED = "from zemanta_ops.secrets import Secret\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from .base import *\nA = 'x'\n", f'from .base import *\n{ADDED}A = Secret("{TOKEN}")\n'),
        ("from .base import *", f'from .base import *\n{ADDED}A = Secret("{TOKEN}")\n'),
        ("from .base import *\n", f'from .base import *\n{ADDED}A = Secret("{TOKEN}")\n'),
        ("A = 1\nfrom .local import *\n", f'{ADDED}A = Secret("{TOKEN}")\nfrom .local import *\n'),
        (
            '"""Doc."""\nfrom __future__ import annotations\nA = f"x{1}"\n'
            "try:\n    from .local import *\nexcept E:\n    pass\n",
            f'"""Doc."""\nfrom __future__ import annotations\n{ADDED}A = Secret("{TOKEN}")\n'
            "try:\n    from .local import *\nexcept E:\n    pass\n",
        ),
        (
            "import os\r\nif os:\r\n    from .base import *\r\nA = 'x'\r\n",
            f'import os\r\n{ADDED.strip()}\r\nif os:\r\n    from .base import *\r\nA = Secret("{TOKEN}")\r\n',
        ),
    ],
)
def test_a_star_import_does_not_stand_for_that_of_secret(
    before: str, after: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "a.py").write_bytes(before.encode())
    ended = typed(monkeypatch, "local", "--add", "--into", "a.py", "A")
    assert ended.code == 0, ended.err
    assert shown(home / "a.py") == after
    compile(after, "a.py", "exec")


def test_a_class_of_another_library_is_not_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a.py").write_text("from kubernetes.client import Secret\nA = 'hunter2'\n")
    ended = typed(monkeypatch, "local", "--into", "a.py", "A")
    assert "Secret is a class of kubernetes.client there" in ended.err


@pytest.mark.parametrize(("line", "code"), [("A=abc #def\n", 1), ("A='abc' # x\n", 0), ("A=abc#def\n", 0)])
def test_a_rest_of_a_line_that_may_be_the_end_of_the_secret_is_refused(
    line: str, code: int, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".env").write_text(line)
    ended = typed(monkeypatch, "local", "--into", ".env", "A")
    assert ended.code == code
    assert "abc" not in ended.err
    assert ("what follows #" in ended.err) == bool(code)
    assert code or "def" not in (home / ".env").read_text()
