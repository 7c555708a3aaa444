"""The built wheel in an empty project, and README.rst word for word: editing it can break this."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_reference import COMMANDS
from tests.e2e.readme import PLAINTEXT, ROOT, Reader, blocks, build_wheel

pytestmark = [pytest.mark.more, pytest.mark.usefixtures("without_coverage")]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def reader(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    reader = Reader(tmp_path_factory.mktemp("readme"), wheel)
    try:
        for language, body in blocks():
            reader.follow(language, body)
        yield reader
    finally:
        reader.close()


def test_the_wheel_holds_the_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "zemanta_ops",
        wheel.name.replace("-py3-none-any.whl", ".dist-info"),
    }
    assert "zemanta_ops/py.typed" in names


def test_a_reader_sees_requests_the_decrypted_secret_and_metrics_of_ones_own(reader: Reader) -> None:
    assert "The install worked successfully" in reader.seen["page"]
    assert reader.watched("http.request.count method=GET")
    assert PLAINTEXT not in reader.seen["token"]
    assert reader.setting("NEWSLETTER_API_KEY") == PLAINTEXT
    assert reader.watched("signup plan=pro")
    assert reader.watched("billing.call service=stripe")
    assert "Share of requests that fail." in (reader.project / "deploy/grafana/dashboards/state.json").read_text()
    assert "alert-shop-error-ratio" in (reader.project / "deploy/runbooks.rst").read_text()


def test_the_table_of_commands_names_each_command() -> None:
    text = (ROOT / "README.rst").read_text(encoding="utf-8")
    table = text.split("\nCommands\n")[1].split("\nMore\n")[0]
    assert [name for name in COMMANDS if f"* - ``{name}``" not in table] == []
