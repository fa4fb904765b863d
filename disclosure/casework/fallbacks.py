"""National CSIRT and data-protection authority of a country, shown where no contact is found (OT-02). Never written to.

A fallback is no guess and no contact: who is told, and when, is the ladder's matter (R34, R41).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from disclosure.protocol.authorities import Authority, AuthorityRole
from disclosure.protocol.values import Domain

_ROLES = (AuthorityRole.NATIONAL_CSIRT, AuthorityRole.DPA)
# Two-letter domains that are no country's code, or another's. The five are French territories with AFNIC as registry.
_CODES = {"uk": "GB", "eu": "", "su": ""} | dict.fromkeys(("re", "pm", "tf", "wf", "yt"), "FR")
# Ours: sold all over the world; whoever holds one is seldom there.
_GENERIC = frozenset("ac ag ai am bz cc cd co dj fm gg im in io la lc me ms mu nu sc sh sx tk to tv vc ws".split())  # noqa: SIM905


@dataclass(frozen=True)
class Fallback:
    """``because``: domain, registrant or coordinator, whoever says the country."""

    authority: Authority
    because: str


def country_of(domain: Domain) -> str:
    """Two letters, of the country whose domain it is; empty for all others."""
    tld = domain.name.rpartition(".")[2]
    if len(tld) != 2 or tld in _GENERIC:  # noqa: PLR2004 - ISO 3166-1
        return ""
    return _CODES.get(tld, tld.upper())


def fallbacks(table: Sequence[Authority], domain: Domain, registrant: str, assessed: str) -> tuple[Fallback, ...]:
    """Of the first country that is known, in this order: domain, registrant, coordinator's assessment."""
    said = (("domain", country_of(domain)), ("registrant", registrant), ("coordinator", assessed))
    because, country = next(((who, code) for who, code in said if code), ("", ""))
    return tuple(Fallback(authority, because) for authority in _of(table, country))


def _of(table: Sequence[Authority], country: str) -> Iterator[Authority]:
    for role in _ROLES:
        yield from (one for one in table if country and one.country == country and one.role is role)
