"""Migration of .env files: which values are secrets, what the programs that read the file get, and what it refuses."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.secrets.repositories import git
from tests.secrets.tokens import local as token
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets import StrictSecret
from zemanta_ops.secrets.files.env_readers import READERS
from zemanta_ops.secrets.files.scan import scan
from zemanta_ops.secrets.rotation.journal import FILE_NAME
from zemanta_ops.secrets.verbs import migrate


@pytest.fixture(autouse=True)
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(home.parent))
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(home / ".keys"))
    return home


def decrypted(path: str = ".env") -> dict[str, str]:
    return {found.setting: StrictSecret(found.text).decrypt(name=found.setting) for found in scan([Path(path)])}


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


REFERRING = [
    ("B=u:${A_PASSWORD}@h", ["", "python-dotenv", "compose"]),
    ("B='u:${A_PASSWORD}@h'", ["", "python-dotenv"]),
    ("B=u:${A_PASSWORD:-x}@h", ["", "python-dotenv", "compose"]),
    ("B=u:$A_PASSWORD@h", ["", "compose"]),
    ("B=$A_PASSWORD", ["", "django-environ", "compose"]),
]


@pytest.mark.parametrize(("line", "readers"), REFERRING)
def test_a_secret_that_another_value_refers_to_is_refused(line: str, readers: list[str], folder: Path) -> None:
    text = f"A_PASSWORD=example\n{line}\n"
    for reader in ("", *READERS):
        (folder / ".env").write_text(text)
        ended = call(migrate, "--to", "local", *(["--reader", reader] if reader else []), ".env")
        assert ended.code == int(reader in readers), reader
        if ended.code:
            assert ".env:2 B: refers to A_PASSWORD, and would have its token" in ended.err
            assert (folder / ".env").read_text() == text
    ended = call(migrate, "--to", "local", "--skip", "A_PASSWORD", "--only", "C", ".env")
    assert "refers to" not in ended.err


def test_other_references_and_dollars_do_not_matter(folder: Path) -> None:
    (folder / ".env").write_text("A_PASSWORD=example\nB=${A_PASSWORD_FILE}\nC=a$$A_PASSWORD\nD=${OTHER:-x}\n")
    assert call(migrate, "--to", "local", ".env").code == 0
    assert decrypted() == {"A_PASSWORD": "example"}


def test_what_a_compose_file_gives_to_containers_is_named(folder: Path) -> None:
    (folder / ".env").write_text("A_PASSWORD=example\nB=1\n")
    (folder / "docker-compose.yml").write_text("services:\n  db:\n    environment: {P: '${A_PASSWORD:?}', Q: $B}\n")
    ended = call(migrate, "--to", "local", ".env")
    assert ended.code == 0
    assert "docker-compose.yml:3: a container gets the token of A_PASSWORD from here" in ended.err
    assert "token of B " not in ended.err


@pytest.mark.parametrize("reader", ["django-environ", "python-decouple"])
def test_a_program_that_reads_only_the_first_line_of_a_value_loses_no_line(reader: str, folder: Path) -> None:
    text = 'A_KEY="-----BEGIN EXAMPLE KEY-----\nexample\n-----END EXAMPLE KEY-----"\n'
    (folder / ".env").write_text(text)
    ended = call(migrate, "--to", "local", "--reader", reader, ".env")
    assert ended.code == 1
    assert f"{reader} reads the first line of this value only" in ended.err
    assert (folder / ".env").read_text() == text
    assert call(migrate, "--to", "local", "--reader", "python-dotenv", ".env").code == 0


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
        ("python-decouple", r'A_TOKEN="CORP\svc\"1"', r"CORP\svc\"1", 'A_TOKEN="TOKEN"\n'),
        ("python-decouple", "A_TOKEN = abc #def", "abc #def", "A_TOKEN =TOKEN\n"),
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


def test_lines_that_keep_a_secret_in_a_comment_or_in_another_value_are_named(folder: Path) -> None:
    (folder / ".env").write_text(
        "A_TOKEN=example-token\n# was example-token\nB=my-example-token\n#A_TOKEN=older\n## export B_PASSWORD='x'\n"
        "# DEBUG=1\n# C_TOKEN=\n# see https://example.org/?A=b\n"
    )
    ended = call(migrate, "--to", "local", ".env")
    named = [line.removeprefix(".env:") for line in ended.err.splitlines() if line.startswith(".env:")]
    assert sorted(named)[1:] == [
        "2: the plaintext of a secret is readable here too",
        "3: the plaintext of a secret is readable here too",
        "4: a comment has a plaintext of A_TOKEN: remove it",
        "5: a comment has a plaintext of B_PASSWORD: remove it",
    ]
    assert "older" not in ended.err


@pytest.mark.parametrize("path", ["a.py", "."])
def test_probable_secrets_of_other_files_are_named(path: str, folder: Path) -> None:
    (folder / "a.py").write_text(
        f"from zemanta_ops.secrets import Secret\nX = Secret({token('example')!r})\nA_TOKEN = 'example'\n"
        "DATABASES = {'default': {'NAME': 'a', 'PASSWORD': 'example'}}\nB_TOKEN = 'x'  # zemanta-ops: allow-plaintext\n"
        "CACHE = f'redis://:example@{HOST}'\nPASSWORD_HASHERS = ['a.B']\nC_TOKEN = os.environ['C_TOKEN']\nURL = '/a/'\n"
    )
    ended = call(migrate, "--to", "local", path)
    assert (
        "a.py: left in plaintext: A_TOKEN (line 3), DATABASES.default.PASSWORD (line 4), CACHE (line 6). "
        "To encrypt one: encrypt_secret --into FILE NAME"
    ) in ended.err
    assert "example" not in ended.err


def test_a_shell_script_is_not_an_env_file(folder: Path) -> None:
    (folder / "start").write_text("#!/bin/sh\nA_TOKEN=example\n")
    ended = call(migrate, "--to", "local", "start")
    assert ended.code == 1
    assert "start is not a .py, .toml, .yaml, .yml, .json or .env file" in ended.err
