"""What our own house says: clock, worker, outbox, keys, authorities, disk. Gathered in one read, then judged apart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from disclosure.casework import identity, keys
from disclosure.casework.checkup.findings import Finding, State
from disclosure.casework.office import Office
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.verdict import Verdict
from disclosure.protocol.authorities import SENDABLE, channel_id, is_old
from disclosure.store.tables import confirmed_channels, events, heartbeats, outbox

# The clock beats every five seconds; an outage is credited from a few minutes on.
LATE_BEAT, NO_BEAT = timedelta(minutes=1), timedelta(minutes=5)
AHEAD = timedelta(minutes=2)  # two machines that keep time differ by less
SLOW_MAIL, STUCK_MAIL = timedelta(minutes=15), timedelta(hours=4)
SOON, VERY_SOON = timedelta(days=60), timedelta(days=14)
_UNSENT = ("recipe", "prepared", "sending")


@dataclass(frozen=True)
class House:
    """What was found. ``certificate`` None: there is no key yet. Instants are aware, UTC."""

    newest_event: datetime | None
    beats: dict[str, datetime]
    oldest_unsent: datetime | None
    unsent: int
    dead: int
    held: int
    old_channels: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    free: int
    floor: int
    trial: bool
    certificate: Verdict | None
    security_txt_expires: datetime | None


def gather(office: Office, now: datetime) -> House:
    with office.store.reading() as connection:
        newest = connection.scalar(select(func.max(events.c.at)))
        beats = {row.name: row.at for row in connection.execute(select(heartbeats))}
        unsent = outbox.c.state.in_(_UNSENT)
        waiting = connection.execute(select(func.min(outbox.c.queued_at), func.count()).where(unsent)).one()
        ended = select(outbox.c.state, func.count()).where(outbox.c.state.in_(("dead", "held")))
        counts = {state: number for state, number in connection.execute(ended.group_by(outbox.c.state))}
        confirmed = set(connection.scalars(select(confirmed_channels.c.channel_id)))
    channels = [(one, channel) for one in office.policy.authorities for channel in one.channels]
    usable = [pair for pair in channels if pair[1].confidence in SENDABLE and not pair[1].reserved]
    return House(
        newest_event=newest,
        beats=beats,
        oldest_unsent=waiting[0],
        unsent=waiting[1],
        dead=counts.get("dead", 0),
        held=counts.get("held", 0),
        old_channels=tuple(channel_id(*pair) for pair in channels if is_old(pair[1], now.date())),
        unconfirmed=tuple(name for name in (channel_id(*pair) for pair in usable) if name not in confirmed),
        free=shutil.disk_usage(office.settings.instance).free,
        floor=office.settings.free_space_floor_bytes,
        trial=office.settings.trial,
        certificate=_certificate(office, now),
        security_txt_expires=identity.security_txt_expires(office),
    )


def _certificate(office: Office, now: datetime) -> Verdict | None:
    held = keys.service_certificates(office)
    return judge_safely(held[0], address=office.settings.mail.from_address, now=now) if held else None


def judge(house: House, now: datetime) -> Iterator[Finding]:
    """Every check of the house, whatever its state."""
    yield _mode(house)
    yield _clock(house, now)
    yield _worker(house, now)
    yield _outbox(house, now)
    yield _dead(house)
    yield _own_certificate(house, now)
    yield _security_txt(house, now)
    yield _old_channels(house)
    yield _unconfirmed(house)
    yield _disk(house)


def _mode(house: House) -> Finding:
    if house.trial:
        return Finding(
            "mode",
            State.WARNING,
            "Trial mode: no relay is set, nothing leaves this machine, the operator is invented.",
            "To send mail, set relay.host, public_url, mail.from_address and the operator.",
            {"trial": True},
        )
    return Finding("mode", State.OK, "Mail leaves by the relay.", "", {"trial": False})


def _clock(house: House, now: datetime) -> Finding:
    latest = max([*house.beats.values(), *([house.newest_event] if house.newest_event else [])], default=None)
    facts = {"now": now.isoformat(), "newest": latest.isoformat() if latest else None}
    if latest and latest - now > AHEAD:
        return Finding(
            "clock",
            State.FAULT,
            f"The database holds an instant {_long(latest - now)} ahead of this machine's clock.",
            "Set the clock by NTP on every machine; until then deadlines are wrong.",
            facts,
        )
    return Finding("clock", State.OK, "The clock is not behind what the database holds.", "", facts)


def _worker(house: House, now: datetime) -> Finding:
    beat = house.beats.get("clock")
    facts = {"beats": {name: at.isoformat() for name, at in house.beats.items()}}
    start = "Start `disclosure serve`, or `disclosure worker` where the two run apart; then look at its log."
    if beat is None:
        return Finding(
            "worker", State.FAULT, "The worker has never run: nothing is sent and no deadline lapses.", start, facts
        )
    age = now - beat
    if age > LATE_BEAT:
        state = State.FAULT if age > NO_BEAT else State.WARNING
        return Finding("worker", state, f"The worker's clock last beat {_long(age)} ago.", start, facts)
    return Finding("worker", State.OK, "The worker is at work.", "", facts)


def _outbox(house: House, now: datetime) -> Finding:
    facts = {"unsent": house.unsent, "oldest": house.oldest_unsent.isoformat() if house.oldest_unsent else None}
    age = now - house.oldest_unsent if house.oldest_unsent else timedelta()
    if age > SLOW_MAIL:
        state = State.FAULT if age > STUCK_MAIL else State.WARNING
        return Finding(
            "outbox",
            state,
            f"{house.unsent} mails wait, the oldest for {_long(age)}.",
            "Look at the worker and the relay above; the desk's mail page says what the relay answered.",
            facts,
        )
    return Finding("outbox", State.OK, f"{house.unsent} mails wait, none for long.", "", facts)


def _dead(house: House) -> Finding:
    facts = {"dead": house.dead, "held": house.held}
    if house.dead or house.held:
        return Finding(
            "undelivered",
            State.WARNING,
            f"{house.dead} mails could not be delivered, {house.held} wait for a person.",
            "Decide about each at the desk's mail page.",
            facts,
        )
    return Finding("undelivered", State.OK, "No mail is dead or held.", "", facts)


def _own_certificate(house: House, now: datetime) -> Finding:
    held = house.certificate
    if held is None:
        return Finding("certificate", State.FAULT, "There is no OpenPGP key yet.", "Start `disclosure serve` once.")
    ends = held.expires_at
    facts = {"fingerprint": held.fingerprint, "expires": ends.isoformat() if ends else None, "flags": list(held.flags)}
    rotate = "Make a new key with `disclosure key rotate`."
    if not held.usable:
        return Finding("certificate", State.FAULT, f"Our certificate is refused: {held.reason}.", rotate, facts)
    if held.flags:
        return Finding(
            "certificate", State.WARNING, "Our certificate names another address than mail.from_address.", rotate, facts
        )
    if ends and ends - now < SOON:
        state = State.FAULT if ends - now < VERY_SOON else State.WARNING
        return Finding("certificate", state, f"Our certificate expires in {_long(ends - now)}.", rotate, facts)
    return Finding(
        "certificate",
        State.OK,
        "Our certificate can be used" + (" and does not expire." if not ends else "."),
        "",
        facts,
    )


def _security_txt(house: House, now: datetime) -> Finding:
    ends = house.security_txt_expires
    facts = {"expires": ends.isoformat() if ends else None}
    do = "The worker signs it anew by itself: start it, or run `disclosure key publish`."
    if ends is None:
        return Finding("security.txt", State.FAULT, "Our security.txt is missing or cannot be read.", do, facts)
    if ends <= now:
        return Finding("security.txt", State.FAULT, f"Our security.txt expired {_long(now - ends)} ago.", do, facts)
    if ends - now < SOON:
        return Finding("security.txt", State.WARNING, f"Our security.txt expires in {_long(ends - now)}.", do, facts)
    return Finding("security.txt", State.OK, f"Our security.txt is good for {_long(ends - now)}.", "", facts)


def _old_channels(house: House) -> Finding:
    facts = {"channels": list(house.old_channels)}
    if house.old_channels:
        return Finding(
            "authorities",
            State.WARNING,
            f"{len(house.old_channels)} channels of authorities were checked more than six months ago.",
            "Check each at its source, and write the new day into authorities.toml.",
            facts,
        )
    return Finding("authorities", State.OK, "Every channel of an authority was checked within six months.", "", facts)


def _unconfirmed(house: House) -> Finding:
    facts = {"channels": list(house.unconfirmed)}
    if house.unconfirmed:
        return Finding(
            "channels",
            State.WARNING,
            f"{len(house.unconfirmed)} channels of authorities are not confirmed: nothing is sent to them.",
            "Confirm those you need at the desk's page of authorities.",
            facts,
        )
    return Finding("channels", State.OK, "Every usable channel of an authority is confirmed.", "", facts)


def _disk(house: House) -> Finding:
    facts = {"free_bytes": house.free, "floor_bytes": house.floor}
    if house.free < 2 * house.floor:
        state = State.FAULT if house.free < house.floor else State.WARNING
        return Finding(
            "disk",
            state,
            f"{house.free // 2**20} MiB are free; below {house.floor // 2**20} MiB files are refused.",
            "Make room on the disk of the instance folder.",
            facts,
        )
    return Finding("disk", State.OK, f"{house.free // 2**20} MiB are free.", "", facts)


def _long(span: timedelta) -> str:
    """In the largest unit that fits: ``3 d``, ``5 h``, ``12 min``, ``40 s``."""
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
