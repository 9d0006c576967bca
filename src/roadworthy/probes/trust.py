"""Two ways to look at a certificate: as a client that verifies it, and as one that only wants to see what is behind."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import certifi

from roadworthy.facts.base import NotObserved, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from roadworthy.probes.bench import Bench


@dataclass(frozen=True)
class Contexts:
    """One for each way of looking; nothing secret goes through the blind one."""

    verifying: ssl.SSLContext
    blind: ssl.SSLContext
    ca_file: str


@asynccontextmanager
async def contexts(bench: Bench) -> AsyncIterator[Contexts]:
    """`bench.shared(contexts)`: the trust store is loaded once.

    Raises:
        NotObserved: the CA file can't be read.
    """
    ca_file = bench.network.ca_file or certifi.where()
    verifying = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        verifying.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise NotObserved(Reason.BROKEN, f"{ca_file}: holds no PEM certificate that can be read") from error
    verifying.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as the TLS checks: what the file names is trusted
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    yield Contexts(verifying, blind, ca_file)
