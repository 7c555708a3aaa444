"""Rotation changes the tokens and nothing else, verifies them first, and loses nothing when something fails."""

from __future__ import annotations

import argparse
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.secrets import deterministic
from tests.secrets.verbs.calls import call
from zemanta_ops import atomic
from zemanta_ops.secrets import backends, wire
from zemanta_ops.secrets.files.formats import python_text
from zemanta_ops.secrets.files.formats.python_source import PythonSource
from zemanta_ops.secrets.files.scan import scan
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.rotation import campaign, reencrypt
from zemanta_ops.secrets.rotation.journal import FILE_NAME
from zemanta_ops.secrets.secret import StrictSecret
from zemanta_ops.secrets.verbs import rotate


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("ZEMANTA_OPS_KEY_DIR", str(tmp_path / ".keys"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def token(plaintext: str, backend: str = "local", **context: str) -> str:
    return wire.format(backends.load(backend).encrypt(plaintext.encode(), context))


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends._PATHS, "sealed", deterministic.PATH)
    monkeypatch.setattr(backends, "_loaded", {})


@pytest.fixture
def files(folder: Path) -> dict[str, str]:
    """Plaintext by setting; the files hold the tokens, with comments, CRLF and quotes of every kind."""
    texts = {
        "a.py": "# é\r\nA = Secret('{}').get()  # one\r\nB = {{'x': [Secret(\n    \"{}\"\n)]}}\n",
        "b.toml": "[db]  # two\r\npassword = '{}'\n",
        "c.yaml": "db:\n  - password: {}  # a comment\n",
        "d.json": '{{"e": "{}",\t"n": 1.50}}',
        ".env": "export F={} # more\nPLAIN=plaintext-value\n",
    }
    plaintexts = {"A": "one-1", "B.x.0": "two-2", "db.password": "three", "db.0.password": "four", "e": "5", "F": "ß"}
    values = iter(plaintexts.values())
    for name, text in texts.items():
        count = len(re.findall(r"(?<!{){}(?!})", text))
        (folder / name).write_bytes(text.format(*(token(next(values)) for _ in range(count))).encode())
    return plaintexts


def _decrypted() -> dict[str, str]:
    return {found.setting: StrictSecret(found.text).decrypt() for found in scan([Path()])}


def _without_tokens() -> dict[str, str]:
    files = (path for path in sorted(Path().iterdir()) if path.is_file())
    return {path.name: re.sub(r"local:[\w%&=./:+-]+", "", read(path).text) for path in files}


def test_every_token_is_new_and_all_else_is_as_it_was(files: dict[str, str]) -> None:
    before, tokens = _without_tokens(), {found.text for found in scan([Path()])}
    ended = call(rotate, "--to", "local", "--new-key")
    assert (ended.code, ended.out) == (0, "re-encrypted 6 secrets in 5 files\n")
    assert ended.err.splitlines()[-1] == "re-encrypted 6/6"
    assert _decrypted() == files
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
    assert _decrypted() == {**files, "P": "hunter2"}


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
    assert _decrypted() == {"A": "one", "B": "mended"}
    assert not (folder / FILE_NAME).exists()


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
    assert _decrypted() == files
    assert "abandon" in call(rotate, "--to", "local").err
    monkeypatch.setattr(atomic, "step_hook", lambda step, path: None)
    target.chmod(0o600)
    assert call(rotate, "--resume").code == 0
    assert _decrypted() == files
    assert target.read_text().startswith("# changed meanwhile") == (kind == "changed")


def test_abandoning_leaves_the_files(files: dict[str, str], folder: Path) -> None:
    (folder / FILE_NAME).write_text("")
    assert "--abandon" in call(rotate, "--resume").err
    assert call(rotate, "--abandon").out == "discarded\n"
    assert call(rotate, "--abandon").out == "there is nothing to discard\n"
    assert "nothing to resume" in call(rotate, "--resume").err
    assert _decrypted() == files


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


def test_200_secrets_show_progress_a_line_a_tenth_of_the_way(folder: Path) -> None:
    _write_secrets(folder, 200)
    ended = call(rotate, "--to", "local")
    assert ended.err.splitlines() == [f"re-encrypted {done}/200" for done in range(20, 201, 20)]
    assert len(_decrypted()) == 200


def test_on_a_terminal_progress_counts_in_place(folder: Path) -> None:
    _write_secrets(folder, 60)
    master, slave = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "-m", "zemanta_ops.secrets", "rotate", "--to", "local"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE,
        stderr=slave,
        check=True,
    )
    os.close(slave)
    shown = os.read(master, 100_000).decode()
    os.close(master)
    # A terminal turns the one line break into two characters.
    assert shown == "".join(f"\rre-encrypted {done}/60" for done in range(1, 61)) + "\r\n"
    assert ended.stdout == b"re-encrypted 60 secrets in 1 file\n"


def _write_secrets(folder: Path, count: int) -> None:
    (folder / "a.py").write_text("".join(f'K{n} = Secret("{token(f"example {n}")}")\n' for n in range(count)))


@pytest.mark.parametrize(("arguments", "parses", "reads"), [((), 4, 3), (("--dry-run",), 3, 1)])
def test_a_phase_reads_and_parses_a_file_once(
    arguments: tuple[str, ...], parses: int, reads: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parsed are the file as it is scanned, as it would read then, and both again as it is written."""
    count = {"parses": 0, "reads": 0}
    parse, read_bytes = PythonSource, Path.read_bytes

    def count_parse(text: str) -> PythonSource:
        count["parses"] += 1
        return parse(text)

    def count_read(path: Path) -> bytes:
        count["reads"] += path.name == "a.py"
        return read_bytes(path)

    Path("a.py").write_text(f'A = Secret("{token("a")}")\nB = Secret("{token("b")}")\n')
    monkeypatch.setattr(python_text, "PythonSource", count_parse)
    monkeypatch.setattr(Path, "read_bytes", count_read)
    assert call(rotate, "--to", "local", *arguments, "a.py").code == 0
    # The last reading of a rotation is the comparison before the file is replaced.
    assert count == {"parses": parses, "reads": reads}


def test_odd_files_are_lines_and_not_failures(folder: Path) -> None:
    (folder / "a.py").write_text(f'A = Secret("{token("one")}")\n# old: {token("two")}\nB = Secret(f"{{x}}")\n')
    (folder / "chart.yaml").write_text("{{- if .Values.x }}\na: 1\n")
    (folder / "helm.yaml").write_text(f"{{{{- if .Values.x }}}}\na: {token('three')}\n")
    (folder / "tsconfig.json").write_text("{ // a comment\n}")
    (folder / "k8s.py").write_text("from kubernetes.client import Secret\nS = Secret('name-of-a-secret')\n")
    (folder / "odd.py").write_text("C = Secret('not one of ours')\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    ended = call(rotate, "--to", "local")
    assert (ended.code, ended.out) == (0, "re-encrypted 1 secret in 1 file\n"), ended.err
    lines = "\n".join(sorted(ended.err.splitlines()))
    for line in (
        "a.py:2: a token outside settings, left as it is",
        "helm.yaml:1: ",
        "1 token in it left as before",
        "odd.py:1 C: not a token, left as it is",
    ):
        assert line in lines
    assert "k8s.py" not in lines
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert {name for name in after if after[name] != before.get(name)} == {"a.py"}


@pytest.mark.parametrize("text", ["a: [\nb: TOKEN\n", "a:\n\t- x\nb: TOKEN\n"], ids=["bracket", "tab"])
def test_a_file_of_ours_that_is_not_valid_stops_the_rotation(text: str, folder: Path) -> None:
    (folder / "a.py").write_text(f'A = Secret("{token("one")}")\n')
    (folder / "b.yaml").write_text(text.replace("TOKEN", token("two")))
    (folder / "c.py").write_text("C = Secret(\n")
    before = (folder / "a.py").read_text()
    ended = call(rotate, "--to", "local")
    assert ended.code == 1
    assert "b.yaml" in ended.err
    assert "c.py" in ended.err
    assert "no file was changed" in ended.err
    assert (folder / "a.py").read_text() == before
    assert not (folder / FILE_NAME).exists()
    assert call(rotate, "--to", "local", "--exclude", "b.yaml", "--exclude", "c.py").code == 0
    assert (folder / "a.py").read_text() != before


def test_the_configuration_excludes_files_and_a_named_file_counts_all_the_same(folder: Path) -> None:
    (folder / "zemanta_ops.toml").write_text('exclude = ["charts/", "*.example.py"]\n')
    (folder / "charts").mkdir()
    for name in ("a.py", "b.example.py", "charts/c.py"):
        (folder / name).write_text(f'A = Secret("{token(name)}")\n')
    assert call(rotate, "--to", "local", "--dry-run").out.endswith("would re-encrypt 1 secret in 1 file\n")
    assert "in 2 files" in call(rotate, "--to", "local", ".", "charts/c.py").out


def test_a_wrong_folder_is_an_error(folder: Path) -> None:
    (folder / "empty").mkdir()
    (folder / "other").mkdir()
    (folder / "other/b.py").write_text("A = 1\n")
    (folder / "a.py").write_text(f'A = Secret("{token("one")}")\n')
    for path, says in (("empty", "0 settings files"), ("other", "1 settings file"), ("gone", "does not exist")):
        ended = call(rotate, "--to", "local", path)
        assert (ended.code, ended.out) == (1, "")
        assert says in ended.err
    assert not (folder / FILE_NAME).exists()


@pytest.mark.parametrize("cause", [KeyboardInterrupt, SystemExit(130), SystemExit(143)])
def test_an_interrupted_rotation_names_resume(
    cause: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_secrets(folder, 60)
    err = io.StringIO()
    made = reencrypt.make_tokens

    def interrupt(*given: object, **more: object) -> Iterator[object]:
        for number, each in enumerate(made(*given, **more)):  # type: ignore[arg-type]
            if number == 30:
                raise cause
            yield each

    monkeypatch.setattr(campaign, "make_tokens", interrupt)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        rotate.run(_parse("--to", "local"), io.StringIO(), err)
    assert "interrupted. Continue with: rotate_secrets --resume. Or discard" in err.getvalue()
    monkeypatch.setattr(campaign, "make_tokens", made)
    assert call(rotate, "--resume").code == 0
    assert len(_decrypted()) == 60


def test_a_rotation_that_is_interrupted_before_the_first_token_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_secrets(folder, 1)
    err = io.StringIO()
    monkeypatch.setattr(campaign, "survey", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        rotate.run(_parse("--to", "local"), io.StringIO(), err)
    assert err.getvalue() == "\ninterrupted: no file was changed\n"
    assert not (folder / FILE_NAME).exists()


def _parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    rotate.add_arguments(parser)
    return parser.parse_args(arguments)
