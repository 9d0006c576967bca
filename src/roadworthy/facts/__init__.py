"""Pure facts: what is asked and what was seen, one module a protocol. A new protocol is registered here."""

from roadworthy.facts.backups import BackupsAsk, BackupsObservation
from roadworthy.facts.base import Ask, Observation
from roadworthy.facts.built import BuiltAsk, BuiltObservation
from roadworthy.facts.burst import BurstAsk, BurstObservation, UploadAsk, UploadObservation
from roadworthy.facts.cache import CacheAsk, CacheClusterAsk, CacheClusterObservation, CacheObservation
from roadworthy.facts.compose import ComposeAsk, ComposeObservation
from roadworthy.facts.cron import CronAsk, CronObservation
from roadworthy.facts.database import DatabaseAsk, DatabaseObservation
from roadworthy.facts.dns import DnsAsk, DnsObservation, DnssecAsk, DnssecObservation, ZoneAsk, ZoneObservation
from roadworthy.facts.env import EnvAsk, EnvObservation
from roadworthy.facts.files import FilesAsk, FilesObservation
from roadworthy.facts.firewall import FirewallAsk, FirewallObservation
from roadworthy.facts.host import HostAsk, HostReachAsk, HostReachObservation
from roadworthy.facts.http import (
    HttpAgainAsk,
    HttpAgainObservation,
    HttpAsk,
    HttpObservation,
    ScriptsAsk,
    ScriptsObservation,
)
from roadworthy.facts.keys import KeysAsk, KeysObservation
from roadworthy.facts.kubernetes import KubernetesAsk, KubernetesObservation
from roadworthy.facts.listening import ListeningAsk, ListeningObservation
from roadworthy.facts.logs import LogsAsk, LogsObservation
from roadworthy.facts.mail import MailAsk, MailObservation
from roadworthy.facts.marker import MarkerAsk, MarkerObservation
from roadworthy.facts.migrations import MigrationsAsk, MigrationsObservation
from roadworthy.facts.name import NameAsk, NameObservation
from roadworthy.facts.nginx import NginxAsk, NginxObservation
from roadworthy.facts.paths import PathsAsk, PathsObservation
from roadworthy.facts.php import PhpAsk, PhpObservation
from roadworthy.facts.pm2 import Pm2Ask, Pm2Observation
from roadworthy.facts.ports import PortsAsk, PortsObservation
from roadworthy.facts.queues import JobAsk, JobObservation, QueueAsk, QueueObservation
from roadworthy.facts.renewal import RenewalAsk, RenewalObservation
from roadworthy.facts.smtp import SmtpAsk, SmtpObservation
from roadworthy.facts.supervisor import SupervisorAsk, SupervisorObservation
from roadworthy.facts.system import SystemAsk, SystemObservation
from roadworthy.facts.systemd import SystemdAsk, SystemdObservation
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
    "host": HostReachAsk,
    "system": SystemAsk,
    "listening": ListeningAsk,
    "firewall": FirewallAsk,
    "files": FilesAsk,
    "logs": LogsAsk,
    "systemd": SystemdAsk,
    "nginx": NginxAsk,
    "php": PhpAsk,
    "supervisor": SupervisorAsk,
    "pm2": Pm2Ask,
    "cron": CronAsk,
    "renewal": RenewalAsk,
    "backups": BackupsAsk,
    "env": EnvAsk,
    "keys": KeysAsk,
    "built": BuiltAsk,
    "compose": ComposeAsk,
    "kubernetes": KubernetesAsk,
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
    "host": HostReachObservation,
    "system": SystemObservation,
    "listening": ListeningObservation,
    "firewall": FirewallObservation,
    "files": FilesObservation,
    "logs": LogsObservation,
    "systemd": SystemdObservation,
    "nginx": NginxObservation,
    "php": PhpObservation,
    "supervisor": SupervisorObservation,
    "pm2": Pm2Observation,
    "cron": CronObservation,
    "renewal": RenewalObservation,
    "backups": BackupsObservation,
    "env": EnvObservation,
    "keys": KeysObservation,
    "built": BuiltObservation,
    "compose": ComposeObservation,
    "kubernetes": KubernetesObservation,
}
ON_HOSTS = tuple(kind for kind, ask in ASKS.items() if issubclass(ask, HostAsk))
"""What is looked at on a host itself."""
