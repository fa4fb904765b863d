"""Who a registry names: abuse and technical contacts of the registrant; intermediaries apart (R14b, RD). Pure."""

from __future__ import annotations

from disclosure.discovery import rdap
from disclosure.discovery.candidates import Candidate, Confidence, Hint, HintKind, Reason, Source
from disclosure.discovery.evidence import Probe, Purpose
from disclosure.discovery.offers import NOT_ITS_OWN, Evidence, Found, Offer, about_address


def registration(evidence: Evidence, found: Found) -> None:
    for probe in evidence.of(Purpose.RDAP):
        read = rdap.read_domain(probe.body or b"", probe.subject)
        for place, named in enumerate(sorted(read.named, key=lambda one: one.role)):  # abuse before technical
            if named.whose is rdap.Whose.OWN:
                _offer(evidence, found, probe, named, place)
            else:
                reason = Reason.RELAY_FORM if named.form else Reason.REGISTRAR
                found.intermediaries.append(_candidate(evidence, probe, named, Source.RDAP, reason))
        if read.country:
            found.hints.append(Hint(HintKind.COUNTRY, read.country, probe.id))


def network(evidence: Evidence, found: Found) -> None:
    """RD-04."""
    for probe in evidence.of(Purpose.RDAP_NETWORK):
        for named in rdap.read_network(probe.body or b"").named:
            if named.role in {"abuse", "noc", "technical"}:
                found.intermediaries.append(
                    _candidate(evidence, probe, named, Source.RDAP_NETWORK, Reason.NETWORK_OWNER)
                )


def _offer(evidence: Evidence, found: Found, probe: Probe, named: rdap.Named, place: int) -> None:
    # RD-02 says whose a contact is by its place in the answer, not whether the right person was entered there.
    about = (*named.contact.notes, *about_address(evidence, named.contact))
    candidate = _candidate(evidence, probe, named, Source.RDAP, Reason.REGISTRATION_DATA, tuple(map(str, about)))
    review = bool(named.contact.notes) or not NOT_ITS_OWN.isdisjoint(about)
    found.offers.append(Offer(candidate, place, review))


def _candidate(
    evidence: Evidence, probe: Probe, named: rdap.Named, source: Source, reason: Reason, flags: tuple[str, ...] = ()
) -> Candidate:
    params = [("role", named.role), *([("name", named.name)] if named.name else [])]
    return Candidate(
        channel=named.contact.kind,
        address=named.contact.address,
        source=source,
        rank=0,
        confidence=Confidence.MEDIUM,
        reason=reason,
        params=tuple(params),
        scope=evidence.scope(probe),
        probes=(probe.id,),
        flags=flags,
    )
