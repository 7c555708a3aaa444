"""Which files a rotation reads, and how often."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.secrets.rotation.rotations import token
from tests.secrets.verbs.calls import call
from zemanta_ops.secrets.files.formats import python_text
from zemanta_ops.secrets.files.formats.python_source import PythonSource
from zemanta_ops.secrets.rotation.journal import FILE_NAME
from zemanta_ops.secrets.verbs import rotate

pytestmark = pytest.mark.usefixtures("folder")


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
