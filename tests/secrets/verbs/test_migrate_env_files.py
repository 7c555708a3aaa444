"""Migration of .env files: which values are secrets, what the programs that read the file get, and what it refuses."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.secrets.repositories import git
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets import StrictSecret
from zemanta_ops.secrets.files.scan import scan
from zemanta_ops.secrets.files.secret_names import is_secret
from zemanta_ops.secrets.rotation.journal import FILE_NAME
from zemanta_ops.secrets.verbs import migrate

RANDOM = "x8Kd02mQ4vTz7Lp1Rw9Y"


@pytest.fixture(autouse=True)
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(home.parent))
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(home / ".keys"))
    return home


def decrypted(path: str = ".env") -> dict[str, str]:
    return {found.setting: StrictSecret(found.text).decrypt(name=found.setting) for found in scan([Path(path)])}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "example"),
        ("DB_PASSWORD", "1234"),
        ("DJANGO_HASHID_SALT", "example"),
        ("PASSWORD_PEPPER", "example"),
        ("apiKey", "example"),
        ("DBPASS", "example"),
        ("PGPASSWORD", "example"),
        ("STRIPE_APIKEY", "example"),
        ("HTTP_AUTH", "user:example"),
        ("FTP_PWD", "example"),
        ("AWS_ACCESS_KEY_ID", "example"),
        ("JWT_PRIVATE_KEY_1", "example"),
        ("DATABASE_URL", "postgres://app:example@db/app"),
        ("DATABASE_URL", "postgres://app:p%40ss@db/app?sslmode=require"),
        ("CELERY_BROKER", "redis://:example@redis:6379/0"),
        ("REPORTING", "https://0123456789abcdef@sentry.example.org/1"),
        ("SLACK", "https://hooks.slack.com/services/T00000000/B00000000/" + RANDOM),
        ("ALERTS_WEBHOOK_URL", "https://chat.example.org/hook/a"),
        ("TEAMS_URL", f"https://example.webhook.office.com/webhookb2/{RANDOM}/IncomingWebhook"),
        ("PING", "https://hc-ping.example.org/5f0c3f0e-1111-4222-8333-944455556666"),
        ("FEED", f"https://example.org/feed?token={RANDOM}"),
        ("DEPLOY", "ghp_" + "a1B2" * 9),
        ("STORAGE", "DefaultEndpointsProtocol=https;AccountKey=" + "A1b2" * 20 + "=="),
        ("PEM", "-----BEGIN PRIVATE KEY-----"),
    ],
)
def test_secrets_are_found_by_name_and_by_value(name: str, value: str) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STATIC_URL", "/static/"),
        ("MEDIA_URL", "https://cdn.example.org/media/"),
        ("SITE_URL", "https://example.org"),
        ("MONKEY", "george"),
        ("KEYBOARD", "us"),
        ("DONKEYS", "2"),
        ("COMPASS", "north"),
        ("BYPASS_CACHE", "example"),
        ("AUTHOR", "Ann"),
        ("AUTH_USER_MODEL", "users.User"),
        ("PWD", "/srv/app"),
        ("PASSWORD_RESET_TIMEOUT", "259200"),
        ("PASSWORD_HASHERS", "argon2"),
        ("SECRET_KEY_FILE", "/run/secrets/key"),
        ("CACHE_KEY_PREFIX", "shop"),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("TOKEN_URL", "https://id.example.org/token"),
        ("SESSION_TOKEN_ENABLED", "true"),
        ("DATABASE_URL", "postgres://db/app"),
        ("DATABASE_URL", "postgres://app@db/app"),
        ("REDIS_URL", "redis://redis:6379/0"),
        ("DATABASE_URL", "postgres://app:${DB_PASSWORD}@db/app"),
        ("DEBUG", "1"),
        ("GIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
    ],
)
def test_what_is_not_a_secret_is_left(name: str, value: str) -> None:
    assert not is_secret(name, value)


def test_every_value_that_stays_in_plaintext_is_named(folder: Path) -> None:
    (folder / ".env").write_text("A_TOKEN=example\nSTATIC_URL=/static/\nMONKEY=george\nEMPTY=\nB_TOKEN=example\n")
    ended = call(migrate, "--to", "local", "--skip", "B_TOKEN", ".env")
    assert ended.code == 0, ended.err
    assert ".env: left in plaintext: STATIC_URL, MONKEY, B_TOKEN. To encrypt one: --only NAME; all: --all" in ended.err
    assert "george" not in ended.err
    assert decrypted() == {"A_TOKEN": "example"}
    ended = call(migrate, "--to", "local", "--all", ".env")
    assert "left in plaintext" not in ended.err
    assert decrypted() == {"A_TOKEN": "example", "STATIC_URL": "/static/", "MONKEY": "george", "B_TOKEN": "example"}


AMBIGUOUS = [
    r'A_PASSWORD="CORP\svc-pass"',
    r"A_PASSWORD=CORP\svc-pass",
    "A_PASSWORD=abc #def",
    "A_PASSWORD=abc\t#def",
    "A_PASSWORD='abc' # def",
    "A_PASSWORD= abc",
    "A_PASSWORD=abc ",
    "A_PASSWORD=pa$word",
    "A_PASSWORD=$word",
    "A_PASSWORD=a${B}c",
    r'A_PASSWORD="a\nb"',
    'A_PASSWORD="a\nb"',
    "A_PASSWORD=#abc",
    "A_PASSWORD=abc\\",
]


@pytest.mark.parametrize("line", AMBIGUOUS)
def test_a_value_that_programs_read_differently_is_refused_with_its_line(line: str, folder: Path) -> None:
    text = f"B_PASSWORD=example\n{line}\nC=1\n"
    (folder / ".env").write_text(text)
    for arguments in ([], ["--dry-run"]):
        ended = call(migrate, "--to", "local", *arguments, ".env")
        assert (ended.code, ended.out) == (1, "")
        assert ".env:2 A_PASSWORD: " in ended.err
        assert "--reader" in ended.err
        assert not {"svc", "abc", "word"} & set(ended.err.replace("A_PASSWORD", "").split())
    assert (folder / ".env").read_text() == text
    assert not Path(FILE_NAME).exists()
    ended = call(migrate, "--to", "local", "--skip", "A_PASSWORD", ".env")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize("line", [line for line in AMBIGUOUS if "${" not in line and "=#" not in line])
@pytest.mark.parametrize("head", ["", "export "])
def test_with_python_dotenv_every_byte_is_what_it_reads(line: str, head: str, folder: Path) -> None:
    text = f"{head}{line}\nHOST=db # kept\n"
    (folder / ".env").write_text(text)
    before = dotenv_values(stream=io.StringIO(text))
    ended = call(migrate, "--to", "local", "--reader", "python-dotenv", ".env")
    assert ended.code == 0, ended.err
    [found] = scan([Path(".env")])
    assert StrictSecret(found.text).decrypt() == before["A_PASSWORD"]
    after = dotenv_values(Path(".env"))
    assert after == {**before, "A_PASSWORD": found.text}


@pytest.mark.parametrize(
    ("reader", "line", "value", "after"),
    [
        ("docker", "A_TOKEN=abc #def", "abc #def", "A_TOKEN=TOKEN\n"),
        ("docker", 'A_TOKEN="abc"', '"abc"', "A_TOKEN=TOKEN\n"),
        ("docker", "A_TOKEN= abc ", " abc ", "A_TOKEN=TOKEN\n"),
        ("django-environ", "A_TOKEN=abc #def", "abc #def", "A_TOKEN=TOKEN\n"),
        ("django-environ", r'A_TOKEN="CORP\svc"', "CORPsvc", 'A_TOKEN="TOKEN"\n'),
        ("django-environ", "export A_TOKEN=abc", "abc", "export A_TOKEN=TOKEN\n"),
        ("systemd", "A_TOKEN='abc' # def", "abc# def", "A_TOKEN=TOKEN\n"),
        ("systemd", r"A_TOKEN=CORP\svc", "CORPsvc", "A_TOKEN=TOKEN\n"),
        ("compose", "A_TOKEN='abc' # def", "abc", "A_TOKEN='TOKEN' # def\n"),
        ("python-dotenv", "A_TOKEN=abc # def", "abc", "A_TOKEN=TOKEN # def\n"),
    ],
)
def test_the_reader_decides_what_the_value_is_and_gets_the_token(
    reader: str, line: str, value: str, after: str, folder: Path
) -> None:
    (folder / ".env").write_text(f"{line}\n")
    ended = call(migrate, "--to", "local", "--reader", reader, ".env")
    assert ended.code == 0, ended.err
    [found] = scan([Path(".env")])
    assert StrictSecret(found.text).decrypt() == value
    assert (folder / ".env").read_text().replace(found.text, "TOKEN") == after


def test_a_reader_that_would_not_read_the_line_is_refused(folder: Path) -> None:
    (folder / ".env").write_text("export A_TOKEN=abc\n")
    assert "docker would not read this line" in call(migrate, "--to", "local", "--reader", "docker", ".env").err


def test_two_values_that_differ_only_by_their_quotes_keep_their_difference(folder: Path) -> None:
    (folder / ".env").write_text('A_TOKEN="abc"\nB_TOKEN=abc\n')
    assert call(migrate, "--to", "local", "--reader", "docker", ".env").code == 0
    assert decrypted() == {"A_TOKEN": '"abc"', "B_TOKEN": "abc"}


def test_quotes_are_said_to_be_parts_of_values_for_docker(folder: Path) -> None:
    (folder / ".env").write_text('A_TOKEN="abc"\n')
    ended = call(migrate, "--to", "local", ".env")
    assert ended.code == 0
    assert "docker --env-file would read the quotes" in ended.err


def test_a_name_that_is_set_twice_is_refused(folder: Path) -> None:
    (folder / ".env").write_text("A_TOKEN=one\nA_TOKEN=two\n")
    ended = call(migrate, "--to", "local", ".env")
    assert ended.code == 1
    assert ".env:1: A_TOKEN is set more than once" in ended.err


COOKIECUTTER = {
    ".envs/.production/.django": "# General\nDJANGO_SECRET_KEY=example-key\n"
    "DJANGO_ADMIN_URL=example/\nWEB_CONCURRENCY=4\n",
    ".envs/.production/.postgres": "POSTGRES_HOST=postgres\nPOSTGRES_USER=app\nPOSTGRES_PASSWORD=example-password\n",
    ".envs/.local/.django": "USE_DOCKER=yes\nREDIS_URL=redis://redis:6379/0\n",
}


@pytest.mark.parametrize(
    "paths", [[".envs"], [".envs/.production"], [".envs/.production/.django", ".envs/.production/.postgres"], ["."]]
)
@pytest.mark.parametrize("ignored", [False, True])
def test_the_files_of_cookiecutter_are_read_by_their_content(paths: list[str], ignored: bool, repository: Path) -> None:
    for name, text in COOKIECUTTER.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text)
    (repository / ".envs/README").write_text("Not a list of values.\n")
    (repository / ".envs/.production/.key").write_bytes(b"\xff\x00")
    if ignored:
        (repository / ".gitignore").write_text(".envs/\n")
    git(repository, "add", "--all")
    ended = call(migrate, "--to", "local", *paths)
    if paths == ["."] and ignored:
        # Git's own files do not have them.
        assert ended.code == 1
        return
    assert (ended.code, ended.out) == (0, "migrated 2 secrets in 2 files\n"), ended.err
    assert decrypted(".envs/.production/.django") == {"DJANGO_SECRET_KEY": "example-key"}
    assert decrypted(".envs/.production/.postgres") == {"POSTGRES_PASSWORD": "example-password"}
    assert "left in plaintext: DJANGO_ADMIN_URL, WEB_CONCURRENCY" in ended.err


@pytest.mark.parametrize("text", ["all: build\n\techo\n", "hunter2\n", "", "# nothing\n"])
def test_another_file_without_an_ending_is_not_taken_for_one(text: str, folder: Path) -> None:
    (folder / "Makefile").write_text(text)
    ended = call(migrate, "--to", "local", "Makefile")
    assert ended.code == 1
    assert "is not a .py" in ended.err


def test_required_context_binds_what_is_migrated(folder: Path) -> None:
    (folder / "zemanta_ops.toml").write_text('app = "shop"\nrequire_context = true\n')
    (folder / ".env").write_text("A_TOKEN=example\n")
    assert call(migrate, "--to", "local", ".env").code == 0
    [found] = scan([Path(".env")])
    assert found.token is not None
    assert found.token.context == {"app": "shop", "name": "A_TOKEN"}
