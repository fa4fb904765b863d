"""Who is told of what, when, by which channel (R34, R38, R39, R41). A table as data; unknown stays unknown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.tablerow import TableRow
from disclosure.protocol.values import AlertKind, Answer, Channel, Sector

OLD = timedelta(days=183)  # R38: rows checked more than six months ago warn


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


class Confidence(StrEnum):
    """How far a row can be relied on; the letters are those of data/authorities.toml."""

    READ = "A"  # read at the authority or in its own register
    LISTED = "B"  # one register, or two lists that agree
    DIFFERING = "C"  # sources differ or look old
    UNKNOWN = "U"


SENDABLE = frozenset({Confidence.READ, Confidence.LISTED})


class Reason(StrEnum):
    """Why an authority stands in a case's routes (R41)."""

    EVERY_ALERT = "every_alert"
    PERSONAL_DATA = "personal_data"
    PERSONAL_DATA_UNKNOWN = "personal_data_unknown"  # an open question: a coordinator decides, nothing goes by itself
    SECTOR = "sector"


@dataclass(frozen=True)
class AuthorityChannel:
    """One way to an authority. ``address`` is what the channel asks for: mail address, page, lines of a letter, number.

    ``reserved``: for the organisation itself or for persons concerned; we never file as somebody else (R39).
    ``certificate_fingerprint`` is the source's word, for comparing; nothing is encrypted to it.
    """

    channel: Channel
    address: str
    source: str
    checked_on: date
    confidence: Confidence
    who_may_use: str = ""
    reserved: bool = False
    certificate_fingerprint: str = ""


@dataclass(frozen=True)
class Authority:
    """``kinds`` and ``sectors`` bound the competence; empty means all. ``source`` is that of name and web site."""

    id: str
    name: str
    short_name: str
    country: str
    role: AuthorityRole
    channels: tuple[AuthorityChannel, ...]
    sectors: tuple[Sector, ...] = ()
    note: str = ""
    kinds: tuple[AlertKind, ...] = ()
    website: str = ""
    source: str = ""
    checked_on: date | None = None


@dataclass(frozen=True)
class Route:
    """Who, when and how. ``when`` is NEVER only with PERSONAL_DATA_UNKNOWN; ``task``: a person does it."""

    authority: Authority
    when: When
    channel: AuthorityChannel
    task: bool
    reason: Reason


def channel_id(authority: Authority, channel: AuthorityChannel) -> str:
    """``fr-cnil:form``; further channels of the same kind are counted, so that one confirmation covers one channel."""
    place = [c for c in authority.channels if c.channel is channel.channel].index(channel)
    return f"{authority.id}:{channel.channel}" + (f"-{place + 1}" if place else "")


def sendable(authority: Authority, channel: AuthorityChannel, confirmed: Collection[str]) -> bool:
    """R38: nothing is sent before the operator confirmed the channel; low confidence never goes by itself."""
    return channel.confidence in SENDABLE and not channel.reserved and channel_id(authority, channel) in confirmed


def is_old(channel: AuthorityChannel, today: date) -> bool:
    return today - channel.checked_on > OLD


@dataclass(frozen=True)
class Matter:
    """What a case is about, as far as routing asks. ``country`` is the organisation's."""

    kind: AlertKind
    personal_data: Answer
    country: str
    sector: Sector


def when_told(authority: Authority, kind: AlertKind, policy: Mapping[str, When]) -> When:
    """R34, per authority and kind. Keys of ``policy``, the nearest wins: ``fr-cnil:data_leak``, ``fr-cnil``,
    ``dpa:data_leak``, ``dpa``. Who is named nowhere is never told."""
    keys = (f"{authority.id}:{kind}", authority.id, f"{authority.role}:{kind}", str(authority.role))
    return next((policy[key] for key in keys if key in policy), When.NEVER)


def route(
    matter: Matter, table: Sequence[Authority], policy: Mapping[str, When], confirmed: Collection[str]
) -> tuple[Route, ...]:
    """R41: every alert → national CSIRT of the organisation's country; personal data → its data-protection one.

    ``confirmed``: ids of channels that the operator has confirmed. Personal data "unknown" is shown as a route that
    nothing takes by itself.
    """
    routes = []
    for authority, reason in _competent(matter, table):
        when = when_told(authority, matter.kind, policy)
        if when is When.NEVER:
            continue
        channel = _best(authority, confirmed)
        if reason is Reason.PERSONAL_DATA_UNKNOWN:
            when = When.NEVER
        routes.append(Route(authority, when, channel, channel.channel is not Channel.MAIL, reason))
    return tuple(routes)


_PERSONAL_DATA = {Answer.YES: Reason.PERSONAL_DATA, Answer.UNKNOWN: Reason.PERSONAL_DATA_UNKNOWN}


def _competent(matter: Matter, table: Sequence[Authority]) -> Iterator[tuple[Authority, Reason]]:
    for authority in table:
        if authority.country != matter.country or not _concerned(authority, matter):
            continue
        if authority.role is AuthorityRole.NATIONAL_CSIRT:
            yield authority, Reason.EVERY_ALERT
        elif authority.role is AuthorityRole.DPA and matter.personal_data in _PERSONAL_DATA:
            yield authority, _PERSONAL_DATA[matter.personal_data]
        elif authority.role is AuthorityRole.SECTOR_CSIRT and authority.sectors:
            yield authority, Reason.SECTOR


def _concerned(authority: Authority, matter: Matter) -> bool:
    by_kind = not authority.kinds or matter.kind in authority.kinds
    return by_kind and (not authority.sectors or matter.sector in authority.sectors)


def _best(authority: Authority, confirmed: Collection[str]) -> AuthorityChannel:
    """A confirmed mail channel, else what a person can do, in the table's order, doubtful rows last.

    Mail that nobody confirmed is no task either: it has no certificate (R39).
    """
    for channel in authority.channels:
        if channel.channel is Channel.MAIL and sendable(authority, channel, confirmed):
            return channel
    by_hand = [c for c in authority.channels if c.channel is not Channel.MAIL and not c.reserved]
    by_hand.sort(key=lambda c: c.confidence not in SENDABLE)
    return by_hand[0] if by_hand else _to_be_found(authority)


def _to_be_found(authority: Authority) -> AuthorityChannel:
    """No channel is known: a person starts at the web site. Never checked, so it is old on every day."""
    return AuthorityChannel(
        Channel.FORM, authority.website, "no channel is known", date.min, Confidence.UNKNOWN, "unknown: find out first"
    )


# --- reading the table ---

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}", re.ASCII)


def from_mapping(data: Mapping[str, object]) -> tuple[Authority, ...]:
    """The rows of authorities.toml, as a TOML parser gives them.

    A bad table is refused whole: InvalidInput has one problem per place, e.g. ``authority 3 (fr-cnil) channel 2
    source: missing``.
    """
    rows = data.get("authority")
    if not isinstance(rows, list) or not rows:
        raise InvalidInput({"authority": "missing"})
    problems: dict[str, str] = {key: "unknown_key" for key in data if key != "authority"}
    table = tuple(_authority(TableRow(row, f"authority {n}", problems)) for n, row in enumerate(rows, 1))
    seen: set[str] = set()
    for authority in table:
        if authority.id in seen:
            problems[f"authority {authority.id} id"] = "twice"
        seen.add(authority.id)
    if problems:
        raise InvalidInput(problems)
    return table


def _authority(row: TableRow) -> Authority:
    authority_id = row.matching("id", _ID)
    row.called(authority_id)
    channels = tuple(_channel(channel) for channel in row.tables("channels", "channel"))
    authority = Authority(
        id=authority_id,
        name=row.text("name"),
        short_name=row.text("short_name", needed=False),
        country=row.country("country"),
        role=row.one_of("role", AuthorityRole),
        channels=channels,
        sectors=row.some_of("sectors", Sector),
        note=row.text("note", needed=False),
        kinds=row.some_of("kinds", AlertKind),
        website=row.text("website", needed=False),
        # R38: what stands in no channel has its source here.
        source=row.text("source", needed=not channels),
        checked_on=row.day("checked_on") if "checked_on" in row.held or not channels else None,
    )
    row.only("id name short_name country role channels sectors note kinds website source checked_on")
    if authority.role is AuthorityRole.SECTOR_CSIRT and not authority.sectors:
        row.wrong("sectors", "missing")
    if sum(channel.channel is Channel.MAIL for channel in channels) > 1:
        row.wrong("channels", "several_mail_addresses")  # one referral goes to one address
    return authority


def _channel(row: TableRow) -> AuthorityChannel:
    channel = AuthorityChannel(
        channel=row.one_of("channel", Channel),
        address=row.text("address"),
        source=row.text("source"),
        checked_on=row.day("checked_on"),
        confidence=row.one_of("confidence", Confidence),
        who_may_use=row.text("who_may_use", needed=False),
        reserved=row.flag("reserved"),
        certificate_fingerprint=row.matching("certificate_fingerprint", _FINGERPRINT, needed=False),
    )
    row.only("channel address source checked_on confidence who_may_use reserved certificate_fingerprint")
    if channel.channel is Channel.MAIL:
        row.address("address")
    return channel
