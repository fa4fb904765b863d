"""The service's own OpenPGP keys: the first is made before any mail, a rotation adds one, none is ever lost (R24).

Old certificates stay published, because mails that they signed are still read; old secrets stay, because replies to
those mails are encrypted to them. Web processes read certificates here and load no secret and no pgpy.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from disclosure.casework import servicekeys, transition
from disclosure.casework.office import Office
from disclosure.casework.servicekeys import HeldKey
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.writer import Ciphertext, encrypt
from disclosure.protocol.errors import Refused
from disclosure.protocol.values import Address
from disclosure.store import files


def ensure_service_key(office: Office, now: datetime) -> None:
    """Make the first key, its certificate and the list of keys, whichever is missing; never replaces one."""
    instance = office.settings.instance
    with servicekeys.alone(instance):
        if not office.service_key_path.exists():
            made = ServiceKey.generate(_who(office), now=now)
            files.create(office.service_key_path, made.secret_bytes())
        if not office.service_certificate_path.exists():
            write_certificate(office)
        if not servicekeys.held(instance):
            key = service_key(office)
            servicekeys.write(instance, [_first(key)])


def _who(office: Office) -> str:
    return f"{office.settings.operator.legal_name} <{office.settings.mail.from_address}>"


def _first(key: ServiceKey) -> HeldKey:
    return HeldKey(key.fingerprint, servicekeys.FIRST_SECRET, servicekeys.FIRST_CERTIFICATE, key.created_at)


def write_certificate(office: Office) -> None:
    files.replace(office.service_certificate_path, service_key(office).certificate_armoured().encode("ascii"))


def rotate(office: Office, now: datetime) -> HeldKey:
    """A new key that signs from now on, certified by the one before, with a statement that this one signed.

    The new key's files are written first; the list, replaced in one step, makes it the one that signs. A process that
    dies before leaves files that no list names, which nothing reads.
    """
    ensure_service_key(office, now)
    instance = office.settings.instance
    with servicekeys.alone(instance):
        before = servicekeys.held(instance)
        old = service_key(office)
        new = ServiceKey.generate(_who(office), now=now).certified_by(old, now=now)
        secret, certificate = f"service-{new.fingerprint}.key.asc", f"service-{new.fingerprint}.asc"
        files.replace(instance / secret, new.secret_bytes())
        files.replace(instance / certificate, new.certificate_armoured().encode("ascii"))
        said = transition.statement(office.settings, old.fingerprint, new.fingerprint, now)
        files.replace(instance / transition.file_name(new.fingerprint), old.clear_signed(said, now=now))
        made = HeldKey(new.fingerprint, secret, certificate, now)
        servicekeys.write(instance, [made, replace(before[0], until=now), *before[1:]])
    return made


def held_keys(office: Office) -> tuple[HeldKey, ...]:
    """Newest first; the first one signs. Empty before the first start."""
    return servicekeys.held(office.settings.instance)


def service_secrets(office: Office) -> tuple[bytes, ...]:
    """Binary secret keys, newest first: what a reply may be encrypted to. Never shown, never logged."""
    return tuple((office.settings.instance / key.secret).read_bytes() for key in held_keys(office))


def service_certificates(office: Office) -> tuple[bytes, ...]:
    """Armoured certificates, newest first: what a mail of ours may be signed by."""
    return tuple((office.settings.instance / key.certificate).read_bytes() for key in held_keys(office))


def ciphertext(data: bytes, certificate: bytes, address: Address, now: datetime, *, signer: Path | None) -> Ciphertext:
    """What the writer makes of ``data`` for this certificate. Raises Refused with the judge's reason (R18)."""
    verdict = judge_safely(certificate, address=address, now=now)
    if not verdict.usable:
        raise Refused("R18", str(verdict.reason))
    return encrypt(data, to=[verdict], signer=ServiceKey.load(signer) if signer else None)


def service_key(office: Office) -> ServiceKey:
    """The one that signs; read anew when its file is another one. Each thread has its own: pgpy's keys have state."""
    path = office.service_key_path
    seen = path.stat()
    version = (path, seen.st_ino, seen.st_mtime_ns, seen.st_size)
    if getattr(_read, "version", None) != version:
        _read.key, _read.version = ServiceKey.load(path), version
    key: ServiceKey = _read.key
    return key


_read = threading.local()
