"""A real MariaDB on free ports below a folder, for tests that mark themselves `full`."""

from __future__ import annotations

import socket
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import trustme

from roadworthy.sandbox.deployment import Certificate, Product, Store, Tls
from roadworthy.sandbox.stores.mariadb import MariaDb, Server
from roadworthy.sandbox.stores.serving import StoreJob, private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "db.shop.test"


class Authority:
    """Files of an authority, and of a certificate that it issued."""

    def __init__(self, folder: Path, *names: str) -> None:
        authority = trustme.CA()
        issued = authority.issue_cert(*names or (HOST,))
        self.ca_file, self.chain, self.key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())


def free_address() -> tuple[str, int]:
    """A public address whose private one is free."""
    for _ in range(50):
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            address = ("127.0.0.1", taken.getsockname()[1])
        try:
            with closing(socket.create_server(private(address))):
                return address
        except OSError:
            continue
    raise AssertionError("no free port")


@contextmanager
def running(
    folder: Path,
    made: MariaDb,
    authority: Authority | None = None,
    *,
    plain: bool = True,
    behind: Store | None = None,
    address: tuple[str, int] | None = None,
) -> Iterator[Server]:
    """One server; `address` is the public one that it is told of, and where nobody listens."""
    folder.mkdir()
    tls = Tls(Certificate((HOST,)), ("1.2", "1.3"), (), ()) if authority else None
    store = Store("db", address or free_address(), Product.MARIADB, tls=tls, plain=plain, contents=made)
    chain, key = (authority.chain, authority.key) if authority else (None, None)
    server = Server(StoreJob(store, chain, key, behind), folder)
    server.initialise()
    process = server.start()
    try:
        server.fill()
        yield server
    finally:
        process.kill()
        process.wait(10)
