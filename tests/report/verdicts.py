"""Built verdicts: one healthy run, and what changes in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from roadworthy.check import Severity
from roadworthy.verdict.models import (
    Cause,
    Decision,
    ExitCode,
    Look,
    Outcome,
    Result,
    Round,
    Verdict,
    Waived,
    WaiverUse,
)

STARTED = datetime(2026, 11, 3, 14, 5, 12, tzinfo=UTC)
WAIVER = Waived(
    owner="ops@shop.example",
    reason="framed by the intranet (SHOP-1412)",
    expires=datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
    at="waivers.yaml:3:5",
)
OLD = WAIVER.model_copy(update={"expires": datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), "at": "waivers.yaml:8:5"})

HOSTILE = (
    "]]> <script>alert(1)</script> \x1b[2J\x1b]0;owned\x07 \x00 \r\n::error::gotcha\n"
    "`tick` ``two`` | pipe | **bold** [link](javascript:alert(1)) <img src=x onerror=alert(1)> "
    "\x9b31m \u202egpj.exe \ufffe & &amp; \"quote\" 'single' %0A::set-env name=x::y é 数据 🚦 " + "x" * 10_000
)


def look(**changes: object) -> Look:
    return Look(
        **{
            "what": "api.shop.example:443",
            "address": "127.0.0.1:8443",
            "outcome": Outcome.PASSED,
            "seen": "",
            "by_hand": "openssl s_client -connect 127.0.0.1:8443 -servername api.shop.example </dev/null"
            " | openssl x509 -noout -enddate",
            "evidence": "evidence/tls-api.shop.example-443-0123456789.json",
            "elapsed_s": 0.031,
            "observed_at": STARTED,
        }
        | changes
    )


def result(check: str = "TLS-EXPIRY", component: str = "api", family: str = "tls", **changes: object) -> Result:
    return Result(
        **{
            "node_id": f"suites/{family}/test_it.py::test_it[{check}-{component}]",
            "check": check,
            "title": "certificate outlives its renewal window",
            "family": family,
            "component": component,
            "severity": Severity.HIGH,
            "outcome": Outcome.PASSED,
            "blocking": True,
            "promised": "tls.min_days_left: 14",
            "promised_at": "targets/demo.yaml:10:22",
            "seen": "",
            "why": "Renewal runs daily; a certificate this close to its end means that renewal has been failing.",
            "source": "CA/B SC-081v3; RFC 5280; https://cabforum.org/working-groups/server/",
            "repair": "Renew the certificate, and find out why the renewal job did not.",
            "promises": ("tls-expiry",),
            "looks": (look(),),
        }
        | changes
    )


def failed(check: str = "TLS-EXPIRY", component: str = "api", family: str = "tls", **changes: object) -> Result:
    seen = str(changes.pop("seen", "expires 5 Nov 2026: 2 days left, 14 promised"))
    outcome = Outcome(changes.pop("outcome", Outcome.FAILED))
    looks = (look(outcome=outcome, seen=seen),)
    return result(check, component, family, outcome=outcome, seen=seen, **({"looks": looks} | changes))


def unseen(check: str = "TLS-EXPIRY", component: str = "api", family: str = "tls", **changes: object) -> Result:
    return failed(check, component, family, **({"outcome": "not observed", "seen": "no answer: timed out"} | changes))


def cause(*said: Result, blocks: tuple[Result, ...] = (), **changes: object) -> Cause:
    first = said[0]
    return Cause(
        **{
            "id": f"{first.check}:{first.component}",
            "check": first.check,
            "components": tuple(entry.component for entry in said),
            "severity": first.severity,
            "outcome": first.outcome,
            "blocking": first.blocking,
            "headline": f"{', '.join(entry.component for entry in said)}: {first.seen}",
            "results": tuple(entry.node_id for entry in said),
            "blocks": tuple(entry.node_id for entry in blocks),
        }
        | changes
    )


def verdict(*results: Result, **changes: object) -> Verdict:
    return Verdict(
        **{
            "roadworthy": "0.1.0",
            "decision": Decision.GO,
            "exit_code": ExitCode.GO,
            "headline": "GO: demo",
            "target": "demo",
            "environment": "production",
            "release": "2026.11.3",
            "run": "2026-11-03T14-05-12-demo",
            "fail_on": Severity.MEDIUM,
            "started": STARTED,
            "elapsed_s": 3.21,
            "observations": 57,
            "causes": (),
            "results": results or HEALTHY,
        }
        | changes
    )


HEALTHY = (
    result(),
    result("HEALTH-STATUS", "api", "health", promised="health.status: 200"),
    result("TLS-EXPIRY", "www"),
    result("HEALTH-STATUS", "www", "health", promised="health.status: 200"),
)


def go() -> Verdict:
    return verdict()


def no_go() -> Verdict:
    """One dead database and 20 results behind it; one finding that does not block."""
    dead = failed(
        "REACH-TCP",
        "database",
        "health",
        severity=Severity.CRITICAL,
        seen="connection refused",
        promised="tcp.open: true",
        title="component accepts connections",
        promised_at="targets/demo.yaml:12:3",
    )
    blocked = tuple(
        failed(check, f"service-{number:02}", "health", blocked_by="REACH-TCP:database", seen="503 at /health")
        for number in range(10)
        for check in ("HEALTH-STATUS", "HEALTH-JSON")
    )
    talkative = tuple(
        failed("HDR-VERSIONS", name, "headers", severity=Severity.LOW, blocking=False, seen="server: nginx/1.31.3")
        for name in ("api", "www")
    )
    return verdict(
        dead,
        *blocked,
        *talkative,
        *HEALTHY,
        decision=Decision.NO_GO,
        exit_code=ExitCode.NO_GO,
        headline="NO-GO: demo: database: connection refused + 20 behind it",
        causes=(cause(dead, blocks=blocked), cause(*talkative)),
    )


def waived() -> Verdict:
    """A finding that somebody answers for, advice, and a waiver that has expired."""
    accepted = failed(
        "HDR-XFO",
        "www",
        "headers",
        severity=Severity.MEDIUM,
        blocking=False,
        seen="not sent",
        promised="headers.x-frame-options: DENY",
        waived_by=(WAIVER,),
    )
    advice = failed(
        "TLS-ADVICE",
        "api",
        severity=Severity.INFO,
        blocking=False,
        seen="TLS 1.2 is still offered (RFC 9325)",
        promised="it follows best practice",
    )
    uses = (
        WaiverUse(check="HDR-XFO", component="www", state="holds", told="", **WAIVER.model_dump()),
        WaiverUse(check="TLS-EXPIRY", component="api", state="unused", told="passed: take it out", **OLD.model_dump()),
        WaiverUse(check="TLS-NAME", component="api", state="expired", told="its time is over", **OLD.model_dump()),
    )
    return verdict(accepted, advice, *HEALTHY, headline="GO (1 waived): demo", causes=(cause(advice),), waivers=uses)


def inconclusive() -> Verdict:
    silent = unseen()
    return verdict(
        silent,
        *HEALTHY[1:],
        decision=Decision.INCONCLUSIVE,
        exit_code=ExitCode.INCONCLUSIVE,
        headline="INCONCLUSIVE: demo: api: no answer: timed out",
        causes=(cause(silent),),
    )


def replayed() -> Verdict:
    return verdict(replay_of="2026-11-02T09-00-00-demo", observations=0)


def interrupted() -> Verdict:
    return verdict(
        *HEALTHY[:2], decision=Decision.INTERRUPTED, exit_code=ExitCode.INTERRUPTED, headline="INTERRUPTED: demo"
    )


def flaky() -> Verdict:
    rounds = tuple(
        Round(
            at=STARTED + timedelta(seconds=5 * number),
            good=number > 1,
            waiting_for=() if number > 1 else ("api: no answer: refused",),
        )
        for number in range(4)
    )
    return verdict(
        result(looks=(look(attempts=3),)),
        *HEALTHY[1:],
        rounds=rounds,
        notes=("only a part of the checks was selected", "passed only after a retry: TLS-EXPIRY [api]"),
    )


def filled(text: str) -> Verdict:
    """A verdict with the text in every field that takes any."""
    talk = look(
        what=text, address=text, outcome=Outcome.FAILED, seen=text, by_hand=text, evidence=f"evidence/{text[:40]}"
    )
    words = dict.fromkeys(
        ("check", "component", "family", "title", "promised", "seen", "why", "source", "repair"), text
    )
    bad = result(
        **words,
        node_id=f"bad {text}",
        outcome=Outcome.FAILED,
        promised_at=f"{text}:1:2",
        promises=(text,),
        after=(text,),
        looks=(talk,),
    )
    blocked = bad.model_copy(update={"node_id": f"blocked {text}", "component": f"other {text}", "blocked_by": text})
    fine = bad.model_copy(update={"node_id": f"fine {text}", "component": f"fine {text}", "outcome": Outcome.PASSED})
    by = {"owner": text, "reason": text, "expires": STARTED, "at": f"{text}:1:2"}
    accepted = bad.model_copy(
        update={"node_id": f"accepted {text}", "blocking": False, "waived_by": (Waived(**by),), "blocked_by": None}
    )
    advised = bad.model_copy(update={"node_id": f"advised {text}", "blocking": False, "severity": Severity.INFO})
    return verdict(
        bad,
        blocked,
        fine,
        accepted,
        advised,
        waivers=(WaiverUse(check=text, component=text, state="unused", told=text, **by),),
        decision=Decision.NO_GO,
        exit_code=ExitCode.NO_GO,
        roadworthy=text,
        headline=text,
        target=text,
        environment=text,
        release=text,
        run=text,
        replay_of=text,
        rounds=(Round(at=STARTED, good=False, waiting_for=(text,)),),
        causes=(cause(bad, blocks=(blocked,), id=text),),
        part=text,
        notes=(text,),
    )


BUILT = {
    "go": go,
    "no-go": no_go,
    "waived": waived,
    "inconclusive": inconclusive,
    "replayed": replayed,
    "interrupted": interrupted,
    "flaky": flaky,
    "hostile": lambda: filled(HOSTILE),
}
