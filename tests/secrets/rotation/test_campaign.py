"""One rotation: what it reports, what it shows on the way, and what stays in the journal."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.secrets.rotation.rotations import decrypted, token, write_secrets
from zemanta_ops.secrets import wire
from zemanta_ops.secrets.backends.local import LocalBackend
from zemanta_ops.secrets.exceptions import SecretError, SourceError
from zemanta_ops.secrets.files.source_file import SourceFile, read
from zemanta_ops.secrets.rotation import campaign
from zemanta_ops.secrets.rotation.campaign import Rules, preview, rotate
from zemanta_ops.secrets.rotation.journal import resume, start
from zemanta_ops.secrets.rotation.order import Order, Recipe
from zemanta_ops.secrets.rotation.selection import Selection

pytestmark = pytest.mark.usefixtures("folder")

LOCAL = Rules(lambda _: Recipe("local", {}))


def order(*paths: str, **options: Any) -> Order:
    return Order(paths or (".",), {}, Selection(**options))


class Screen(io.StringIO):
    """A terminal."""

    flushed = 0

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.flushed += 1


def write(folder: Path, name: str, **plaintexts: str) -> str:
    """Write a Python file; return its text."""
    text = "".join(f'{setting} = Secret("{token(plaintext)}")\n' for setting, plaintext in plaintexts.items())
    (folder / name).write_text(text)
    return text


def test_the_report_has_place_old_and_new_key_of_each_token(folder: Path) -> None:
    write(folder, "a.py", A="one")
    (folder / "b.py").write_text('\nB = Secret("plain::two")\n')
    old = read(Path("a.py"))
    sealed = Rules(lambda _: Recipe("local", {"new_key": True}))
    done = rotate(order(), start(Path(), {}), io.StringIO(), sealed)
    new = wire.parse(decrypted_text("a.py")).key_id
    assert new != wire.parse(old.text.split('"')[1]).key_id
    assert done.rows == [
        {
            "file": "a.py",
            "line": 1,
            "setting": "A",
            "from": ["local", wire.parse(old.text.split('"')[1]).key_id],
            "to": ["local", new],
        }
    ]
    assert (done.summary, done.diffs, done.notes) == ("re-encrypted 1 secret in 1 file\n", [], [])
    assert [file.path for file in done.files] == [Path("a.py")]
    done = rotate(order("b.py", backend="plain"), start(Path(), {}), io.StringIO(), LOCAL)
    assert (done.rows[0]["line"], done.rows[0]["from"], done.rows[0]["to"]) == (2, ["plain", ""], ["local", new])
    assert decrypted() == {"A": "one", "B": "two"}
    assert not (folder / campaign_journal()).exists()


def campaign_journal() -> str:
    from zemanta_ops.secrets.rotation.journal import FILE_NAME

    return FILE_NAME


def decrypted_text(name: str) -> str:
    return Path(name).read_text().split('"')[1]


def test_a_preview_shows_the_changes_and_writes_nothing(folder: Path) -> None:
    before = write(folder, "a.py", A="one", B="two")
    (folder / "c.env").write_text("x")
    shown = preview(order(), io.StringIO(), LOCAL)
    assert (folder / "a.py").read_text() == before
    assert shown.summary == "would re-encrypt 2 secrets in 1 file\n"
    assert len(shown.diffs) == 1
    assert len([line for line in shown.diffs[0].splitlines() if line.startswith("+A =")]) == 1
    assert [row["setting"] for row in shown.rows] == ["A", "B"]
    assert not (folder / campaign_journal()).exists()


def test_a_preview_makes_no_new_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "a.py", A="one")
    key = wire.parse(decrypted_text("a.py")).key_id
    shown = preview(order(), io.StringIO(), Rules(lambda _: Recipe("local", {"new_key": True})))
    assert shown.rows[0]["to"] == ["local", key]


def test_a_new_key_is_made_once_for_all_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        write(folder, f"{name}.py", **{name.upper(): name})
    made: list[tuple[bytes, Mapping[str, str], Any]] = []
    encrypt = LocalBackend.encrypt

    def count(self: LocalBackend, plaintext: bytes, context: Mapping[str, str], **options: Any) -> wire.Token:
        made.append((plaintext, context, options))
        return encrypt(self, plaintext, context, **options)

    monkeypatch.setattr(LocalBackend, "encrypt", count)
    recipes = {"a.py": {"new_key": True}, "b.py": {"new_key": True}, "c.py": {}}
    done = rotate(order(), start(Path(), {}), io.StringIO(), Rules(lambda path: Recipe("local", recipes[path.name])))
    assert [options for *_, options in made] == [{"new_key": True}, {}, {}, {}]
    assert len({row["to"][1] for row in done.rows}) == 1
    assert decrypted() == {"A": "a", "B": "b", "C": "c"}


def test_a_resumed_rotation_keeps_the_recipes_and_tokens_of_the_first(folder: Path) -> None:
    write(folder, "a.py", A="one")
    write(folder, "b.py", B="two")

    def refuse(file: SourceFile, text: str) -> str:
        raise SourceError(f"cannot finish {file.path}")

    journal = start(Path(), {})
    with pytest.raises(SourceError, match=r"cannot finish a\.py"):
        rotate(order(), journal, io.StringIO(), Rules(lambda _: Recipe("local", {}, "shop"), refuse))
    kept = resume(Path())
    assert kept.recipes == {name: {"backend": "local", "options": {}, "bind": "shop"} for name in ("a.py", "b.py")}
    assert len(kept.new) == 2
    err = io.StringIO()
    done = rotate(order(), kept, err, Rules(lambda path: pytest.fail(f"asked again for {path}")))
    assert err.getvalue() == ""
    assert {decrypted_text(name) for name in ("a.py", "b.py")} == set(kept.new.values())
    assert [wire.parse(text).context for text in kept.new.values()] == [
        {"app": "shop", "name": "A"},
        {"app": "shop", "name": "B"},
    ]
    assert done.summary == "re-encrypted 2 secrets in 2 files\n"


def test_what_an_interrupted_run_has_written_is_left_alone(folder: Path) -> None:
    write(folder, "a.py", A="one", B="two")
    journal = start(Path(), {})
    rotate(order(), journal, io.StringIO(), LOCAL)
    again = rotate(order(), journal, io.StringIO(), LOCAL)
    assert (again.rows, again.summary) == ([], "re-encrypted 0 secrets in 0 files\n")


def test_a_failure_before_the_first_token_leaves_no_journal(folder: Path) -> None:
    before = write(folder, "a.py", A="one")
    text = before.replace(decrypted_text("a.py")[-8:], "AAAAAAA=")
    (folder / "a.py").write_text(text)
    err = io.StringIO()
    with pytest.raises(SecretError) as caught:
        rotate(order(), start(Path(), {}), err, LOCAL)
    head, line = str(caught.value).splitlines()
    assert head == "1 could not be re-encrypted; no file was changed:"
    assert line.startswith("  a.py:1 A: ")
    assert err.getvalue() == "re-encrypted 1/1\n"
    assert not (folder / campaign_journal()).exists()
    assert (folder / "a.py").read_text() == text


def test_a_failure_among_made_tokens_keeps_the_journal(folder: Path) -> None:
    write(folder, "a.py", A="one")
    broken = f'B = Secret("{token("two")[:-8]}AAAAAAA=")\nC = Secret("{token("three")[:-8]}AAAAAAA=")\n'
    (folder / "b.py").write_text(broken)
    with pytest.raises(SourceError) as caught:
        rotate(order(), start(Path(), {}), io.StringIO(), LOCAL)
    assert str(caught.value).splitlines()[0] == "2 could not be re-encrypted; no file was changed:"
    assert len(resume(Path()).new) == 1
    assert (folder / "b.py").read_text() == broken


def test_the_same_token_twice_is_made_once(folder: Path) -> None:
    text = token("one")
    (folder / "a.py").write_text(f'A = Secret("{text}")\nB = Secret(" {text}\\n")\n')
    err = io.StringIO()
    done = rotate(order(), start(Path(), {}), err, LOCAL)
    assert err.getvalue() == "re-encrypted 1/1\n"
    assert done.summary == "re-encrypted 2 secrets in 1 file\n"
    assert decrypted() == {"A": "one", "B": "one"}


def test_a_rewrapped_token_is_counted_as_such(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "a.py", A="one", B="two")

    def rewrap(self: LocalBackend, old: wire.Token, context: Mapping[str, str], /, **_: Any) -> wire.Token | None:
        return self.encrypt(b"rewrapped", context) if self.decrypt(old) == b"one" else None

    monkeypatch.setattr(LocalBackend, "rewrap", rewrap)
    done = rotate(order(), start(Path(), {}), io.StringIO(), LOCAL)
    assert done.summary == "re-encrypted 2 secrets in 1 file, 1 of them inside the key service\n"
    assert decrypted() == {"A": "rewrapped", "B": "two"}


def test_the_caller_has_the_last_word_on_a_text(folder: Path) -> None:
    write(folder, "a.py", A="one")
    finished = Rules(LOCAL.choose, lambda file, text: f"# {file.path}\n{text}")
    assert preview(order(), io.StringIO(), finished).diffs[0].count("+# a.py") == 1
    rotate(order(), start(Path(), {}), io.StringIO(), finished)
    assert (folder / "a.py").read_text().startswith("# a.py\nA = ")


def test_a_file_without_a_change_is_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write(folder, "a.py", A="one")
    monkeypatch.setattr(campaign, "replace_file", lambda *_: pytest.fail("written"))
    rotate(order(), start(Path(), {}), io.StringIO(), Rules(LOCAL.choose, lambda file, text: file.text))
    assert (folder / "a.py").read_text() == before


@pytest.mark.parametrize(
    ("number", "lines"),
    [
        (1, ["1/1"]),
        (9, [f"{each}/9" for each in range(1, 10)]),
        (25, [f"{2 * each}/25" for each in range(1, 13)] + ["25/25"]),
    ],
)
def test_progress_is_a_line_for_every_tenth(number: int, lines: list[str], folder: Path) -> None:
    write_secrets(folder, number)
    err = io.StringIO()
    rotate(order(), start(Path(), {}), err, LOCAL)
    assert err.getvalue().splitlines() == [f"re-encrypted {line}" for line in lines]


def test_progress_on_a_terminal_is_one_line(folder: Path) -> None:
    write_secrets(folder, 3)
    screen = Screen()
    preview(order(), screen, LOCAL)
    assert screen.getvalue() == "\rtried 1/3\rtried 2/3\rtried 3/3\n"
    assert screen.flushed == 3


def test_a_plaintext_of_an_env_file_is_migrated_between_its_quotes(folder: Path) -> None:
    (folder / ".env").write_text("DB_PASSWORD='hunter2-example'\nNAME=shop\n")
    done = rotate(order(migrate=True), start(Path(), {}), io.StringIO(), LOCAL)
    text = (folder / ".env").read_text()
    assert text.startswith("DB_PASSWORD='local:")
    assert text.endswith("'\nNAME=shop\n")
    assert done.summary == "migrated 1 secret in 1 file\n"
    assert any("left in plaintext: NAME" in note for note in done.notes)
    assert decrypted() == {"DB_PASSWORD": "hunter2-example"}


def test_a_plaintext_whose_quotes_its_reader_keeps_is_replaced_with_them(folder: Path) -> None:
    (folder / ".env").write_text("DB_PASSWORD='hunter2-example'\n")
    rotate(order(migrate=True, reader="docker"), start(Path(), {}), io.StringIO(), LOCAL)
    assert (folder / ".env").read_text().startswith("DB_PASSWORD=local:")
    assert decrypted() == {"DB_PASSWORD": "'hunter2-example'"}


def test_what_is_excluded_is_left(folder: Path) -> None:
    for name in "ab":
        write(folder, f"{name}.py", **{name.upper(): name})
    left = Order((".",), {}, Selection(), exclude=("b.py",))
    assert [row["setting"] for row in preview(left, io.StringIO(), LOCAL).rows] == ["A"]
