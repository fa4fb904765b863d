"""What CAA, SOA, DMARC and TLS-RPT records say of people (CA, SO and ML rules). Pure; garbage says nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.CAA import CAA
from dns.rdtypes.ANY.SOA import SOA

from disclosure.discovery.names import to_domain
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address

DMARC, TLS_RPT = "_dmarc", "_smtp._tls"  # RFC 9989, RFC 8460: labels before the organisational domain
_REPORTS = {DMARC: b"v=DMARC1", TLS_RPT: b"v=TLSRPTv1"}
MOST_RUA = 5  # ours: both standards let a receiver ignore what lies beyond two
_LONGEST = 500


def iodefs(texts: Iterable[str]) -> tuple[str, ...]:
    """Values of the iodef properties of a CAA set in presentation form (RFC 8659, 4.4)."""
    records = (_read(text, dns.rdatatype.CAA) for text in texts)
    return tuple(
        record.value.decode("ascii", errors="replace")
        for record in records
        if isinstance(record, CAA) and record.tag.lower() == b"iodef" and len(record.value) <= _LONGEST
    )


def rname(text: str) -> Address | None:
    """The mailbox of whoever runs the zone: the first *label* is the local part, dots in it included (SO-01).

    None for ``.`` (SO-03), and for what is no mail address.
    """
    record = _read(text, dns.rdatatype.SOA)
    if not isinstance(record, SOA):
        return None
    labels = [label.decode("ascii", errors="replace") for label in record.rname.labels if label]
    try:
        return Address(labels[0], to_domain(".".join(labels[1:]))) if len(labels) > 1 else None
    except InvalidInput:
        return None


@lru_cache(maxsize=256)  # one search reads a record when it is asked for, and twice when it is ranked
def _read(text: str, rdtype: dns.rdatatype.RdataType) -> dns.rdata.Rdata | None:
    try:
        return dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, relativize=False)
    except (dns.exception.DNSException, ValueError):
        return None


def report_addresses(label: str, records: Iterable[bytes]) -> tuple[str, ...]:
    """Where machines send reports (``rua``): URIs as written, without the size limit that DMARC lets follow one."""
    found: dict[str, None] = {}
    for record in sorted(records):
        if record.startswith(_REPORTS[label]):
            found.update(dict.fromkeys(_rua(record.decode("ascii", errors="replace"))))
    return tuple(found)[:MOST_RUA]


def _rua(text: str) -> Iterator[str]:
    for tag in text.split(";"):
        name, _, value = tag.partition("=")
        if name.strip().lower() != "rua":
            continue
        for uri in value.split(","):
            uri = uri.strip().partition("!")[0]  # noqa: PLW2901 - the same URI, cleaned
            if uri.lower().startswith(("mailto:", "https:")) and uri.isprintable() and len(uri) <= _LONGEST:
                yield uri
