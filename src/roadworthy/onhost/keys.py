"""On the host: private keys, and that they match their public ones. `openssl` looks; only what is public leaves."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any

from roadworthy.onhost.files import Names
from roadworthy.onhost.ground import NOT_THERE, Unseen, part, run
from roadworthy.onhost.held import held, text_of

NEEDS_ROOT = True

PRIVATE, PUBLIC, CERTIFICATE = "private", "public", "certificate"

_BEGINS = re.compile(r"-----BEGIN ([A-Z0-9 ]{0,40}?)(PRIVATE KEY|PUBLIC KEY|CERTIFICATE)-----")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")
_BITS = re.compile(r"\((\d+) bit")
_OF_OPENSSL = ("", "RSA ", "EC ", "DSA ", "ENCRYPTED ")
_OPENSSH = "b3BlbnNzaC1rZXktdjEA"
"""`openssh-key-v1` in base64; the name of the cipher follows (OpenSSH, PROTOCOL.key)."""
_OPENSSH_PLAIN = _OPENSSH + "AAAABG5vbmU"
_OIDS = {
    bytes.fromhex("06092a864886f70d010101"): "rsa",
    bytes.fromhex("06072a8648ce3d0201"): "ec",
    bytes.fromhex("06032b6570"): "ed25519",
    bytes.fromhex("06032b6571"): "ed448",
    bytes.fromhex("06072a8648ce380401"): "dsa",
}
"""Of SubjectPublicKeyInfo.algorithm (RFC 3279, 5480, 8410), in DER."""
_ALWAYS = {"ed25519": 256, "ed448": 456}
"""Bits of keys that are all of one size (RFC 8032), of which openssl says nothing."""


def look(wanted: dict[str, Any]) -> dict[str, Any]:
    """What `facts/keys.py` holds."""
    names = Names()
    return {
        "pairs": [
            {
                "path": one["path"],
                "private": _held(one["path"], PRIVATE, names),
                "public": _held(one["public"], PUBLIC, names) if one["public"] else None,
                "certificate": _held(one["certificate"], CERTIFICATE, names) if one["certificate"] else None,
            }
            for one in wanted["pairs"]
        ]
    }


def _held(path: str, what: str, names: Names) -> dict[str, Any]:
    try:
        place, entry = held(path, names)
    except Unseen as unseen:
        return {"entry": unseen.value()}
    if not place:
        return {"entry": entry}
    if entry["kind"] != "file":
        return {"entry": entry, "key": {"problem": "it is no file: {}".format(entry["kind"])}}
    try:
        text = text_of(place)
    except Unseen as unseen:
        return {"entry": entry, "encrypted": unseen.value(), "key": unseen.value()}
    begins = _BEGINS.search(text)
    if what != PUBLIC:  # others stand in the same file: a certificate with its key, for a proxy
        begins = next((one for one in _BEGINS.finditer(text) if one.group(2).lower().startswith(what)), begins)
    encrypted = begins is not None and _is_encrypted(begins.group(1), text[begins.end() :])
    return {
        "entry": entry,
        "encrypted": encrypted if what == PRIVATE and begins else None,
        "key": part(_key, text, begins, what, encrypted),
    }


def _is_encrypted(kind: str, text: str) -> bool:
    """Whether a private key is, by its kind and what stands below that."""
    if kind == "OPENSSH ":
        body = "".join(text[:200].split())
        return body.startswith(_OPENSSH) and not body.startswith(_OPENSSH_PLAIN)
    return kind == "ENCRYPTED " or text.lstrip().startswith("Proc-Type: 4,ENCRYPTED")  # RFC 1421


def _key(text: str, begins: Any, what: str, encrypted: bool) -> dict[str, Any]:  # noqa: FBT001 - one of four of a kind
    kind = begins.group(2) if begins else "nothing in PEM"
    if begins is None or kind.split()[0].lower() != what:
        return {"problem": "it holds {}".format("a " + kind.lower() if begins else kind)}
    if encrypted:
        raise Unseen(NOT_THERE, "it needs a passphrase")
    if begins.group(1) not in _OF_OPENSSL:
        raise Unseen(NOT_THERE, "openssl reads no {}key".format(begins.group(1).lower()))
    text = text[begins.start() :]
    if what == CERTIFICATE:
        return _public(["x509", "-noout", "-pubkey"], text)
    if what == PUBLIC and begins.group(1) == "RSA ":
        return _public(["rsa", "-RSAPublicKey_in", "-pubout"], text)
    return _public(["pkey", "-pubout"] + (["-pubin"] if what == PUBLIC else []), text)


def _public(command: list[str], text: str) -> dict[str, Any]:
    """The public key that openssl finds in a text, which it is given where nobody else sees it."""
    done = run(["openssl", *command], given=text)
    pem = _PEM.search(done.out)
    if done.code or pem is None:
        return {"problem": "openssl can't read it: {}".format(done.last_words)}
    try:
        der = base64.b64decode("".join(pem.group(1).split()), validate=True)
    except (binascii.Error, ValueError):
        return {"problem": "openssl says something that is no public key"}
    told = run(["openssl", "pkey", "-pubin", "-noout", "-text_pub"], given=pem.group(0) + "\n")
    size = _BITS.search(told.out)
    algorithm = next((name for oid, name in _OIDS.items() if oid in der[:32]), "another")
    return {
        "algorithm": algorithm,
        "bits": int(size.group(1)) if size else _ALWAYS.get(algorithm),
        "sha256": hashlib.sha256(der).hexdigest(),
    }
