"""What opening an encrypted message gives: content with what is proven of its signer, or why there is none. Plain data.

There is nothing between the two: a message that is not whole, or that anybody could have changed, has no content.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Signed(StrEnum):
    """GOOD is proven, BAD is disproven, UNKNOWN_KEY is neither, NONE: it does not claim to be signed."""

    GOOD = "good"  # by a signing key that a certificate at hand binds, the certificate sound at ``now``
    BAD = "bad"  # a certificate at hand is named as the signer, and did not sign this, or not for us
    UNKNOWN_KEY = "unknown_key"  # no certificate at hand vouches for it; ``weak`` says why, where one made it
    NONE = "none"


class NotOpenedReason(StrEnum):
    """Why there is no content."""

    NOT_FOR_US = "not_for_us"  # no session key is for a key that we hold
    UNAUTHENTICATED = "unauthenticated"  # nothing would show whether it was changed on the way (RFC 9580, 5.7)
    DAMAGED = "damaged"  # changed or cut off
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"  # no encrypted message, or in a form that is not read here
    OVER_LIMIT = "over_limit"  # too many parts, or the child process used up its time
    PARTIAL = "partial"  # something stands beside the message: which of it was meant?


# Beside the words of verification.Why: a good signature on a message to somebody else, who passed it on (RFC 9580,
# 5.2.3.36).
FOR_ANOTHER = "for_another"


@dataclass(frozen=True)
class Opened:
    """``content``: the literal data, of PGP/MIME a MIME entity. ``signer``: fingerprint of the certificate that signed
    or is said to have, upper-case hexadecimal; empty: none known. ``weak``: why a signature that a certificate at hand
    made, or claims, counts for nothing; a word of verification.Why, or :data:`FOR_ANOTHER`.

    A signature says who wrote the text, not to whom: where it names nobody, compare the entity's own To.
    """

    content: bytes = field(repr=False)
    signed: Signed
    signer: str = ""
    weak: str = ""


@dataclass(frozen=True)
class NotOpened:
    reason: NotOpenedReason


class CannotOpen(Exception):
    """Raised anywhere on the way; carries a reason, and never a word of the message or of a key."""

    def __init__(self, reason: NotOpenedReason) -> None:
        super().__init__(str(reason))
        self.reason = reason


def to_json(found: Opened | NotOpened) -> dict[str, Any]:
    if isinstance(found, NotOpened):
        return {"reason": found.reason}
    content = b64encode(found.content).decode()
    return {"content": content, "signed": found.signed, "signer": found.signer, "weak": found.weak}


def from_json(plain: Mapping[str, Any]) -> Opened | NotOpened:
    if "reason" in plain:
        return NotOpened(NotOpenedReason(plain["reason"]))
    return Opened(b64decode(plain["content"]), Signed(plain["signed"]), plain["signer"], plain["weak"])
