"""Which files and tokens the audit takes for ours, and which it only mentions."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.secrets.tokens import local
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.verbs import audit

BODY = "QUJDREVGR0g="
GOOD = f'KEY = Secret("kms:region=eu-west-1&key=k1&app=shop&name=KEY:{BODY}")\n'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


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
        assert f"{'empty' if 'empty' in paths else 'docs'}: no token in " in ended.err
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
        ("/b.py", {"a.py", "b/b.py", "c/b.py"}),
        ("c/**", {"a.py", "b/b.py"}),
        ("c/**/b.py", {"a.py", "b/b.py"}),
        ("**/b.py", {"a.py"}),
        ("**/c", {"a.py", "b/b.py"}),
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
