"""TLS: certificate, versions, suites, and how an edge negotiates."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from roadworthy.target.blocks.block import Expectation

TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
SuiteClass = Literal["anonymous", "null", "export", "md5", "rc4", "des", "3des", "cbc", "rsa-kx"]


class Tls(Expectation):
    """Promises about the TLS edge; `policy` fills in what is not given here."""

    WHERE: ClassVar[frozenset[str]] = frozenset({"policy"})

    policy: str | None = Field(None, description="A dated policy, adopted by name; see `roadworthy target show`.")
    versions: tuple[Annotated[TlsVersion, BeforeValidator(str, json_schema_input_type=TlsVersion)], ...] | None = Field(
        None, min_length=1, description="Exactly the protocol versions that are accepted."
    )
    suites: tuple[str, ...] | None = Field(
        None, min_length=1, description="The only cipher suites that may be accepted (OpenSSL or IANA names)."
    )
    forbids_suites: tuple[SuiteClass, ...] | None = Field(
        None, min_length=1, description="Kinds of cipher suites that must not be accepted."
    )
    trusted: bool = Field(
        True,
        description="The chain leads to the trust store, or to `network.ca_file`; every certificate in it is valid "
        "today, and the first one is for this name.",
    )
    min_days_left: int | None = Field(None, ge=0, description="Days until the certificate ends, at least.")
    max_lifetime_days: int | None = Field(None, gt=0, description="From not-before to not-after, at most.")
    min_key_bits: dict[Literal["rsa", "ec"], int] | None = Field(
        None, min_length=1, description="The key's length, at least. A kind that is not named is not accepted."
    )
    resumes: bool | None = Field(None, description="Sessions are resumable.")
    vulnerabilities: Literal["none"] | None = Field(
        None, description="Heartbleed, CCS, ROBOT, CRIME, client renegotiation: none is found."
    )
