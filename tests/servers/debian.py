"""PostgreSQL, Redis, memcached, nginx and Chromium: Debian packages, which ``.ci/run`` installs if it is root."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from tests.servers.process import Server, free_port, listens

POSTGRESQL_USER = "postgres"


def postgresql_folder() -> Path | None:
    """Return the folder of the newest PostgreSQL's binaries, None if there is none."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    found = shutil.which("postgres")
    return max(folders, key=lambda path: int(path.parent.name), default=Path(found).parent if found else None)


def missing() -> list[str]:
    """Return the Debian packages that the tests need and that are not there."""
    packages: dict[str, object] = {"postgresql": postgresql_folder(), "redis-server": shutil.which("redis-server")}
    packages |= {"memcached": shutil.which("memcached"), "chromium": shutil.which("chromium")}
    packages |= {"nginx-light": shutil.which("nginx")}
    return [package for package, found in packages.items() if found is None]


class PostgreSQL(Server):
    """A PostgreSQL of the test's own, without a password, on 127.0.0.1; ``folder`` must be open to other users."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._binaries = postgresql_folder() or Path()
        self._data = folder / "data"
        # It refuses to run as root.
        self._as_user = ["setpriv", f"--reuid={POSTGRESQL_USER}", f"--regid={POSTGRESQL_USER}", "--clear-groups"]
        if os.getuid() == 0:
            shutil.chown(folder, POSTGRESQL_USER)
        else:
            self._as_user = []
        options = [f"-p{self.port}", f"-k{folder}", "-clisten_addresses=127.0.0.1", "-cfsync=off"]
        command: list[str | Path] = [*self._as_user, self._binaries / "postgres", f"-D{self._data}", *options]
        super().__init__("postgresql", command, folder, self._answers)

    def start(self) -> None:
        """Make the database cluster, unless it exists, and start."""
        if not self._data.exists():
            arguments = [f"-D{self._data}", "-Upostgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
            command: list[str | Path] = [*self._as_user, self._binaries / "initdb", *arguments]
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        super().start()

    def stop(self) -> None:
        """End it at once; asked as other servers are, it would wait for its clients to leave."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
        super().stop()

    def _answers(self) -> bool:
        command: list[str | Path] = [self._binaries / "pg_isready", "-q", "-h127.0.0.1", f"-p{self.port}"]
        return subprocess.run(command, check=False).returncode == 0

    def settings(self) -> dict[str, object]:
        """Return the entry for Django's DATABASES."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": "127.0.0.1",
            "PORT": self.port,
        }


class Redis(Server):
    """A Redis of the test's own that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        port = str(self.port)
        command: list[str | Path] = [
            "redis-server",
            "--port",
            port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            folder,
        ]
        super().__init__("redis", command, folder, lambda: "Ready to accept connections" in self.log())

    def settings(self) -> dict[str, object]:
        """Return the entry for Django's CACHES."""
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"redis://127.0.0.1:{self.port}"}


class Memcached(Server):
    """A memcached of the test's own; it refuses to run as root without a user to become."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        command = ["memcached", "-p", str(self.port), "-l", "127.0.0.1", "-U", "0"]
        command += ["-u", "nobody"] if os.getuid() == 0 else []
        super().__init__("memcached", command, folder, self._answers)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def settings(self) -> dict[str, object]:
        """Return the entry for Django's CACHES."""
        return {
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": f"127.0.0.1:{self.port}",
        }


class Nginx(Server):
    """nginx with one server block, which has ``server`` in it, and ``http`` before it."""

    def __init__(self, folder: Path, server: str, http: str = "") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        user = "user root;" if os.getuid() == 0 else ""
        path = folder / "nginx.conf"
        path.write_text(
            f"{user}\ndaemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}\n{http}\n"
            f"server {{\nlisten 127.0.0.1:{self.port};\n{server}\n}}\n}}\n"
        )
        command: list[str | Path] = ["nginx", "-c", path, "-p", folder, "-e", folder / "error.log"]
        super().__init__("nginx", command, folder, lambda: listens(self.port))
