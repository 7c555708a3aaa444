"""The print shop of one run: secrets, database, two servers, and the agent that their metrics go to."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx

from example_project.demo.folder import Folder
from example_project.demo.pipeline import DATABASE, Pipeline, is_installed, pipeline
from example_project.demo.secrets import encrypt, invent, write_settings
from example_project.demo.servers import Server, gunicorn, uvicorn
from zemanta_ops.stack.agent.forwarder import Forwarder
from zemanta_ops.stack.agent.server import Agent


@dataclass(frozen=True)
class Site:
    """A running print shop."""

    nonce: str
    plaintexts: Mapping[str, str]
    tokens: Mapping[str, str]
    settings_text: str
    agent: Agent
    gunicorn: Server
    uvicorn: Server
    folder: Folder
    environment: Mapping[str, str]
    pipeline: Pipeline | None

    def manage(self, *arguments: str) -> None:
        """Run a ``manage.py`` command with the settings of the site."""
        self.folder.run("manage.py", *arguments, environment=self.environment)

    def stop(self) -> None:
        """Stop both servers, as a deployment does; they send what they still hold."""
        self.gunicorn.stop()
        self.uvicorn.stop()

    def logs(self) -> dict[str, str]:
        """Return what the servers wrote."""
        return {
            f"the log of {path.stem}": path.read_text(encoding="utf-8", errors="replace")
            for path in sorted(self.folder.path.glob("*.log"))
        }


@contextmanager
def running_site(report: Callable[[str], None]) -> Iterator[Site]:
    """Yield a site that answers under gunicorn and uvicorn; afterwards nothing of it is left.

    ``report`` is called with each step before it is taken.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(Folder())
        plaintexts = invent()
        report(f"Encrypting {len(plaintexts)} example secrets with encrypt_secret")
        tokens = encrypt(folder, plaintexts)
        text = write_settings(folder, tokens)
        if is_installed():
            report("Starting InfluxDB and Telegraf")
        behind = stack.enter_context(pipeline(folder.path))
        agent = stack.enter_context(Agent(port=0, forward=Forwarder(behind.target) if behind else None))
        nonce = secrets.token_hex(16)
        wsgi, asgi = (Server(kind.__name__, kind, folder.path) for kind in (gunicorn, uvicorn))
        environment = folder.served(
            nonce,
            # The other server: when all threads of gunicorn waited for answers of gunicorn, none would give them.
            SHOP_URL=asgi.url,
            ZEMANTA_OPS_METRICS_HOST="127.0.0.1",
            ZEMANTA_OPS_METRICS_PORT=str(agent.port),
            ZEMANTA_OPS_METRICS_INSTRUMENT="http,database,responses,commands",
            ZEMANTA_OPS_METRICS_BUCKETS="5,10,25,50,100,250,500,1000",
            ZEMANTA_OPS_METRICS_AGENT_INTERVAL="1",
            **({"SHOP_INFLUX_URL": behind.url, "SHOP_INFLUX_DATABASE": DATABASE} if behind else {}),
        )
        site = Site(nonce, plaintexts, tokens, text, agent, wsgi, asgi, folder, environment, behind)
        report("Making the database of the shop")
        site.manage("open_shop", "--verbosity", "0")
        stack.callback(site.stop)
        report("Starting the site under gunicorn and uvicorn, which decrypt the secrets")
        for server in (wsgi, asgi):
            server.start(environment)
        for server in (wsgi, asgi):
            server.wait()
        yield site


def shown_fingerprints(server: Server) -> dict[str, str]:
    """Return the fingerprints that a server shows; nothing if it shows none."""
    answer = httpx.get(f"{server.url}/proof/", timeout=10)
    return dict(answer.json()) if answer.status_code == httpx.codes.OK else {}
