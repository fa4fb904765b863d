"""Certificates that a case keeps: judged before, sealed under the case's key (R18)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from disclosure.casework.office import Office
from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.verdict import Verdict
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Address
from disclosure.store.tables import certificates

MAX_CERTIFICATE = 1_048_576  # KD-07


def judged(pasted: bytes, address: Address | None, now: datetime) -> Verdict:
    """A usable verdict; raises InvalidInput with the reason word. Of a refused one, or a secret, nothing is kept."""
    if len(pasted) > MAX_CERTIFICATE:
        raise InvalidInput({"certificate": "too_large"})
    verdict = judge_safely(pasted, address=address, now=now)
    if not verdict.usable:
        raise InvalidInput({"certificate": str(verdict.reason)})
    return verdict


def keep(office: Office, tx: Connection, case_id: str, certificate_id: str, fingerprint: str, content: bytes) -> None:
    """``content``: what the judge has let through. Kept already, it is replaced by the newer one."""
    sealed = office.store.keyring.sealer(case_id).seal(content, f"certificates|sealed|{certificate_id}")
    mine = certificates.c.id == certificate_id
    if tx.scalar(select(certificates.c.id).where(mine)) is None:
        row = {"id": certificate_id, "case_id": case_id, "fingerprint": fingerprint, "sealed": sealed}
        tx.execute(insert(certificates).values(row))
    else:
        tx.execute(update(certificates).where(mine).values(sealed=sealed))
