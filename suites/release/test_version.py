from roadworthy.cases.release import ReleaseAtEndCase, ReleaseCase
from roadworthy.check import check

BY_HAND = "curl -sSki --connect-to {host}:{port}:{address} '{url}'"


@check(
    "RELEASE-VERSION",
    severity="critical",
    availability=True,
    after=("REACH-TCP", "TLS-HANDSHAKE", "HEALTH-STATUS"),
    expects="release",
    source="the target's promise",
    by_hand=BY_HAND,
    repair="Wait until the roll-out has ended, or find the instances that it left out; at the promise, check which "
    "version was meant to be deployed.",
)
def test_the_promised_release_answers(release: ReleaseCase) -> None:
    """All that is verified besides says nothing of the new release while the old one still answers on some address."""
    told = release.version or f"no version ({release.told})"
    assert release.version == release.expected.version, f"{told}; {release.expected.version} promised"


@check(
    "RELEASE-STILL",
    severity="high",
    after=("REACH-TCP", "TLS-HANDSHAKE", "HEALTH-STATUS", "RELEASE-VERSION"),
    expects="release",
    source="the target's promise",
    by_hand=BY_HAND,
    repair="Something was deployed or rolled back while this run was under way: run it again when that has ended.",
)
def test_the_release_still_answers_at_the_end(release: ReleaseAtEndCase) -> None:
    """A run that straddles a roll-out judged two systems, and its verdict is about neither."""
    told = release.version or f"no version ({release.told})"
    assert release.version == release.expected.version, f"{told} at the end; {release.expected.version} promised"
