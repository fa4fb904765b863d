"""Our own resolver on dnspython: short, capped, and honest about what it does not know (SF-10, SF-11, R15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset
from dns.rdtypes.ANY.CAA import CAA
from dns.rdtypes.ANY.TXT import TXT

from disclosure.discovery.evidence import DnsEvidence, Outcome
from disclosure.discovery.volley import Server, Told, ask_at_once
from disclosure.protocol.errors import NotConfigured
from disclosure.protocol.values import Domain

LIFETIME = 3.0  # seconds for one question, all tries together (SF-10)
_PORT = 53
_FLAGS = dns.flags.RD | dns.flags.AD  # RFC 6840 5.7: ask to be told
_EDNS_PAYLOAD = 1_232  # the DNS flag day's figure: no fragments
MAX_TXT = 4_096  # octets of one logical TXT record (SF-10), and of one CAA value


class Listening(Protocol):
    """Where a server listens: the settings have a type of their own, which nothing below them may import."""

    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...


class Dnssec(StrEnum):
    """What is known of an answer's signatures. Bogus is a failure, never "unsigned" and never "absent" (DT-06)."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"
    UNCHECKED = "unchecked"  # nobody checked whose word counts, or nobody answered


@dataclass(frozen=True)
class DnsAnswer:
    """``texts``: records in presentation form, sorted; ``ignored``: records left out for their size.

    ``owner``: the name at which they stand, which aliases lead to; empty where there are none. ``failure``: why the
    outcome is unknown, as a problem code; else empty.
    """

    question: str
    outcome: Outcome
    asked_at: datetime
    resolver: str
    texts: tuple[str, ...] = ()
    ttl: int | None = None
    ad: bool = False
    validating: bool = False
    ignored: int = 0
    failure: str = ""
    owner: str = ""

    @property
    def dnssec(self) -> Dnssec:
        if self.failure == "dnssec_bogus":
            return Dnssec.BOGUS
        if self.failure or not self.validating:
            return Dnssec.UNCHECKED
        return Dnssec.SECURE if self.ad else Dnssec.INSECURE

    def evidence(self) -> DnsEvidence:
        return DnsEvidence(self.resolver, self.ad, self.ttl, self.texts, self.validating, self.owner)


class Resolver:
    """Asks the given nameservers, or the system's when there is none. One object serves many threads.

    ``validating``: the servers validate DNSSEC and are reached over loopback or an authenticated channel; only then
    does an AD flag prove anything (KD-04). Raises NotConfigured where the system names no server either.
    """

    def __init__(self, nameservers: Sequence[Listening] = (), *, validating: bool = False) -> None:
        self.validating = validating
        try:
            self._asks = dns.resolver.Resolver(configure=not nameservers)
        except dns.resolver.NoResolverConfiguration:
            raise NotConfigured("nameservers") from None
        if nameservers:
            self._asks.nameservers = [dns.nameserver.Do53Nameserver(s.address, s.port) for s in nameservers]
        self._asks.lifetime = LIFETIME
        self._asks.timeout = LIFETIME / 2  # so that a second try, or a second server, has its turn
        self._asks.use_edns(0, dns.flags.DO if validating else 0, _EDNS_PAYLOAD)
        self._asks.flags = _FLAGS
        self._asks.cache = None  # evidence is of answers, not of memories
        self._asks_unchecked = copy(self._asks)
        self._asks_unchecked.flags = dns.flags.RD | dns.flags.CD
        self._names = ", ".join(str(server) for server in self._asks.nameservers)
        self._servers = tuple(_place(server) for server in self._asks.nameservers)
        self._known: dict[tuple[str, str], DnsAnswer] = {}

    def having_asked(
        self, questions: Iterable[tuple[str, str]], *, now: datetime, within: float = LIFETIME
    ) -> Resolver:
        """This resolver, with (name, type) of all ``questions`` asked at once, each answered as :meth:`lookup` would.

        It gives these answers again, however often it is asked: whoever uses it for one search sees one state of a
        zone, and no name that leads elsewhere at the second look (SF-01).
        """
        asked = [question for question in dict.fromkeys(questions) if question not in self._known]
        if not asked:
            return self
        having = copy(self)
        having._known = self._known | self._at_once(asked, now, min(within, LIFETIME))
        return having

    def _at_once(
        self, questions: Sequence[tuple[str, str]], now: datetime, within: float
    ) -> dict[tuple[str, str], DnsAnswer]:
        """What needs TCP, failed, or cannot be asked this way is missing: :meth:`lookup` asks it with all it can."""
        try:
            queries = {question: self._query(*question) for question in questions}
            told = ask_at_once(queries.values(), self._servers, seconds=within)
        except (dns.name.NameTooLong, OSError):
            return {}
        answers = {
            question: self._told(question, query, told.get(query.id), now) for question, query in queries.items()
        }
        return {question: answer for question, answer in answers.items() if answer is not None}

    def _query(self, name: str, rdtype: str) -> dns.message.QueryMessage:
        query = dns.message.make_query(dns.name.from_text(name), rdtype)
        query.use_edns(self._asks.edns, self._asks.ednsflags, self._asks.payload)
        query.flags = _FLAGS
        return query

    def _told(
        self, asked: tuple[str, str], query: dns.message.QueryMessage, told: Told | None, now: datetime
    ) -> DnsAnswer | None:
        question = " ".join(asked)
        if told is None:
            return self._answer(question, Outcome.UNKNOWN, now, failure="dns_timeout")
        response, server = told
        if response.flags & dns.flags.TC or response.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            return None
        about = query.question[0]
        try:
            answer = dns.resolver.Answer(about.name, about.rdtype, about.rdclass, response, server)
        except dns.exception.DNSException:
            return None  # an alias loop, or answers that do not hang together
        if response.rcode() == dns.rcode.NXDOMAIN:
            return replace(self._answer(question, Outcome.NONE, now), ad=bool(response.flags & dns.flags.AD))
        return self._found(question, answer, now)

    def lookup(self, name: str, rdtype: str, *, now: datetime, within: float = LIFETIME) -> DnsAnswer:
        """Ask once. ``within``: seconds left, at most 3. Never raises for what a server says or does not say."""
        known = self._known.get((name, rdtype))
        if known is not None:
            return known
        question = f"{name} {rdtype}"
        try:
            answer = self._asks.resolve(
                dns.name.from_text(name), rdtype, raise_on_no_answer=False, lifetime=min(within, LIFETIME)
            )
        except dns.resolver.NXDOMAIN as absent:
            return replace(self._answer(question, Outcome.NONE, now), ad=_is_proven(absent))
        except dns.name.NameTooLong:
            return self._answer(question, Outcome.NONE, now)
        except dns.resolver.LifetimeTimeout:
            return self._answer(question, Outcome.UNKNOWN, now, failure="dns_timeout")
        except (dns.exception.DNSException, OSError):
            # SERVFAIL, bogus signatures, alias loops, lame servers: failed, not absent (SF-11, DT-06).
            failure = "dnssec_bogus" if self._is_bogus(name, rdtype, min(within, LIFETIME)) else "dns_failure"
            return self._answer(question, Outcome.UNKNOWN, now, failure=failure)
        return self._found(question, answer, now)

    def _is_bogus(self, name: str, rdtype: str, within: float) -> bool:
        """KD-05: what a validating server refuses and would have passed unchecked is forged or broken; never used."""
        if not self.validating:
            return False
        try:
            self._asks_unchecked.resolve(dns.name.from_text(name), rdtype, raise_on_no_answer=False, lifetime=within)
        except dns.resolver.NXDOMAIN:
            return True
        except (dns.exception.DNSException, OSError):
            return False
        return True

    def addresses(self, domain: Domain, *, now: datetime, within: float = LIFETIME) -> DnsAnswer:
        """Every A and AAAA record of a host as one answer, IPv4 first. Unknown only if neither family is known."""
        both = self.having_asked([(domain.name, "A"), (domain.name, "AAAA")], now=now, within=within)
        v4 = both.lookup(domain.name, "A", now=now, within=within)
        v6 = both.lookup(domain.name, "AAAA", now=now, within=within)
        texts = v4.texts + v6.texts
        failed = [answer for answer in (v4, v6) if answer.outcome is Outcome.UNKNOWN]
        ttls = [answer.ttl for answer in (v4, v6) if answer.ttl is not None]
        return DnsAnswer(
            question=f"{domain.name} A, AAAA",
            outcome=Outcome.FOUND if texts else Outcome.UNKNOWN if failed else Outcome.NONE,
            asked_at=now,
            resolver=v4.resolver,
            texts=texts,
            ttl=min(ttls, default=None),
            ad=v4.ad and v6.ad,
            validating=self.validating,
            failure=failed[0].failure if failed and not texts else "",
        )

    def _found(self, question: str, answer: dns.resolver.Answer, now: datetime) -> DnsAnswer:
        rrset = answer.rrset if answer.rrset is not None else _enclosing_soa(answer)
        kept = [record for record in rrset or () if not _is_too_long(record)]
        return DnsAnswer(
            question=question,
            outcome=Outcome.FOUND if kept else Outcome.NONE,
            asked_at=now,
            resolver=str(answer.nameserver or self._names),
            texts=tuple(sorted(record.to_text() for record in kept)),
            ttl=rrset.ttl if rrset is not None else None,
            ad=bool(answer.response.flags & dns.flags.AD),
            validating=self.validating,
            ignored=len(rrset or ()) - len(kept),
            owner=rrset.name.to_text(omit_final_dot=True).lower() if rrset is not None else "",
        )

    def _answer(self, question: str, outcome: Outcome, now: datetime, failure: str = "") -> DnsAnswer:
        return DnsAnswer(question, outcome, now, self._names, validating=self.validating, failure=failure)


def _place(server: str | dns.nameserver.Nameserver) -> Server:
    """Where a server listens: ours are objects, those of the system's configuration are addresses."""
    return (server, _PORT) if isinstance(server, str) else (server.answer_nameserver(), server.answer_port())


def _is_proven(absent: dns.resolver.NXDOMAIN) -> bool:
    """Whether the flag stood on every answer that said so."""
    responses: dict[dns.name.Name, dns.message.Message] = absent.kwargs.get("responses", {})
    return bool(responses) and all(response.flags & dns.flags.AD for response in responses.values())


def _enclosing_soa(answer: dns.resolver.Answer) -> dns.rrset.RRset | None:
    """SO-02: asked for the SOA of a name inside a zone, a server names that of the zone in the authority section."""
    if answer.rdtype != dns.rdatatype.SOA:
        return None
    return next((rrset for rrset in answer.response.authority if rrset.rdtype == dns.rdatatype.SOA), None)


def _is_too_long(record: dns.rdata.Rdata) -> bool:
    if isinstance(record, CAA):
        return len(record.value) > MAX_TXT
    return isinstance(record, TXT) and sum(len(part) for part in record.strings) > MAX_TXT


def txt_bytes(text: str) -> bytes:
    """The bytes of a TXT record in presentation form, its strings joined without blanks (DT-03)."""
    record = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, text)
    return b"".join(record.strings) if isinstance(record, TXT) else b""


def is_null_mx(text: str) -> bool:
    """RFC 7505: ``0 .`` says that the domain takes no mail. Any record with the root as its exchange does."""
    return text.rpartition(" ")[2] == "."
