"""Host names: what a person pasted becomes a Domain; where an organisation's own names begin; webmail; look-alikes."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import MAX_DOMAIN_LENGTH, Domain

# Names of a person's own mailbox, never proof that the person speaks for an organisation (R29).
# Ours: large public mail services and French access providers; a name missing here is only one warning less.
PUBLIC_WEBMAIL = frozenset(
    """
    126.com 163.com aol.com bbox.fr bk.ru bluewin.ch daum.net fastmail.com free.fr freenet.de gmail.com gmx.at gmx.ch
    gmx.com gmx.de gmx.fr gmx.net googlemail.com hey.com hotmail.be hotmail.co.uk hotmail.com hotmail.de hotmail.es
    hotmail.fr hotmail.it icloud.com inbox.ru laposte.net libero.it list.ru live.be live.co.uk live.com live.fr mac.com
    mail.com mail.ru mailbox.org mailo.com me.com msn.com naver.com neuf.fr numericable.fr orange.fr outlook.be
    outlook.com outlook.de outlook.es outlook.fr outlook.it pm.me posteo.de posteo.net proton.me protonmail.ch
    protonmail.com qq.com rocketmail.com sfr.fr sina.com skynet.be t-online.de telenet.be tuta.com tuta.io tutanota.com
    virgilio.it wanadoo.fr web.de yahoo.ca yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de yahoo.es yahoo.fr yahoo.it
    yandex.com yandex.ru ymail.com zoho.com zohomail.eu
    """.split()  # noqa: SIM905 - eighty names are easier to read and to keep sorted as text
)
_MAX_PASTED = 2_048  # ours: a URL with a long path is still only a host name for us

# Letters of other scripts that are drawn like Latin ones in common fonts; ours, after the usual examples.
_DRAWN_LIKE_LATIN = frozenset("асԁеһіјӏорԛѕуԝхүѵοανρυτικχ")
# Latin letters that are drawn like others of ASCII: dotless and script forms, small capitals. The letters of European
# alphabets with their accents are not among them; a Turkish name without its dot is looked at once more.
_DRAWN_LIKE_ASCII = frozenset("ıȷɑɡɢɩɪɫɭɱʀʏʋʜʟᴀᴄᴅᴇᴊᴋᴍᴏᴘᴛᴜᴠᴡᴢꜰꜱꟾⱱƅƖǀƨƽɴƒŀƚɍ")
# Scripts that one language writes side by side; Latin may stand beside each of them.
_WRITTEN_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"CJK", "HANGUL"}),
    frozenset({"CJK", "BOPOMOFO"}),
)
# A name and nothing around it, which most are: it needs no taking apart.
_BARE = re.compile(r"[A-Za-z0-9.-]+", re.ASCII)


def to_domain(text: str) -> Domain:
    """A host name or URL as a person pastes it, in A-label form (IDNA 2008, UTS 46, STD 3).

    Raises InvalidInput: ``ip_literal`` for an address in any notation, else ``not_a_host_name``.
    """
    if len(text) > _MAX_PASTED:
        raise InvalidInput({"domain": "not_a_host_name"})
    pasted = text.strip()
    host = pasted if _BARE.fullmatch(pasted) else _host_of(pasted)
    name = _a_labels(host).removesuffix(".")
    # PS-02, and the URL standard: a name whose last label is a number is an IPv4 address to some program.
    if _is_number(name.rpartition(".")[2]):
        raise InvalidInput({"domain": "ip_literal"})
    return Domain.parse(name)


def _host_of(text: str) -> str:
    """What stands where a host stands in ``scheme://host:port/path``, or in a bare ``host:port/path``."""
    _, separator, rest = text.partition("://")
    authority = rest if separator else text
    for end in "/?#":
        authority = authority.partition(end)[0]
    if _is_ipv6(authority):
        raise InvalidInput({"domain": "ip_literal"})
    host, colon, port = authority.partition(":")
    # User information before the host is how a link is made to look like another: nobody pastes that by accident.
    if "@" in host or "@" in port or (colon and not (port.isascii() and port.isdigit())):
        raise InvalidInput({"domain": "not_a_host_name"})
    return host


def _is_ipv6(authority: str) -> bool:
    if authority.startswith("["):
        return True
    if ":" not in authority:
        return False
    try:
        return ipaddress.ip_address(authority).version == 6  # noqa: PLR2004 - the protocol's number
    except ValueError:
        return False


def _is_number(label: str) -> bool:
    return label.isdigit() or (label.startswith("0x") and all(c in "0123456789abcdef" for c in label[2:]))


def _a_labels(host: str) -> str:
    # Names in use such as r1---sn-x.example break a rule of IDNA that only concerns international labels.
    if host.isascii() and "xn--" not in host.lower():
        return host.lower()
    if len(host) > MAX_DOMAIN_LENGTH:
        raise InvalidInput({"domain": "not_a_host_name"})
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode("ascii").lower()
    except UnicodeError:  # IDNAError is one
        raise InvalidInput({"domain": "not_a_host_name"}) from None


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=True)


def organisational_domain(domain: Domain) -> Domain:
    """The registered name that ``domain`` lies in, by the Public Suffix List with its private section (PS-01).

    A customer's site on a platform is its own organisational domain; a public suffix stays what it is.
    """
    registered = _suffixes().privatesuffix(domain.name)
    return Domain(registered) if registered else domain


def is_public_webmail(domain: Domain) -> bool:
    """Whether mailboxes at ``domain`` are anybody's."""
    labels = domain.name.split(".")
    return any(".".join(labels[place:]) in PUBLIC_WEBMAIL for place in range(len(labels)))


def is_deceptive(domain: Domain) -> bool:
    """ST-15: a label that mixes scripts, or is drawn like a Latin one, needs a person's eyes."""
    if "xn--" not in domain.name:
        return False
    return any(_label_is_deceptive(label) for label in domain.name.split(".") if label.startswith("xn--"))


def _label_is_deceptive(a_label: str) -> bool:
    try:
        label = idna.decode(a_label)
    except UnicodeError:
        return True
    if not _DRAWN_LIKE_ASCII.isdisjoint(label):
        return True
    letters = [letter for letter in label if letter.isalpha()]
    scripts = frozenset(unicodedata.name(letter, "?").split()[0] for letter in letters)
    if len(scripts) > 1:
        return not any(scripts - {"LATIN"} <= together for together in _WRITTEN_TOGETHER)
    return all(letter in _DRAWN_LIKE_LATIN for letter in letters)
