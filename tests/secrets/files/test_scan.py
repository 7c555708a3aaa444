"""Tokens are found by file, line and setting, and are replaced with nothing else touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.repositories import Commit
from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.files.scan import find_tokens, scan
from zemanta_ops.secrets.files.source_file import SourceFile, discover, read
from zemanta_ops.secrets.files.token_replacement import diff, redact_plaintexts, replace_tokens

BODY = "QUJDREVGR0g="


def _file(folder: Path, name: str, text: str | bytes) -> SourceFile:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


def test_every_token_has_file_line_and_setting(tmp_path: Path) -> None:
    _file(tmp_path, "a.py", f'# one\nX = {{"y": [Secret("kms:region=eu-west-1:{BODY}")]}}\n')
    _file(tmp_path, "sub/b.toml", f'[db]\npassword = "local::{BODY}"\n')
    _file(tmp_path, "c.yaml", f"db:\n  password: vault::vault:v1:{BODY}\n")
    _file(tmp_path, "d.json", f'{{"x": ["sealed:v=1:{BODY}"]}}')
    _file(tmp_path, ".env", f"# no\nDB_PASSWORD=plain::some thing\nOTHER=password:salt=YQ==:{BODY}\n")
    found = {
        (token.path.name, token.literal.line, token.setting, token.token.backend)
        for token in scan([tmp_path])
        if token.token
    }
    assert found == {
        ("a.py", 2, "X.y.0", "kms"),
        ("b.toml", 2, "db.password", "local"),
        ("c.yaml", 2, "db.password", "vault"),
        ("d.json", 1, "x.0", "sealed"),
        (".env", 2, "DB_PASSWORD", "plain"),
        (".env", 3, "OTHER", "password"),
    }


@pytest.mark.parametrize(
    "line",
    [
        'X = "plain: to see"',
        'X = "plain::text"',
        'X = "kms:region=eu-west-1:short"',
        'X = "local:host:not a token at all"',
        'X = "http://host:80/aaaaaaaaaaaaaaaa"',
        'X = Secret("")',
        "X = Secret(name)",
        "X = Secret()",
        "def f(): pass  # kms:region=eu-west-1:QUJDREVGR0g=",
    ],
)
def test_what_only_looks_like_a_token_is_left_out(tmp_path: Path, line: str) -> None:
    assert find_tokens(_file(tmp_path, "a.py", f"{line}\n")) == []


def test_a_broken_token_in_a_secret_is_found_as_broken(tmp_path: Path) -> None:
    (found,) = find_tokens(_file(tmp_path, "a.py", 'X = Secret("hunter2")\n'))
    assert found.token is None
    assert found.setting == "X"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.py", f'# -*- coding: latin-1 -*-\nX = "\xe9"  # \xe9\nY = Secret("kms::{BODY}")\n'.encode("latin-1")),
        ("a.py", b"\xef\xbb\xbf" + f'Y = Secret("kms::{BODY}")\r\nZ = 1\r'.encode()),
        ("a.toml", b"\xef\xbb\xbf" + f'Y = "kms::{BODY}"\r\n'.encode()),
        ("a.yaml", b"\xef\xbb\xbf" + f"Y: kms::{BODY}\r\n".encode()),
        ("a.json", b"\xef\xbb\xbf" + f'{{"Y": "kms::{BODY}"}}\r\n'.encode()),
        (".env", b"\xef\xbb\xbf" + f"Y=kms::{BODY}\r\n".encode()),
    ],
)
def test_encoding_mark_and_line_ends_stay(tmp_path: Path, name: str, data: bytes) -> None:
    file = _file(tmp_path, name, data)
    (found,) = find_tokens(file)
    new = "sealed:v=1:QUJDREVGR0hJSktMTU5P"
    changed = file.encode(replace_tokens(file, {found.literal: new}))
    assert changed == data.replace(f"kms::{BODY}".encode(), new.encode())


def test_a_token_that_would_need_quotes_is_refused(tmp_path: Path) -> None:
    file = _file(tmp_path, "a.py", f'Y = Secret("kms::{BODY}")\n')
    with pytest.raises(SourceError) as caught:
        replace_tokens(file, {find_tokens(file)[0].literal: 'plain::hunter2"'})
    assert "hunter2" not in str(caught.value)


def test_a_diff_shows_tokens_and_no_plaintext(tmp_path: Path) -> None:
    text = f"PLAIN=hunter2\nA=plain::hunter3\nB='kms::{BODY}'\nC=hunter4\n"
    file = _file(tmp_path, ".env", text)
    new = {found.literal: "kms::TkVXTkVXTkVX" for found in find_tokens(file)}
    shown = diff(file, replace_tokens(file, new))
    assert "hunter" not in shown
    assert shown.splitlines()[2:] == [
        "@@ -2,2 +2,2 @@",
        "-A=plain::<redacted>",
        f"-B='kms::{BODY}'",
        "+A=kms::TkVXTkVXTkVX",
        "+B='kms::TkVXTkVXTkVX'",
    ]


def test_redacting_keeps_what_is_not_secret(tmp_path: Path) -> None:
    file = _file(tmp_path, "a.py", 'A = Secret("plain:a=b:hun" "ter2")\nB = "text"\n')
    assert redact_plaintexts(file) == 'A = Secret("plain:a=b:<redacted>" "")\nB = "text"\n'
    beside = _file(tmp_path, "b.json", '{"a": "kms::QUJDREVGR0g=", "b": "hunter2", "c": 1234,\n"d": "text"}')
    assert redact_plaintexts(beside) == '{"a": "kms::QUJDREVGR0g=", "b": <redacted>, "c": <redacted>,\n"d": "text"}'


def test_a_syntax_error_names_file_and_line_and_quotes_nothing(tmp_path: Path) -> None:
    file = _file(tmp_path, "a.py", 'A = 1\nB = Secret("hunter2"\n')
    with pytest.raises(SourceError, match=r"a\.py:2: not valid Python") as caught:
        find_tokens(file)
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_files_of_git_are_listed_without_ignored_ones_and_links(repository: Path, commit: Commit) -> None:
    commit("one", **{"a.py": "", ".gitignore": "secret.py\n", "readme.rst": "", "deep/b.env": ""})
    (repository / "secret.py").touch()
    (repository / "link.py").symlink_to("a.py")
    assert [path.name for path in discover([Path()])] == ["a.py", "b.env"]
    assert [path.name for path in discover([Path("link.py")])] == ["link.py"]


def test_without_git_hidden_folders_and_environments_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("a.py", ".venv/b.py", "env/c.py", "env/pyvenv.cfg", "__pycache__/d.py", "e/f.yml", "g.txt"):
        _folder = (tmp_path / name).parent
        _folder.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(path.name for path in discover([tmp_path])) == ["a.py", "f.yml"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("absent.py", None, "does not exist"),
        ("a.txt", b"", r"not a \.py"),
        ("a.toml", b"\xff", "not text"),
        ("a.py", b"# coding: nonsense\n", "not text"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_with_its_name(
    tmp_path: Path, name: str, data: bytes | None, reason: str
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=f"{name}.* {reason}"):
        list(scan([tmp_path / name]))
