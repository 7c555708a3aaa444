"""Commands encrypt by the zemanta_ops.toml of the file that they write, and refuse options that contradict it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.secrets.tokens import local, made
from tests.secrets.verbs.calls import Ended, call
from zemanta_ops.secrets import config, wire
from zemanta_ops.secrets.backends import _agekeys
from zemanta_ops.secrets.exceptions import ConfigError
from zemanta_ops.secrets.files.scan import scan
from zemanta_ops.secrets.rotation.journal import FILE_NAME
from zemanta_ops.secrets.verbs import audit, encrypt, migrate, rotate

IMPORT = "from zemanta_ops.secrets import Secret, decrypt_settings\n"
IDENTITIES = {name: _agekeys.generate("x25519") for name in ("root", "a", "b")}
KEYS = {name: str(identity.recipient) for name, identity in IDENTITIES.items()}
IDS = {name: identity.recipient.key_id for name, identity in IDENTITIES.items()}
PLACES = {"root": ".", "a": "svc/a", "b": "svc/b"}


@pytest.fixture(autouse=True)
def monorepo(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three projects, one around the others, each with its own key; all private keys are here."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(home.parent))
    monkeypatch.setenv("ZEMANTA_OPS_SEALED_KEY", "\n".join(each.text() for each in IDENTITIES.values()))
    for name, place in PLACES.items():
        folder = home / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "zemanta_ops.toml").write_text(
            f'app = "{name}"\n[environments.production]\nbackend = "sealed"\nrecipients = ["{KEYS[name]}"]\n'
        )
        (folder / "conf.py").write_text(f'{IMPORT}A = Secret("{local("example")}")\nB = Secret("")\n')
    return home


def keys(*paths: str) -> set[tuple[str, str]]:
    """Return backend and key of every token."""
    return {(found.token.backend, found.token.key_id) for found in scan(map(Path, paths)) if found.token}


def typed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Ended:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"example\n")))
    return call(encrypt, *arguments)


def test_rotation_from_the_root_seals_each_project_to_its_own_key() -> None:
    assert call(rotate, ".").code == 0
    for name, place in PLACES.items():
        assert keys(f"{place}/conf.py") == {("sealed", IDS[name])}


@pytest.mark.parametrize(
    ("here", "path"),
    [
        (".", "svc/b"),
        (".", "svc/b/conf.py"),
        ("svc/a", "../b"),
        ("svc/a", "../b/conf.py"),
        ("svc/b", "."),
        ("svc/a", "../../svc/a/../b"),
    ],
)
def test_the_folder_that_a_command_runs_in_does_not_matter(
    here: str, path: str, monorepo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(monorepo / here)
    ended = call(rotate, "--bind", path)
    assert ended.code == 0, ended.err
    [found] = scan([monorepo / "svc/b/conf.py"])
    assert wire.parse(found.text).params["key"] == IDS["b"]
    assert wire.parse(found.text).context == {"app": "b", "name": "A"}
    assert keys(str(monorepo / "svc/a/conf.py")) != {("sealed", IDS["b"])}


def test_into_seals_to_the_key_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = typed(monkeypatch, "--name", "B", "--into", "svc/b/conf.py", "B")
    assert "bound to app=b, name=B" in ended.err
    assert ("sealed", IDS["b"]) in keys("svc/b/conf.py")


@pytest.mark.parametrize("command", ["migrate", "from-env-file"])
def test_env_files_are_sealed_to_the_key_of_their_project(command: str, monorepo: Path) -> None:
    (monorepo / "svc/b/.env").write_text("A_TOKEN=example-plaintext\n")
    if command == "migrate":
        assert call(migrate, "svc/b/.env").code == 0
    else:
        (monorepo / "svc/b/.env").write_text(call(encrypt, "--from-env-file", "svc/b/.env").out)
    assert keys("svc/b/.env") == {("sealed", IDS["b"])}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "sealed", "--recipient", KEYS["root"]], "svc/b/zemanta_ops.toml has another recipients"),
        (["--recipient", KEYS["root"]], "svc/b/zemanta_ops.toml has another recipients"),
        (["--to", "local"], "svc/b/zemanta_ops.toml has no environment with the local backend"),
        (["--app", "root"], "--app is not the application of"),
        (["--env", "staging"], "svc/b/zemanta_ops.toml has no environment of that name"),
        (["--env", "production", "--to", "local"], "has no environment of that name with the local backend"),
    ],
)
def test_an_option_that_contradicts_the_configuration_of_the_file_is_refused(
    arguments: list[str], says: str, monorepo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (monorepo / "svc/b/conf.py").read_bytes()
    into = [each for each in arguments if each != "--to"]
    if "--to" in arguments:
        backend = arguments[arguments.index("--to") + 1]
        into = [backend, *(each for each in into if each != backend)]
    for ended in (call(rotate, *arguments, "svc/b"), typed(monkeypatch, *into, "--into", "svc/b/conf.py", "B")):
        assert ended.code == 1
        assert says in ended.err
        assert (monorepo / "svc/b/conf.py").read_bytes() == before
    assert not Path(FILE_NAME).exists()


def test_an_option_that_agrees_is_accepted_and_the_rest_comes_from_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (["--to", "sealed", "--recipient", KEYS["b"], "--app", "b"], ["--to", "sealed"]):
        assert call(rotate, *arguments, "svc/b").code == 0
    assert keys("svc/b/conf.py") == {("sealed", IDS["b"])}


def test_one_project_that_disagrees_stops_all(monorepo: Path) -> None:
    before = {place: (monorepo / place / "conf.py").read_bytes() for place in PLACES.values()}
    assert call(rotate, "--app", "a", "svc/a", "svc/b").code == 1
    assert {place: (monorepo / place / "conf.py").read_bytes() for place in PLACES.values()} == before


def test_a_file_without_configuration_does_not_get_that_of_the_working_directory(
    monorepo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (monorepo / "svc/b/zemanta_ops.toml").unlink()
    (monorepo / "zemanta_ops.toml").unlink()
    monkeypatch.chdir(monorepo / "svc/a")
    ended = call(rotate, "../b")
    assert ended.code == 1
    assert "name a backend" in ended.err
    assert typed(monkeypatch, "--into", "../b/conf.py", "B").code == 1


def test_the_variable_is_an_explicit_option_too(monorepo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_CONFIG", str(monorepo / "zemanta_ops.toml"))
    ended = call(rotate, "svc/b")
    assert ended.code == 1
    assert "ZEMANTA_OPS_CONFIG names another file" in ended.err
    (monorepo / "svc/b/zemanta_ops.toml").write_text((monorepo / "zemanta_ops.toml").read_text())
    assert call(rotate, "svc/b").code == 0
    for folder in (monorepo, monorepo / "svc/b"):
        (folder / "zemanta_ops.toml").rename(folder / "other.toml")
    monkeypatch.setenv("ZEMANTA_OPS_CONFIG", str(monorepo / "other.toml"))
    (monorepo / "conf.py").write_text(f'{IMPORT}A = Secret("{local("example")}")\n')
    assert call(rotate, "conf.py").code == 0
    assert keys("conf.py") == {("sealed", IDS["root"])}


def test_a_link_between_projects_is_refused(monorepo: Path) -> None:
    (monorepo / "svc/a/link.py").symlink_to(monorepo / "svc/b/conf.py")
    with pytest.raises(ConfigError, match="link from one project to another"):
        config.load_own(monorepo / "svc/a/link.py")
    assert call(rotate, "svc/a/link.py").code == 1


@pytest.mark.parametrize("link", ["current", "svc/c"])
def test_a_link_to_a_project_is_that_project(link: str, monorepo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (monorepo / link).symlink_to(monorepo / "svc/b")
    assert typed(monkeypatch, "--into", f"{link}/conf.py", "B").code == 0
    assert call(rotate, f"{link}/conf.py").code == 0
    assert keys("svc/b/conf.py") == {("sealed", IDS["b"])}


def test_several_environments_with_one_backend_need_env(monorepo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (monorepo / "svc/b/zemanta_ops.toml").open("a") as file:
        file.write(f'[environments.staging]\nbackend = "sealed"\nrecipients = ["{KEYS["a"]}"]\n')
    assert "has several environments with the sealed backend: use --env" in call(rotate, "--to", "sealed", "svc/b").err
    assert "no environment is named" in call(rotate, "svc/b").err
    assert call(rotate, "--to", "sealed", "--recipient", KEYS["a"], "svc/b").code == 0
    assert keys("svc/b/conf.py") == {("sealed", IDS["a"])}
    monkeypatch.setenv("ZEMANTA_OPS_ENV", "production")
    assert call(rotate, "--to", "sealed", "svc/b").code == 0
    assert keys("svc/b/conf.py") == {("sealed", IDS["b"])}


def test_equal_tokens_of_two_projects_become_different_ones(monorepo: Path) -> None:
    text = local("shared")
    for place in ("svc/a", "svc/b"):
        (monorepo / place / "conf.py").write_text(f'{IMPORT}A = Secret("{text}")\n')
    assert call(rotate, "svc").code == 0
    assert keys("svc") == {("sealed", IDS["a"]), ("sealed", IDS["b"])}


def test_resume_makes_what_was_ordered_although_the_configuration_has_changed(
    monorepo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (monorepo / "svc/b/conf.py").chmod(0o400)
    assert call(rotate, "svc/b").code == 1
    (monorepo / "svc/b/conf.py").chmod(0o600)
    (monorepo / "svc/b/zemanta_ops.toml").write_text((monorepo / "zemanta_ops.toml").read_text())
    assert call(rotate, "--resume").code == 0
    assert keys("svc/b/conf.py") == {("sealed", IDS["b"])}


def test_verify_reads_the_configuration_of_each_file(monorepo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for place in ("svc/a", "svc/b"):
        (monorepo / place / "conf.py").write_text(f'{IMPORT}A = Secret("{made("local", place)}")\n')

    def decrypt(tokens: list[object]) -> list[bytes]:
        seen.append(config.load().app)
        return [b"" for _ in tokens]

    monkeypatch.setattr("zemanta_ops.secrets.files.verify.decrypt_tokens", decrypt)
    ended = call(audit, "--verify", "--json", "svc")
    assert [row["verified"] for row in json.loads(ended.out)["tokens"]] == ["decrypted"] * 2
    assert sorted(seen) == ["a", "b"]
