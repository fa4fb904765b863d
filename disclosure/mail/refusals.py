"""What a refusal is about, by its enhanced status code (RFC 3463; the registry of RFC 5248; facts: mail 3.1).

Only a status code says what is wrong. Without one a refusal is a refusal: the address may live or not.
"""

from __future__ import annotations

from enum import StrEnum


class About(StrEnum):
    ADDRESS = "address"  # nobody there, for good
    FULL = "full"  # somebody there, who takes nothing now
    SHAPE = "shape"  # a policy, a filter or a size: the address lives, and another form of the mail may pass
    US = "us"  # how we send: no other form and no other contact at that host mends it
    UNSAID = "unsaid"


# No such mailbox, system or syntax; moved; null MX (RFC 7505); an account that is switched off.
_ADDRESS = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
_FULL = frozenset({"2.2"})
_SHAPE = frozenset({"2.3", "3.4"})  # longer than the mailbox or the system takes
# Our sender's address; signing in and encryption between us and who refuses; DKIM, SPF, reverse DNS (RFC 7372); our
# own domain's null MX (RFC 7505).
_US = frozenset({"1.7", "1.8"}) | {f"7.{detail}" for detail in (*range(8, 15), *range(20, 28))}


def about(code: str) -> About:
    """``code``: a reply's number with its enhanced status, as an outcome holds it."""
    status = code.rpartition(" ")[2]
    kind, _, rest = status.partition(".")
    if rest in _FULL and kind in {"4", "5"}:
        return About.FULL
    if kind != "5":
        return About.UNSAID
    if rest in _ADDRESS:
        return About.ADDRESS
    if rest in _US:
        return About.US
    return About.SHAPE if rest in _SHAPE or rest.startswith(("6.", "7.")) else About.UNSAID
