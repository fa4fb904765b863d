"""Verdict: whether a certificate may be encrypted to, to which of its keys, or why not. Plain data (R18)."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self


class Reason(StrEnum):
    """Why a certificate is refused (design.md section 6)."""

    CORRUPT = "corrupt"
    EXPIRED = "expired"
    NO_ENCRYPTION_SUBKEY = "no_encryption_subkey"
    NO_VALID_SELF_SIGNATURE = "no_valid_self_signature"
    NOT_A_KEY = "not_a_key"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    SECRET_KEY = "secret_key"  # noqa: S105 - the reason's name
    SEVERAL_KEYS = "several_keys"
    TOO_LARGE = "too_large"
    UNSUPPORTED_ALGORITHM = "unsupported_algorithm"
    UNSUPPORTED_KEY_VERSION = "unsupported_key_version"
    WEAK_KEY = "weak_key"
    WEAK_SELF_SIGNATURE = "weak_self_signature"


UID_MISMATCH = "uid_mismatch"  # no live user ID names the address: usable when a person confirms it
FINGERPRINT_MISMATCH = "fingerprint_mismatch"  # none of the certificates is the one that was announced


@dataclass(frozen=True)
class Verdict:
    """``encrypts_to``: fingerprints of the exact (sub)keys, upper-case hexadecimal.

    ``certificate``: what was judged, binary, without signatures of strangers and never with a secret; empty when
    refused. ``user_ids``: those that its own key vouches for and has not revoked. Instants are aware, UTC.
    """

    usable: bool
    reason: Reason | None = None
    fingerprint: str = ""
    encrypts_to: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    certificate: bytes = field(default=b"", repr=False)
    user_ids: tuple[str, ...] = ()
    created_at: datetime | None = None
    expires_at: datetime | None = None
    version: int = 0

    def to_json(self) -> dict[str, Any]:
        """Everything, for the way between processes; the certificate in base 64."""
        return asdict(self) | {
            "reason": self.reason,
            "certificate": b64encode(self.certificate).decode(),
            "created_at": self.created_at.isoformat() if self.created_at else None,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The verdict that :meth:`to_json` was made of."""
        return cls(
            usable=plain["usable"],
            reason=Reason(plain["reason"]) if plain["reason"] else None,
            fingerprint=plain["fingerprint"],
            encrypts_to=tuple(plain["encrypts_to"]),
            flags=tuple(plain["flags"]),
            certificate=b64decode(plain["certificate"]),
            user_ids=tuple(plain["user_ids"]),
            created_at=datetime.fromisoformat(plain["created_at"]) if plain["created_at"] else None,
            expires_at=datetime.fromisoformat(plain["expires_at"]) if plain["expires_at"] else None,
            version=plain["version"],
        )

    def report(self) -> dict[str, Any]:
        """As ``certificate --json`` prints it (design.md section 6)."""
        return {
            "verdict": "usable" if self.usable else "refuse",
            "reason": self.reason and str(self.reason),
            "fingerprint": self.fingerprint,
            "encrypts_to": list(self.encrypts_to),
            "flags": list(self.flags),
            "user_ids": list(self.user_ids),
            "version": self.version,
            "created_at": self.created_at.isoformat() if self.created_at else None,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }


def refuse(reason: Reason, **facts: Any) -> Verdict:
    return Verdict(usable=False, reason=reason, **facts)
