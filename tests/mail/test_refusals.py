"""What a refusal is about, code by code (RFC 3463, RFC 5248, RFC 7372, RFC 7505)."""

from __future__ import annotations

import pytest

from disclosure.mail.refusals import About, about

ADDRESS, FULL, SHAPE, US, UNSAID = About.ADDRESS, About.FULL, About.SHAPE, About.US, About.UNSAID


@pytest.mark.parametrize(
    ("code", "expected", "why"),
    [
        ("550 5.1.1", ADDRESS, "no such mailbox"),
        ("550 5.1.2", ADDRESS, "no such system"),
        ("553 5.1.3", ADDRESS, "no such syntax"),
        ("551 5.1.6", ADDRESS, "moved without a new address"),
        ("556 5.1.10", ADDRESS, "null MX"),
        ("550 5.2.1", ADDRESS, "the account is switched off"),
        ("550 5.1.0", UNSAID, "something about the address, not what"),
        ("550 5.1.7", US, "the syntax of our sender"),
        ("550 5.1.8", US, "our sender's system"),
        ("452 4.2.2", FULL, "full, for now"),
        ("552 5.2.2", FULL, "full, says a server that calls it final"),
        ("552 5.2.3", SHAPE, "longer than the mailbox takes"),
        ("552 5.3.4", SHAPE, "larger than the system takes"),
        ("452 4.3.4", UNSAID, "a temporary refusal is tried again as it is"),
        ("554 5.6.0", SHAPE, "the content"),
        ("554 5.6.1", SHAPE, "the media type: PGP/MIME"),
        ("554 5.7.1", SHAPE, "a policy that does not say which"),
        ("554 5.7.10", US, "encryption on the way is ours to mend"),
        ("550 5.7.23", US, "SPF"),
        ("550 5.7.26", US, "several checks of the sender"),
        ("550 5.7.28", SHAPE, "beyond the registry's rows about the sender"),
        ("451 4.7.1", UNSAID, "greylisting, by its other name"),
        ("550", UNSAID, "no enhanced code: nobody knows"),
        ("relay_timed_out", UNSAID, "a word of ours"),
        ("", UNSAID, "nothing"),
    ],
)
def test_about(code: str, expected: About, why: str) -> None:
    assert about(code) is expected, why
