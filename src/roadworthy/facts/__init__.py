"""Pure facts: what is asked and what was seen, one module a protocol. A new protocol is registered here."""

from roadworthy.facts.base import Ask, Observation
from roadworthy.facts.burst import BurstAsk, BurstObservation, UploadAsk, UploadObservation
from roadworthy.facts.cache import CacheAsk, CacheClusterAsk, CacheClusterObservation, CacheObservation
from roadworthy.facts.database import DatabaseAsk, DatabaseObservation
from roadworthy.facts.dns import DnsAsk, DnsObservation, DnssecAsk, DnssecObservation, ZoneAsk, ZoneObservation
from roadworthy.facts.http import (
    HttpAgainAsk,
    HttpAgainObservation,
    HttpAsk,
    HttpObservation,
    ScriptsAsk,
    ScriptsObservation,
)
from roadworthy.facts.mail import MailAsk, MailObservation
from roadworthy.facts.marker import MarkerAsk, MarkerObservation
from roadworthy.facts.migrations import MigrationsAsk, MigrationsObservation
from roadworthy.facts.name import NameAsk, NameObservation
from roadworthy.facts.paths import PathsAsk, PathsObservation
from roadworthy.facts.ports import PortsAsk, PortsObservation
from roadworthy.facts.queues import JobAsk, JobObservation, QueueAsk, QueueObservation
from roadworthy.facts.smtp import SmtpAsk, SmtpObservation
from roadworthy.facts.tcp import TcpAsk, TcpObservation
from roadworthy.facts.tls import TlsAsk, TlsObservation, TlsScanAsk, TlsScanObservation
from roadworthy.facts.websocket import WebsocketAsk, WebsocketObservation

ASKS: dict[str, type[Ask]] = {
    "name": NameAsk,
    "mail": MailAsk,
    "smtp": SmtpAsk,
    "dns": DnsAsk,
    "dns-zone": ZoneAsk,
    "dnssec": DnssecAsk,
    "tcp": TcpAsk,
    "database": DatabaseAsk,
    "cache": CacheAsk,
    "cache-cluster": CacheClusterAsk,
    "database-marker": MarkerAsk,
    "migrations": MigrationsAsk,
    "queue": QueueAsk,
    "queue-probe": JobAsk,
    "http": HttpAsk,
    "http-again": HttpAgainAsk,
    "page-scripts": ScriptsAsk,
    "websocket": WebsocketAsk,
    "paths": PathsAsk,
    "ports": PortsAsk,
    "burst": BurstAsk,
    "upload": UploadAsk,
    "tls": TlsAsk,
    "tls-scan": TlsScanAsk,
}
OBSERVATIONS: dict[str, type[Observation]] = {
    "name": NameObservation,
    "mail": MailObservation,
    "smtp": SmtpObservation,
    "dns": DnsObservation,
    "dns-zone": ZoneObservation,
    "dnssec": DnssecObservation,
    "tcp": TcpObservation,
    "database": DatabaseObservation,
    "cache": CacheObservation,
    "cache-cluster": CacheClusterObservation,
    "database-marker": MarkerObservation,
    "migrations": MigrationsObservation,
    "queue": QueueObservation,
    "queue-probe": JobObservation,
    "http": HttpObservation,
    "http-again": HttpAgainObservation,
    "page-scripts": ScriptsObservation,
    "websocket": WebsocketObservation,
    "paths": PathsObservation,
    "ports": PortsObservation,
    "burst": BurstObservation,
    "upload": UploadObservation,
    "tls": TlsObservation,
    "tls-scan": TlsScanObservation,
}
