"""The audit shows every token and what is wrong with it, and no body of any."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.secrets.conftest import become
from tests.secrets.repositories import Commit, git
from tests.secrets.tokens import local, made
from tests.secrets.verbs.calls import call
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops.secrets.backends import _aws_calls
from zemanta_ops.secrets.verbs import audit, audit_report

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
    assert "1 secret in 1 file, 1 with a problem" in ended.out
    assert json.loads(call(audit, "--json", *arguments).out)["tokens"][0]["problems"] == [problem]
    assert "hunter2" not in ended.out + ended.err


@pytest.mark.parametrize(("days", "old"), [(29.99, False), (30, False), (30.99, False), (31, True)])
def test_a_secret_is_too_old_from_the_day_after_its_last_on(
    days: float, old: bool, repository: Path, commit: Commit
) -> None:
    begun = datetime(2024, 1, 1, 12, tzinfo=timezone.utc)
    commit("one", date=begun.isoformat(), **{"a.py": GOOD})
    rules = audit_report.Rules(max_age=30, now=begun + timedelta(days=days))
    [row] = audit_report.audit([Path("a.py")], rules).rows
    assert row.problems == (("older than 30 days",) if old else ())
    assert row.age_days == int(days)


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
    # moto's code for a denial; that of KMS is AccessDeniedException.
    monkeypatch.setitem(_aws_calls._REASONS, "403", _aws_calls._REASONS["AccessDeniedException"])
    with kms.identity(["kms:Encrypt"]) as developer:
        become(monkeypatch, developer)
        ended = call(audit, "--verify")
    assert ended.code == 3
    assert "cannot decrypt here: KMS denies this identity Decrypt in eu-west-1" in ended.out
