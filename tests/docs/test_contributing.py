"""CONTRIBUTING is true: a plug-in of each kind is one file and one line, and each question has its answer."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.additions import ADDITIONS
from tests.docs.questions import ANSWERS
from tests.docs.tables import DOCS, literals, section, tables

ROOT = DOCS.parent
PACKAGE = ROOT / "zemanta_ops"
CONTRIBUTING = "../CONTRIBUTING"
START = """
import json
from pathlib import Path
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["zemanta_ops"], ZEMANTA_OPS={"METRICS": {"GAUGE_LOCK": "none"}})
django.setup()
"""


def steps() -> dict[str, list[str]]:
    """Return the table of CONTRIBUTING: the new file and the registry, by what is added."""
    ((*rows,),) = tables(section(CONTRIBUTING, "Where to add a plug-in"))
    return {row[0]: row[1:] for row in rows}


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Add every plug-in to one copy of the package, use each, and return what became of it."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(PACKAGE, folder / "zemanta_ops", ignore=shutil.ignore_patterns("__pycache__"))
    for addition in ADDITIONS.values():
        if addition.file:
            (folder / "zemanta_ops" / addition.file).write_text(addition.source, encoding="utf-8")
        if addition.registry:
            registry = folder / "zemanta_ops" / addition.registry
            text = registry.read_text(encoding="utf-8")
            assert addition.after in text, addition.registry
            before, after = text.split(addition.after, 1) if addition.after else (text, "")
            registry.write_text(before + addition.after + addition.line + after, encoding="utf-8")
    script = START + f"scripts = { ({name: addition.script for name, addition in ADDITIONS.items()})!r}\n"
    script += (
        "found = {}\n"
        "for name, script in scripts.items():\n"
        "    names = {'Path': Path}\n"
        "    try:\n"
        "        exec(script, names)\n"
        "        found[name] = names['proof']\n"
        "    except BaseException as error:\n"
        "        found[name] = repr(error)\n"
        "Path('found.json').write_text(json.dumps(found))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


def test_the_table_names_every_kind() -> None:
    assert list(steps()) == list(ADDITIONS)


@pytest.mark.parametrize("kind", ADDITIONS)
def test_the_table_names_the_file_and_the_registry(kind: str) -> None:
    addition = ADDITIONS[kind]
    (file, line) = steps()[kind]
    folder = str(Path(addition.file).parent) if addition.file else ""
    assert [Path(path).parent.as_posix() for path in literals(file)] == ([folder] if folder else [])
    assert literals(line)[1:] == ([addition.registry] if addition.registry else [])


@pytest.mark.parametrize("kind", ADDITIONS)
def test_a_plug_in_is_one_file_and_one_line(kind: str, proofs: dict[str, object]) -> None:
    assert proofs[kind] is True
    assert ADDITIONS[kind].line.count("\n") <= 1


@pytest.mark.parametrize(
    ("contract", "folder"),
    [("formats", "secrets/files/formats"), ("instrumentations", "metrics/instrumentation")],
)
def test_the_contract_names_every_plug_in(contract: str, folder: str) -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    named = config[f"importlinter:contract:{contract}"]["modules"].split()
    registered = (PACKAGE / folder / "__init__.py").read_text(encoding="utf-8")
    modules = [path.stem for path in (PACKAGE / folder).glob("*.py") if re.search(rf'"{path.stem}"', registered)]
    assert sorted(modules) == sorted(name.rpartition(".")[2] for name in named)


def test_the_contract_names_every_backend() -> None:
    from zemanta_ops.secrets import backends

    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert [name for name in backends.names() if f"zemanta_ops.secrets.backends.{name}\n" not in text] == []


def test_there_are_28_questions() -> None:
    assert len(ANSWERS) == 28


@pytest.mark.parametrize("question", ANSWERS)
def test_each_question_has_an_answer_in_the_code(question: str) -> None:
    path, name = ANSWERS[question]
    module = import_module(".".join(["zemanta_ops", *Path(path).with_suffix("").parts]).removesuffix(".__init__"))
    assert Path(str(module.__file__)) == PACKAGE / path
    assert hasattr(module, name)
