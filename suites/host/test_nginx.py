from roadworthy.cases.nginx import BodyCase, DotFilesCase, NginxCase, ProtocolsCase, ServersCase
from roadworthy.check import check
from roadworthy.rules import nginx as rules

READ = ("HOST-REACH", "NGINX-VALID")


@check(
    "NGINX-VALID",
    severity="high",
    expects="nginx.valid",
    after=("HOST-REACH",),
    source="https://nginx.org/en/docs/switches.html",
    by_hand="sudo nginx -t",
    repair="Repair what nginx names, test again, then reload.",
)
def test_nginx_accepts_its_configuration(nginx: NginxCase) -> None:
    """What runs was read earlier: with files that nginx refuses, the next restart takes every site down."""
    assert nginx.seen.refused is None, f"nginx refuses its configuration: {nginx.seen.refused}"


@check(
    "NGINX-FRESH",
    severity="high",
    expects="nginx.fresh",
    after=READ,
    source="https://nginx.org/en/docs/control.html",
    by_hand="ps -o lstart,args -C nginx; sudo ls -lt --time-style=full-iso /etc/nginx /etc/nginx/*/",
    repair="nginx -t, then systemctl reload nginx; a deployment that changes its files must end with that.",
)
def test_nginx_runs_what_its_files_say(nginx: NginxCase) -> None:
    """A change that was never loaded is not in effect, and comes into effect some night with a restart."""
    stale = rules.stale(nginx.configuration, nginx.seen)
    assert not stale, stale


@check(
    "NGINX-SERVER",
    severity="high",
    expects="nginx.servers",
    after=READ,
    source="https://nginx.org/en/docs/http/server_names.html",
    by_hand="sudo nginx -T | grep -n server_name",
    repair="Is the site linked into sites-enabled, or its file named *.conf, and is server_name as promised?",
)
def test_nginx_has_the_promised_servers(servers: ServersCase) -> None:
    """Requests for a name that no server has are answered by whichever server comes first."""
    unnamed = rules.unnamed(servers.servers)
    assert not unnamed, f"no server is named {', '.join(unnamed)}"


@check(
    "NGINX-BODY",
    severity="medium",
    expects="nginx.servers",
    after=(*READ, "NGINX-SERVER"),
    source="https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size",
    by_hand="sudo nginx -T | grep -nE 'server_name|client_max_body_size'",
    repair="Set client_max_body_size in the server; without it nginx takes 1 MiB and answers 413.",
)
def test_nginx_takes_bodies_of_the_promised_size(servers: BodyCase) -> None:
    """Uploads above the limit end with 413 before the application sees them; without one, anybody fills the disk."""
    faults = rules.other_bodies(servers.servers)
    assert not faults, "; ".join(faults)


@check(
    "NGINX-TLS",
    severity="high",
    expects="nginx.servers",
    after=(*READ, "NGINX-SERVER"),
    source="RFC 8996; https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_protocols",
    by_hand="sudo nginx -T | grep -nE 'server_name|ssl_protocols'",
    repair="Set ssl_protocols, in http{} for all servers: the first server of an address decides for all others.",
)
def test_nginx_speaks_the_promised_versions_of_tls(servers: ProtocolsCase) -> None:
    """Behind a load balancer nobody sees from outside that the last part of the way still speaks TLS 1.0."""
    faults = rules.other_protocols(servers.servers)
    assert not faults, "; ".join(faults)


@check(
    "NGINX-DOTFILES",
    severity="high",
    expects="nginx.servers",
    after=(*READ, "NGINX-SERVER"),
    source="OWASP WSTG-CONF-04; https://nginx.org/en/docs/http/ngx_http_core_module.html#location",
    by_hand="sudo nginx -T | grep -nE 'server_name|location|deny|return'",
    repair="Add `location ~ /\\.(?!well-known) { deny all; }` before other locations with regular expressions.",
)
def test_nginx_refuses_dot_files(servers: DotFilesCase) -> None:
    """A .env or .git that lands below the root is fetched by robots within hours, with every password in it."""
    faults = rules.served_dot_files(servers.servers)
    assert not faults, "; ".join(faults)


@check(
    "NGINX-SETTINGS",
    severity="medium",
    expects="nginx.settings",
    after=READ,
    source="https://nginx.org/en/docs/dirindex.html",
    by_hand="sudo nginx -T | less",
    repair="Set it in nginx.conf, outside of any server, and reload.",
)
def test_nginx_runs_with_the_promised_settings(nginx: NginxCase) -> None:
    """Under load the defaults of nginx (512 connections) end what the application could still do."""
    faults = rules.other_settings(nginx.configuration, nginx.expected.settings or {})
    assert not faults, "; ".join(faults)
