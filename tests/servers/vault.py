"""A real Vault in development mode: unsealed, in memory, gone when it stops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.servers import cache
from tests.servers.http import answers, call_json
from tests.servers.process import Server, free_port

ROOT_TOKEN = "example-root-token"


class Vault(Server):
    """Vault with the transit engine mounted at ``transit``; ``call`` speaks its API as root, or with another token."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.token = ROOT_TOKEN
        command: list[str | Path] = [
            cache.binary("vault"),
            "server",
            "-dev",
            "-dev-no-store-token",
            f"-dev-root-token-id={ROOT_TOKEN}",
            f"-dev-listen-address={self.url.removeprefix('http://')}",
        ]
        # In development mode it listens a moment before it is unsealed; its health page is an error until then.
        super().__init__("vault", command, folder, lambda: answers(f"{self.url}/v1/sys/health"))

    def start(self) -> None:
        """Start it and mount the transit engine."""
        super().start()
        self.call("sys/mounts/transit", {"type": "transit"})

    def call(self, path: str, body: Any = None, *, method: str | None = None, token: str = ROOT_TOKEN) -> Any:
        """Call ``/v1/<path>``: a POST if there is a body, else a GET."""
        return call_json(f"{self.url}/v1/{path}", body, method=method, headers={"X-Vault-Token": token})

    def new_token(self, policy: str, **options: Any) -> str:
        """Return a token that may do what this policy, as text, allows."""
        self.call("sys/policies/acl/test", {"policy": policy}, method="PUT")
        answer = self.call("auth/token/create", {"policies": ["test"], **options})
        token: str = answer["auth"]["client_token"]
        return token
