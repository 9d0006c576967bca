"""Pure facts: what is asked and what was seen, one module a protocol. A new protocol is registered here."""

from roadworthy.facts.base import Ask, Observation
from roadworthy.facts.http import HttpAsk, HttpObservation
from roadworthy.facts.name import NameAsk, NameObservation
from roadworthy.facts.tcp import TcpAsk, TcpObservation
from roadworthy.facts.tls import TlsAsk, TlsObservation, TlsScanAsk, TlsScanObservation

ASKS: dict[str, type[Ask]] = {
    "name": NameAsk,
    "tcp": TcpAsk,
    "http": HttpAsk,
    "tls": TlsAsk,
    "tls-scan": TlsScanAsk,
}
OBSERVATIONS: dict[str, type[Observation]] = {
    "name": NameObservation,
    "tcp": TcpObservation,
    "http": HttpObservation,
    "tls": TlsObservation,
    "tls-scan": TlsScanObservation,
}
