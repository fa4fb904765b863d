"""Whose certificate may have signed a security.txt: the one that the file itself points to (ST-19, ST-24). Pure.

A signature that fits it says that file and certificate come from one hand, and not whose hand that is: whoever writes
the file chooses the certificate. So it raises nothing; one that does not fit says that somebody changed the text.
"""

from __future__ import annotations

from collections.abc import Iterable

from disclosure.discovery.evidence import Outcome, Probe
from disclosure.discovery.keyplaces import UriKind, read_encryption
from disclosure.discovery.securitytxt import SecurityTxt

MOST_ASKED = 2  # ours, in one search: a file names one key, or an old and a new one


def places(read: SecurityTxt) -> tuple[str, ...]:
    """URLs at which a signed file says its certificates are; none for a file that is not signed."""
    uris = (read_encryption(value) for value in read.encryption) if read.signed else ()
    return tuple(dict.fromkeys(uri.value for uri in uris if uri and uri.kind is UriKind.HTTPS))


def at_hand(read: SecurityTxt, probes: Iterable[Probe]) -> tuple[bytes, ...]:
    """Of what was fetched, the bodies from this file's own places."""
    own = set(places(read))
    found = (probe for probe in probes if probe.question in own and probe.outcome is Outcome.FOUND)
    return tuple(probe.body for probe in found if probe.body)
