from roadworthy.cases.headers import HeadersCase, PreloadCase
from roadworthy.check import check
from roadworthy.rules import headers
from roadworthy.rules.csp import csp_faults
from roadworthy.rules.csp_effect import effect_faults
from roadworthy.rules.framing import frame_ancestors, frame_options_faults, framing_faults
from roadworthy.rules.hsts import hsts_faults, preload_faults

BY_HAND = "curl -sSk -o /dev/null -D - --connect-to {host}:{port}:{address} '{url}'"
INHERITED = "A location with an add_header of its own drops those of its surroundings."


@check(
    "HDR-HSTS",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.strict-transport-security",
    source="RFC 6797 sections 6.1 and 8.1; OWASP Secure Headers (2026)",
    by_hand=f"{BY_HAND} | grep -i strict-transport-security",
    repair='nginx: `add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;`, once, and not '
    f"in the service behind it as well. {INHERITED}",
)
def test_browsers_are_told_to_use_https_alone(page: HeadersCase) -> None:
    """Without it the first request of a visit goes over http://, where anybody on the way can answer it."""
    promised = page.expected.strict_transport_security
    faults = promised and hsts_faults(page.values("strict-transport-security"), promised, secure=page.is_secure)
    assert not faults, "; ".join(faults)


@check(
    "HDR-PRELOAD",
    severity="low",
    after=("REACH-TCP", "TLS-HANDSHAKE", "HTTP-REDIRECT"),
    expects="headers.strict-transport-security",
    source="hstspreload.org, submission requirements (November 2026)",
    by_hand="curl -sSk -o /dev/null -D - --connect-to {host}:{port}:{address} '{url}' | grep -iE '^(HTTP|location)'",
    repair="nginx: `return 301 https://$host$request_uri;` in the server for port 80; to another name only from there.",
)
def test_the_preload_list_would_take_the_name(redirect: PreloadCase) -> None:
    """`preload` asks browsers to know the name; the list drops names whose http:// leads elsewhere first."""
    faults = preload_faults(redirect.hops) if redirect.hops is not None else []
    assert not faults, "; ".join(faults)


@check(
    "HDR-CSP",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.content-security-policy",
    source="CSP Level 3, sections 2.2 and 3.4; OWASP Secure Headers (2026)",
    by_hand=f"{BY_HAND} | grep -i content-security-policy",
    repair="Send the promised directives in one Content-Security-Policy header, from one place. A browser that gets "
    "several enforces them all.",
)
def test_scripts_come_from_where_they_are_promised_to(page: HeadersCase) -> None:
    """It keeps an injected script from running; a directive that is missing or wider than meant lets it run."""
    enforced, reported = page.values("content-security-policy"), page.values("content-security-policy-report-only")
    faults = csp_faults(enforced, reported, page.expected.content_security_policy or {}, page.page.policies)
    assert not faults, "; ".join(faults)


@check(
    "HDR-CSP-EFFECT",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE", "HDR-CSP"),
    expects="headers.csp",
    source="CSP Level 3, sections 6.7 and 6.8; MDN HTTP Observatory, algorithm 6; google/csp-evaluator (2025)",
    by_hand=f"{BY_HAND} | grep -i content-security-policy",
    repair="Move inline scripts to files or give them a nonce; name hosts instead of schemes and `*`; set object-src, "
    "base-uri, form-action and frame-ancestors, which no other directive or only default-src speaks for.",
)
def test_policies_hold_in_effect(page: HeadersCase) -> None:
    """A policy that lets inline scripts or any host through stops no injected script, however long it is."""
    promised, ancestors = page.expected.csp, frame_ancestors(page.values("content-security-policy"))
    faults = effect_faults(page.policies, promised, ancestors) if promised else []
    assert not faults, "; ".join(faults)


@check(
    "HDR-FRAMING",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.framing",
    source="HTML Standard, section The X-Frame-Options header; CSP Level 3, section 6.4.2",
    by_hand=f"{BY_HAND} | grep -iE '^(content-security-policy|x-frame-options):'",
    repair="Send `frame-ancestors` in the Content-Security-Policy header (a <meta> can't say it), and X-Frame-Options "
    "with the same meaning for old browsers.",
)
def test_nobody_else_frames_the_page(page: HeadersCase) -> None:
    """frame-ancestors makes X-Frame-Options void where both are sent, so that only both together tell."""
    promised, policies = page.expected.framing, page.values("content-security-policy")
    faults = framing_faults(page.values("x-frame-options"), policies, promised) if promised else []
    assert not faults, "; ".join(faults)


@check(
    "HDR-XFO",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.x-frame-options",
    source="HTML Standard, section The X-Frame-Options header; RFC 7034",
    by_hand=f"{BY_HAND} | grep -i x-frame-options",
    repair="nginx: `add_header X-Frame-Options DENY always;` (or the promised value) in one place: two different "
    f"values contradict each other. {INHERITED}",
)
def test_other_sites_cannot_frame_the_page(page: HeadersCase) -> None:
    """Framed invisibly by another site, a page takes its visitors' clicks for their own (clickjacking)."""
    decided = "frame-ancestors" in (page.expected.content_security_policy or {})
    ancestors = None if decided else frame_ancestors(page.values("content-security-policy"))
    faults = frame_options_faults(page.values("x-frame-options"), page.expected.x_frame_options or "", ancestors)
    assert not faults, "; ".join(faults)


@check(
    "HDR-NOSNIFF",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.x-content-type-options",
    source="Fetch Standard, section X-Content-Type-Options header",
    by_hand=f"{BY_HAND} | grep -i x-content-type-options",
    repair=f"nginx: `add_header X-Content-Type-Options nosniff always;`. {INHERITED}",
)
def test_browsers_do_not_guess_the_media_type(page: HeadersCase) -> None:
    """A browser that guesses may run an uploaded text or picture as a script."""
    faults = headers.nosniff_faults(page.values("x-content-type-options"))
    assert not faults, "; ".join(faults)


@check(
    "HDR-XXP",
    severity="low",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.x-xss-protection",
    source="the target's promise; MDN X-XSS-Protection (2025): today's advice is 0, or not to send it",
    by_hand=f"{BY_HAND} | grep -i x-xss-protection",
    repair=f'nginx: `add_header X-XSS-Protection "1; mode=block" always;` (or the promised value). {INHERITED}',
)
def test_the_filter_of_old_browsers_is_set(page: HeadersCase) -> None:
    """Only browsers from before 2020 heed it; one that is not as promised shows a setting that did not go live."""
    faults = headers.xss_protection_faults(page.values("x-xss-protection"), page.expected.x_xss_protection or "")
    assert not faults, "; ".join(faults)


@check(
    "HDR-REFERRER",
    severity="medium",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.referrer-policy",
    source="W3C Referrer Policy, section 8.1; OWASP Secure Headers (2026)",
    by_hand=f"{BY_HAND} | grep -i referrer-policy",
    repair=f"nginx: `add_header Referrer-Policy no-referrer always;` (or the promised value). {INHERITED}",
)
def test_addresses_are_not_told_to_other_sites(page: HeadersCase) -> None:
    """Addresses hold search words, ids and one-time links; browsers tell them to every site that a page links to."""
    promised, own = page.expected.referrer_policy or (), page.page.referrer
    faults = headers.referrer_policy_faults(page.values("referrer-policy"), promised, own)
    assert not faults, "; ".join(faults)


@check(
    "HDR-PERMISSIONS",
    severity="low",
    after=("REACH-TCP", "TLS-HANDSHAKE"),
    expects="headers.permissions-policy",
    source="W3C Permissions Policy, section 5.2; RFC 9651",
    by_hand=f"{BY_HAND} | grep -i permissions-policy",
    repair='nginx: `add_header Permissions-Policy "camera=(), microphone=()" always;`. One syntax error makes browsers '
    "ignore the whole header.",
)
def test_features_are_allowed_as_promised(page: HeadersCase) -> None:
    """An embedded page or an injected script must not ask for camera, microphone or position in the site's name."""
    faults = headers.permissions_faults(page.values("permissions-policy"), page.expected.permissions_policy or {})
    assert not faults, "; ".join(faults)
