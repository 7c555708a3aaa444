"""A plaintext in a comment beside its token is stopped, and other comments are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.repositories import Commit, git
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.files.plaintext import ALLOW
from zemanta_ops.secrets.verbs import guard

TOKEN = "kms:region=eu-west-1:QUJDREVGR0g="
FILES = {
    "s.py": f'KEY = Secret("{TOKEN}")\nD = {{\n    "a": {{"PW": Secret("{TOKEN}")}},\n}}\n',
    "s.toml": f'KEY = "{TOKEN}"\n[a]\nPW = "{TOKEN}"\n',
    "s.yaml": f"KEY: {TOKEN}\na:\n  PW: {TOKEN}\n",
    ".env": f"KEY={TOKEN}\nPW={TOKEN}\n",
}


def stage(repository: Path, name: str, line: str, *, beside: bool = False) -> None:
    """Stage a file with a comment on a line of its own, or on that of the first token."""
    text = FILES[name]
    (repository / name).write_text(text.replace("\n", f"  {line}\n", 1) if beside else f"{text}{line}\n")
    git(repository, "add", name)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(
    ("name", "line", "setting"),
    [
        ("s.py", '# KEY = "hunter2"', "KEY"),
        ("s.py", "#KEY='hunter2'", "KEY"),
        ("s.py", '## KEY: str = "correcthorse"', "KEY"),
        ("s.py", '# TODO: remove, was KEY = "hunter2"', "KEY"),
        ("s.py", '#     "PW": "hunter2",', "D.a.PW"),
        ("s.py", '# "a": {"PW": "hunter2"},', "D.a.PW"),
        ("s.py", '# D["a"]["PW"] = "hunter2"', "D.a.PW"),
        ("s.py", "# PW='hunter2',", "D.a.PW"),
        ("s.toml", '# KEY = "hunter2"', "KEY"),
        ("s.toml", "# PW = 'hunter2'", "a.PW"),
        ("s.yaml", "# KEY: hunter2", "KEY"),
        ("s.yaml", "#   PW: 'correcthorse'", "a.PW"),
        (".env", "# KEY=hunter2", "KEY"),
        (".env", "#export PW='correcthorse'", "PW"),
    ],
)
def test_a_plaintext_in_a_comment_is_stopped(
    beside: bool, name: str, line: str, setting: str, repository: Path, commit: Commit
) -> None:
    commit("one", **{name: FILES[name]})
    stage(repository, name, line, beside=beside)
    ended = call(guard)
    assert ended.code == 1
    assert f": {setting} is encrypted (kms), and a comment would have it in plaintext. Delete the comment" in ended.err
    assert "hunter2" not in ended.err
    stage(repository, name, f"{line} # {ALLOW}", beside=beside)
    assert call(guard) == (0, "", "")


def test_a_comment_that_is_committed_with_the_token_is_stopped(repository: Path) -> None:
    stage(repository, "s.py", '# KEY = "hunter2"')
    assert call(guard).err.startswith("s.py:5: KEY is encrypted (kms), and a comment")


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("s.py", "# KEY is in the safe, see page 12345"),
        ("s.py", '# KEY = "…"'),
        ("s.py", '# KEY = "dev"'),
        ("s.py", '# KEY = "the password of the shop"'),
        ("s.py", '# KEY = "<password>"'),
        ("s.py", '# KEY = os.environ["SHOP_KEY_1"]'),
        ("s.py", f'# KEY = Secret("{TOKEN}")'),
        ("s.py", "# KEY: see rotate_secrets"),
        ("s.py", '# OTHER = "hunter2"'),
        ("s.py", '# NOKEY = "hunter2"'),
        ("s.yaml", "# KEY: required"),
        ("s.yaml", "# KEY: rotated on 2024-01-01 by shop"),
        ("s.yaml", "# PW: ${PASSWORD_1}"),
        ("s.toml", "# KEY = 12"),
        (".env", "# KEY=secret"),
        (".env", f"# KEY={TOKEN}"),
    ],
)
def test_other_comments_pass(beside: bool, name: str, line: str, repository: Path, commit: Commit) -> None:
    commit("one", **{name: FILES[name]})
    stage(repository, name, line, beside=beside)
    assert call(guard) == (0, "", "")


def test_a_comment_that_the_commit_does_not_change_passes(repository: Path, commit: Commit) -> None:
    commit("one", **{"s.py": f'{FILES["s.py"]}# KEY = "hunter2"\n'})
    (repository / "s.py").write_text(f'NEW = 1\n{FILES["s.py"]}# KEY = "hunter2"\n')
    git(repository, "add", "s.py")
    assert call(guard) == (0, "", "")
