"""Who is told of what, when, by which channel (R34, R38, R39, R41). A table as data; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import AlertKind, Answer, Channel, Sector

OLD = timedelta(days=183)  # R38: old rows warn


class When(StrEnum):
    AT_ONCE = "at_once"
    ON_LAPSE = "on_lapse"
    NEVER = "never"


class AuthorityRole(StrEnum):
    NATIONAL_CSIRT = "national_csirt"
    DPA = "dpa"
    SECTOR_CSIRT = "sector_csirt"
    REGIONAL_CSIRT = "regional_csirt"
    OTHER = "other"


@dataclass(frozen=True)
class AuthorityChannel:
    """``confidence``: A and B may be confirmed and used; C (sources differ) and U (unknown) never by themselves."""

    channel: Channel
    address: str
    source: str
    checked_on: date
    confidence: str
    who_may_use: str = ""


@dataclass(frozen=True)
class Authority:
    id: str
    name: str
    short_name: str
    country: str
    role: AuthorityRole
    channels: tuple[AuthorityChannel, ...]
    sectors: tuple[Sector, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Route:
    authority: Authority
    when: When
    channel: AuthorityChannel
    task: bool
    reason: str


def channel_id(authority: Authority, channel: AuthorityChannel) -> str:
    return f"{authority.id}:{channel.channel}"


def sendable(authority: Authority, channel: AuthorityChannel, confirmed: Collection[str]) -> bool:
    """R38: nothing is sent before the operator confirmed the channel; low confidence never goes by itself."""
    return channel.confidence in {"A", "B"} and channel_id(authority, channel) in confirmed


def is_old(channel: AuthorityChannel, today: date) -> bool:
    return today - channel.checked_on > OLD


@dataclass(frozen=True)
class Matter:
    """What a case is about, as far as routing asks."""

    kind: AlertKind
    personal_data: Answer
    country: str
    sector: Sector


def route(
    matter: Matter, table: Sequence[Authority], policy: Mapping[str, When], confirmed: Collection[str]
) -> tuple[Route, ...]:
    """R41: every alert → national CSIRT of the organisation's country; personal data → its data-protection one.

    ``confirmed``: ids of channels that the operator has confirmed. Personal data "unknown" routes nowhere by itself.
    """
    routes = []
    for authority, reason in _competent(matter, table):
        when = policy.get(authority.role, When.NEVER)
        if when is not When.NEVER:
            channel = _best(authority, confirmed)
            routes.append(Route(authority, when, channel, channel.channel is not Channel.MAIL, reason))
    return tuple(routes)


def _competent(matter: Matter, table: Sequence[Authority]) -> Iterator[tuple[Authority, str]]:
    for authority in table:
        if authority.country != matter.country:
            continue
        if authority.role is AuthorityRole.NATIONAL_CSIRT:
            yield authority, "every_alert"
        elif authority.role is AuthorityRole.DPA and matter.personal_data is Answer.YES:
            yield authority, "personal_data"
        elif authority.role is AuthorityRole.SECTOR_CSIRT and matter.sector in authority.sectors:
            yield authority, "sector"


def _best(authority: Authority, confirmed: Collection[str]) -> AuthorityChannel:
    """A confirmed mail channel, else what a person can do; with no channel known, a person finds one."""
    for channel in authority.channels:
        if channel.channel is Channel.MAIL and sendable(authority, channel, confirmed):
            return channel
    by_hand = (c for c in authority.channels if c.channel is not Channel.MAIL)
    return next(by_hand, _TO_BE_FOUND)


_TO_BE_FOUND = AuthorityChannel(Channel.FORM, "", "no channel is known", date(2026, 11, 23), "U")


def from_mapping(data: Mapping[str, Any]) -> tuple[Authority, ...]:
    """The rows of authorities.toml. A row without source or date is refused by name."""
    return tuple(_authority(row) for row in data.get("authority", []))


def _authority(row: Mapping[str, Any]) -> Authority:
    try:
        return Authority(
            id=row["id"],
            name=row["name"],
            short_name=row.get("short_name", ""),
            country=row["country"],
            role=AuthorityRole(row["role"]),
            channels=tuple(_channel(channel) for channel in row.get("channels", [])),
            sectors=tuple(Sector(s) for s in row.get("sectors", [])),
            note=row.get("note", ""),
        )
    except (KeyError, ValueError) as error:
        raise InvalidInput({f"authority {row.get('id', '?')}": f"bad_row: {error}"}) from None


def _channel(row: Mapping[str, Any]) -> AuthorityChannel:
    return AuthorityChannel(
        Channel(row["channel"]),
        row["address"],
        row["source"],
        row["checked_on"],
        row["confidence"],
        row.get("who_may_use", ""),
    )
