"""Authorities and their channels as the operator knows them: nothing is sendable before a person confirmed it (R38)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select

from disclosure.casework import certkeeping, deskwords
from disclosure.casework.office import Office
from disclosure.casework.words import short
from disclosure.openpgp.sandbox import judge_safely
from disclosure.protocol import authorities as routing
from disclosure.protocol.authorities import Authority, AuthorityChannel
from disclosure.protocol.errors import InvalidInput, NotFound, Refused
from disclosure.protocol.values import Address, AlertKind, Channel, Language
from disclosure.store.tables import confirmed_channels, coordinators

BY_KIND = "by_kind"  # policy says one thing for one kind of alert and another for the next


@dataclass(frozen=True)
class ChannelRow:
    """One way to one authority. ``old``: checked more than six months ago, to be looked at again."""

    id: str
    channel: Channel
    word: str
    address: str
    who_may_use: str
    source: str
    checked_on: date
    old: bool
    grade: str
    grade_words: str
    confirmable: bool
    needs_certificate: bool
    confirmed_at: datetime | None = None
    confirmed_by: str = ""
    fingerprint: str = ""  # only of one channel's own page: judging takes a moment


@dataclass(frozen=True)
class AuthorityRow:
    """``told``: what policy says of it: at_once, on_lapse, never, or by_kind where that differs (R34)."""

    id: str
    name: str
    short_name: str
    country: str
    competence: str
    sectors: tuple[str, ...]
    told: str
    note: str
    channels: tuple[ChannelRow, ...]


def listing(office: Office, language: Language, now: datetime, country: str = "") -> tuple[AuthorityRow, ...]:
    """Every authority of the table: the operator's country first, then by country and name."""
    with office.store.reading() as connection:
        query = select(confirmed_channels, coordinators.c.name).outerjoin(
            coordinators, coordinators.c.id == confirmed_channels.c.coordinator_id
        )
        confirmed = {row.channel_id: row for row in connection.execute(query)}
    home = office.settings.operator.country
    roles = list(deskwords.AUTHORITY_ROLES)
    chosen = (a for a in office.policy.authorities if country in {"", a.country})
    order = sorted(chosen, key=lambda a: (a.country != home, a.country, roles.index(a.role), a.name))
    return tuple(_authority(office, authority, confirmed, language, now) for authority in order)


@dataclass(frozen=True)
class AuthoritiesPage:
    country: str
    countries: tuple[str, ...]
    rows: tuple[AuthorityRow, ...]


def of_country(office: Office, country: str, language: Language, now: datetime) -> AuthoritiesPage:
    """The authorities of one country; the codes of all that the table knows."""
    countries = tuple(sorted({a.country for a in office.policy.authorities}))
    return AuthoritiesPage(country, countries, listing(office, language, now, country) if country else ())


def entry(office: Office, channel_id: str, language: Language, now: datetime) -> tuple[AuthorityRow, ChannelRow]:
    """One channel with its authority, and the fingerprint that is encrypted to. Raises NotFound."""
    for authority in listing(office, language, now):
        for channel in authority.channels:
            if channel.id == channel_id:
                return authority, replace(channel, fingerprint=_fingerprint(office, channel, now))
    raise NotFound("channel")


def _fingerprint(office: Office, channel: ChannelRow, now: datetime) -> str:
    with office.store.reading() as connection:
        query = select(confirmed_channels.c.certificate).where(confirmed_channels.c.channel_id == channel.id)
        certificate = connection.scalar(query)
    return judge_safely(certificate, address=None, now=now).fingerprint if certificate else ""


def _authority(
    office: Office, authority: Authority, confirmed: dict[str, Row[Any]], language: Language, now: datetime
) -> AuthorityRow:
    told = {str(routing.when_told(authority, kind, office.policy.when)) for kind in AlertKind}
    return AuthorityRow(
        id=authority.id,
        name=authority.name,
        short_name=authority.short_name,
        country=authority.country,
        competence=deskwords.say(deskwords.AUTHORITY_ROLES, authority.role, language),
        sectors=tuple(short(sector, language) for sector in authority.sectors),
        told=told.pop() if len(told) == 1 else BY_KIND,
        note=authority.note,
        channels=tuple(
            _channel(authority, c, confirmed.get(routing.channel_id(authority, c)), language, now)
            for c in authority.channels
        ),
    )


def _channel(
    authority: Authority, channel: AuthorityChannel, row: Row[Any] | None, language: Language, now: datetime
) -> ChannelRow:
    return ChannelRow(
        id=routing.channel_id(authority, channel),
        channel=channel.channel,
        word=short(channel.channel, language),
        address=channel.address,
        who_may_use=channel.who_may_use,
        source=channel.source,
        checked_on=channel.checked_on,
        old=routing.is_old(channel, now.date()),
        grade=channel.confidence,
        grade_words=deskwords.say(deskwords.GRADES, channel.confidence, language),
        confirmable=_confirmable(channel),
        needs_certificate=channel.channel is Channel.MAIL,
        confirmed_at=row.at if row else None,
        confirmed_by=(row.name or "") if row else "",
    )


def _confirmable(channel: AuthorityChannel) -> bool:
    return channel.confidence in routing.SENDABLE and not channel.reserved


def confirm_channel(
    office: Office, channel_id: str, certificate: bytes | None, coordinator_id: str, now: datetime
) -> None:
    """The operator vouches for a channel: somebody looked it up again, and for mail has the certificate (R38, R39).

    Raises NotFound, Refused (rows of low confidence, or for others than us) and InvalidInput with the judge's reason
    (R18).
    """
    authority, channel = _find(office, channel_id)
    if channel.reserved:
        raise Refused("R39", "reserved")
    if not _confirmable(channel):
        raise Refused("R38", "low_confidence")
    judged = _judged(channel, certificate, now) if channel.channel is Channel.MAIL else None
    with office.store.writing() as tx:
        tx.execute(delete(confirmed_channels).where(confirmed_channels.c.channel_id == channel_id))
        row = {"channel_id": channel_id, "coordinator_id": coordinator_id, "at": now, "certificate": judged}
        tx.execute(insert(confirmed_channels).values(row))


def _judged(channel: AuthorityChannel, certificate: bytes | None, now: datetime) -> bytes:
    if not certificate:
        raise InvalidInput({"certificate": "required"})  # R39: without one a referral is a task, never a clear mail
    return certkeeping.judged(certificate, Address.parse(channel.address), now).certificate


def withdraw_channel(office: Office, channel_id: str) -> None:
    """From now on nothing goes there by itself; referrals become tasks again."""
    with office.store.writing() as tx:
        tx.execute(delete(confirmed_channels).where(confirmed_channels.c.channel_id == channel_id))


def _find(office: Office, channel_id: str) -> tuple[Authority, AuthorityChannel]:
    for authority in office.policy.authorities:
        for channel in authority.channels:
            if routing.channel_id(authority, channel) == channel_id:
                return authority, channel
    raise NotFound("channel")
