"""Rotation changes the tokens and nothing else, verifies them first, and loses nothing when something fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.secrets import deterministic
from tests.secrets.rotation.rotations import decrypted, token
from tests.secrets.verbs.calls import call
from zemanta_ops import atomic
from zemanta_ops.secrets import wire
from zemanta_ops.secrets.backends.base import Backend
from zemanta_ops.secrets.files.scan import scan
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.rotation.journal import FILE_NAME
from zemanta_ops.secrets.verbs import rotate

pytestmark = pytest.mark.usefixtures("folder")


def _without_tokens() -> dict[str, str]:
    files = (path for path in sorted(Path().iterdir()) if path.is_file())
    return {path.name: re.sub(r"local:[\w%&=./:+-]+", "", read(path).text) for path in files}


def test_every_token_is_new_and_all_else_is_as_it_was(files: dict[str, str]) -> None:
    before, tokens = _without_tokens(), {found.text for found in scan([Path()])}
    # A file that is named twice, by its folder too, is one file.
    ended = call(rotate, "--to", "local", "--new-key", "a.py", ".", "a.py")
    assert (ended.code, ended.out) == (0, "re-encrypted 6 secrets in 5 files\n")
    assert ended.err.splitlines()[-1] == "re-encrypted 6/6"
    assert decrypted() == files
    found = list(scan([Path()]))
    assert not tokens & {each.text for each in found}
    assert len({wire.parse(each.text).params["key"] for each in found}) == 1
    assert _without_tokens() == before


def test_a_dry_run_shows_the_change_and_writes_nothing(files: dict[str, str], folder: Path) -> None:
    (folder / "p.py").write_text('P = Secret("plain::hunter2")\n')
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ended = call(rotate, "--to", "local", "--dry-run")
    assert ended.code == 0
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert ended.out.count("\n@@") == 6
    assert "would re-encrypt 6 secrets in 5 files" in ended.out
    assert not re.search("hunter2|plaintext-value|three", ended.out)
    assert "tried 6/6" in ended.err
    assert "re-encrypted" not in ended.err
    keys = {path.name: path.read_bytes() for path in (folder / ".keys").iterdir()}
    assert call(rotate, "--to", "local", "--new-key", "--dry-run").code == 0
    assert {path.name: path.read_bytes() for path in (folder / ".keys").iterdir()} == keys
    shown = json.loads(call(rotate, "--to", "local", "--dry-run", "--json").out)
    assert {row["setting"] for row in shown} == set(files)


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        (("--only", "A", "--only", "e"), {"A", "e"}),
        (("--only", "B.*", "--only", "?"), {"A", "B.x.0", "e", "F"}),
        (("--skip", "db.*", "--skip", "A"), {"B.x.0", "e", "F"}),
        (("a.py",), {"A", "B.x.0"}),
        (("--from", "kms"), set()),
        (("--from-key", "absent"), set()),
        (("--from", "plain", "--to", "local"), {"P"}),
    ],
)
def test_only_what_was_chosen_changes(
    files: dict[str, str], folder: Path, arguments: tuple[str, ...], changed: set[str]
) -> None:
    (folder / "p.py").write_text('P = Secret("plain::hunter2")\n')
    before = {found.setting: found.text for found in scan([Path()])}
    assert call(rotate, "--to", "local", *arguments).code == 0
    after = {found.setting: found.text for found in scan([Path()])}
    assert {name for name in after if after[name] != before[name]} == changed
    assert decrypted() == {**files, "P": "hunter2"}


def test_context_stays_and_binding_adds_application_and_setting(folder: Path) -> None:
    (folder / "a.py").write_text(f'A = Secret("{token("x", app="old", team="web")}")\n')
    call(rotate, "--to", "local")
    assert wire.parse(next(iter(scan([Path()]))).text).context == {"app": "old", "team": "web"}
    call(rotate, "--to", "local", "--bind", "--app", "shop")
    assert wire.parse(next(iter(scan([Path()]))).text).context == {"app": "shop", "name": "A", "team": "web"}


def test_the_same_token_in_two_places_stays_the_same(folder: Path) -> None:
    text = token("x")
    (folder / "a.py").write_text(f'A = Secret("{text}")\nB = Secret("{text}")\n')
    call(rotate, "--to", "local")
    first, second = scan([Path()])
    assert first.text == second.text != text


def test_one_failure_leaves_every_file_as_it_was(files: dict[str, str], folder: Path) -> None:
    with (folder / "a.py").open("a") as file:
        file.write(f'BAD = Secret("{token("x")[:-8]}AAAAAAA=")\nWORSE = Secret("hunter2")\n')
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ended = call(rotate, "--to", "local", "--new-key")
    assert ended.code == 1
    assert "1 could not be re-encrypted; no file was changed:\n  a.py:6 BAD: the local token" in ended.err
    assert "hunter2" not in ended.err
    left = {path: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != FILE_NAME}
    assert left == before


@pytest.mark.usefixtures("sealed")
def test_after_a_failure_the_rest_goes_on_with_what_was_made(folder: Path) -> None:
    (folder / "a.py").write_text(f'A = Secret("{token("one")}")\nB = Secret("{token("refused")}")\n')
    assert call(rotate, "--to", "sealed").code == 1
    assert "a rotation was interrupted" in call(rotate, "--to", "sealed").err
    text = (folder / "a.py").read_text()
    (folder / "a.py").write_text(
        text.replace(next(f.text for f in scan([Path()]) if f.setting == "B"), token("mended"))
    )
    assert call(rotate, "--resume").code == 0
    assert decrypted() == {"A": "one", "B": "mended"}
    assert not (folder / FILE_NAME).exists()


@pytest.mark.usefixtures("sealed")
def test_only_a_token_of_the_backend_itself_is_rewrapped_by_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def rewrap(self: Backend, old: wire.Token, context: object, **options: object) -> None:
        asked.append(old.backend)

    monkeypatch.setattr(deterministic.DeterministicBackend, "rewrap", rewrap)
    (folder / "a.py").write_text(f'A = Secret("{token("one")}")\nB = Secret("{token("two", "sealed")}")\n')
    assert call(rotate, "--to", "sealed", "--key", "k2").code == 0
    assert asked == ["sealed"]
    assert decrypted() == {"A": "one", "B": "two"}


@pytest.mark.usefixtures("sealed")
def test_a_token_that_cannot_be_verified_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deterministic.DeterministicBackend, "decrypt", lambda self, token: b"something else")
    (folder / "a.py").write_text(f'A = Secret("{token("one")}")\n')
    ended = call(rotate, "--to", "sealed")
    assert ended.code == 1
    assert "the new token decrypts to a different plaintext" in ended.err
    assert "local" in (folder / "a.py").read_text()
    assert call(rotate, "--to", "sealed", "--no-verify").code == 0


@pytest.mark.parametrize("kind", ["read-only", "changed"])
def test_a_file_that_cannot_be_written_stops_there_and_resume_ends_it(
    files: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    target = folder / "b.toml"

    def disturb(step: str, path: Path) -> None:
        if step == "before fsync" and path == target:
            target.write_text(f"# changed meanwhile\n{target.read_text()}")

    if kind == "read-only":
        target.chmod(0o400)
    else:
        monkeypatch.setattr(atomic, "step_hook", disturb)
    ended = call(rotate, "--to", "local")
    assert ended.code == 1
    assert "b.toml" in ended.err
    assert decrypted() == files
    assert "abandon" in call(rotate, "--to", "local").err
    monkeypatch.setattr(atomic, "step_hook", lambda step, path: None)
    target.chmod(0o600)
    assert call(rotate, "--resume").code == 0
    assert decrypted() == files
    assert target.read_text().startswith("# changed meanwhile") == (kind == "changed")


def test_abandoning_leaves_the_files(files: dict[str, str], folder: Path) -> None:
    (folder / FILE_NAME).write_text("")
    assert "--abandon" in call(rotate, "--resume").err
    assert call(rotate, "--abandon").out == "discarded\n"
    assert call(rotate, "--abandon").out == "there is nothing to discard\n"
    assert "nothing to resume" in call(rotate, "--resume").err
    assert decrypted() == files


ODD_ORDERS = [
    b'{"nonce": "00", "options": %b}\n' % options
    for options in (b"[]", b"{}", b'{"paths": [], "selection": {}}', b'{"paths": [], "selection": {"settings": []}}')
]


@pytest.mark.parametrize(
    "content", [b"hunter2\n", b"[]\n", b'{"nonce": "zz"}\n', b"\xff\n", b'{"journal": 1}\n7\n', *ODD_ORDERS]
)
def test_a_journal_that_is_none_is_said(content: bytes, folder: Path) -> None:
    (folder / ".zemanta_ops-rotation").write_bytes(content)
    ended = call(rotate, "--resume")
    assert ended.code == 1
    assert "not the journal of a rotation" in ended.err
    assert "hunter2" not in ended.err


def test_a_link_stays_and_its_target_is_rotated(folder: Path) -> None:
    (folder / "real.py").write_text(f'A = Secret("{token("one")}")\n')
    (folder / "link.py").symlink_to("real.py")
    before = (folder / "real.py").read_text()
    assert call(rotate, "--to", "local", "link.py").code == 0
    assert (folder / "link.py").is_symlink()
    assert (folder / "real.py").read_text() != before


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--to", "plain"), "does not write plaintexts"),
        (("--to", "local", "--bind"), "--bind needs an application"),
        (("--to", "absent"), "unknown backend"),
        ((), "name a backend"),
        (("--to", "local", "absent.py"), "does not exist"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], reason: str, folder: Path) -> None:
    (folder / "a.py").write_text(f'A = Secret("{token("x")}")\n')
    ended = call(rotate, *arguments)
    assert (ended.code, ended.out) == (1, "")
    assert reason in ended.err
    assert not (folder / FILE_NAME).exists()
