"""encrypt_secret --into: the whole value of a setting is replaced, and no plaintext of it is left unnamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.secrets.tokens import local
from tests.secrets.verbs.into import IMPORT, PLAINTEXT, TOKEN, shown, typed

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
    ("text", "setting"),
    [
        ('O = {}\nO["redis.clusters"] = {"default": {"password": "hunter2"}}\n', "O.redis.clusters.default.password"),
        ('O = {"system.secret-key": "hunter2"}\n', "O.system.secret-key"),
        ('O = {"a.b": {"c.d": 1.5}}\n', "O.a.b.c.d"),
    ],
)
def test_values_of_keys_with_dots_are_replaced(
    text: str, setting: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "a.py").write_text(f"{IMPORT}{text}")
    ended = typed(monkeypatch, "local", "--into", "a.py", setting)
    assert ended.code == 0, ended.err
    value = "1.5" if "1.5" in text else '"hunter2"'
    assert shown(home / "a.py") == f"{IMPORT}{text}".replace(value, f'Secret("{TOKEN}")')


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


@pytest.mark.parametrize(
    "hidden",
    [
        "def f():\n    from zemanta_ops.secrets import Secret\n",
        "class C:\n    from zemanta_ops.secrets import Secret\n",
        "if TYPE_CHECKING:\n    from zemanta_ops.secrets import Secret\n",
        "from zemanta_ops.secrets import Secret as S\n",
        "A = 'x'\nfrom zemanta_ops.secrets import Secret\n",
    ],
)
@pytest.mark.parametrize("star", ["from os.path import *\n", ""])
def test_an_import_that_does_not_run_before_the_setting_does_not_count(
    hidden: str, star: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = f"TYPE_CHECKING = False\n{star}{hidden}" + ("" if "A = " in hidden else "A = 'x'\n")
    (home / "a.py").write_text(before)
    ended = typed(monkeypatch, "local", "--into", "a.py", "A")
    if star:
        namespace: dict[str, Any] = {}
        exec((home / "a.py").read_text(), namespace)
        assert namespace["A"].get() == PLAINTEXT
    else:
        assert "add this line first, above the setting" in ended.err
        assert (home / "a.py").read_text() == before


@pytest.mark.parametrize(
    "head", ["try:\n    from zemanta_ops.secrets import Secret\nexcept ImportError:\n    raise\n", IMPORT]
)
def test_an_import_that_runs_is_not_added_again(head: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "a.py").write_text(f"from os.path import *\n{head}A = 'x'\n")
    assert typed(monkeypatch, "local", "--into", "a.py", "A").code == 0
    assert shown(home / "a.py") == f'from os.path import *\n{head}A = Secret("{TOKEN}")\n'


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("", ", imported from zemanta_ops.secrets,"),
        ("from zemanta_ops.secrets import decrypt_settings\n", ""),
        ("from zemanta_ops.secrets import decrypt_settings\ndecrypt_settings(globals())\n", None),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_makes_the_setting_a_str_is_said_unless_it_is_there(
    first: bool, end: str, said: str | None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if first and said is None:
        said = ""  # a call before the setting does not reach it
    setting = "A = 'x'\n"
    body = f"{end}{setting}" if first else f"{setting}{end}"
    (home / "a.py").write_text(f"from zemanta_ops.secrets import Secret\n{body}")
    ended = typed(monkeypatch, "local", "--into", "a.py", "A")
    assert ("now a Secret" in ended.err) == (said is not None)
    assert said is None or f"Add decrypt_settings(globals()){said} as the last line" in ended.err


@pytest.mark.parametrize(
    ("name", "text", "setting", "lines"),
    [
        ("a.py", f"{IMPORT}# A = 'old-password'\nA = 'old-password'\nB = 'x'\n", "A", [2]),
        ("a.py", f"{IMPORT}A = 'old'\nB = 'r://:{PLAINTEXT}@h'\nC = ['{PLAINTEXT}']\n", "A", [3, 4]),
        (".env", f"A=old-password\n#A=old-password\nB={PLAINTEXT}\n", "A", [2, 3]),
        ("a.yaml", "a: old-password  # old-password\nb: old-password\n", "a", [1, 2]),
        ("a.toml", "a = 'short'  # short\n", "a", []),
        ("a.json", f'{{"a": "", "b": "{PLAINTEXT}"}}\n', "a", [1]),
    ],
)
def test_other_places_that_have_the_plaintext_are_named(
    name: str, text: str, setting: str, lines: list[int], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / name).write_text(text)
    ended = typed(monkeypatch, "local", "--into", name, setting)
    assert ended.code == 0
    named = [line for line in ended.err.splitlines() if "readable here too" in line]
    assert named == [f"{name}:{line}: the plaintext is readable here too" for line in lines]
    assert PLAINTEXT not in ended.err and "old-password" not in ended.err


@pytest.mark.parametrize(
    ("count", "last"), [(10, ":11: the plaintext is readable here too"), (11, "1 more line"), (40, "30 more lines")]
)
def test_an_old_value_that_many_lines_have_is_not_named_for_each(
    count: int, last: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "a.yaml").write_text("a: old-password\n" + "# old-password\n" * count)
    ended = typed(monkeypatch, "local", "--into", "a.yaml", "a")
    named = [line for line in ended.err.splitlines() if "readable" in line]
    assert len(named) == min(count, 11)
    assert named[-1].endswith(last)
