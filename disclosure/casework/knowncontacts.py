"""What a new search changes in the contacts of a case: each stays one, at its best, manual ones untouched (R17)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from disclosure.casework.casefile import CaseFile, Fact, addresses
from disclosure.casework.office import Office
from disclosure.protocol import events as e
from disclosure.protocol.state import Contact
from disclosure.protocol.values import Channel
from disclosure.store import ledger

LONELY = "domain_named_by_one_reporter"  # R14a
GONE = "not_found_again"


@dataclass(frozen=True)
class Known:
    """``by_address``: who is reached there already; ``lonely``: ids of domains that only one report named."""

    by_address: Mapping[tuple[Channel, str], Contact]
    lonely: frozenset[str]


def known(office: Office, file: CaseFile) -> Known:
    with office.store.reading() as connection:
        held = addresses(office, connection, file)
        tied = ledger.read(office.store, connection, file.id, seqs=tuple(file.case.domains.values()))
    lonely = (x.event.domain_id for x in tied if isinstance(x.event, e.DomainTied) and x.event.named_by == 1)
    contacts = file.case.contacts
    return Known({_key(contacts[i].channel, a): contacts[i] for i, a in held.items()}, frozenset(lonely))


def _key(channel: Channel, address: str) -> tuple[Channel, str]:
    return (channel, address.lower() if channel is Channel.MAIL else address)


def settled(held: Known, facts: list[Fact], *, domain_id: str, complete: bool) -> Iterator[Fact]:
    """The facts of a search with its contacts fitted to those that the case has.

    One that is there already keeps its id, and takes what the newer evidence says (EV-03). ``complete``: nothing that
    could name a contact was left unknown, so that who was not found again goes to review.
    """
    seen: set[str] = set()
    for actor, event in facts:
        if not isinstance(event, e.ContactFound):
            if isinstance(event, e.SearchEnded) and complete:
                yield from ((actor, gone) for gone in _gone(held, seen, domain_id, event.search_id))
            yield actor, event
            continue
        found = _marked(event) if event.domain_id in held.lonely else event
        old = held.by_address.get(_key(event.channel, event.address))
        if old is not None:
            seen.add(old.id)
            found = replace(found, contact_id=old.id)
        if old is None or _says_more(old, found):
            yield actor, found


def _says_more(old: Contact, found: e.ContactFound) -> bool:
    """A person's own entry wins; another domain's find counts where it is better (CF-01: once, at its best)."""
    if old.manual or old.suggested:
        return False
    if old.domain_id != found.domain_id:
        return (found.review, found.rank) < (old.review, old.rank)
    names = ("source", "rank", "confidence", "reason", "flags", "review", "languages", "answered_at")
    return any(getattr(found, name) != getattr(old, name) for name in names)


def _gone(held: Known, seen: set[str], domain_id: str, search_id: str) -> Iterator[e.ContactFound]:
    for (_, address), old in held.by_address.items():
        ours = old.domain_id == domain_id and not (old.manual or old.suggested)
        if ours and old.id not in seen and GONE not in old.flags:
            yield e.ContactFound(
                contact_id=old.id,
                channel=old.channel,
                source=old.source,
                rank=old.rank,
                confidence=old.confidence,
                reason=old.reason,
                review=True,
                domain_id=domain_id,
                flags=(*old.flags, GONE),
                languages=old.languages,
                answered_at=old.answered_at,
                search_id=search_id,
                address=address,
            )


def _marked(event: e.ContactFound) -> e.ContactFound:
    return replace(event, flags=(*event.flags, LONELY))
