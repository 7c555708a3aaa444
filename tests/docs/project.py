"""A small Django project in a git repository, as the reader of a page has one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
_SETTINGS = """
from zemanta_ops.secrets import Secret, decrypt_settings

INSTALLED_APPS = ["zemanta_ops"]
ALLOWED_HOSTS = ["shop.example.org"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}}
DATABASES["default"]["PASSWORD"] = Secret("{password}")
SECRET_KEY = Secret("{signing_key}")

decrypt_settings(globals())
"""
SIGNING_KEY, PASSWORD = "SECRET_KEY", "DATABASES.default.PASSWORD"
PLAINTEXTS = {SIGNING_KEY: "example-signing-key", PASSWORD: "example-database-password"}


class Project:
    """The project in ``folder``; ``environment`` is that of a person who has no other configuration."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Make the repository."""
        self.folder = folder
        self.environment = {
            "HOME": str(folder.parent),
            "XDG_DATA_HOME": str(folder.parent / "data"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ann",
            "GIT_AUTHOR_EMAIL": "ann@example.org",
            "GIT_COMMITTER_NAME": "Ann",
            "GIT_COMMITTER_EMAIL": "ann@example.org",
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            # Bytecode would outlive settings that are replaced within a second by others of the same length.
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }
        (folder / "mysite").mkdir(parents=True)
        (folder / "mysite" / "__init__.py").touch()
        (folder / "manage.py").write_text(_MANAGE, encoding="utf-8")
        self.run("git", "init", "--quiet", "--initial-branch=main")

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.folder / "mysite" / "settings.py"

    def configure(self, toml: str, *arguments: str) -> None:
        """Write ``zemanta_ops.toml``, encrypt the secrets with ``encrypt_secret`` and these arguments, and commit."""
        (self.folder / "zemanta_ops.toml").write_text(toml, encoding="utf-8")
        tokens = {
            name: self.run("encrypt-secret", *arguments, "--name", name, typed=text).strip()
            for name, text in PLAINTEXTS.items()
        }
        text = _SETTINGS.format(signing_key=tokens[SIGNING_KEY], password=tokens[PASSWORD])
        self.settings.write_text(text, encoding="utf-8")
        self.commit("Add the secrets")

    def commit(self, message: str) -> None:
        """Commit all that there is."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "-m", message)

    def read(self, **environment: str) -> dict[str, str]:
        """Return what the secrets are in a new process of the application; it must start."""
        script = "from django.conf import settings as s; print(s.SECRET_KEY); print(s.DATABASES['default']['PASSWORD'])"
        out = self.run("python", "-c", script, environment=environment)
        return dict(zip((SIGNING_KEY, PASSWORD), out.splitlines(), strict=True))

    def starts(self, **environment: str) -> bool:
        """Return whether the application can read its secrets."""
        return self._ended(["python", "manage.py", "check"], environment).returncode == 0

    def run(self, *command: str, typed: str = "", environment: Mapping[str, str] | None = None) -> str:
        """Run a program in the project and return what it printed."""
        done = self._ended(command, environment or {}, typed)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _ended(self, command: list[str] | tuple[str, ...], environment: Mapping[str, str], typed: str = "") -> Ended:
        around = {**os.environ, **self.environment, **environment}
        around["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{around['PATH']}"
        return subprocess.run(
            ["env", *command],
            cwd=self.folder,
            env=around,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


Ended = subprocess.CompletedProcess[str]
