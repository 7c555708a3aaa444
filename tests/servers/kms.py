"""AWS KMS as moto's server speaks it over HTTP, with keys, an alias and identities whose rights are enforced.

Not faithful there, so stubbed in the tests that need them: disabled keys, a wrong KeyId, multi-region keys, the code of
a denial.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from tests.servers.http import answers, call
from tests.servers.process import Server, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-west-1"
ALIAS = "alias/Z1secrets"


class KMS:
    """A running server; ``environment`` is what boto3 needs to reach it as its owner."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self.server = Server("moto", command, folder, lambda: answers(f"{self.url}/moto-api/"), traced=False)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for boto3, in this process and its children."""
        return self._variables("example-owner", "example-owner-key")

    def start(self) -> None:
        """Start the server with one key behind an alias, in two regions."""
        self.server.start()
        for region in (REGION, "us-east-1"):
            client = self.client("kms", region)
            key = client.create_key()["KeyMetadata"]["KeyId"]
            client.create_alias(AliasName=ALIAS, TargetKeyId=key)

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a boto3 client of the owner."""
        return boto3.session.Session("example-owner", "example-owner-key").client(  # type: ignore[call-overload]
            service, region_name=region, endpoint_url=self.url
        )

    @contextmanager
    def identity(self, actions: Sequence[str], resource: str = "*", **condition: Any) -> Iterator[dict[str, str]]:
        """Make a user who may do only ``actions``, and enforce rights for as long as the block lasts.

        Yields:
            The variables with which boto3 is that user.
        """
        iam = self.client("iam")
        iam.create_user(UserName="developer")
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **condition}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="developer", PolicyName="rights", PolicyDocument=document)
        key = iam.create_access_key(UserName="developer")["AccessKey"]
        self._enforce_after("0")
        try:
            yield self._variables(key["AccessKeyId"], key["SecretAccessKey"])
        finally:
            self._enforce_after("inf")
            iam.delete_access_key(UserName="developer", AccessKeyId=key["AccessKeyId"])
            iam.delete_user_policy(UserName="developer", PolicyName="rights")
            iam.delete_user(UserName="developer")

    def _enforce_after(self, actions: str) -> None:
        headers = {"Content-Type": "text/plain"}
        call(f"{self.url}/moto-api/reset-auth", data=actions.encode(), headers=headers, method="POST")

    def _variables(self, access_key: str, secret_key: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
