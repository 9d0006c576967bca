from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.facts.keys import KeysAsk, KeysObservation, KeyWanted
from roadworthy.onhost import ground, keys
from tests.suites.healthy import NOW

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ground, "ROOT", str(tmp_path))
    (tmp_path / "etc").mkdir()
    for name in ("passwd", "group"):
        (tmp_path / "etc" / name).write_text("root:x:0:0::/:/bin/sh\n")
    return tmp_path


def openssl(root: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=root, check=True, capture_output=True, timeout=60)


def seen(**wanted: Any) -> Any:
    ask = KeysAsk(host="deploy@app.test", via="app", pairs=(KeyWanted(**{"path": "/private.pem"} | wanted),))
    said = keys.look(ask.wanted)
    return KeysObservation.model_validate({"observed_at": NOW, "now": NOW, **said}).pairs[0]


@pytest.mark.parametrize(
    ("words", "kind", "bits"),
    [
        (("genrsa", "-out", "private.pem", "2048"), "rsa", 2048),
        (("genrsa", "-traditional", "-out", "private.pem", "2048"), "rsa", 2048),
        (("ecparam", "-genkey", "-name", "secp384r1", "-out", "private.pem"), "ec", 384),
        (("genpkey", "-algorithm", "ed25519", "-out", "private.pem"), "ed25519", 256),
    ],
)
def test_kinds_of_keys(root: Path, words: tuple[str, ...], kind: str, bits: int) -> None:
    openssl(root, *words)
    openssl(root, "pkey", "-in", "private.pem", "-pubout", "-out", "public.pem")
    openssl(root, "req", "-x509", "-new", "-key", "private.pem", "-subj", "/CN=a", "-out", "cert.pem")
    one = seen(public="/public.pem", certificate="/cert.pem")
    assert (one.private.key.algorithm, one.private.key.problem, one.private.encrypted) == (kind, "", False)
    assert one.private.key.bits == bits
    assert one.private.key == one.public.key == one.certificate.key
    assert one.public.encrypted is None


def test_public_keys_in_their_older_form(root: Path) -> None:
    openssl(root, "genrsa", "-out", "private.pem", "2048")
    openssl(root, "rsa", "-in", "private.pem", "-RSAPublicKey_out", "-out", "public.pem")
    one = seen(public="/public.pem")
    assert one.private.key == one.public.key


@pytest.mark.parametrize("words", [("pkey", "-aes256"), ("rsa", "-aes256", "-traditional")])
def test_keys_with_a_passphrase(root: Path, words: tuple[str, ...]) -> None:
    openssl(root, "genrsa", "-out", "plain.pem", "2048")
    openssl(root, *words, "-in", "plain.pem", "-passout", "pass:secret", "-out", "private.pem")
    one = seen()
    assert one.private.encrypted is True
    assert (one.private.key.unseen, one.private.key.detail) == ("not supported", "it needs a passphrase")


def test_keys_of_openssh(root: Path) -> None:
    for phrase, encrypted in (("", False), ("secret", True)):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", str(root / "private.pem")]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        assert seen().private.encrypted is encrypted
        (root / "private.pem").unlink()


def test_a_key_in_one_file_with_its_certificate(root: Path) -> None:
    openssl(root, "genrsa", "-out", "key.pem", "2048")
    openssl(root, "req", "-x509", "-new", "-key", "key.pem", "-subj", "/CN=a", "-out", "cert.pem")
    texts = [(root / name).read_text() for name in ("cert.pem", "key.pem")]
    for order in (texts, texts[::-1]):
        (root / "private.pem").write_text("".join(order))
        one = seen(certificate="/private.pem", public="/private.pem")
        assert one.private.key.algorithm == "rsa"
        assert one.private.key == one.certificate.key
        assert one.public.key.problem  # it is no place for a public key


def test_what_is_no_key(root: Path) -> None:
    file = root / "private.pem"
    told = []
    for text in (
        "",
        "hello",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n" + "A" * 100_000,
    ):
        file.write_text(text)
        told.append(seen().private.key.problem)
    assert told[:3] == ["it holds nothing in PEM", "it holds nothing in PEM", "it holds a public key"]
    assert all(text.startswith("openssl can't read it: ") for text in told[3:])
    file.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    assert seen().private.key.detail == "openssl reads no openssh key"
    file.write_bytes(b"\0" * 300_000)
    assert "is larger than 256 KiB" in seen().private.key.detail
    file.unlink()
    assert seen().private.entry.absent == "/private.pem"
    file.mkdir()
    assert seen().private.key.problem == "it is no file: folder"


def test_no_openssl_and_one_that_hangs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openssl(root, "genrsa", "-out", "private.pem", "2048")
    monkeypatch.setattr(ground, "search_path", lambda: str(root / "bin"))
    assert (seen().private.key.unseen, seen().private.key.detail) == ("not supported", "there is no openssl here")
    (root / "bin").mkdir()
    (root / "bin/openssl").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (root / "bin/openssl").chmod(0o755)
    monkeypatch.setattr(keys, "run", lambda command, given: ground.run(command, within_s=0.2, given=given))
    assert seen().private.key.unseen == "took too long"
    (root / "bin/openssl").write_text("#!/bin/sh\nexec /bin/echo hello\n")
    assert seen().private.key.problem == "openssl can't read it: hello"


def test_nothing_private_leaves(root: Path) -> None:
    openssl(root, "genrsa", "-out", "private.pem", "2048")
    inside = [line for line in (root / "private.pem").read_text().splitlines() if "-----" not in line]
    said = str(keys.look({"pairs": [{"path": "/private.pem", "public": None, "certificate": None}]}))
    assert inside
    assert not [line for line in inside if line in said]
