"""Verification: what a signature over a text proves. Plain data (ST-23, ST-24)."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class State(StrEnum):
    """Good is proven, bad is disproven, unchecked is neither."""

    GOOD = "good"
    BAD = "bad"
    UNCHECKED = "unchecked"


class Why(StrEnum):
    """Why a signature is not good."""

    # Bad: what claims to be a signature of this text is none.
    DIFFERS = "differs"  # a certificate at hand is named as the signer, and the signature is of something else
    UNREADABLE = "unreadable"
    # Unchecked: nothing speaks against the text, and nobody who counts has vouched for it.
    NO_CERTIFICATE = "no_certificate"  # none at hand that could have made it
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CERTIFICATE_UNSOUND = "certificate_unsound"  # weak, unbound, of a version that is not judged, not yet made
    NOT_FOR_SIGNING = "not_for_signing"
    SIGNATURE_EXPIRED = "signature_expired"
    SIGNATURE_OF_TOMORROW = "signature_of_tomorrow"
    WEAK_HASH = "weak_hash"
    UNSUPPORTED = "unsupported"
    NO_ANSWER = "no_answer"  # the child process used up its limits, or died of it


@dataclass(frozen=True)
class Verification:
    """``fingerprint``: of the certificate that made it, or is said to have; upper-case hexadecimal, empty: none known.

    ``text``: exactly what is under a good signature: lines with CRLF between them, blanks at line ends gone, escapes
    undone; empty for any other. ``first_line``: where in the file it begins, counted from 1.
    """

    state: State
    why: Why | None = None
    fingerprint: str = ""
    text: bytes = field(default=b"", repr=False)
    first_line: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"text": b64encode(self.text).decode()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The verification that :meth:`to_json` was made of."""
        return cls(
            state=State(plain["state"]),
            why=Why(plain["why"]) if plain["why"] else None,
            fingerprint=plain["fingerprint"],
            text=b64decode(plain["text"]),
            first_line=plain["first_line"],
        )


def unchecked(why: Why, fingerprint: str = "") -> Verification:
    return Verification(State.UNCHECKED, why, fingerprint)


def bad(why: Why, fingerprint: str = "") -> Verification:
    return Verification(State.BAD, why, fingerprint)
