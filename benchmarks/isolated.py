"""django-statsd in a folder of its own: its python-statsd overwrites the statsd package, whose import name it has."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import platformdirs

DJANGO_STATSD = "django-statsd==3.0.0"
PYTHON_STATSD = "python-statsd==2.1.0"


def load_django_statsd() -> None:
    """Import django-statsd with its own ``statsd``, and give the name back; ImportError if it is not installed."""
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "statsd"}
    sys.path.insert(0, str(_folder()))
    try:
        import_module("django_statsd.middleware")
    finally:
        sys.path.pop(0)
        for name in [name for name in sys.modules if name.partition(".")[0] == "statsd"]:
            del sys.modules[name]
        sys.modules.update(ours)


def install() -> Path:
    """Install both packages, once, in the user's cache; return the folder."""
    folder = _folder()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            # Django itself is the environment's.
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", f"{scratch}/made"]
            subprocess.run([*command, DJANGO_STATSD, PYTHON_STATSD], check=True)
            Path(scratch, "made").rename(folder)
    return folder


def _folder() -> Path:
    name = f"{DJANGO_STATSD.replace('==', '-')}-py{sys.version_info[0]}{sys.version_info[1]}"
    return Path(platformdirs.user_cache_dir("zemanta-ops"), "benchmarks", name)


if __name__ == "__main__":
    print(install())
