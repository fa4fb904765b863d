"""Coordinators and sessions: a password (Argon2id) and a TOTP code, both compulsory; sessions in our own table.

A session of any audience is a random token of which the row holds a hash. Wrong sign-ins slow down by name, in memory,
and one hash at a time slows them as a whole; nothing about an address is kept.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete, insert, select, update

from disclosure.casework import casefile
from disclosure.casework.office import Office, new_id
from disclosure.protocol.errors import CannotStore, InvalidInput, NotFound, Refused, TooMany
from disclosure.protocol.values import Audience, Language
from disclosure.store.sealing import SYSTEM
from disclosure.store.tables import coordinators, sessions

ISSUER = "Disclosure"
MIN_PASSWORD = 12
STEP_SECONDS = 30
FREE_TRIES = 5
MOST_NAMES = 10_000
_HASHER = PasswordHasher()  # argon2-cffi's default is RFC 9106's second choice: 64 MiB each
_ONE_AT_A_TIME = threading.Lock()
_TRIES: dict[str, tuple[int, datetime]] = {}


@dataclass(frozen=True)
class NewCoordinator:
    """Printed once; the server keeps a hash and a sealed secret."""

    id: str
    login: str
    password: str
    totp_uri: str


@dataclass(frozen=True)
class Coordinator:
    id: str
    login: str
    name: str
    address: str
    language: Language
    active: bool


@dataclass(frozen=True)
class SessionRow:
    audience: Audience
    subject: str
    stream_id: str | None
    link_id: str | None


def add(office: Office, login: str, name: str, address: str, language: Language, now: datetime) -> NewCoordinator:
    """A coordinator with a random password and TOTP secret."""
    login = login.strip().lower()
    if not login or not name.strip():
        raise InvalidInput({"login": "required"})
    coordinator_id, password, totp = new_id(), secrets.token_urlsafe(15), pyotp.random_base32()
    with office.store.reading() as connection:
        if connection.execute(select(coordinators.c.id).where(coordinators.c.login == login)).first():
            raise InvalidInput({"login": "taken"})
    row = {
        "id": coordinator_id,
        "login": login,
        "name": name.strip(),
        "address": address,
        "language": language,
        "password_hash": _hash(password),
        "totp_sealed": _sealer(office).seal(totp.encode(), f"coordinators|totp|{coordinator_id}"),
        "totp_step": 0,
        "active": True,
        "created_at": now,
    }
    with office.store.writing() as tx:
        tx.execute(insert(coordinators).values(**row))
    casefile.look_again(office)
    uri = pyotp.TOTP(totp).provisioning_uri(name=login, issuer_name=ISSUER)
    return NewCoordinator(coordinator_id, login, password, uri)


def first(office: Office, now: datetime) -> NewCoordinator:
    """The first coordinator of a fresh installation."""
    address = office.settings.operator.mail
    return add(office, "coordinator", "Coordination", str(address), Language.FR, now)


def _sealer(office: Office):  # type: ignore[no-untyped-def]
    return office.store.keyring.sealer(SYSTEM)


def _hash(password: str) -> str:
    with _ONE_AT_A_TIME:
        return _HASHER.hash(password)


def _fits(password_hash: str, password: str) -> bool:
    with _ONE_AT_A_TIME:
        try:
            return _HASHER.verify(password_hash, password)
        except VerificationError:
            return False


@cache
def _nobody() -> str:
    """What an unknown name is compared with, so that it takes the same time."""
    return _hash(secrets.token_urlsafe())


def sign_in(office: Office, login: str, password: str, code: str, now: datetime) -> str:
    """The session token. One refusal for whichever is wrong, after the same work."""
    login = login.strip().lower()
    _slow(login, now)
    with office.store.reading() as connection:
        row = connection.execute(select(coordinators).where(coordinators.c.login == login)).one_or_none()
    known = row is not None and row.active
    fits = _fits(row.password_hash if known and row else _nobody(), password)
    step = _step(office, row, code, now) if known and row else None
    if not (known and fits and step is not None and row):
        _count(login, now)
        raise Refused("R2", "sign_in")
    with office.store.writing() as tx:  # a code is good once, also for two who type it at the same moment
        fresh = (coordinators.c.id == row.id) & (coordinators.c.totp_step < step)
        if tx.execute(update(coordinators).where(fresh).values(totp_step=step)).rowcount != 1:
            raise Refused("R2", "sign_in")
    _TRIES.pop(login, None)
    held = office.settings.sessions
    return open_session(office, Audience.COORDINATOR, row.id, now, idle=held.desk_idle, longest=held.desk_longest)


def _step(office: Office, row, code: str, now: datetime) -> int | None:  # type: ignore[no-untyped-def]
    """The time step of the code, one step of clock drift allowed; None when it is wrong or was used."""
    secret = _sealer(office).open(row.totp_sealed, f"coordinators|totp|{row.id}").decode()
    totp, typed = pyotp.TOTP(secret), "".join(code.split())
    here = int(now.timestamp()) // STEP_SECONDS
    for step in (here - 1, here, here + 1):
        if step > row.totp_step and secrets.compare_digest(totp.at(step * STEP_SECONDS).encode(), typed.encode()):
            return step
    return None


def _count(login: str, now: datetime) -> None:
    """Of names that somebody made up only so many are remembered: the longest ago goes first."""
    count, _ = _TRIES.pop(login, (0, now))
    _TRIES[login] = (count + 1, now)
    if len(_TRIES) > MOST_NAMES:
        _TRIES.pop(next(iter(_TRIES)), None)


def _slow(login: str, now: datetime) -> None:
    count, last = _TRIES.get(login, (0, now))
    if count < FREE_TRIES:
        return
    wait = min(timedelta(seconds=2 ** min(count - FREE_TRIES, 9)), timedelta(minutes=5)) - (now - last)
    if wait > timedelta(0):
        raise TooMany("sign_in", int(wait.total_seconds()) + 1)


def change_password(office: Office, coordinator_id: str, old: str, new: str) -> None:
    with office.store.reading() as connection:
        row = connection.execute(select(coordinators).where(coordinators.c.id == coordinator_id)).one()
    if not _fits(row.password_hash, old):
        raise InvalidInput({"old": "wrong_password"})
    if len(new) < MIN_PASSWORD:
        raise InvalidInput({"new": "too_short"})
    password_hash = _hash(new)
    with office.store.writing() as tx:
        tx.execute(update(coordinators).where(coordinators.c.id == coordinator_id).values(password_hash=password_hash))
        tx.execute(delete(sessions).where(sessions.c.subject == coordinator_id))


def listing(office: Office) -> tuple[Coordinator, ...]:
    with office.store.reading() as connection:
        rows = connection.execute(select(coordinators).order_by(coordinators.c.login))
        return tuple(Coordinator(r.id, r.login, r.name, r.address, Language(r.language), r.active) for r in rows)


def coordinator(office: Office, coordinator_id: str) -> Coordinator:
    found = next((c for c in listing(office) if c.id == coordinator_id), None)
    if found is None:
        raise NotFound("coordinator")
    return found


def disable(office: Office, login: str) -> None:
    """Ends every session and refuses further ones; what this person did stays on record."""
    login = login.strip().lower()  # as it was added
    with office.store.writing() as tx:
        row = tx.execute(select(coordinators.c.id).where(coordinators.c.login == login)).one_or_none()
        if row is None:
            raise NotFound("coordinator")
        tx.execute(update(coordinators).where(coordinators.c.id == row.id).values(active=False))
        tx.execute(delete(sessions).where(sessions.c.subject == row.id))
    casefile.look_again(office)


# --- sessions of every audience ---


def open_session(
    office: Office,
    audience: Audience,
    subject: str,
    now: datetime,
    *,
    stream_id: str | None = None,
    link_id: str | None = None,
    idle: timedelta,
    longest: timedelta,
) -> str:
    """A fresh token; the row holds its hash. ``idle`` ends it without a request, ``longest`` in any case."""
    token = secrets.token_urlsafe(32)
    with office.store.writing() as tx:
        # Those that another sign-in is just deleting are its own matter.
        over = select(sessions.c.token_hash).where(sessions.c.expires_at <= now).with_for_update(skip_locked=True)
        tx.execute(delete(sessions).where(sessions.c.token_hash.in_(over)))
        tx.execute(
            insert(sessions).values(
                token_hash=office.secrets.code_hash("session", token),
                audience=audience,
                subject=subject,
                stream_id=stream_id,
                link_id=link_id,
                created_at=now,
                seen_at=now,
                expires_at=now + longest,
            )
        )
    return token


def read_session(office: Office, audience: Audience, token: str, now: datetime) -> SessionRow | None:
    """The live session of a token for this audience, or None. Seen again is noted once a minute."""
    mine = sessions.c.token_hash == office.secrets.code_hash("session", token)
    with office.store.reading() as connection:
        row = connection.execute(select(sessions).where(mine, sessions.c.audience == audience)).one_or_none()
    if row is None or row.expires_at <= now or now - row.seen_at > _idle(office, audience):
        return None
    if now - row.seen_at > timedelta(minutes=1):
        # A full disk must not sign everybody out of pages that only read.
        with suppress(CannotStore), office.store.writing() as tx:
            tx.execute(update(sessions).where(mine).values(seen_at=now))
    return SessionRow(Audience(row.audience), row.subject, row.stream_id, row.link_id)


def _idle(office: Office, audience: Audience) -> timedelta:
    held = office.settings.sessions
    return {
        Audience.COORDINATOR: held.desk_idle,
        Audience.REPORTER: held.reporter_idle,
        Audience.ORGANISATION: held.organisation_idle,
    }[audience]


def end_sessions(office: Office, audience: Audience, subject: str) -> None:
    """Every session of this person, reporter or coordinator."""
    with office.store.writing() as tx:
        tx.execute(delete(sessions).where(sessions.c.audience == audience, sessions.c.subject == subject))


def sign_out(office: Office, token: str) -> None:
    with office.store.writing() as tx:
        tx.execute(delete(sessions).where(sessions.c.token_hash == office.secrets.code_hash("session", token)))
