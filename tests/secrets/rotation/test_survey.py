"""What a rotation finds in files, what it leaves as it is, and what it says of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from zemanta_ops.secrets.exceptions import SourceError
from zemanta_ops.secrets.rotation.selection import Selection
from zemanta_ops.secrets.rotation.survey import Survey, survey

pytestmark = pytest.mark.usefixtures("folder")

BODY = "QUJDREVGRw=="
TOKEN = f"local:v=2&key=one:{BODY}"
MIGRATE = Selection(migrate=True)
MEND = "no file was changed. Mend these, or leave files out with --exclude or exclude in zemanta_ops.toml"


def look(*paths: str, selection: Selection = Selection(), exclude: tuple[str, ...] = ()) -> Survey:  # noqa: B008
    return survey(map(Path, paths or (".",)), selection, exclude)


def write(**texts: str) -> None:
    for name, text in texts.items():
        path = Path(name.replace("__", "/").replace("_", "."))
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def test_each_file_is_read_once_and_in_order() -> None:
    write(a_toml=f'A = "{TOKEN}"\n', sub__b_toml=f'B = "{TOKEN}"\nC = "plain::x"\n')
    for paths in ((".",), (".", "sub"), ("a.toml", "sub"), ("a.toml", ".")):
        found = look(*paths)
        assert [each.setting for each in found.found] == ["A", "B"]
        assert found.notes == []
    assert [each.setting for each in look("sub", ".").found] == ["B", "A"]
    assert [each.setting for each in look("a.toml", selection=Selection(backend="plain")).found] == []


def test_a_folder_without_a_token_is_probably_a_wrong_one() -> None:
    write(sub__a_toml='A = "x"\n', b_toml=f'B = "{TOKEN}"\n')
    with pytest.raises(SourceError) as caught:
        look("sub")
    assert str(caught.value) == "sub: no token in 1 settings file. Name the folder of the settings"
    assert [each.setting for each in look("b.toml", ".").found] == ["B"]
    # Its tokens are not the chosen ones, but it has some.
    assert look(".", selection=Selection(backend="kms")).found == []


def test_what_is_excluded_is_named() -> None:
    write(a_toml=f'A = "{TOKEN}"\n', sub__b_toml=f'B = "{TOKEN}"\n')
    found = look(".", exclude=("sub/",))
    assert [each.setting for each in found.found] == ["A"]


def test_a_file_that_must_be_valid_stops_the_rotation() -> None:
    write(a_toml=f'A = "{TOKEN}"\n', b_toml=f'B = "{TOKEN}\n', c_py="Secret(\n")
    with pytest.raises(SourceError) as caught:
        look()
    lines = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in lines[:-1]] == ["b.toml", "c.py"]
    assert lines[-1] == MEND
    with pytest.raises(SourceError, match=r"^b\.toml"):
        look("b.toml")


def test_a_broken_file_without_tokens_is_named_and_left() -> None:
    write(a_toml=f'A = "{TOKEN}"\n', e_toml=f"{{% if x %}}\nA = '{TOKEN}'\nB = '{TOKEN}'\n")
    Path("f.toml").write_bytes(b"\xff\xfe\xfa = 1\n")
    found = look()
    assert [each.setting for each in found.found] == ["A"]
    template, other = found.notes
    assert template.startswith("e.toml:")
    assert template.endswith("; 2 tokens in it left as before")
    assert other == "f.toml is not text in its declared encoding"
    for name in ("e.toml", "f.toml"):
        with pytest.raises(SourceError, match=name):
            look(name)


def test_a_file_that_is_not_text_but_has_tokens_stops_the_rotation() -> None:
    write(a_toml=f'A = "{TOKEN}"\n')
    Path("f.toml").write_bytes(b"# \xff\nA = '" + TOKEN.encode() + b"'\n")
    with pytest.raises(SourceError) as caught:
        look()
    assert str(caught.value).splitlines()[-1] == MEND


def test_what_only_looks_like_a_token_is_named() -> None:
    write(
        a_py=f'A = Secret("{TOKEN}")\nB = Secret("no token")\n# {TOKEN}\n# kms:region=eu-west-1&key=two:{BODY}\n',
    )
    outside = "a token outside settings, left as it is"
    assert look().notes == ["a.py:2 B: not a token, left as it is", f"a.py:3: {outside}", f"a.py:4: {outside}"]
    assert look(selection=Selection(key="one")).notes[1:] == [f"a.py:3: {outside}"]
    write(a_py='B = Secret("no token")\n')
    assert look("a.py").notes == ["a.py:1 B: not a token, left as it is"]


def test_what_a_migration_leaves_readable_is_named() -> None:
    write(
        a_toml=f'A = "{TOKEN}"\ndb_password = "hunter2-example"\n'
        'db_password2 = "hunter2" # zemanta-ops: allow-plaintext\n'
        'name = "shop"\n[b]\napi_key = "hunter3-example"\n',
        b_toml='db_password = "hunter2-example"\n',
    )
    advice = "To encrypt one: encrypt_secret --into FILE NAME"
    expected = f"a.toml: left in plaintext: db_password (line 2), b.api_key (line 6). {advice}"
    assert look(selection=MIGRATE).notes == [expected]
    assert look("b.toml", selection=MIGRATE).notes == [f"b.toml: left in plaintext: db_password (line 1). {advice}"]
    assert look().notes == []
    write(c_toml=f'A = "{TOKEN}"\n')
    assert look("c.toml", selection=MIGRATE).notes == []


def env(text: str, selection: Selection = MIGRATE) -> list[str]:
    Path(".env").write_text(text)
    return look(".env", selection=selection).notes


def test_the_plaintexts_that_stay_in_an_env_file_are_named() -> None:
    advice = "To encrypt one: --only NAME; all: --all"
    assert env("DB_PASSWORD=hunter2-example\nNAME=shop\nOTHER=x\n") == [
        f".env: left in plaintext: NAME, OTHER. {advice}"
    ]
    assert env("DB_PASSWORD=hunter2-example\n") == []
    assert env("NAME=shop\n", Selection(migrate=True, every=True)) == []
    assert env(f"NAME=shop\nA={TOKEN}\n", Selection()) == []


def test_the_copies_of_a_plaintext_are_named() -> None:
    assert env(
        "DB_PASSWORD=hunter2-example\n# the old one: hunter2-example\n# API_KEY='hunter3-example'\n"
        f"#  export API_TOKEN=hunter4-example\n# API_TOKEN={TOKEN}\n# NAME=shop\n"
    ) == [
        ".env:2: the plaintext of a secret is readable here too",
        ".env:3: a comment has a plaintext of API_KEY: remove it",
        ".env:4: a comment has a plaintext of API_TOKEN: remove it",
    ]
    assert env(
        '# one\nDB_PASSWORD="hunter2-example"\n# DB_PASSWORD=hunter2-example\n',
        Selection(migrate=True, reader="python-dotenv"),
    ) == [".env:3: the plaintext of a secret is readable here too"]


def test_docker_and_containers_that_would_read_a_token_are_named() -> None:
    quotes = (
        ".env: docker --env-file would read the quotes around values as parts of them. "
        "If it reads this file, use --reader docker"
    )
    assert env("DB_PASSWORD='hunter2-example'\n") == [quotes]
    assert env("DB_PASSWORD='hunter2-example'\n", Selection(migrate=True, reader="python-dotenv")) == []
    write(compose_yaml="services:\n  web:\n    environment:\n      DB_PASSWORD: ${DB_PASSWORD}\n")
    assert env("DB_PASSWORD=hunter2-example\n") == [
        "compose.yaml:4: a container gets the token of DB_PASSWORD from here. "
        "If it cannot decrypt, use --skip DB_PASSWORD"
    ]
    Path("web.env").write_text("DB_PASSWORD=hunter2-example\n")
    assert look("web.env", selection=MIGRATE).notes == []


def test_an_ambiguous_plaintext_stops_the_rotation() -> None:
    write(a_toml=f'A = "{TOKEN}"\n')
    Path(".env").write_text("DB_PASSWORD=a #b\n")
    with pytest.raises(SourceError) as caught:
        look(selection=MIGRATE)
    first, last = str(caught.value).splitlines()
    assert first.startswith(".env:1 DB_PASSWORD: ")
    assert last == MEND
