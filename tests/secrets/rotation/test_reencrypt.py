"""New tokens are made in chunks: rewrapped by the service or encrypted here, verified, and journaled before use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from zemanta_ops.secrets import backends, config, ledger, wire
from zemanta_ops.secrets.backends.base import Backend, Result
from zemanta_ops.secrets.exceptions import DecryptError, EncryptError
from zemanta_ops.secrets.files.scan import find_tokens
from zemanta_ops.secrets.files.source_file import read
from zemanta_ops.secrets.rotation import reencrypt
from zemanta_ops.secrets.rotation.journal import Journal, start
from zemanta_ops.secrets.rotation.order import Recipe
from zemanta_ops.secrets.rotation.reencrypt import Job, NewToken, make_tokens


class Service(Backend):
    """Rewraps, refuses or garbles a plaintext by its first word."""

    name = "service"
    concurrency: ClassVar[int] = 4

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.configured: set[str] = set()

    def encrypt(self, plaintext: bytes, context: Mapping[str, str], **options: Any) -> wire.Token:
        self.calls.append(("encrypt", (plaintext, dict(context), options)))
        self.configured.add(config.load().app)
        if plaintext.startswith(b"refused"):
            raise EncryptError("refused")
        return wire.Token(self.name, dict(context), plaintext.decode().replace("garbled", "other"))

    def decrypt(self, token: wire.Token) -> bytes:
        if token.ciphertext.startswith("lost"):
            raise DecryptError("lost")
        return token.ciphertext.encode()

    def decrypt_many(self, tokens: Sequence[wire.Token]) -> list[Result]:
        self.calls.append(("decrypt", [token.ciphertext for token in tokens]))
        return super().decrypt_many(tokens)

    def rewrap(self, token: wire.Token, context: Mapping[str, str], /, **options: Any) -> wire.Token | None:
        self.calls.append(("rewrap", (token.ciphertext, dict(context), options)))
        if token.ciphertext == "denied":
            raise EncryptError("denied")
        return wire.Token(self.name, dict(context), f"re{token.ciphertext}") if token.ciphertext == "wrapped" else None


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service()
    monkeypatch.setitem(backends._PATHS, "service", f"{__name__}.Service")
    monkeypatch.setattr(backends, "_loaded", {"service": made})
    monkeypatch.setattr(Service, "concurrency", 1)
    return made


def jobs(folder: Path, *texts: str, options: Mapping[str, Any] | None = None, app: str = "") -> list[Job]:
    """Return a job for each token of a file."""
    folder.mkdir(exist_ok=True)
    (folder / "a.toml").write_text("".join(f'K{number} = "{text}"\n' for number, text in enumerate(texts)))
    (folder / config.FILE_NAME).write_text(f'app = "{app}"\n')
    recipe = Recipe("service", options or {})
    return [
        Job(found, found.token, found.text, {"app": "shop"}, recipe)
        for found in find_tokens(read(folder / "a.toml"))
        if found.token
    ]


def outcomes(made: Sequence[NewToken]) -> list[str]:
    return [str(each.token) for each in made]


def test_a_token_of_another_backend_is_decrypted_encrypted_and_verified(service: Service, tmp_path: Path) -> None:
    given = jobs(tmp_path, "plain::example-one", "plain::example-two", options={"key": "k"}, app="shop")
    made = list(make_tokens(given, None, verify=True))
    assert outcomes(made) == ["service:app=shop:example-one", "service:app=shop:example-two"]
    assert [each.job for each in made] == given
    assert not any(each.rewrapped for each in made)
    assert service.calls == [
        ("encrypt", (b"example-one", {"app": "shop"}, {"key": "k"})),
        ("encrypt", (b"example-two", {"app": "shop"}, {"key": "k"})),
        ("decrypt", ["example-one", "example-two"]),
    ]
    assert {"example-one", "example-two"} <= ledger.plaintexts()
    assert service.configured == {"shop"}


def test_what_the_service_rewraps_is_never_decrypted(service: Service, tmp_path: Path) -> None:
    given = jobs(tmp_path, "service::wrapped", "service::denied", "service::example", options={"key": "k"})
    made = list(make_tokens(given, None, verify=True))
    assert outcomes(made) == ["service:app=shop:rewrapped", "denied", "service:app=shop:example"]
    assert [each.rewrapped for each in made] == [True, True, False]
    rewraps = [call for name, call in service.calls if name == "rewrap"]
    assert rewraps == [(text, {"app": "shop"}, {"key": "k"}) for text in ("wrapped", "denied", "example")]
    assert [call for name, call in service.calls if name == "decrypt"] == [["example"], ["example"]]


def test_an_error_ends_its_own_token_alone(service: Service, tmp_path: Path) -> None:
    given = jobs(tmp_path, "service::lost", "plain::refused", "plain::garbled", "plain::lost-later", "plain::example")
    made = list(make_tokens(given, None, verify=True))
    assert outcomes(made) == [
        "lost",
        "refused",
        "the new token decrypts to a different plaintext",
        "the new token cannot be decrypted here (lost). Use --no-verify to accept it all the same",
        "service:app=shop:example",
    ]
    assert [type(each.token) for each in made] == [DecryptError, EncryptError, EncryptError, EncryptError, str]


def test_verification_can_be_left_out(service: Service, tmp_path: Path) -> None:
    made = list(make_tokens(jobs(tmp_path, "plain::garbled", "plain::lost"), None, verify=False))
    assert outcomes(made) == ["service:app=shop:other", "service:app=shop:lost"]
    assert "decrypt" not in [name for name, _ in service.calls]


def test_a_chunk_is_in_the_journal_before_its_tokens_are_used(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencrypt, "CHUNK", 2)
    journal = start(tmp_path, {})
    given = jobs(tmp_path, "plain::a", "plain::refused", "plain::c", "plain::d", "plain::e")
    seen = []
    for each in make_tokens(given, journal, verify=True):
        seen.append(len(journal.new))
        if isinstance(each.token, str):
            assert journal.new[each.job.journal_key(journal)] == each.token
    assert seen == [1, 1, 3, 3, 4]


def test_files_of_two_configurations_or_recipes_are_in_chunks_of_their_own(service: Service, tmp_path: Path) -> None:
    one = jobs(tmp_path / "one", "plain::a", "plain::b", app="one")
    two = jobs(tmp_path / "two", "plain::c", app="two")
    keyed = jobs(tmp_path / "two", "plain::d", options={"key": "k"}, app="two")
    made = list(make_tokens([one[0], *two, *keyed, one[1]], None, verify=True))
    assert [each.job for each in made] == [*one, *two, *keyed]
    assert [call for name, call in service.calls if name == "decrypt"] == [["a", "b"], ["c"], ["d"]]
    assert service.configured == {"one", "two"}


def test_the_key_of_a_job_is_that_of_its_new_token(tmp_path: Path) -> None:
    [job] = jobs(tmp_path, "plain::a")
    same = Job(job.found, job.token, job.text, {"app": "shop"}, Recipe("service", {}))
    assert same.key == job.key
    journal = Journal(tmp_path / "j", b"nonce", {})
    others = [
        Job(job.found, job.token, "plain::b", job.context, job.recipe),
        Job(job.found, job.token, job.text, {}, job.recipe),
        Job(job.found, job.token, job.text, job.context, Recipe("service", {"key": "k"})),
    ]
    assert len({each.key for each in (job, *others)}) == 4
    assert len({each.journal_key(journal) for each in (job, *others)}) == 4
    assert same.journal_key(journal) == job.journal_key(journal)
    twice = Job(job.found, job.token, job.text, {"b": "1", "a": "2"}, job.recipe)
    assert twice.key == Job(job.found, job.token, job.text, {"a": "2", "b": "1"}, job.recipe).key
