"""Where a certificate for an address may lie: names and URLs of KD-01 to KD-06. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address, Domain

_ZBASE32 = "ybndrfg8ejkmcpqxot1uwisza345h769"  # Wilcox-O'Hearn's alphabet, as the Web Key Directory asks
_OWNER_OCTETS = 28  # RFC 7929, 3: of the SHA-256 of the local part
# Letters of a hash as file writers put it; RFC 9116 has an example that is not even one.
_HASH = frozenset("0123456789abcdefghijklmnopqrstuvwxyz")
_MOST_LABEL = 63
_BY_FINGERPRINT = "/vks/v1/by-fingerprint/"
_FINGERPRINT_LENGTHS = frozenset({40, 64})  # versions 4 and 6, in hexadecimal


class UriKind(StrEnum):
    """What an Encryption field may be (ST-19)."""

    HTTPS = "https"
    DNS = "dns"
    FINGERPRINT = "openpgp4fpr"


@dataclass(frozen=True)
class EncryptionUri:
    """``value``: the URL; the owner name of an OPENPGPKEY record; the fingerprint, upper case."""

    kind: UriKind
    value: str


def read_encryption(uri: str) -> EncryptionUri | None:
    """An Encryption URI that can be followed; None for any other, a key in place of a URI among them."""
    scheme, colon, rest = uri.strip().partition(":")
    if not colon:
        return None
    match scheme.lower():
        case "https":
            return EncryptionUri(UriKind.HTTPS, uri.strip())
        case "dns":
            owner = _owner_of(rest)
            return EncryptionUri(UriKind.DNS, owner) if owner else None
        case "openpgp4fpr":
            fingerprint = normal_fingerprint(rest)
            return EncryptionUri(UriKind.FINGERPRINT, fingerprint) if fingerprint else None
        case _:
            return None


def normal_fingerprint(text: str) -> str:
    """Upper-case hexadecimal without blanks; empty when it is none."""
    letters = "".join(text.split()).upper()
    good = len(letters) in _FINGERPRINT_LENGTHS and all(letter in "0123456789ABCDEF" for letter in letters)
    return letters if good else ""


def _owner_of(rest: str) -> str:
    """RFC 4501: ``dns:[//authority/]name[?type=…;class=…]``. Whom the URI would have us ask is not its choice."""
    place, _, query = rest.partition("?")
    name = place[2:].partition("/")[2] if place.startswith("//") else place
    asked = {key.lower(): value.upper() for key, value in parse_qsl(query.replace(";", "&"))}
    if asked.get("type") != "OPENPGPKEY" or asked.get("class", "IN") != "IN":
        return ""
    return unquote(name).removesuffix(".").lower() if _is_owner(unquote(name)) else ""


def _is_owner(name: str) -> bool:
    """A record of RFC 7929 stands at ``hash._openpgpkey.domain``; nothing else is asked for on a file's word."""
    head, found, domain = name.removesuffix(".").lower().partition("._openpgpkey.")
    try:
        return bool(found) and Domain.parse(domain) is not None and 0 < len(head) <= _MOST_LABEL and set(head) <= _HASH
    except InvalidInput:
        return False


def web_key_urls(address: Address) -> tuple[str, str]:
    """KD-02: the advanced URL and the direct one (draft-koch-openpgp-webkey-service, 3.1)."""
    domain, local = address.domain.name, quote(address.local, safe="")
    place = f"hu/{zbase32(hashlib.sha1(address.local.lower().encode(), usedforsecurity=False).digest())}?l={local}"
    return (
        f"https://{web_key_host(address)}/.well-known/openpgpkey/{domain}/{place}",
        f"https://{domain}/.well-known/openpgpkey/{place}",
    )


def web_key_host(address: Address) -> str:
    return f"openpgpkey.{address.domain}"


def zbase32(data: bytes) -> str:
    """Five bits a letter, the first bits first; the last letter is filled with zeros."""
    count = -(-len(data) * 8 // 5)
    bits = int.from_bytes(data) << (count * 5 - len(data) * 8)
    return "".join(_ZBASE32[bits >> (5 * place) & 31] for place in reversed(range(count)))


def openpgpkey_owner(address: Address) -> str:
    """RFC 7929, 3. The local part as it is: it is not ours to decide that two mailboxes are one."""
    return f"{hashlib.sha256(address.local.encode()).digest()[:_OWNER_OCTETS].hex()}._openpgpkey.{address.domain}"


def keyserver_url(host: Domain, *, mail: Address | None = None, fingerprint: str = "") -> str:
    """KD-06: Verifying Key Server, by exact address or by fingerprint."""
    if mail:
        return f"https://{host}/vks/v1/by-email/{quote(str(mail), safe='')}"
    return f"https://{host}{_BY_FINGERPRINT}{fingerprint}"


def is_by_fingerprint(url: str) -> bool:
    """Whether :func:`keyserver_url` made it for a fingerprint: what comes back is what somebody announced."""
    return urlsplit(url).path.startswith(_BY_FINGERPRINT)
