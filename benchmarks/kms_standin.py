"""A stand-in for AWS KMS that answers after a set time: what is measured is the client, not a test server.

``python -m benchmarks.kms_standin MILLISECONDS`` prints its port and serves until its standard input ends. It encrypts
nothing: a ciphertext is the plaintext behind a mark.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from typing import Any

KEY = "arn:aws:kms:eu-west-1:000000000000:key/00000000-0000-0000-0000-000000000000"
_MARK = b"stand-in:"


def ciphertext(plaintext: bytes) -> str:
    """Return the base64 of what Decrypt answers with this plaintext."""
    return base64.b64encode(_MARK + plaintext).decode()


def answer(operation: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of KMS."""
    if operation == "Decrypt":
        blob = base64.b64decode(body["CiphertextBlob"]).removeprefix(_MARK)
        return {"KeyId": KEY, "Plaintext": base64.b64encode(blob).decode(), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    if operation == "GenerateDataKey":
        made = os.urandom(32)
        return {"KeyId": KEY, "CiphertextBlob": ciphertext(made), "Plaintext": base64.b64encode(made).decode()}
    return {"KeyId": KEY, "CiphertextBlob": ciphertext(base64.b64decode(body["Plaintext"]))}


async def serve(seconds: float) -> None:
    """Serve until standard input ends."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = [line.split(": ", 1) for line in head.decode().strip().split("\r\n")[1:]]
                fields = {name.lower(): value for name, value in lines}
                body = json.loads(await reader.readexactly(int(fields["content-length"])))
                await asyncio.sleep(seconds)
                data = json.dumps(answer(fields["x-amz-target"].rpartition(".")[2], body)).encode()
                reply = ("HTTP/1.1 200 OK", "Content-Type: application/x-amz-json-1.1", f"Content-Length: {len(data)}")
                writer.write("\r\n".join((*reply, "", "")).encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        # Connections that are open are not waited for.
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) / 1000))
