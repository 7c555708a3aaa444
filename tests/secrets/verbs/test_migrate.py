"""Migration: .env plaintexts and tokens of SecretCrypt become ours in place, and nothing else changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tests.secrets import deterministic
from tests.secrets.secretcrypt1 import SecretCrypt, installed
from tests.secrets.tokens import made
from tests.secrets.verbs.calls import Ended, call
from tests.servers.kms import ALIAS, KMS, REGION
from zemanta_ops import atomic
from zemanta_ops.secrets import Secret, StrictSecret, backends, wire
from zemanta_ops.secrets.files.scan import scan
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.rotation.journal import FILE_NAME
from zemanta_ops.secrets.verbs import migrate, rotate

ENV = """\
# the shop
DEBUG=1
export DB_PASSWORD=example-password # set by hand
API_TOKEN = "line one\\nline \\"two\\""\r
SIGNING_KEY=' blanks stay '
SIGNING_KEY_OLD=' blanks stay  '
EMPTY_SECRET=
SENTRY_DSN=https://example@sentry.example.org/1
HOST=db.example.org
"""
# With "export", comments and escapes, loaders read these lines differently.
READ = ("--reader", "python-dotenv")
SECRETS = {
    "DB_PASSWORD": "example-password",
    "API_TOKEN": 'line one\nline "two"',
    "SIGNING_KEY": " blanks stay ",
    "SIGNING_KEY_OLD": " blanks stay  ",
    "SENTRY_DSN": "https://example@sentry.example.org/1",
}


@pytest.fixture(autouse=True)
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(home.parent))
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(home / ".keys"))
    return home


@pytest.fixture
def env(folder: Path) -> Path:
    path = folder / ".env"
    path.write_bytes(ENV.encode())
    return path


def values(path: Path) -> dict[str, str]:
    return {literal.setting: literal.value for literal in read(path).strings}


def decrypted(path: Path, app: str = "") -> dict[str, str]:
    return {found.setting: StrictSecret(found.text).decrypt(name=found.setting, app=app) for found in scan([path])}


def test_plaintexts_of_an_env_file_become_tokens_and_all_else_stays(env: Path) -> None:
    ended = call(migrate, "--to", "local", *READ, ".env")
    assert (ended.code, ended.out) == (0, "migrated 5 secrets in 1 file\n")
    assert ended.err.splitlines()[-2:] == [
        "migrated 5/5",
        ".env: left in plaintext: DEBUG, HOST. To encrypt one: --only NAME; all: --all",
    ]
    assert decrypted(env) == SECRETS
    text = env.read_bytes().decode()
    assert text.count("\n") == ENV.count("\n")
    for kept in (
        "# the shop\nDEBUG=1\nexport DB_PASSWORD=local:",
        ' # set by hand\nAPI_TOKEN = "local:',
        '"\r\n',
        "'\n",
    ):
        assert kept in text
    assert text.endswith("HOST=db.example.org\n")
    assert "EMPTY_SECRET=\n" in text


def test_a_second_run_finds_nothing_to_do(env: Path) -> None:
    call(migrate, "--to", "local", *READ, ".env")
    before = env.read_bytes()
    assert call(migrate, "--to", "local", *READ, ".env").out == "migrated 0 secrets in 0 files\n"
    assert env.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--all",), {*SECRETS, "DEBUG", "HOST"}),
        (("--all", "--skip", "DEBUG", "--skip", "SIGNING_*"), {"DB_PASSWORD", "API_TOKEN", "SENTRY_DSN", "HOST"}),
        (("--only", "HOST", "--only", "DB_*"), {"HOST", "DB_PASSWORD"}),
        (("--skip", "*KEY*"), {"DB_PASSWORD", "API_TOKEN", "SENTRY_DSN"}),
    ],
)
def test_which_names_are_secrets_can_be_said(arguments: tuple[str, ...], names: set[str], env: Path) -> None:
    before = values(env)
    assert call(migrate, "--to", "local", *arguments, *READ, ".env").code == 0
    after = values(env)
    assert {name for name in after if after[name] != before[name]} == names


def test_bound_tokens_open_under_their_name_only(env: Path) -> None:
    assert "--bind needs an application" in call(migrate, "--to", "local", "--bind", *READ, ".env").err
    assert call(migrate, "--to", "local", "--bind", "--app", "shop", *READ, ".env").code == 0
    assert decrypted(env, app="shop") == SECRETS
    assert {wire.parse(found.text).params["name"] for found in scan([env])} == set(SECRETS)


def test_no_plaintext_is_shown_and_a_dry_run_writes_nothing(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [call(migrate, "--to", "local", "--dry-run", *more, *READ, ".env") for more in ((), ("--json",))]
    assert env.read_bytes() == ENV.encode()
    assert not Path(FILE_NAME).exists()
    assert "\n-export DB_PASSWORD=<redacted> # set by hand\n" in shown[0].out
    assert "\n+export DB_PASSWORD=local:" in shown[0].out
    assert "would migrate 5 secrets in 1 file" in shown[0].out
    assert [row["from"] for row in json.loads(shown[1].out)] == [["plain", ""]] * 5
    assert [row["line"] for row in json.loads(shown[1].out)] == [3, 4, 5, 6, 8]

    def fail(step: str, path: Path) -> None:
        if step == "before rename":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "step_hook", fail)
    shown.append(call(migrate, "--to", "local", *READ, ".env"))
    assert shown[-1].code == 1
    assert env.read_bytes() == ENV.encode()
    everything = Path(FILE_NAME).read_text() + "".join(ended.out + ended.err for ended in shown)
    assert "No space left" in everything
    for plaintext in ("example-password", "line one", "blanks stay", "sentry.example.org", "db.example.org"):
        assert plaintext not in everything


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends._PATHS, "sealed", deterministic.PATH)
    monkeypatch.setattr(backends, "_loaded", {})


@pytest.mark.usefixtures("sealed")
def test_one_failure_leaves_every_file_as_it_was(env: Path) -> None:
    env.write_text("A_KEY=example\nB_KEY=refused\n")
    ended = call(migrate, "--to", "sealed", *READ, ".env")
    assert ended.code == 1
    assert "1 could not be migrated; no file was changed:\n  .env:2 B_KEY: this backend refuses it" in ended.err
    assert env.read_text() == "A_KEY=example\nB_KEY=refused\n"


def _killed(folder: Path, last: int) -> tuple[int, str]:
    """Migrate in a forked process that is killed at its step number ``last``; return its end and that step."""
    count, steps = 0, folder.parent / f"{folder.name}.step"

    def die(step: str, path: Path) -> None:
        nonlocal count
        count += 1
        if count == last:
            steps.write_text(step)
            os.kill(os.getpid(), signal.SIGKILL)

    with warnings.catch_warnings():
        # From Python 3.12 on, a fork warns if other tests have left threads; none of theirs is used here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            atomic.step_hook = die
            os._exit(_migrate(folder, *READ, "--to", "sealed", "--bind", "--app", "shop").code)
        finally:
            os._exit(99)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, steps.read_text() if steps.exists() else ""


def _migrate(folder: Path, *arguments: str) -> Ended:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return call(migrate, *arguments)
    finally:
        os.chdir(before)


def _folder(path: Path, old: str) -> Path:
    path.mkdir()
    (path / ".env").write_bytes(ENV.encode())
    (path / "a.py").write_text(f'from secretcrypt import Secret\nA = Secret("{old}").get()\n')
    return path


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.usefixtures("sealed")
def test_killed_at_any_step_it_goes_on_to_the_same_bytes(folder: Path, package: SecretCrypt) -> None:
    [old] = package.run([("encrypt", "local", "example", {})])
    whole = _folder(folder / "whole", old)
    assert _migrate(whole, *READ, "--to", "sealed", "--bind", "--app", "shop").code == 0
    seen = []
    for last in range(1, 100):
        broken = _folder(folder / f"step-{last}", old)
        status, step = _killed(broken, last)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        seen.append(step)
        if _migrate(broken, "--resume").code:
            # Killed before the journal held anything: nothing was begun.
            _migrate(broken, "--abandon")
            assert _migrate(broken, *READ, "--to", "sealed", "--bind", "--app", "shop").code == 0
        assert _contents(broken) == _contents(whole)
    assert seen.count("before rename") == seen.count("after rename") == 2
    assert set(_contents(whole)) == {".env", "a.py"}


@pytest.fixture(scope="session")
def package() -> SecretCrypt:
    return SecretCrypt(installed())


FILES = {
    "settings.py": "from secretcrypt import Secret, StrictSecret  # kept\nA = Secret('{}').get()\nB = \"text\"\n",
    "more.py": 'import secretcrypt\nfrom secretcrypt import Secret as S\nX = secretcrypt.Secret("{}")\n',
    "config.toml": "[db]  # two\npassword = '{}'\n",
    "config.yaml": "db:\n  - password: {}  # a comment\n",
    "config.json": '{{"e": "{}",\t"n": 1.50}}',
    ".env": "F={}\nHOST=text\n",
}


@pytest.mark.parametrize("backend", ["local", "password"])
def test_tokens_of_the_real_secretcrypt_become_ours_in_every_format(
    backend: str, folder: Path, package: SecretCrypt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEMANTA_OPS_PASSWORD", "example password")
    old = package.run([("encrypt", backend, f"example of {name}", {}) for name in FILES])
    for (name, text), token in zip(FILES.items(), old, strict=True):
        (folder / name).write_text(text.format(token))
    (folder / "ours.py").write_text(f'A = Secret("{made("local", "ours")}")\nP = Secret("plain::as it is")\n')
    ours = (folder / "ours.py").read_text()
    ended = call(migrate, "--to", "local")
    assert (ended.code, ended.out) == (0, "migrated 6 secrets in 6 files\n")
    assert (folder / "ours.py").read_text() == ours
    for name, text in FILES.items():
        [found] = scan([Path(name)])
        assert wire.parse(found.text).params["v"] == "2"
        assert Secret(found.text).get() == f"example of {name}"
        imported = text.replace(
            "from secretcrypt import Secret, StrictSecret", "from zemanta_ops.secrets import Secret, StrictSecret"
        )
        assert (folder / name).read_text() == imported.format(found.text)


def test_kms_tokens_of_secretcrypt_are_bound_inside_kms(kms: KMS, folder: Path, package: SecretCrypt) -> None:
    [old] = package.run([("encrypt", "kms", "example", {"region": REGION, "key_id": ALIAS})])
    (folder / "settings.py").write_text(f'A = Secret("{old}")\n')
    ended = call(migrate, "--to", "kms", "--key", ALIAS, "--region", REGION, "--bind", "--app", "shop", "settings.py")
    assert (ended.code, ended.out) == (0, "migrated 1 secret in 1 file, 1 of them inside the key service\n")
    [found] = scan([folder / "settings.py"])
    assert wire.parse(found.text).context == {"app": "shop", "name": "A"}
    assert Secret(found.text).get(name="A", app="shop") == "example"


def test_a_broken_off_migration_is_not_taken_up_by_rotation(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env.chmod(0o400)
    assert call(migrate, "--to", "local", *READ, ".env").code == 1
    env.chmod(0o600)
    assert "of the other command" in call(rotate, "--resume").err
    assert call(migrate, "--resume").code == 0
    assert decrypted(env) == SECRETS


def test_it_is_a_verb_without_django(env: Path) -> None:
    command = [sys.executable, "-m", "zemanta_ops.secrets", "migrate", "--to", "local", *READ, ".env"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "migrated 5 secrets in 1 file\n"), ended.stderr
    assert decrypted(env) == SECRETS
