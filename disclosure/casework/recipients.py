"""Who a queued mail goes to: an id of ours becomes an address, at the last moment and only there."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from disclosure.casework.casefile import CaseFile
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.contactcertificates import certificate_for
from disclosure.protocol.errors import DisclosureError
from disclosure.protocol.state import ContactCertificate
from disclosure.protocol.values import Address, Channel, Language
from disclosure.store import ledger
from disclosure.store.tables import certificates, confirmed_channels, coordinators


class Unsendable(DisclosureError):
    """The mail cannot be composed any more; ``reason`` is a code shown at the desk. Never a fall-back to clear text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Recipient:
    """``certificate``: what was stored for this recipient, to be judged again before use; empty when there is none.

    ``known``: of a contact, what the case knows of that certificate; ``refused``: why the one in question is not used.
    """

    address: Address
    name: str = ""
    certificate: bytes = b""
    fingerprint: str = ""
    known: ContactCertificate | None = None
    refused: str = ""


def of_contact(office: Office, connection: Connection, file: CaseFile, contact_id: str) -> Recipient:
    contact = file.case.contacts[contact_id]
    if contact.channel is not Channel.MAIL or contact.disabled:
        raise Unsendable("contact_not_usable")
    found = ledger.one(office.store, connection, file.id, contact.seq)
    address, name = Address.parse(getattr(found, "address", "")), getattr(found, "name", "")
    known = certificate_for(file.case, contact_id)
    if known is None:
        return Recipient(address, name)
    if known.reason:
        return Recipient(address, name, known=known, refused=known.reason)
    return Recipient(address, name, certificate(office, connection, file.id, known.id), known.fingerprint, known)


def of_person(office: Office, connection: Connection, file: CaseFile, person_id: str) -> Recipient:
    """The own address if one was named, else the contact through which the person came."""
    person = file.case.persons[person_id]
    said = ledger.one(office.store, connection, file.id, person.seq)
    name = said.name if isinstance(said, e.PersonConfirmed) else ""
    if person.address_seq:
        named = ledger.one(office.store, connection, file.id, person.address_seq)
        address = Address.parse(getattr(named, "address", ""))
    else:
        address = of_contact(office, connection, file, person.contact_id).address
    held = certificate(office, connection, file.id, person.certificate_id) if person.certificate_id else b""
    return Recipient(address, name, held, person.fingerprint)


def certificate(office: Office, connection: Connection, case_id: str, certificate_id: str) -> bytes:
    sealed = connection.scalar(select(certificates.c.sealed).where(certificates.c.id == certificate_id))
    if sealed is None:
        raise Unsendable("certificate_missing")
    return office.store.keyring.sealer(case_id).open(sealed, f"certificates|sealed|{certificate_id}")


def of_authority(office: Office, connection: Connection, authority_id: str) -> Recipient:
    """A confirmed mail channel with its certificate (R38, R39); anything less is not sendable."""
    authority = office.policy.authority(authority_id)
    channel_id = f"{authority_id}:{Channel.MAIL}"
    query = select(confirmed_channels.c.certificate).where(confirmed_channels.c.channel_id == channel_id)
    certificate = connection.scalar(query)
    mail = next((c for c in authority.channels if c.channel is Channel.MAIL), None)
    if certificate is None or mail is None:
        raise Unsendable("channel_not_confirmed")
    return Recipient(Address.parse(mail.address), authority.name, certificate)


def of_coordinator(connection: Connection, coordinator_id: str) -> tuple[Recipient, Language]:
    row = connection.execute(select(coordinators).where(coordinators.c.id == coordinator_id)).one_or_none()
    if row is None or not row.active:
        raise Unsendable("coordinator_not_active")
    return Recipient(Address.parse(row.address), row.name), Language(row.language)


def coordinator_name(connection: Connection, coordinator_id: str) -> str:
    return connection.scalar(_NAME, {"coordinator_id": coordinator_id}) or ""


_NAME = select(coordinators.c.name).where(coordinators.c.id == bindparam("coordinator_id"))
