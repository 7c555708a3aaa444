"""Names of variables are followed to their values, however many there are."""

from __future__ import annotations

from pathlib import Path

from zemanta_ops.secrets.files.references import find_values
from zemanta_ops.secrets.files.source_file import decode


def _values(text: str, setting: str) -> list[str]:
    found = find_values(decode(Path("s.py"), text.encode()))
    return [value.value for value in found if value.setting == setting and not value.refers]


def test_a_setting_has_the_values_of_the_variables_that_it_names() -> None:
    assert _values('A = "x"\nB = A\nC = {"k": B}\nD = C["k"]\n', "D") == ["k", "x"]
    assert _values('A = B\nB = C\nC = A\nD = A + "x"\n', "D") == ["x"]
    assert _values('class K:\n    v = "x"\nD = K.v\n', "D") == ["x"]


def test_names_that_all_name_each_other_take_a_bounded_time() -> None:
    names = [f"n{number}" for number in range(60)]
    text = "".join(f"{name} = [{', '.join(names)}]\n" for name in names)
    assert len(find_values(decode(Path("s.py"), text.encode()))) < 30_000
