"""What a rotation shows, and what it says if it is interrupted."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.secrets.rotation.rotations import decrypted, parse, write_secrets
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.rotation import campaign, reencrypt
from zemanta_ops.secrets.rotation.journal import FILE_NAME, Journal
from zemanta_ops.secrets.verbs import rotate

pytestmark = pytest.mark.usefixtures("folder")


def test_200_secrets_show_progress_a_line_a_tenth_of_the_way(folder: Path) -> None:
    write_secrets(folder, 200)
    ended = call(rotate, "--to", "local")
    assert ended.err.splitlines() == [f"re-encrypted {done}/200" for done in range(20, 201, 20)]
    assert len(decrypted()) == 200


def test_on_a_terminal_progress_counts_in_place(folder: Path) -> None:
    write_secrets(folder, 60)
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


@pytest.mark.parametrize("cause", [KeyboardInterrupt, SystemExit(130), SystemExit(143)])
def test_an_interrupted_rotation_names_resume(
    cause: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secrets(folder, 60)
    err = io.StringIO()
    made = reencrypt.make_tokens

    def interrupt(*given: object, **more: object) -> Iterator[object]:
        for number, each in enumerate(made(*given, **more)):  # type: ignore[arg-type]
            if number == 30:
                raise cause
            yield each

    monkeypatch.setattr(campaign, "make_tokens", interrupt)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        rotate.run(parse("--to", "local"), io.StringIO(), err)
    assert "interrupted. Continue with: rotate_secrets --resume. Or discard" in err.getvalue()
    monkeypatch.setattr(campaign, "make_tokens", made)
    assert call(rotate, "--resume").code == 0
    assert len(decrypted()) == 60


def test_a_rotation_that_is_interrupted_after_the_last_file_says_that_all_are_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secrets(folder, 3)
    err = io.StringIO()
    end = Journal.end

    def interrupt(journal: Journal) -> None:
        end(journal)
        raise SystemExit(143)

    monkeypatch.setattr(Journal, "end", interrupt)
    with pytest.raises(SystemExit):
        rotate.run(parse("--to", "local"), io.StringIO(), err)
    assert err.getvalue().endswith("\ninterrupted: all files were written\n")
    assert len(decrypted()) == 3


def test_a_rotation_that_is_interrupted_before_the_first_token_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secrets(folder, 1)
    err = io.StringIO()
    monkeypatch.setattr(campaign, "survey", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        rotate.run(parse("--to", "local"), io.StringIO(), err)
    assert err.getvalue() == "\ninterrupted: no file was changed\n"
    assert not (folder / FILE_NAME).exists()
