"""A certificate of which nobody has a case yet: judged for the command line, stored nowhere (R18)."""

from __future__ import annotations

from datetime import datetime

from disclosure.openpgp.sandbox import judge_safely
from disclosure.openpgp.verdict import Verdict
from disclosure.protocol.values import Address


def judged(content: bytes, address: Address, now: datetime) -> Verdict:
    """The verdict of the child process; no word of a private key in ``content`` goes further."""
    return judge_safely(content, address=address, now=now)
