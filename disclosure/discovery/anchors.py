"""What stays the same while an organisation keeps its domain: mail servers, name servers, registrant (R17). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from disclosure.discovery import rdap
from disclosure.discovery.evidence import Outcome, Probe, Purpose
from disclosure.protocol.values import Domain


@dataclass(frozen=True)
class Anchors:
    """``exchangers`` and ``nameservers``: host names; None: not known. ``registrants``: names that are told."""

    exchangers: frozenset[str] | None
    nameservers: frozenset[str] | None
    registrants: frozenset[str]


def anchors(organisation: Domain, probes: Sequence[Probe]) -> Anchors:
    """Of one search."""
    mine = [probe for probe in probes if probe.subject == organisation]
    registrations = (rdap.read_domain(p.body or b"", p.subject) for p in mine if p.purpose is Purpose.RDAP)
    return Anchors(
        _hosts(probe for probe in mine if probe.purpose is Purpose.MAIL_EXCHANGER),
        _hosts(probe for probe in mine if probe.purpose is Purpose.NAMESERVERS),
        frozenset(read.registrant for read in registrations if read.registrant),
    )


def _hosts(probes: Iterable[Probe]) -> frozenset[str] | None:
    probe = next(iter(probes), None)
    if probe is None or probe.outcome is Outcome.UNKNOWN:
        return None
    return frozenset(text.rpartition(" ")[2].lower() for text in (probe.dns.rrset if probe.dns else ()))


def unchanged(before: Anchors, now: Anchors) -> bool:
    """Whether all of it is known, then and now, to be the same. A registrant who is not told any more has changed."""
    known = None not in {before.exchangers, before.nameservers, now.exchangers, now.nameservers}
    return known and before == now
