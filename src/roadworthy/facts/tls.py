"""TLS: one handshake of a modern client, and what a scanner finds."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from roadworthy.facts.base import Ask, Fact, NotObserved, Observation, Reason
from roadworthy.target.blocks.tls import Starttls


class TlsAsk(Ask):
    """A handshake under the host's own name (SNI)."""

    kind: Literal["tls"] = "tls"
    ca_file: str | None = Field(None, description="PEM file of the authorities to trust; None: the public ones.")
    starttls: Starttls | None = Field(None, description="The protocol whose plain words come before TLS.")
    resumption: bool = Field(False, description="Whether a session resumes is asked too: two more handshakes.")
    stapling: bool = Field(
        False, description="Where no OCSP response came it is asked once more: servers get theirs after the first ask."
    )

    @property
    def exchanges(self) -> int:
        """One for each kind of key, and what is asked besides."""
        return 3 + 2 * self.resumption


class Certificate(Fact):
    """What a certificate says of itself (RFC 5280)."""

    subject: str
    issuer: str
    issued_by: tuple[str, ...] = Field((), description="The issuer's organisation and common name, as they stand.")
    dns_names: tuple[str, ...] = Field(description="Subject alternative names, as they stand; the common name is none.")
    ip_addresses: tuple[str, ...] = ()
    not_before: datetime
    not_after: datetime
    serial: str
    sha256: str
    key_type: Literal["rsa", "ec", "ed25519", "ed448", "other"]
    key_bits: int
    signature_hash: str | None
    is_ca: bool = False
    scts: int = Field(0, description="Timestamps of certificate transparency logs that are embedded (RFC 6962).")
    must_staple: bool = Field(False, description="It may not be used without an OCSP response (RFC 7633).")
    has_ocsp: bool = Field(False, description="It names an OCSP responder.")

    @property
    def is_self_issued(self) -> bool:
        """Issued by itself: a root, or a self-signed certificate."""
        return self.subject == self.issuer

    @property
    def lifetime(self) -> timedelta:
        """From the first to the last day."""
        return self.not_after - self.not_before


class Handshake(Fact):
    """A handshake that was completed, whatever its certificate is worth."""

    outcome: Literal["handshake"] = "handshake"
    version: str = Field(description="1.2, 1.3, ...")
    suite: str = Field(description="OpenSSL's name.")
    alpn: str | None
    chain: tuple[Certificate, ...] = Field(min_length=1, description="As sent, leaf first.")
    distrust: tuple[str, ...] = Field(
        description="Why the chain does not verify against the trust store, dates and names aside; empty if it does."
    )
    authorities_begin: datetime | None = Field(
        None,
        description="The last begin of a certificate above the leaf on the verified path; None where there is none.",
    )
    authorities_end: datetime | None = Field(
        None,
        description="The first end of a certificate above the leaf on the verified path; None where there is none.",
    )
    resumed: bool | None = Field(
        None, description="A second handshake resumed the session, by ticket or by its identifier; None: not asked."
    )
    ticket_lifetime_s: int | None = Field(
        None, description="What the session ticket says of its life; None: not asked, no ticket, or it does not say."
    )
    stapled: bool = Field(False, description="An OCSP response came with the handshake.")

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate."""
        return self.chain[0]


class NoHandshakeKind(StrEnum):
    """In which way there was no TLS session."""

    REFUSED = "connection refused"
    TIMED_OUT = "timed out"
    NOT_TLS = "the server does not speak TLS"
    ALERT = "the server ended the handshake"
    CLOSED = "the server closed the connection"
    FAILED = "the handshake failed"
    NO_STARTTLS = "the server does not offer TLS"


class NoHandshake(Fact):
    """No TLS session could be had."""

    outcome: Literal["no handshake"] = "no handshake"
    failure: NoHandshakeKind
    detail: str


class TlsObservation(Observation):
    """How one address answered a modern TLS client."""

    kind: Literal["tls"] = "tls"
    result: Annotated[Handshake | NoHandshake, Field(discriminator="outcome")]
    other: Handshake | None = Field(
        None, description="With the server's second certificate, which clients get that know its kind of key alone."
    )

    @property
    def handshakes(self) -> tuple[Handshake, ...]:
        """One for each certificate that the server has for the name.

        Raises:
            NotObserved: there was none.
        """
        return (self.handshake,) if self.other is None else (self.handshake, self.other)

    @property
    def handshake(self) -> Handshake:
        """The handshake, for checks that can't say anything without one.

        Raises:
            NotObserved: there was none.
        """
        if isinstance(self.result, NoHandshake):
            raise NotObserved(Reason.NO_ANSWER, f"{self.result.failure.value} ({self.result.detail})")
        return self.result

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate."""
        return self.handshake.leaf

    @property
    def days_left(self) -> int:
        """Whole days from the observation to the leaf's end; negative once it has ended."""
        return (self.leaf.not_after - self.observed_at) // timedelta(days=1)

    @property
    def transient(self) -> bool:
        """A server that is not there may be starting."""
        return isinstance(self.result, NoHandshake) and self.result.failure in (
            NoHandshakeKind.REFUSED,
            NoHandshakeKind.TIMED_OUT,
            NoHandshakeKind.CLOSED,
        )


class TlsScanAsk(Ask):
    """All protocol versions and cipher suites that are accepted, and known vulnerabilities (sslyze)."""

    kind: Literal["tls-scan"] = "tls-scan"
    many_exchanges: ClassVar[bool] = True

    starttls: Starttls | None = Field(None, description="The protocol whose plain words come before TLS.")
    groups: bool = Field(False, description="Every key exchange group is asked for, and not post-quantum ones alone.")
    keys: bool = Field(False, description="Which kinds of keys the server has is asked too: one more handshake.")
    ciphers: str | None = Field(None, description="An OpenSSL cipher string to be expanded by the OpenSSL that looks.")

    most_questions: ClassVar[int] = 160
    """ClientHellos that a survey may send: a server that accepts everything is not asked for ever."""

    @property
    def exchanges(self) -> int:
        """At worst; some 40 for an edge as they are today."""
        return self.most_questions + 40


class Suite(Fact):
    """A cipher suite by both its names."""

    iana: str
    openssl: str
    anonymous: bool = False


class TlsScanObservation(Observation):
    """What a scanner found at one address."""

    kind: Literal["tls-scan"] = "tls-scan"
    reachable: bool = Field(True, description="It speaks TLS with us; if not, `gave_up` says what it did instead.")
    accepted: dict[str, tuple[Suite, ...]] = Field(
        {},
        description="Protocol version (SSL2 ... 1.3) to the suites that it accepts; only versions that are on.",
    )
    vulnerabilities: tuple[str, ...] = Field((), description="Names of those that were found twice, e.g. Heartbleed.")
    undetermined: tuple[str, ...] = Field(
        (),
        description="Versions, vulnerabilities and the like without a sure answer, asked twice: a time-out, "
        "contradictions.",
    )
    gave_up: str | None = Field(None, description="What broke the scanner: a server so broken is seen broken.")
    garbled: tuple[str, ...] = Field((), description="Answers that no client would understand, by version.")
    key_types: tuple[Literal["rsa", "ec"], ...] = Field((), description="Kinds of keys that the server proved to have.")
    groups: tuple[str, ...] = Field(
        (), description="Key exchange groups that are accepted; post-quantum ones alone where no others were asked."
    )
    preference: Literal["server", "client"] | None = Field(
        None, description="Whose order of suites counts; None: there are not two suites to tell it by."
    )
    extended_master_secret: bool | None = Field(None, description="RFC 7627; None: no version that lacks it is on.")
    fallback_refused: bool | None = Field(
        None, description="TLS_FALLBACK_SCSV is heeded (RFC 7507); None: there are no two versions up to TLS 1.2."
    )
    early_data: bool | None = Field(None, description="0-RTT data was accepted; None: no TLS 1.3, or it can't be told.")
    ciphers: tuple[str, ...] | None = Field(
        None, description="OpenSSL's names of the suites that the ask's string stands for; None: none was asked."
    )

    @property
    def transient(self) -> bool:
        """A server that is not there may be starting."""
        return not self.reachable
