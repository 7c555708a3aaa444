"""secret_keygen: pairs that our backend and age itself take."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.secrets.disk import Disk
from tests.secrets.repositories import Commit, git
from tests.secrets.tokens import made
from tests.secrets.verbs.calls import call
from tests.special_files import KINDS, kept, make_special
from zemanta_ops.secrets import Secret
from zemanta_ops.secrets.backends import _agekeys
from zemanta_ops.secrets.verbs import encrypt, keygen

SUITES = pytest.mark.parametrize("suite", ["pq", "x25519"])


@SUITES
def test_the_pair_encrypts_and_decrypts(suite: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = call(keygen, "--suite", suite)
    public = ended.out.splitlines()[0].removeprefix("# public key: ")
    assert ended.err == f"public key: {public}\n"
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", ended.out)
    assert Secret(made("sealed", "example", recipients=public)).get() == "example"


def test_the_default_is_post_quantum() -> None:
    public = call(keygen).out.splitlines()[0]
    assert public.startswith("# public key: age1pq1")


def test_a_file_is_for_its_owner_only_and_the_private_key_is_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "example.key"
    ended = call(keygen, "--output", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    [identity] = _agekeys.read_identities(path.read_text())
    assert ended.out == f"{identity.recipient}\n"
    assert identity.text() not in ended.out + ended.err


def test_a_private_key_is_on_the_disk_before_its_public_key_is_printed(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "example.key"
    call(keygen, "--output", str(path))
    assert disk.keeps(path)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "example.key"
    path.write_text("kept")
    ended = call(keygen, "--output", str(path))
    assert (ended.code, ended.out) == (1, "")
    assert "already exists" in ended.err
    assert path.read_text() == "kept"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    ended = call(keygen, "--output", str(tmp_path / "no" / "example.key"))
    assert ended.code == 1
    assert "cannot be written" in ended.err


def test_json_has_the_pair(tmp_path: Path) -> None:
    printed = json.loads(call(keygen, "--json").out)
    [identity] = _agekeys.read_identities(printed["private_key"])
    assert printed["public_key"] == str(identity.recipient)
    assert printed["key_id"] == identity.recipient.key_id
    path = tmp_path / "example.key"
    printed = json.loads(call(keygen, "--json", "--output", str(path)).out)
    assert printed["file"] == str(path)
    assert "private_key" not in printed


def test_encrypt_takes_recipients_from_the_command_line_or_from_the_environment_of_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    production, staging = (_agekeys.generate("x25519") for _ in range(2))
    (home / "plaintext").write_text("example")
    (home / "zemanta_ops.toml").write_text(
        f'[environments.production]\nbackend = "sealed"\nrecipients = ["{production.recipient}"]\n'
        f'[environments.staging]\nbackend = "sealed"\nrecipients = ["{staging.recipient}"]\n'
    )
    for identity, arguments in [
        (production, ["--env", "production"]),
        (staging, ["--env", "staging"]),
        (staging, ["sealed", "--recipient", str(staging.recipient), "--recipient", str(production.recipient)]),
        (production, ["sealed", "--recipient", str(staging.recipient), "--recipient", str(production.recipient)]),
    ]:
        ended = call(encrypt, *arguments, "--from-file", str(home / "plaintext"))
        monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", identity.text())
        assert Secret(ended.out.strip()).get() == "example", ended.err


@pytest.mark.second_tier
@pytest.mark.parametrize("flags", [["-pq"], []])
def test_a_pair_of_age_keygen_works_here(
    flags: list[str], age: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([age / "age-keygen", *flags, "-o", home / "key"], check=True, capture_output=True)
    text = (home / "key").read_text()
    public = next(line.split(": ")[1] for line in text.splitlines() if line.startswith("# public key: "))
    [identity] = _agekeys.read_identities(text)
    assert str(identity.recipient) == public
    assert identity.text() in text
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY_FILE", str(home / "key"))
    assert Secret(made("sealed", "example", recipients=public)).get() == "example"


@pytest.mark.second_tier
@SUITES
def test_age_takes_our_pair(suite: str, age: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    public = call(keygen, "--suite", suite, "--output", str(path)).out.strip()
    encrypted = subprocess.run([age / "age", "-r", public], input=b"example", check=True, capture_output=True).stdout
    opened = subprocess.run([age / "age", "-d", "-i", path], input=encrypted, check=True, capture_output=True).stdout
    assert opened == b"example"
    derived = subprocess.run([age / "age-keygen", "-y", path], check=True, capture_output=True, text=True).stdout
    assert derived.strip() == public


@pytest.mark.parametrize("name", ["example.key", "keys/example.key", "we!rd [a]*.key", "#key"])
def test_a_key_file_in_a_repository_is_added_to_gitignore(repository: Path, name: str) -> None:
    (repository / "keys").mkdir()
    (repository / ".gitignore").write_text("*.log")
    ended = call(keygen, "--output", name)
    assert ended.code == 0
    assert "added to" in ended.err
    git(repository, "add", "--all")
    assert Path(name).name not in git(repository, "ls-files")
    assert (repository / ".gitignore").read_text().startswith("*.log\n" if "/" not in name else "*.log")


@pytest.mark.parametrize(("ignored", "name"), [("*.key\n", "example.key"), ("keys/\n", "keys/example.key")])
def test_a_key_file_that_is_ignored_needs_no_line(repository: Path, ignored: str, name: str) -> None:
    (repository / "keys").mkdir()
    (repository / ".gitignore").write_text(ignored)
    assert call(keygen, "--output", name).err == ""
    assert (repository / ".gitignore").read_text() == ignored
    assert not (repository / "keys" / ".gitignore").exists()


def test_a_key_file_that_git_would_commit_all_the_same_is_refused(
    repository: Path, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit("one", **{"example.key": "tracked"})
    (repository / "example.key").unlink()
    ended = call(keygen, "--output", "example.key")
    assert (ended.code, ended.out) == (1, "")
    assert "does not ignore it" in ended.err
    assert not Path("example.key").exists()
    monkeypatch.setenv("PATH", "")
    ended = call(keygen, "--output", "other.key")
    assert (ended.code, ended.out) == (1, "")
    assert "git is not installed" in ended.err
    assert not Path("other.key").exists()


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output_may_be_named(name: str, home: Path) -> None:
    ended = call(keygen, "--output", name)
    assert ended.code == 0
    assert "AGE-SECRET-KEY-" in ended.out
    assert ended.err.startswith("public key: age1")
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_regular_file_is_left_alone(kind: str, home: Path) -> None:
    path = make_special(kind, home / "example.key")
    with kept(path):
        ended = call(keygen, "--output", "example.key")
    assert (ended.code, ended.out) == (1, "")
    assert "example.key already exists" in ended.err


def test_a_gitignore_that_is_a_link_is_not_written_to(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    elsewhere = repository.parent / "elsewhere"
    elsewhere.write_text("kept\n")
    (repository / ".gitignore").symlink_to(elsewhere)
    ended = call(keygen, "--output", "example.key")
    assert ended.code == 1
    assert ".gitignore that is a link" in ended.err
    assert elsewhere.read_text() == "kept\n"
    assert not (repository / "example.key").exists()
