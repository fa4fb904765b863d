"""Who is named in an organisation's zone besides the Security TXT: CAA iodef, SOA RNAME, report addresses. Pure."""

from __future__ import annotations

from dataclasses import replace

from disclosure.discovery import records
from disclosure.discovery.candidates import Candidate, Confidence, Hint, HintKind, Reason, Source
from disclosure.discovery.contacts import read_contact, scheme_of
from disclosure.discovery.dns import txt_bytes
from disclosure.discovery.evidence import Probe, Purpose
from disclosure.discovery.names import organisational_domain
from disclosure.discovery.offers import MOST_PER_FILE, NOT_ITS_OWN, Evidence, Found, offer_all, stands_elsewhere
from disclosure.protocol.values import Channel


def caa(evidence: Evidence, found: Found) -> None:
    """CA-01: a mailto is a contact, an https address is for machines."""
    for probe in evidence.of(Purpose.CAA):
        values = records.iodefs(probe.dns.rrset) if probe.dns else ()
        contacts = [contact for value in values for contact in read_contact(value, repair=False).contacts]
        mails = [contact for contact in contacts if contact.kind is Channel.MAIL]
        like = _candidate(evidence, probe, Source.CAA_IODEF, Reason.CERTIFICATE_INCIDENTS, Confidence.MEDIUM)
        if stands_elsewhere(evidence, probe):
            like = replace(like, reason=Reason.NAMED_BY_ANOTHER_ZONE)
            found.intermediaries += [replace(like, address=contact.address) for contact in mails[:MOST_PER_FILE]]
            continue
        # Whoever runs the zone writes its records: a hoster's own desk is entered here as in a registry (RD-02).
        offer_all(evidence, found, mails, like, review=False, eyes=NOT_ITS_OWN)
        machines = [value for value in values if scheme_of(value) == "https"]
        found.hints += [Hint(HintKind.INCIDENT_ENDPOINT, value, probe.id) for value in machines[:MOST_PER_FILE]]


def soa(evidence: Evidence, found: Found) -> None:
    """SO-03: inside the organisation its zone administrator, outside of it whoever runs its name servers."""
    for probe in evidence.of(Purpose.SOA):
        for text in probe.dns.rrset[:1] if probe.dns else ():
            address = records.rname(text)
            if address is None:
                continue
            like = _candidate(evidence, probe, Source.SOA_RNAME, Reason.ZONE_ADMINISTRATOR, Confidence.LOW)
            contacts = read_contact(f"mailto:{address}", repair=False).contacts
            inside = organisational_domain(address.domain) == evidence.organisation
            if inside and not stands_elsewhere(evidence, probe):
                offer_all(evidence, found, contacts, like, review=False)
            else:
                found.intermediaries.append(replace(like, address=str(address), reason=Reason.DNS_OPERATOR))


def report_addresses(evidence: Evidence, found: Found) -> None:
    """ML-04: hints for a person, never recipients."""
    for purpose, label, kind in (
        (Purpose.DMARC, records.DMARC, HintKind.DMARC_REPORTS),
        (Purpose.TLS_RPT, records.TLS_RPT, HintKind.TLS_REPORTS),
    ):
        for probe in evidence.of(purpose):
            texts = [txt_bytes(text) for text in probe.dns.rrset] if probe.dns else []
            found.hints += [Hint(kind, uri, probe.id) for uri in records.report_addresses(label, texts)]


def _candidate(evidence: Evidence, probe: Probe, source: Source, reason: Reason, confidence: Confidence) -> Candidate:
    return Candidate(
        channel=Channel.MAIL,
        address="",
        source=source,
        rank=0,
        confidence=confidence,
        reason=reason,
        params=(),
        scope=evidence.scope(probe),
        probes=(probe.id,),
        flags=(),
    )
