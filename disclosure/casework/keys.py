"""The service's own OpenPGP key: made once, before the first mail; its certificate is public (R24)."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from disclosure.casework.office import Office
from disclosure.openpgp.keys import ServiceKey
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.writer import Ciphertext, encrypt
from disclosure.protocol.errors import Refused
from disclosure.protocol.values import Address


def ensure_service_key(office: Office, now: datetime) -> None:
    """Make the key and write its certificate beside it, if there is none; never replaces one."""
    if not office.service_key_path.exists():
        who = f"{office.settings.operator.legal_name} <{office.settings.mail.from_address}>"
        ServiceKey.generate(who, now=now).save(office.service_key_path)
    if not office.service_certificate_path.exists():
        write_certificate(office)


def write_certificate(office: Office) -> None:
    armoured = service_key(office).certificate_armoured()
    beside = office.service_certificate_path.with_suffix(".new")
    beside.write_text(armoured, encoding="ascii")
    os.replace(beside, office.service_certificate_path)


def ciphertext(data: bytes, certificate: bytes, address: Address, now: datetime, *, signer: Path | None) -> Ciphertext:
    """What the writer makes of ``data`` for this certificate. Raises Refused with the judge's reason (R18)."""
    verdict = judge_safely(certificate, address=address, now=now)
    if not verdict.usable:
        raise Refused("R18", str(verdict.reason))
    return encrypt(data, to=[verdict], signer=ServiceKey.load(signer) if signer else None)


def service_key(office: Office) -> ServiceKey:
    return ServiceKey.load(office.service_key_path)
