"""Files of RFC 9116 of which nobody has a case: read for the command line, stored nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from disclosure.discovery import securitytxt
from disclosure.discovery.securitytxt import SecurityTxt
from disclosure.openpgp.sandbox import verify_safely

MOST_READ = securitytxt.MAX_BYTES + 1  # one octet more tells one that is too large (ST-09)


def read(content: bytes, url: str, now: datetime, certificates: Sequence[bytes] = ()) -> SecurityTxt:
    """What the file says; its signature is verified by ``certificates``, and stays unchecked without any (ST-24)."""
    plain = securitytxt.read(content, url=url, now=now)
    if not plain.signed or not certificates:
        return plain
    verified = verify_safely(content, certificates=certificates, now=now)
    return securitytxt.read(content, url=url, now=now, verified=verified)
