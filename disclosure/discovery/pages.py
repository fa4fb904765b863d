"""Hints on an organisation's own pages: legal pages, mail addresses, whose they seem to be (OT-01). Pure, by pattern.

A page is never parsed as a document: pieces of bounded length are looked at, once each. What is found is shown to a
person with the page's address, and never written to.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urljoin, urlsplit

from disclosure.discovery.contacts import is_uri
from disclosure.discovery.names import organisational_domain, to_domain
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address, Domain

MAX_BODY = 131_072  # ours: the foot of most start pages is within; what lies beyond is left unread
MOST_LEGAL = 2  # pages that are opened after the start page
MOST_ADDRESSES = 5
_MOST_LINKS = 500
_MOST_LOOKED_AT = 500  # addresses: a page with more is a directory, and looking at each costs twenty microseconds
_MOST_TAG = 1_000
_BEFORE = 200  # characters before an address that may say whose it is

_HREF = re.compile(r"""\bhref\s{0,3}=\s{0,3}["']?([^"'\s>]{1,500})""", re.IGNORECASE)
_AT = re.compile(r"\s{0,3}[\[({]\s{0,3}(?:at|arobase|a)\s{0,3}[\])}]\s{0,3}", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{3,253}")
_TAG = re.compile(r"<[^<>]{0,1000}>")
# No character has a number that long, and Python refuses to read one of some thousand digits: html.unescape raises.
_NO_CHARACTER = re.compile(r"&#[xX]?[0-9A-Fa-f]{9,}")
# French, English and German, without accents.
_PRIVACY = (
    *("confidentialite", "donnees personnelles", "donnees-personnelles", "vie privee", "vie-privee", "rgpd", "gdpr"),
    *("privacy", "data protection", "data-protection", "datenschutz"),
)
_IMPRINT = (
    "mentions legales",
    "mentions-legales",
    "mentionslegales",
    "legal notice",
    "legal-notice",
    "imprint",
    "impressum",
)
_DPO = (
    *("delegue a la protection", "deleguee a la protection", "protection des donnees", "data protection officer"),
    *("datenschutzbeauftragt", "dpo", "dpd", "rgpd", "gdpr"),
)
_DPO_LOCAL = re.compile(r"(?:^|[._+-])(?:dpo|dpd|rgpd|gdpr|privacy|datenschutz|donnees|dataprotection)", re.IGNORECASE)


@dataclass(frozen=True)
class Seen:
    address: str
    is_dpo: bool


def legal_links(body: bytes, url: str, organisation: Domain) -> tuple[str, ...]:
    """Links of a page to privacy pages, then to imprints, that lie within the organisation; at most two."""
    privacy: dict[str, None] = {}
    imprint: dict[str, None] = {}
    for target, words in _links(_text(body), url):
        if not is_own(target, organisation):
            continue
        if any(word in words for word in _PRIVACY):
            privacy[target] = None
        elif any(word in words for word in _IMPRINT):
            imprint[target] = None
    first = [*list(privacy)[:1], *list(imprint)[:1]]
    return tuple(dict.fromkeys([*first, *privacy, *imprint]))[:MOST_LEGAL]


def is_own(url: str, organisation: Domain) -> bool:
    """https, and a host of the organisation."""
    try:
        parts = urlsplit(url)
        host = to_domain(parts.hostname or "")
    except (ValueError, InvalidInput):
        return False
    return parts.scheme == "https" and is_uri(url) and organisational_domain(host) == organisation


def addresses(body: bytes) -> tuple[Seen, ...]:
    """Mail addresses on a page, those that seem to be a data protection officer's first; at most five."""
    # Ends the tag there: the target of a link stays in the text, with the words around it.
    text = _TAG.sub(" ", _text(body).replace("mailto:", "> "))
    text = _AT.sub("@", _unescaped(text))
    found: dict[str, bool] = {}
    for match in islice(_ADDRESS.finditer(text), _MOST_LOOKED_AT):
        address = _address(match[0])
        if address is not None:
            before = _folded(text[max(0, match.start() - _BEFORE) : match.start()])
            is_dpo = bool(_DPO_LOCAL.search(address.local)) or any(word in before for word in _DPO)
            found[str(address)] = found.get(str(address), False) or is_dpo
    ordered = sorted(found.items(), key=lambda item: not item[1])
    return tuple(Seen(address, is_dpo) for address, is_dpo in ordered[:MOST_ADDRESSES])


def is_html(body: bytes) -> bool:
    """A page for people at the place of a text file is the site's excuse, not the file."""
    return b"<html" in body[:1_000].lower() or b"<!doctype" in body[:1_000].lower()


def _address(text: str) -> Address | None:
    local, _, host = text.rpartition("@")
    try:
        return Address(local, to_domain(host.rstrip(".-")))
    except InvalidInput:
        return None


def _text(body: bytes) -> str:
    return body[:MAX_BODY].decode("utf-8", errors="replace")


def _links(text: str, base: str) -> Iterator[tuple[str, str]]:
    """(absolute target, its path and the words of the link, folded)."""
    for piece in text.split("<a")[1 : _MOST_LINKS + 1]:
        tag, _, rest = piece[: 2 * _MOST_TAG].partition(">")
        href = _HREF.search(tag[:_MOST_TAG])
        if href is None:
            continue
        try:
            target = urljoin(base, _unescaped(href[1])).partition("#")[0]
        except ValueError:
            continue
        words = _TAG.sub(" ", rest.partition("</a")[0][:_BEFORE])
        yield target, _folded(f"{href[1]} {_unescaped(words)}")


def _unescaped(text: str) -> str:
    return html.unescape(_NO_CHARACTER.sub("\ufffd", text))


def _folded(text: str) -> str:
    """Lower case, without accents, blanks as single ones."""
    plain = unicodedata.normalize("NFKD", text[: 2 * _MOST_TAG])
    return " ".join("".join(sign for sign in plain if not unicodedata.combining(sign)).lower().split())
