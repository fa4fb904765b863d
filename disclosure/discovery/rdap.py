"""RDAP answers (RFC 9083): whose contact is whose. The registrant's own are candidates, all others intermediaries.

Pure. An answer comes from a stranger's server: size, depth and number of entities are bounded, and every value is
looked at before it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from disclosure.discovery.contacts import Contact, is_uri, read_contact, scheme_of
from disclosure.discovery.names import organisational_domain
from disclosure.protocol.values import Address, Channel, Domain

MAX_BODY = 131_072 + 1  # ours: real answers have 3 to 30 kB; one byte more tells one that is too large
MAX_DEPTH = 40  # ours: a card inside an entity inside two others needs 12
MOST_ENTITIES = 60
MOST_ADDRESSES = 5  # of one entity
_MOST_NAME = 120
MEDIA_TYPE = "application/rdap+json"

# A string, or a bracket outside of one. A string that never ends matches to the end: each byte is looked at once.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|([\[{])|([\]}])', re.DOTALL)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


class Fault(StrEnum):
    """Why an answer says nothing; problem codes of a probe."""

    TOO_LARGE = "too_large"
    NESTED_TOO_DEEP = "nested_too_deep"
    NOT_RDAP = "not_rdap"
    ANOTHER_OBJECT = "another_object"  # it speaks of a name that was not asked for


class Whose(StrEnum):
    OWN = "own"  # RD-02: direct, or under the registrant
    REGISTRAR = "registrar"
    NETWORK = "network"  # RD-04


@dataclass(frozen=True)
class Named:
    """``role``: as the registry calls it. ``form``: the contact stands for a redacted address (RD-03)."""

    whose: Whose
    role: str
    contact: Contact
    name: str
    form: bool = False


@dataclass(frozen=True)
class Registration:
    """``related``: where the registrar's own answer is; ``country``: the registrant's, two letters; ``registrant``: the
    name, unless it is held back. Else empty."""

    named: tuple[Named, ...] = ()
    related: str = ""
    country: str = ""
    registrant: str = ""
    fault: Fault | None = None


_OWN_ROLES = ("abuse", "technical")  # in this order (R14)
_OF_OTHERS = frozenset({"registrar", "reseller", "sponsor", "proxy"})
# RFC 9083, 10.2.4. A role goes into what is stored and shown; a registry may have sent anything in its place.
ROLES = frozenset({*_OWN_ROLES, *_OF_OTHERS, "registrant", "administrative", "billing", "notifications", "noc"})
_MOST_URL = 2_048  # as the fetcher's own


def read_domain(body: bytes, domain: Domain) -> Registration:
    """What a registry says of ``domain``."""
    document = _document(body, "domain")
    if isinstance(document, Fault):
        return Registration(fault=document)
    said = document.get("ldhName")
    if isinstance(said, str) and said.lower().removesuffix(".") != domain.name:
        return Registration(fault=Fault.ANOTHER_OBJECT)
    found = list(_entities(document))
    named = [one for entity in found for one in _named(entity, _whose(entity))]
    foreign = {_registered(one.contact) for one in named if one.whose is Whose.REGISTRAR} - {None, domain}
    # A registrar that is entered as somebody's technical contact stays the registrar.
    kept = (_handed_over(one) if _registered(one.contact) in foreign else one for one in named)
    return Registration(tuple(kept), _related(document), _country(found), _registrant(found))


def read_network(body: bytes) -> Registration:
    """What a regional registry says of an address: everybody named is the network's (RD-04)."""
    document = _document(body, "ip network")
    if isinstance(document, Fault):
        return Registration(fault=document)
    return Registration(tuple(one for entity in _entities(document) for one in _named(entity, Whose.NETWORK)))


def _document(body: bytes, kind: str) -> dict[str, Any] | Fault:
    if len(body) >= MAX_BODY:
        return Fault.TOO_LARGE
    if _depth(body) > MAX_DEPTH:
        return Fault.NESTED_TOO_DEEP
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return Fault.NOT_RDAP
    if not isinstance(document, dict) or document.get("objectClassName") != kind:
        return Fault.NOT_RDAP
    return document


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for token in _TOKENS.finditer(body):
        depth += (token[1] is not None) - (token[2] is not None)
        deepest = max(deepest, depth)
    return deepest


# --- entities --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entity:
    """``above``: the roles of every entity that it stands in, the outermost first; ``under``: the name of the last."""

    roles: frozenset[str]
    above: tuple[frozenset[str], ...]
    card: tuple[list[Any], ...]
    under: str

    @property
    def name(self) -> str:
        return next(self.values("fn"), "")[:_MOST_NAME] or self.under

    def values(self, name: str) -> Iterator[str]:
        """The texts of a property of the card (RFC 7095)."""
        for item in self.card:
            if item[0] == name and isinstance(item[3], str):
                yield item[3].encode(errors="replace").decode().strip()


def _entities(document: Mapping[str, Any]) -> Iterator[_Entity]:
    """Every entity, the outer ones first, at most so many."""
    waiting: list[tuple[object, tuple[frozenset[str], ...], str]]
    waiting = [(child, (), "") for child in _list(document, "entities")]
    for count in range(MOST_ENTITIES):
        if count >= len(waiting):
            return
        plain, above, under = waiting[count]
        if not isinstance(plain, dict):
            continue
        roles = frozenset(role.lower() for role in _list(plain, "roles") if isinstance(role, str))
        entity = _Entity(roles, above, _card(plain), under)
        yield entity
        waiting += [(child, (*above, roles), entity.name) for child in _list(plain, "entities")[:MOST_ENTITIES]]


def _list(plain: Mapping[str, Any], key: str) -> list[Any]:
    value = plain.get(key)
    return value if isinstance(value, list) else []


def _card(plain: Mapping[str, Any]) -> tuple[list[Any], ...]:
    match plain.get("vcardArray"):
        case ["vcard", [*items], *_]:
            return tuple(item for item in items if isinstance(item, list) and len(item) > 3)  # noqa: PLR2004 - value is fourth
        case _:
            return ()


def _whose(entity: _Entity) -> Whose:
    """RD-02. Whoever stands under the registrar speaks for the registrar, whatever the role is called."""
    if entity.roles & _OF_OTHERS or any(roles & _OF_OTHERS or "registrant" not in roles for roles in entity.above):
        return Whose.REGISTRAR
    return Whose.OWN


def _named(entity: _Entity, whose: Whose) -> Iterator[Named]:
    """Of the registrant only abuse and technical contacts; a person's own address is nobody's channel."""
    role = next((role for role in _OWN_ROLES if role in entity.roles), "")
    if whose is Whose.OWN and not role:
        yield from _forms(entity, "registrant")
        return
    role = role or next(iter(sorted(entity.roles & ROLES)), "")
    for text in list(entity.values("email"))[:MOST_ADDRESSES]:
        for contact in read_contact(f"mailto:{text}", repair=False).contacts[:1]:
            if contact.kind is Channel.MAIL and "%" not in text:
                yield Named(whose, role, contact, entity.name)
    yield from _forms(entity, role)


def _forms(entity: _Entity, role: str) -> Iterator[Named]:
    for url in list(entity.values("contact-uri"))[:1]:
        found = read_contact(url, repair=False).contacts if scheme_of(url) == "https" else ()
        for contact in found:
            yield Named(Whose.REGISTRAR, role, contact, "", form=True)


def _handed_over(one: Named) -> Named:
    return Named(Whose.REGISTRAR, one.role, one.contact, one.name, one.form) if one.whose is Whose.OWN else one


def _registered(contact: Contact) -> Domain | None:
    return organisational_domain(Address.parse(contact.address).domain) if contact.kind is Channel.MAIL else None


def _related(document: Mapping[str, Any]) -> str:
    """A thin registry's pointer to the registrar's answer; it is a stranger's URL, and the fetcher treats it so."""
    for link in _list(document, "links"):
        match link:
            case {"rel": "related", "href": str(url), "type": str(kind)} if kind.lower() == MEDIA_TYPE:
                return url if scheme_of(url) == "https" and is_uri(url) and len(url) <= _MOST_URL else ""
    return ""


def _registrant(entities: list[_Entity]) -> str:
    """RFC 9537 holds names back by leaving them out; registries also write a word in their place."""
    names = (entity.name for entity in entities if "registrant" in entity.roles and not entity.above)
    return next((name for name in names if name and "redacted" not in name.lower()), "")


def _country(entities: list[_Entity]) -> str:
    """OT-02: the registrant's, from the parameter ``cc`` of the address (RFC 8605)."""
    for entity in entities:
        if "registrant" in entity.roles and not entity.above:
            for item in entity.card:
                code = item[1].get("cc") if item[0] == "adr" and isinstance(item[1], dict) else None
                if isinstance(code, str) and _COUNTRY.fullmatch(code.upper()):
                    return code.upper()
    return ""
