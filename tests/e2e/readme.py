"""Follows README.rst, word for word, in a new virtualenv with the built wheel and an empty Django project."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.servers.process import free_port

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)
PLACEHOLDER = "paste the token here"
PLAINTEXT = "example-mail-password"
SECONDS = 60


def blocks() -> list[tuple[str, str]]:
    """Return the code blocks of README.rst in their order, each with its language."""
    text = (ROOT / "README.rst").read_text(encoding="utf-8")
    return [(language, textwrap.dedent(body).strip("\n")) for language, body in BLOCK.findall(text)]


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    return next(folder.glob("zemanta_ops-*.whl"))


class Reader:
    """A person who follows the README; what they see is kept in ``seen``."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        self._watched = folder / "watched.txt"
        self._token = ""
        self._running: list[subprocess.Popen[bytes]] = []
        self.seen: dict[str, str] = {}
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        # pip takes zemanta-ops from the wheel that was built, and everything else from where it always does.
        links = f"{wheel.parent} {os.environ.get('PIP_FIND_LINKS', '')}".strip()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO", "XDG_"))}
        self._environment = {
            **kept,
            "PATH": f"{folder / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder / "home"),
            "PIP_FIND_LINKS": links,
            "PIP_CACHE_DIR": str(pip_cache()),
            "ZEMANTA_OPS_METRICS_PORT": str(free_port()),
        }

    def follow(self, language: str, body: str) -> None:
        """Follow one code block."""
        if language == "shell":
            for line in body.splitlines():
                self._type(line)
        elif body.startswith("# settings.py\n"):
            settings = self.project / "mysite" / "settings.py"
            text = settings.read_text(encoding="utf-8")
            settings.write_text(f"{text}\n{body.replace(PLACEHOLDER, self._token)}\n", encoding="utf-8")
        elif body.startswith("# shop/metrics.py\n"):
            # An app of the reader's own.
            shop = self.project / "shop"
            shop.mkdir()
            (shop / "__init__.py").touch()
            (shop / "metrics.py").write_text(body, encoding="utf-8")
            with (self.project / "mysite" / "settings.py").open("a", encoding="utf-8") as settings_file:
                settings_file.write('INSTALLED_APPS += ["shop"]\n')
        elif body.startswith("# anywhere\n"):
            self._run("python manage.py shell", stdin=body)

    def close(self) -> None:
        """Stop what was started."""
        for process in self._running:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(SECONDS)

    def setting(self, name: str) -> str:
        """Return what a setting of the project is."""
        script = f"from django.conf import settings; print(settings.{name})"
        return self._run("python manage.py shell --verbosity 0", stdin=script).strip()

    def watched(self, text: str) -> bool:
        """Return whether ``watch_metrics`` shows a text, now or soon."""
        return wait_until(lambda: text in self._watched.read_text(encoding="utf-8"))

    def _type(self, line: str) -> None:
        if "watch_metrics" in line:
            self._start(line, self._watched)
        elif "runserver" in line:
            address = f"127.0.0.1:{free_port()}"
            log = self.project.parent / "runserver.txt"
            self._start(f"{line} {address}", log)
            wait_until(lambda: answers(f"http://{address}/"))
            self.seen["page"] = page(f"http://{address}/")
        elif "encrypt_secret" in line:
            self._token = self._run(line, stdin=f"{PLAINTEXT}\n").strip()
            self.seen["token"] = self._token
        else:
            self._run(line)
            if line.startswith("pip install"):
                self._run("django-admin startproject mysite .")

    def _run(self, line: str, stdin: str = "") -> str:
        done = subprocess.run(
            shlex.split(line),
            cwd=self.project,
            env=self._environment,
            executable=self._program(line),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _start(self, line: str, output: Path) -> None:
        with output.open("wb") as out:
            self._running.append(
                subprocess.Popen(
                    shlex.split(line),
                    cwd=self.project,
                    env={**self._environment, "PYTHONUNBUFFERED": "1"},
                    executable=self._program(line),
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        wait_until(lambda: bool(output.read_bytes()))

    def _program(self, line: str) -> str:
        return str(self.project.parent / "venv" / "bin" / shlex.split(line)[0])


def pip_cache() -> Path:
    """Return pip's cache of this user, so that the reader's new home does not download all again."""
    command = [sys.executable, "-m", "pip", "cache", "dir"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def answers(url: str) -> bool:
    """Return whether a server listens there."""
    try:
        page(url)
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


def page(url: str) -> str:
    """Return a page's text."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def wait_until(condition: Callable[[], bool]) -> bool:
    """Return whether a condition holds before the time is over."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
