"""SPF (RFC 7208) as far as it answers one question: may our relay send for our domain? No evaluator of mail.

Followed are ip4, ip6, a, mx, include and redirect. What needs a mail to evaluate (macros, exists, ptr) is named instead
of guessed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from disclosure.casework.checkup.findings import Finding, Records, State, unknown

Lookup = Callable[[str, str], Records]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MOST_LOOKUPS = 10  # RFC 7208, 4.6.4
_COUNTED = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_QUALIFIERS = "+-~?"


@dataclass
class Walk:
    """What was met on the way. ``left_out``: terms that were not followed; ``asked``: terms that cost a look-up."""

    lookup: Lookup
    listed: set[Address]
    ways: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    asked: int = 0
    matched: set[Address] = field(default_factory=set)

    def records(self, name: str, rdtype: str) -> Records:
        told = self.lookup(name, rdtype)
        if not told.known:
            self.unknown.append(name)
        return told


def judge(records: Records, relay: tuple[str, ...], lookup: Lookup, *, relay_known: bool = True) -> Finding:
    """``records``: TXT of the envelope senders' domain; ``relay``: addresses that mail leaves from, as far as known."""
    domain = records.name
    if not records.known:
        return unknown("spf", records)
    found = records.tagged("v=spf1")
    if len(found) != 1:
        facts: dict[str, Any] = {"domain": domain, "records": list(found)}
        if not found:
            return Finding(
                "spf",
                State.FAULT,
                f"{domain} has no SPF record: receivers cannot tell our mail from forged.",
                f'Publish a TXT record at {domain}: "v=spf1 … -all", with the addresses of the relay.',
                facts,
            )
        return Finding(
            "spf",
            State.FAULT,
            f"{domain} has {len(found)} SPF records: receivers then use none (RFC 7208, 4.5).",
            "Leave one TXT record that begins with v=spf1.",
            facts,
        )
    walk = Walk(lookup, {ipaddress.ip_address(one) for one in relay})
    end = _follow(walk, domain, found[0])
    return _said(domain, found[0], walk, end, relay, relay_known)


def _said(domain: str, record: str, walk: Walk, end: str, relay: tuple[str, ...], relay_known: bool) -> Finding:
    facts: dict[str, Any] = {
        "domain": domain,
        "record": record,
        "lookups": walk.asked,
        "relay": list(relay),
        "names": walk.ways,
        "not_followed": walk.left_out,
        "unknown": walk.unknown,
    }
    if walk.broken or walk.asked > MOST_LOOKUPS:
        why = walk.broken[0] if walk.broken else f"it needs more than {MOST_LOOKUPS} look-ups"
        return Finding(
            "spf",
            State.FAULT,
            f"The SPF record of {domain} cannot be used: {why}.",
            "Mend it; replace include and mx by ip4 and ip6 where the addresses are fixed.",
            facts,
        )
    if end in {"+", "?", ""}:
        state = State.FAULT if end == "+" else State.WARNING
        return Finding(
            "spf",
            state,
            f"The SPF record of {domain} does not refuse other senders.",
            'End it with "-all", or with "~all" while you test.',
            facts,
        )
    if walk.unknown:
        return Finding(
            "spf",
            State.WARNING,
            f"Part of the SPF record of {domain} could not be looked up.",
            "Run the doctor again.",
            facts,
        )
    missing = sorted(str(one) for one in walk.listed - walk.matched)
    if not relay or not relay_known:
        return Finding(
            "spf",
            State.WARNING,
            f"{domain} has an SPF record; from which address our mail leaves is not known.",
            "Compare the record with what the relay's provider says to publish.",
            facts,
        )
    if len(missing) == len(walk.listed):
        return Finding(
            "spf",
            State.WARNING,
            f"The SPF record of {domain} does not name the relay ({', '.join(missing)}).",
            "Add the relay's addresses or its provider's include, unless it hands mail on to other machines "
            "that the record names.",
            facts | {"missing": missing},
        )
    if missing:
        return Finding(
            "spf",
            State.WARNING,
            f"The SPF record of {domain} does not name every address of the relay.",
            f"Add {', '.join(missing)}, or make sure that no mail leaves from there.",
            facts | {"missing": missing},
        )
    return Finding("spf", State.OK, f"The SPF record of {domain} names the relay and refuses others.", "", facts)


def _follow(walk: Walk, domain: str, record: str) -> str:
    """Every term of a record; returns the qualifier of its ``all``, that of a redirect's, or nothing."""
    redirect = ""
    for term in record.split()[1:]:
        name, value, qualifier = _parts(term)
        if name in _COUNTED:
            walk.asked += 1
        if walk.asked > MOST_LOOKUPS:
            return "-"
        if name == "all":
            return qualifier
        if name == "redirect":
            redirect = value
        elif qualifier in "+":
            _term(walk, domain, term, name, value)
    return _into(walk, redirect) if redirect else ""


def _parts(term: str) -> tuple[str, str, str]:
    bare = term[1:] if term[0] in _QUALIFIERS else term
    qualifier = term[0] if term[0] in _QUALIFIERS else "+"
    place = min((at for mark in ":=/" if (at := bare.find(mark)) >= 0), default=len(bare))
    value = bare[place:] if bare[place : place + 1] == "/" else bare[place + 1 :]
    return bare[:place].lower(), value, qualifier


def _term(walk: Walk, domain: str, term: str, name: str, value: str) -> None:
    if "%" in value or name in {"exists", "ptr"}:
        walk.left_out.append(term)
        return
    match name:
        case "ip4" | "ip6":
            _network(walk, term, value)
        case "a" | "mx":
            _hosts(walk, term, name, value, domain)
        case "include":
            _into(walk, value)
        case "exp":
            pass
        case _:
            if "=" not in term:  # RFC 7208, 6: unknown modifiers are ignored, unknown mechanisms are errors
                walk.broken.append(f"{term!r} is no mechanism")


def _network(walk: Walk, term: str, value: str) -> None:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        walk.broken.append(f"{term!r} is no address")
        return
    _match(walk, term, [network])


def _match(walk: Walk, way: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> None:
    met = {one for one in walk.listed for network in networks if one.version == network.version and one in network}
    if met:
        walk.matched |= met
        walk.ways.append(way)


def _hosts(walk: Walk, term: str, name: str, value: str, domain: str) -> None:
    host, _, length = value.partition("/")
    v4, _, v6 = length.partition("//")
    names = [host or domain]
    if name == "mx":
        names = [text.rpartition(" ")[2].removesuffix(".") for text in walk.records(names[0], "MX").texts]
    networks = []
    for one in names[:MOST_LOOKUPS]:
        for rdtype, bits in (("A", v4 or "32"), ("AAAA", v6 or "128")):
            for address in walk.records(one, rdtype).texts:
                try:
                    networks.append(ipaddress.ip_network(f"{address}/{bits}", strict=False))
                except ValueError:
                    walk.broken.append(f"{term!r} has no prefix length")
                    return
    _match(walk, term, networks)


def _into(walk: Walk, domain: str) -> str:
    if "%" in domain:
        walk.left_out.append(domain)
        return ""
    records = walk.records(domain, "TXT")
    found = records.tagged("v=spf1")
    if not records.known:
        return ""
    if len(found) != 1:
        walk.broken.append(f"{domain} has {len(found)} SPF records")
        return ""
    return _follow(walk, domain, found[0])
