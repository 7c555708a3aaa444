"""The audit shows every token and what is wrong with it, and no body of any."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.secrets.conftest import become
from tests.secrets.repositories import Commit, git
from tests.secrets.tokens import local, made
from tests.secrets.verbs.calls import call
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops.secrets.backends import _aws_calls
from zemanta_ops.secrets.verbs import audit

BODY = "QUJDREVGR0g="
GOOD = f'KEY = Secret("kms:region=eu-west-1&key=k1&app=shop&name=KEY:{BODY}")\n'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


def test_each_token_is_shown_with_its_last_change(repository: Path, commit: Commit) -> None:
    date = datetime.now(timezone.utc) - timedelta(days=40, hours=1)
    first = commit("one", author="Bob", date=date.isoformat(), **{"s/a.py": "# settings\n" + GOOD})
    (repository / "b.toml").write_text(f'key = "vault:key=app:vault:v3:{BODY}"\n')
    ended = call(audit, "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["tokens"] == [
        {
            "file": "b.toml",
            "line": 1,
            "setting": "key",
            "backend": "vault",
            "key": "app:v3",
            "app": "",
            "changed": "",
            "age_days": None,
            "author": "",
            "commit": "",
            "problems": [],
            "verified": "",
        },
        {
            "file": "s/a.py",
            "line": 2,
            "setting": "KEY",
            "backend": "kms",
            "key": "k1",
            "app": "shop",
            "changed": date.replace(microsecond=0).isoformat(),
            "age_days": 40,
            "author": "Bob",
            "commit": first[:12],
            "problems": [],
            "verified": "",
        },
    ]
    assert BODY not in ended.out


@pytest.mark.parametrize(
    ("line", "arguments", "problem"),
    [
        ('KEY = Secret("hunter2")', (), "not a token"),
        ('KEY = Secret("plain::hunter2")', (), "in plaintext"),
        (f'KEY = Secret("local::{BODY}")', (), "not authenticated (SecretCrypt 1.x): rotate it"),
        (f'KEY = Secret("password:salt=YQ==:{BODY}")', (), "not authenticated (SecretCrypt 1.x): rotate it"),
        (GOOD, ("--app", "blog"), "bound to another application"),
        (GOOD.replace("KEY =", "OTHER ="), (), "bound to another setting (KEY)"),
        (GOOD, ("--max-age", "365"), "older than 365 days"),
    ],
)
def test_a_problem_is_named_and_sets_the_exit_code(
    repository: Path, commit: Commit, line: str, arguments: tuple[str, ...], problem: str
) -> None:
    commit("one", date="2020-01-01T12:00:00+0000", **{"a.py": line})
    ended = call(audit, *arguments)
    assert ended.code == 1
    assert problem in ended.out
    assert "1 secrets in 1 files, 1 with a problem" in ended.out
    assert json.loads(call(audit, "--json", *arguments).out)["tokens"][0]["problems"] == [problem]
    assert "hunter2" not in ended.out + ended.err


def test_what_is_allowed_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f'A = Secret("plain::hunter2")\nB = Secret("local::{BODY}")\n')
    assert call(audit, "--allow", "plain", "--allow", "local").code == 0


def test_without_git_the_rest_is_still_shown(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD)
    (tmp_path / "b.py").write_text(GOOD)
    ended = call(audit)
    assert ended.code == 0
    assert ended.err.startswith("age and author are not known: not a git repository")
    assert ended.err.count("\n") == 1
    assert [line.split()[0] for line in ended.out.splitlines()] == ["PLACE", "a.py:1", "b.py:1", "2"]


def test_the_edge_of_a_shallow_clone_is_said(repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch) -> None:
    commit("one", date="2020-01-01T12:00:00+0000", **{"a.py": GOOD})
    commit("two", date="2020-01-02T12:00:00+0000", **{"b.py": ""})
    git(repository.parent, "clone", "--quiet", "--depth=1", f"file://{repository}", "clone")
    monkeypatch.chdir(repository.parent / "clone")
    assert "older than 9 days (at least)" in call(audit, "--max-age", "9").out


def test_a_file_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("A = Secret('hunter2'\n")
    (tmp_path / "b.py").write_text(GOOD)
    ended = call(audit)
    assert ended.code == 1
    assert "b.py:1" in ended.out
    assert "a.py:1: not valid Python" in ended.err
    assert "hunter2" not in ended.err


def test_a_path_that_is_not_there_is_an_error() -> None:
    assert call(audit, "absent") == (1, "", "absent does not exist\n")


def test_verify_tells_what_lacks_here_from_what_failed(home: Path) -> None:
    good = local("example-plaintext")
    changed = good[:-6] + ("A" if good[-6] != "A" else "B") + good[-5:]
    elsewhere = f"local:v=2&key=0123456789abcdef:{BODY}"
    path = home / "a.py"

    def verified(*tokens: str) -> tuple[int, list[str]]:
        path.write_text("".join(f'S{number} = Secret("{token}")\n' for number, token in enumerate(tokens)))
        ended = call(audit, "--verify", "--json")
        assert "example-plaintext" not in ended.out + ended.err
        return ended.code, [row["verified"] for row in json.loads(ended.out)["tokens"]]

    assert verified(good) == (0, ["decrypted"])
    assert verified(good, elsewhere) == (3, ["decrypted", "cannot decrypt here"])
    assert verified(good, elsewhere, changed) == (4, ["decrypted", "cannot decrypt here", "failed"])
    assert verified("plain::example-plaintext") == (1, ["decrypted"])
    assert verified("hunter2") == (1, [""])
    path.write_text(f'A = Secret("{elsewhere}")\n')
    assert "cannot decrypt here: the key of this local token is not on this machine" in call(audit, "--verify").out


@pytest.mark.parametrize("mode", ["fake", "deferred"])
def test_verify_is_refused_where_nothing_would_be_decrypted(
    mode: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "a.py").write_text(GOOD)
    monkeypatch.setenv("ZEMANTA_OPS_SECRETS", mode)
    assert call(audit, "--verify") == (
        1,
        "",
        "tokens cannot be verified, because ZEMANTA_OPS_SECRETS is set: unset it\n",
    )


def test_verify_without_rights_cannot_decrypt_here(kms: KMS, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = made("kms", "example-plaintext", key=ALIAS, region=REGION)
    (home / "a.py").write_text(f'A = Secret("{token}")\n')
    assert call(audit, "--verify").code == 0
    # moto's code for a denial; KMS says AccessDeniedException.
    monkeypatch.setitem(_aws_calls._REASONS, "403", _aws_calls._REASONS["AccessDeniedException"])
    with kms.identity(["kms:Encrypt"]) as developer:
        become(monkeypatch, developer)
        ended = call(audit, "--verify")
    assert ended.code == 3
    assert "cannot decrypt here: KMS denies this identity Decrypt in eu-west-1" in ended.out


def _write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


FOREIGN = {
    "charts/templates/secret.yaml": "kind: Secret\ndata:\n  {{- range .keys }}\n  a: {{ . | quote }}\n  {{- end }}\n",
    "tsconfig.json": '{\n  // local: comments\n  "strict": true,\n}\n',
    "vault.json": '{"vault": "kms: and local: alike"',
    "notes.yaml": "local: 'unclosed\n",
    "legacy.py": "print 'local: of Python 2'\n",
    "latin.toml": "a = 'local: \xff'\n",
    "deploy.py": 'from kubernetes.client import Secret\nx = Secret("name")\n',
    "tasks.py": 'import modal\ns = modal.Secret("name")\n',
    "model.py": 'class Secret:\n    pass\n\n\ny = Secret("name")\n',
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_of_other_programs_are_a_line_and_no_failure(tmp_path: Path, name: str) -> None:
    _write(tmp_path, **{"a.py": GOOD})
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(FOREIGN[name], encoding="latin-1")
    ended = call(audit)
    assert ended.code == 0
    assert ended.err.count(name) == 1
    assert any(name in note for note in json.loads(call(audit, "--json").out)["notes"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", f'KEY = "kms::{BODY}\n'),
        ("a.yaml", f"KEY: 'kms::{BODY}\n"),
        ("a.json", f'{{"KEY": "kms::{BODY}"'),
        (".env", f"KEY='kms::{BODY}\n"),
        ("a.py", f'KEY = ("kms::{BODY}"\n'),
        ("a.py", 'KEY = Secret("hunter2"\n'),
    ],
)
def test_a_broken_file_that_may_hide_tokens_is_a_failure(tmp_path: Path, name: str, text: str) -> None:
    _write(tmp_path, **{"b.py": GOOD, name: text})
    ended = call(audit)
    assert ended.code == 1
    assert f"{name}:" in ended.err


def test_tokens_in_templates_and_comments_are_listed_and_not_judged(tmp_path: Path) -> None:
    template = f"a: {{{{ x }}}}\n  {{{{- end }}}}\nb: kms:region=r&key=k9:{BODY}\n"
    _write(tmp_path, **{"a.py": f'{GOOD}# OLD = Secret("local::{BODY}")\n', "t.yaml": template})
    _write(tmp_path, **{"c.toml": f'# old: local::{BODY}\nx = "kms::{BODY}"\n', ".env": f"#A=local::{BODY}\n"})
    ended = call(audit, "--json")
    assert ended.code == 0
    rows = [(row["file"], row["line"], row["setting"], row["backend"]) for row in json.loads(ended.out)["tokens"]]
    assert rows == [
        (".env", 1, "(comment)", "local"),
        ("a.py", 1, "KEY", "kms"),
        ("a.py", 2, "(comment)", "local"),
        ("c.toml", 1, "(comment)", "local"),
        ("c.toml", 2, "x", "kms"),
        ("t.yaml", 3, "(comment)", "kms"),
    ]


def test_a_token_in_a_comment_is_not_verified(home: Path) -> None:
    (home / "a.py").write_text(f'A = Secret("{local("example")}")\n# B = Secret("kms:region=x:{BODY}")\n')
    assert [row["verified"] for row in json.loads(call(audit, "--verify", "--json").out)["tokens"]] == ["decrypted", ""]


@pytest.mark.parametrize(
    "text",
    [
        f'KEY = Secret(f"kms::{BODY}")\n',
        f'KEY = Secret("kms:" ":{BODY}")\n',
        f'KEY = Secret("kms:" + ":{BODY}")\n',
        f'KEY = Secret(("kms::{BODY}"))\n',
        f'KEY = Secret(f"kms:" f":{BODY}")\n',
        f'from zemanta_ops.secrets import Secret as S\nKEY = S("kms::{BODY}")\n',
        f'import zemanta_ops.secrets as z\nKEY = z.Secret("kms::{BODY}")\n',
        f'from .helpers import Secret\nKEY = Secret("kms::{BODY}")\n',
        f'from helpers import Secret\nKEY = Secret("kms::{BODY}")\n',
        f'KEY = OTHER = Secret("kms::{BODY}")\n',
        f'(KEY, OTHER) = Secret("kms::{BODY}"), 1\n',
        f'globals()["KEY"] = Secret("kms::{BODY}")\n',
        f'globals().update(KEY=Secret("kms::{BODY}"))\n',
    ],
)
def test_a_token_is_listed_however_it_is_written(tmp_path: Path, text: str) -> None:
    _write(tmp_path, **{"a.py": text})
    [row] = json.loads(call(audit, "--json").out)["tokens"]
    assert (row["setting"], row["backend"], row["problems"]) == ("KEY", "kms", [])


BOUND = f'Secret("kms:region=r&app=shop&name=DB.default.PASSWORD:{BODY}")'


@pytest.mark.parametrize(
    "text",
    [
        f'DB = {{"default": {{"PASSWORD": {BOUND}}}}}\n',
        f'class Production(Base):\n    DB = {{"default": {{"PASSWORD": {BOUND}}}}}\n',
        f'_pw = {BOUND}\nDB = {{"default": {{"PASSWORD": _pw}}}}\n',
        f'_pw = {BOUND}.get(name="DB.default.PASSWORD")\nDB_URL = f"x://:{{_pw}}@h"\n',
        f'_db = {{"PASSWORD": {BOUND}}}\nDB = {{"default": _db}}\n',
        f'DB = {{"default": {{}}}}\nDB["default"]["PASSWORD"] = {BOUND}\n',
        f'DB = {{"default": {{}}}}\nDB["default"].update(PASSWORD={BOUND})\n',
        f'DB = {{"default": {{"HOST": "h"}} | {{"PASSWORD": {BOUND}}}}}\n',
        f'DB = {{DEFAULT_DB_ALIAS: {{"PASSWORD": {BOUND}}}}}\n',
        f"COPY = {BOUND}\nDB = dict(default=dict(PASSWORD=COPY))\n",
    ],
)
def test_a_token_that_is_read_under_its_name_has_no_problem(tmp_path: Path, text: str) -> None:
    _write(tmp_path, **{"a.py": text})
    ended = call(audit)
    assert ended.code == 0, ended.out


def test_a_wrong_folder_is_an_error(tmp_path: Path) -> None:
    _write(tmp_path, **{"settings/a.py": GOOD, "docs/conf.py": "x = 1\n", "empty/readme.rst": ""})
    for paths in (["docs"], ["empty"], ["settings", "docs"], ["docs", "settings"]):
        ended = call(audit, *paths)
        assert ended.code == 1
        assert f"{'empty' if 'empty' in paths else 'docs'}: no token in any of its" in ended.err
    assert call(audit).code == 0
    assert call(audit, "settings", "docs/conf.py").code == 0
    assert call(audit, ".", "settings").code == 0


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("b/", {"a.py", "c/b.py"}),
        ("b.py", {"a.py"}),
        ("*.py", set()),
        ("c/*.py", {"a.py", "b/b.py"}),
        ("./c", {"a.py", "b/b.py"}),
        ("c", {"a.py", "b/b.py"}),
        ("/c/", {"a.py", "b/b.py"}),
        ("absent", {"a.py", "b/b.py", "c/b.py"}),
    ],
)
@pytest.mark.parametrize("configured", [False, True])
def test_excluded_files_are_left_out(tmp_path: Path, pattern: str, left: set[str], configured: bool) -> None:
    _write(tmp_path, **{"a.py": GOOD, "b/b.py": GOOD, "c/b.py": GOOD})
    if configured:
        _write(tmp_path, **{"zemanta_ops.toml": f'exclude = ["{pattern}"]\n'})
    arguments = () if configured else ("--exclude", pattern)
    assert {row["file"] for row in json.loads(call(audit, "--json", *arguments).out)["tokens"]} == left
    # A file that is named is wanted.
    assert "a.py:1" in call(audit, "a.py", *arguments).out


def test_a_missing_parser_is_said_and_the_rest_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, **{"a.py": GOOD, "b.toml": f'k = "kms::{BODY}"\n', "c.toml": 'k = "local: prose"\n'})
    # Simulated: the package is installed here.
    monkeypatch.delitem(sys.modules, "zemanta_ops.secrets.files.formats.toml_text", raising=False)
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    ended = call(audit, "--json")
    assert ended.code == 1
    found = json.loads(ended.out)
    assert [row["file"] for row in found["tokens"]] == ["a.py", "b.toml"]
    assert len(found["unreadable"]) == 1
    assert "zemanta-ops[source]" in found["unreadable"][0]
