"""Replies to the service's key, opened in a child process of their own with CPU, memory and time limits.

The secret goes to the child by its pipe, and is in no argument, environment, file, log or error. The child that judges
strangers' certificates (sandbox.py) never sees it.
"""

from __future__ import annotations

import atexit
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from disclosure.openpgp.child import Child, OverLimit, serve
from disclosure.openpgp.inside import MAX_CONTENT
from disclosure.openpgp.opened import NotOpened, NotOpenedReason, Opened, Signed, from_json, to_json
from disclosure.openpgp.opening import Judged, check_signature, open_message
from disclosure.openpgp.verification import Why

__all__ = ["NotOpened", "NotOpenedReason", "Opened", "Signed", "check_signature_safely", "open_safely"]

MAX_CIPHERTEXT = 25 * 1024 * 1024
CPU_SECONDS = 10  # ours: 25 MiB with everything that may be in it takes three
SECONDS = 60.0  # by the wall clock, for the machine may be busy with others

_NO_ANSWER: Judged = (Signed.UNKNOWN_KEY, "", str(Why.NO_ANSWER))


def open_safely(
    ciphertext: bytes, *, secrets: Sequence[bytes], certificates: Sequence[bytes], now: datetime
) -> Opened | NotOpened:
    """:func:`opening.open_message` in the child. ``ciphertext``: armoured or binary. Never raises.

    ``secrets``: the service's secret keys, newest first, as ServiceKey.secret_bytes gives them; the child's own clock
    must not be before their making. ``certificates``: of whoever may have signed.
    """
    if len(ciphertext) > MAX_CIPHERTEXT:
        return NotOpened(NotOpenedReason.TOO_LARGE)
    answer = _asked(
        ciphertext=_text(ciphertext),
        secrets=[_text(secret) for secret in secrets],
        certificates=[_text(data) for data in certificates],
        now=now.isoformat(),
    )
    return from_json(answer) if answer else NotOpened(NotOpenedReason.OVER_LIMIT)


def check_signature_safely(
    signed: bytes, signature: bytes, *, certificates: Sequence[bytes], now: datetime
) -> tuple[Signed, str, str]:
    """A detached signature over exactly ``signed``: as :attr:`Opened.signed`, ``signer`` and ``weak``. Never raises."""
    if len(signed) > MAX_CONTENT or len(signature) > MAX_CIPHERTEXT:
        return _NO_ANSWER
    answer = _asked(
        signed=_text(signed),
        signature=_text(signature),
        certificates=[_text(data) for data in certificates],
        now=now.isoformat(),
    )
    return (Signed(answer["signed"]), answer["signer"], answer["weak"]) if answer else _NO_ANSWER


def _asked(**request: Any) -> dict[str, Any] | None:
    """None when the child used up its limits, or died of the request."""
    try:
        answer = _CHILD.ask(json.dumps(request).encode())
    except OverLimit:
        return None
    return dict(json.loads(answer)) if answer else None


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


_CHILD = Child("disclosure.openpgp.reader", seconds=SECONDS)
atexit.register(_CHILD.stop)


# --- in the child ----------------------------------------------------------------------------------------------------


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    now = datetime.fromisoformat(request["now"])
    certificates = [b64decode(data) for data in request["certificates"]]
    if "signature" in request:
        signed, signature = b64decode(request["signed"]), b64decode(request["signature"])
        judged = check_signature(signed, signature, certificates=certificates, now=now)
        return dict(zip(("signed", "signer", "weak"), judged, strict=True))
    secrets = [b64decode(secret) for secret in request["secrets"]]
    ciphertext = b64decode(request.pop("ciphertext"))  # the child's memory is bounded: one copy is enough
    return to_json(open_message(ciphertext, secrets=secrets, certificates=certificates, now=now))


if __name__ == "__main__":
    serve(lambda request: json.dumps(_answer(json.loads(request))).encode(), cpu_seconds=CPU_SECONDS)
