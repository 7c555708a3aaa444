"""A data file of coverage that is half written does not reach those that are combined."""

from __future__ import annotations

from pathlib import Path

from coverage import CoverageData

from tests.coverage_data import remove_torn


def write(path: Path) -> bytes:
    data = CoverageData(basename=str(path))
    data.add_lines({str(path.parent / f"module_{number}.py"): range(1, 400, 3) for number in range(400)})
    data.write()
    data.close()
    return path.read_bytes()


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    whole = tmp_path / ".coverage.test.host.pid1.Xabc"
    contents = write(whole)
    torn = tmp_path / ".coverage.test.host.pid2.Xabc"
    torn.write_bytes(contents[: len(contents) // 2])
    other = tmp_path / ".coverage.servers.host.pid3.Xabc"
    other.write_bytes(torn.read_bytes())
    assert remove_torn(tmp_path / ".coverage.test") == [torn]
    assert sorted(tmp_path.iterdir()) == sorted([whole, other])
    assert whole.read_bytes() == contents
