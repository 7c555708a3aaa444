"""What the configuration of a running Telegraf says; a shell with Telegraf's arguments takes its place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from zemanta_ops.stack.check.agent_config import AgentConfig, parse_duration, read_config

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the arguments of a process"),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no parser for TOML"),
]

Start = Callable[..., int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a process with these arguments in ``tmp_path`` and returns its number."""
    with ExitStack() as stack:

        def start(*arguments: str) -> int:
            process = stack.enter_context(
                subprocess.Popen(
                    ["/bin/sh", "-c", "echo; read line", *arguments],
                    cwd=tmp_path,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            assert process.stdout is not None
            # Until then, the arguments may still be those of the process that was forked.
            process.stdout.readline()
            return process.pid

        yield start


@pytest.fixture
def read(start: Start, tmp_path: Path) -> Callable[[str], AgentConfig]:
    """Return a function that reads a configuration of this text."""

    def read(text: str) -> AgentConfig:
        (tmp_path / "telegraf.conf").write_text(text, encoding="utf-8")
        return read_config(start("--config", "telegraf.conf"))

    return read


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "telegraf.conf"],
        ["-config", "telegraf.conf"],
        ["--config=telegraf.conf"],
        ["--debug", "--config", "{folder}/telegraf.conf", "--quiet"],
        ["--config-directory", "parts"],
        ["--config-directory={folder}/parts"],
        ["--config", "missing.conf", "--config-directory", "parts"],
        ["--config", "garbled.conf", "--config", "telegraf.conf"],
    ],
)
def test_the_files_are_those_that_the_process_was_started_with(
    arguments: list[str], start: Start, tmp_path: Path
) -> None:
    (tmp_path / "parts").mkdir()
    for name in ("telegraf.conf", "parts/a.conf"):
        (tmp_path / name).write_text('[agent]\nhostname = "web-é"\n', encoding="utf-8")
    (tmp_path / "parts" / "a.toml").write_text('[agent]\nhostname = "not this"\n')
    (tmp_path / "garbled.conf").write_text("[agent\n")
    pid = start(*(argument.format(folder=tmp_path) for argument in arguments))
    assert read_config(pid).hostname == "web-é"


@pytest.mark.parametrize(
    "arguments", [[], ["--config"], ["config", "a.conf"], ["--config-file", "a.conf"], ["--config", "large.conf"]]
)
def test_without_a_file_nothing_is_known(arguments: list[str], start: Start, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text('[agent]\nhostname = "web-1"\n')
    (tmp_path / "large.conf").write_text('[agent]\nhostname = "web-1"\n'.ljust(1_000_000, "#"))
    assert read_config(start(*arguments)) == AgentConfig()


def test_a_file_is_read_up_to_a_megabyte(read: Callable[[str], AgentConfig]) -> None:
    assert read('[agent]\nhostname = "web-1"\n'.ljust(999_999, "#")).hostname == "web-1"


def test_a_process_that_has_ended_has_no_configuration(tmp_path: Path) -> None:
    ended = subprocess.run(["/bin/sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    assert read_config(int(ended.stdout)) == AgentConfig()


def test_files_in_a_folder_are_read_in_the_order_of_their_names(start: Start, tmp_path: Path) -> None:
    for name in "cab":
        (tmp_path / f"{name}.conf").write_text(
            f'[agent]\nhostname = "{name}"\n[[outputs.file]]\ndatabase = "{name}"\n[[inputs.internal]]\n'
        )
    (tmp_path / "c.conf").write_text('[[outputs.file]]\ndatabase = "c"\n')
    found = read_config(start("--config-directory", "."))
    assert found == AgentConfig(
        flush_seconds=10.0, hostname="b", has_internal=True, outputs=["file a", "file b", "file c"]
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", AgentConfig(flush_seconds=10.0, has_internal=False, outputs=[])),
        ("[agent]\nflush_interval = '1m30s'\n", AgentConfig(flush_seconds=90.0, has_internal=False, outputs=[])),
        ("[inputs]\n[outputs]\n", AgentConfig(flush_seconds=10.0, has_internal=False, outputs=[])),
        # Telegraf takes one table for a list of one.
        ("[inputs.internal]\n", AgentConfig(flush_seconds=10.0, has_internal=True, outputs=[])),
        ("inputs = 1\n[outputs]\nfile = [2]\n", AgentConfig(flush_seconds=10.0, has_internal=False, outputs=[])),
    ],
)
def test_what_is_missing_has_its_default(text: str, expected: AgentConfig, read: Callable[[str], AgentConfig]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("inputs", "lacks"),
    [
        ("[[inputs.statsd]]\n", True),
        ("[[inputs.statsd]]\ndatadog_extensions = false\n", True),
        ("[[inputs.statsd]]\ndatadog_extensions = true\n", False),
        ("[[inputs.statsd]]\n[[inputs.statsd]]\ndatadog_extensions = true\n", False),
        ("[[inputs.cpu]]\ndatadog_extensions = true\n", None),
    ],
)
def test_extensions_are_lacking_if_no_statsd_input_has_them(
    inputs: str, lacks: bool | None, read: Callable[[str], AgentConfig]
) -> None:
    assert read(inputs).lacks_extensions is lacks


@pytest.mark.parametrize(
    ("text", "precision", "seconds"),
    [
        ("", "", 0.0),
        ("[agent]\nprecision = '1m'\n", 'precision = "1m" in [agent]', 60.0),
        ("[agent]\nprecision = 'often'\n", 'precision = "often" in [agent]', 0.0),
        (
            "[agent]\nprecision = '1h'\n[[inputs.statsd]]\nprecision = '10s'",
            'precision = "10s" in [[inputs.statsd]]',
            10.0,
        ),
        # One of two inputs follows the agent.
        (
            "[agent]\nprecision = '1h'\n[[inputs.statsd]]\nprecision = '9s'\n[[inputs.statsd]]",
            'precision = "1h" in [agent]',
            3600.0,
        ),
        ("[[inputs.statsd]]\nprecision = '1m'\n[[inputs.statsd]]", 'precision = "1m" in [[inputs.statsd]]', 60.0),
        ("[agent]\nprecision = '1s'\n[[inputs.cpu]]\nprecision = '1h'", 'precision = "1s" in [agent]', 1.0),
    ],
)
def test_the_precision_is_that_of_the_statsd_input_or_of_the_agent(
    text: str, precision: str, seconds: float, read: Callable[[str], AgentConfig]
) -> None:
    found = read(text)
    assert (found.precision, found.precision_seconds) == (precision, seconds)


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("influxdb]]\nurls = ['http://a:8086', 'http://b:8086']", "influxdb http://a:8086, http://b:8086"),
        ("influxdb]]\nurl = 'http://user:example-password@a:8086/?p=example-password'", "influxdb http://a:8086/"),
        ("influxdb]]\ndatabase = 'metrics'\nretention_policy = 'week'", "influxdb metrics/week"),
        ("influxdb]]\nretention_policy = 'week'", "influxdb week"),
        ("influxdb_v2]]\nurl = 'http://a'\nbucket = 'metrics'", "influxdb_v2 http://a metrics"),
        ("file]]\nnamepass = ['a']\nfielddrop = ['b']\nname = 'c'", "file (with fielddrop, namepass)"),
    ],
)
def test_an_output_is_described_without_passwords(output: str, shown: str, read: Callable[[str], AgentConfig]) -> None:
    assert read(f"[[outputs.{output}").outputs == [shown]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("1m30s", 90.0),
        ("1d", 86_400.0),
        ("1h", 3600.0),
        ("250ms", 0.25),
        ("0.5s", 0.5),
        ("0s", 0.0),
        ("", None),
        ("10", None),
        ("s", None),
        ("10s later", None),
        ("in 10s", None),
    ],
)
def test_a_duration_is_read_as_telegraf_reads_it(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds
