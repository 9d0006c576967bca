"""TLS: certificate, versions, suites, and how an edge negotiates."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from roadworthy.target.blocks.block import Expectation, OneOrMany
from roadworthy.target.values import Duration

TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
SuiteClass = Literal["anonymous", "null", "export", "md5", "rc4", "des", "3des", "cbc", "rsa-kx"]
Starttls = Literal["smtp", "postgres", "mysql"]
Group = Literal[
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
    "SecP384r1MLKEM1024",
    "X25519",
    "X448",
    "P-256",
    "P-384",
    "P-521",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
    "ffdhe6144",
    "ffdhe8192",
]
GROUP_ALIASES = {
    "prime256v1": "P-256",
    "secp256r1": "P-256",
    "secp384r1": "P-384",
    "secp521r1": "P-521",
    "x25519": "X25519",
    "x448": "X448",
}


def _group(value: object) -> object:
    """A group by the name that OpenSSL and nginx may give it."""
    return GROUP_ALIASES.get(value, value) if isinstance(value, str) else value


def _certificate_name(value: str) -> str:
    if not value or any(character in value for character in "/: "):
        raise ValueError("a name as it stands in a certificate, such as www.shop.example or *.shop.example")
    return value


CertificateName = Annotated[str, AfterValidator(_certificate_name)]
Groups = tuple[Annotated[Group, BeforeValidator(_group, json_schema_input_type=str)], ...]


class Tls(Expectation):
    """Promises about the TLS edge; `policy` fills in what is not given here."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"policy", "starttls"})

    policy: str | None = Field(None, description="A dated policy, adopted by name; see `roadworthy target show`.")
    versions: tuple[Annotated[TlsVersion, BeforeValidator(str, json_schema_input_type=TlsVersion)], ...] | None = Field(
        None, min_length=1, description="Exactly the protocol versions that are accepted."
    )
    suites: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="The only cipher suites that may be accepted (OpenSSL or IANA names). Those of TLS 1.3 are limited "
        "only where the list names one.",
    )
    suites_exact: Literal[True] | None = Field(
        None,
        description="Every one of `suites` is accepted, too; one that the certificate's kind of key, or the accepted "
        "versions, do not allow is not missed.",
    )
    ciphers: str | None = Field(
        None,
        min_length=1,
        description="The only suites up to TLS 1.2, as nginx's ssl_ciphers has them: an OpenSSL cipher string such as "
        "HIGH:!aNULL:!MD5, expanded by the OpenSSL that looks.",
    )
    forbids_suites: tuple[SuiteClass, ...] | None = Field(
        None, min_length=1, description="Kinds of cipher suites that must not be accepted."
    )
    preference: Literal["server", "client"] | None = Field(
        None, description="Whose order of suites counts, up to TLS 1.2; in TLS 1.3 where nothing older is on."
    )
    groups: Groups | None = Field(
        None, min_length=1, description="The only key exchange groups that may be accepted, e.g. X25519 and P-256."
    )
    includes_groups: Groups | None = Field(
        None, min_length=1, description="Key exchange groups that are accepted, whatever else is."
    )
    post_quantum: Literal[True] | None = Field(
        None, description="A hybrid with ML-KEM is accepted (X25519MLKEM768 or its siblings)."
    )
    extended_master_secret: Literal[True] | None = Field(
        None, description="Up to TLS 1.2, the session is bound to its handshake (RFC 7627); TLS 1.3 always does."
    )
    early_data: Literal["refused"] | None = Field(None, description="0-RTT data, which can be replayed, is refused.")
    trusted: bool = Field(
        True,
        description="The chain leads to the trust store, or to `network.ca_file`; every certificate in it is valid "
        "today and soundly signed, and the first one is for this name.",
    )
    names: tuple[CertificateName, ...] | None = Field(
        None, min_length=1, description="Names that the certificate covers besides the component's own."
    )
    issuer: OneOrMany | None = Field(
        None,
        min_length=1,
        description="Who issued the certificate: organisation or name of the authority, e.g. Let's Encrypt or Amazon; "
        "one of them, where several are given.",
    )
    clean_chain: Literal[True] | None = Field(
        None, description="The chain is sent in order, and with nothing that does not belong: no root, no stranger."
    )
    min_days_left: int | None = Field(None, ge=0, description="Days until the certificate ends, at least.")
    max_lifetime_days: int | None = Field(None, gt=0, description="From not-before to not-after, at most.")
    min_key_bits: dict[Literal["rsa", "ec"], int] | None = Field(
        None, min_length=1, description="The key's length, at least; of a kind that is not named, it is not observed."
    )
    scts: int | None = Field(
        None, gt=0, description="Timestamps of public logs that the certificate holds, at least (browsers want two)."
    )
    stapling: Literal[True] | None = Field(None, description="An OCSP response comes with the handshake.")
    resumes: bool | None = Field(None, description="Sessions are resumable.")
    session_lifetime: Duration | None = Field(
        None, description="A session ticket says that it is good for at least this long."
    )
    vulnerabilities: Literal["none"] | None = Field(
        None, description="Heartbleed, CCS, ROBOT, CRIME, client renegotiation: none is found."
    )
    starttls: Starttls | None = Field(
        None, description="The protocol whose plain words come before TLS; for a component with an address."
    )

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        if self.suites_exact and not self.suites:
            raise ValueError("suites_exact: there are no `suites` that it could be about")
        if self.starttls == "mysql" and (self.vulnerabilities or self.early_data):
            raise ValueError("vulnerabilities and early_data can't be told behind MySQL's own handshake")
        return self
