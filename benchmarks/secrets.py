"""What secrets cost a start: ``python -m benchmarks.secrets``.

Every call of KMS takes 20 ms more than the stand-in needs. Four ways to hold 1, 10, 50 and 200 secrets are measured in
turns, each time in a new process, without its imports (that ours imports nothing late is asserted): ours with one
``kms:`` token a secret; ours with ``sealed:`` tokens whose private key is one ``kms:`` token; SecretCrypt 1.0.4, one
``kms:`` token a secret; SOPS, one file with a data key under KMS, the process as a whole. Beside them is what boto3
alone takes to set up a client and to call KMS once. Then what ``import zemanta_ops.secrets`` adds to ``import
django.conf``.

On a machine that others use, the least of many rounds is nearer to the truth than the median; both are printed, with
the load, and ``--rounds`` sets how many.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks import kms_standin
from tests.secrets import secretcrypt1
from tests.servers import cache
from zemanta_ops.secrets import backends, wire
from zemanta_ops.secrets.backends import _agekeys

COUNTS = (1, 10, 50, 200)
DELAY_MILLISECONDS = 20
ROUNDS = 7
GOALS = {"ours, kms": 0.40, "ours, sealed": 0.10}
GOAL_IMPORT = 0.015

_OURS = """
import json, sys, time
# What a library imports at its first use is an import all the same.
import cryptography.hazmat.backends.openssl.backend, encodings.idna
from zemanta_ops.secrets import Secret, decrypt_settings, backends
backends.load("kms"), backends.load("sealed")
decrypt_settings({"A": Secret("plain::example")})
tokens = json.load(sys.stdin)
settings = {f"SECRET_{number}": Secret(token) for number, token in enumerate(tokens)}
imported = set(sys.modules)
started = time.perf_counter()
decrypt_settings(settings)
print(time.perf_counter() - started)
assert set(sys.modules) == imported, set(sys.modules) - imported
assert [*settings.values()] == [f"example-{number}" for number in range(len(tokens))]
"""
_SECRETCRYPT = """
import json, sys, time
import encodings.idna
from secretcrypt import Secret, kms
tokens = json.load(sys.stdin)
started = time.perf_counter()
values = [Secret(token).get() for token in tokens]
print(time.perf_counter() - started)
assert values == [f"example-{number}".encode() for number in range(len(tokens))]
"""
_BOTO3 = """
import base64, json, sys, time
import encodings.idna
import boto3
[token] = json.load(sys.stdin)
started = time.perf_counter()
client = boto3.session.Session().client("kms", region_name="eu-west-1")
client.decrypt(CiphertextBlob=base64.b64decode(token.rpartition(":")[2]))
print(time.perf_counter() - started)
"""
_IMPORT = """
import time
import django.conf
started = time.perf_counter()
{statement}
print(time.perf_counter() - started)
"""

Trial = Callable[[], float]


def trials(count: int, folder: Path) -> dict[str, Trial]:
    """Return name to a function that measures the start once, in seconds."""
    plaintexts = [f"example-{number}".encode() for number in range(count)]
    kms = [kms_token(text) for text in plaintexts]
    old = [f"kms:region=eu-west-1:{kms_standin.ciphertext(text)}" for text in plaintexts]
    identity = _agekeys.generate(_agekeys.HYBRID)
    key = kms_token(identity.text().encode())
    backend = backends.load("sealed")
    public = str(identity.recipient)
    sealed = [wire.format(backend.encrypt(text, {}, recipients=public)) for text in plaintexts]
    found: dict[str, Trial] = {
        "ours, kms": lambda: python(_OURS, kms),
        "ours, sealed": lambda: python(_OURS, sealed, ZEMANTA_OPS_SEALED_KEY=key),
        "boto3, one call": lambda: python(_BOTO3, old[:1]),
        "SecretCrypt": lambda: python(_SECRETCRYPT, old, PYTHONPATH=str(secretcrypt1.installed())),
    }
    if sops := sops_binary():
        plain, file = folder / "plain.json", folder / f"{count}.json"
        plain.write_text(json.dumps({f"SECRET_{number}": text.decode() for number, text in enumerate(plaintexts)}))
        made = subprocess.run([sops, "--encrypt", "--kms", kms_standin.KEY, plain], capture_output=True, check=True)
        file.write_bytes(made.stdout)
        found["SOPS"] = lambda: whole([sops, "--decrypt", str(file)], count)
    return found


def kms_token(plaintext: bytes) -> str:
    """Return a token of ours that the stand-in opens."""
    params = {"region": "eu-west-1", "key": kms_standin.KEY}
    return wire.format(wire.Token("kms", params, kms_standin.ciphertext(plaintext)))


def python(code: str, tokens: list[str], **environment: str) -> float:
    """Run ``code`` in a new process; it prints its time."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input=json.dumps(tokens),
        # Bytecode is there on a machine where the package was installed, so it must be here.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(ended.stdout)


def whole(command: list[str], count: int) -> float:
    """Run a program and return the time of its whole life."""
    started = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, check=True)
    seconds = time.perf_counter() - started
    assert len(json.loads(ended.stdout)) == count
    return seconds


def sops_binary() -> str:
    """Return the path of SOPS, the one that the tests install or one on the path; empty for none."""
    return str(cache.binary("sops")) if cache.installed("sops") else shutil.which("sops") or ""


@contextmanager
def kms() -> Iterator[None]:
    """Run the stand-in, and point every AWS client at it."""
    command = [sys.executable, "-m", "benchmarks.kms_standin", str(DELAY_MILLISECONDS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        os.environ.update(
            AWS_ENDPOINT_URL_KMS=f"http://127.0.0.1:{process.stdout.readline().strip()}",
            AWS_ACCESS_KEY_ID="example",
            AWS_SECRET_ACCESS_KEY="example-secret",
            AWS_EC2_METADATA_DISABLED="true",
        )
        yield
        process.stdin.close()


def measure_imports(rounds: int) -> list[float]:
    """Return what ``import zemanta_ops.secrets`` adds to ``import django.conf``, an empty statement taken off."""
    return [
        python(_IMPORT.format(statement="import zemanta_ops.secrets"), [])
        - python(_IMPORT.format(statement="pass"), [])
        for _ in range(3 * rounds)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print a line per number of secrets and way; return 1 if the least time misses a goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"how often each way is measured (default: {ROUNDS})"
    )
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="numbers of secrets")
    options = parser.parse_args(arguments)
    missed = []
    if not sops_binary():
        print("SOPS is left out: python -m tests.servers install sops")
    with kms(), tempfile.TemporaryDirectory() as folder:
        for count in options.counts:
            ways = trials(count, Path(folder))
            taken: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(options.rounds):
                for name, trial in ways.items():
                    taken[name].append(trial())
            for name, times in taken.items():
                print(
                    f"{count:4} secrets, {name:16} least {min(times):.3f} s, median {median(times):.3f} s", flush=True
                )
            if count == max(COUNTS):
                missed += [name for name, goal in GOALS.items() if min(taken[name]) > goal]
    python(_IMPORT.format(statement="import zemanta_ops.secrets"), [])
    added = measure_imports(options.rounds)
    print(f"import zemanta_ops.secrets adds {1000 * median(added):.1f} ms to import django.conf (median)")
    if median(added) > GOAL_IMPORT:
        missed.append("import")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {options.rounds} rounds")
    print(f"goals missed: {', '.join(missed)}" if missed else "goals met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
