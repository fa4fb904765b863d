"""Judge and verifier in a child process with CPU, memory and time limits (child.py, KD-07).

One warm child per process. Requests and answers are JSON.
"""

from __future__ import annotations

import atexit
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from disclosure.openpgp.child import Child, OverLimit, serve
from disclosure.openpgp.judge import judge
from disclosure.openpgp.verdict import Reason, Verdict, refuse
from disclosure.openpgp.verification import Verification, Why, unchecked
from disclosure.openpgp.verify import verify
from disclosure.protocol.values import Address


def judge_safely(
    data: bytes, *, address: Address | None, now: datetime, expected_fingerprint: str | None = None
) -> Verdict:
    """:func:`judge` in the child. What uses up its limits is refused as too large, what kills it as corrupt."""
    request = {
        "data": b64encode(data).decode(),
        "address": str(address) if address else None,
        "now": now.isoformat(),
        "expected_fingerprint": expected_fingerprint,
    }
    try:
        answer = _CHILD.ask(json.dumps(request).encode())
    except OverLimit:
        return refuse(Reason.TOO_LARGE)
    return Verdict.from_json(json.loads(answer)) if answer else refuse(Reason.CORRUPT)


def verify_safely(file: bytes, *, certificates: Sequence[bytes], now: datetime) -> Verification:
    """:func:`verify` in the child. What uses up its limits, or kills it, has proven nothing."""
    request = {
        "file": b64encode(file).decode(),
        "certificates": [b64encode(data).decode() for data in certificates],
        "now": now.isoformat(),
    }
    try:
        answer = _CHILD.ask(json.dumps(request).encode())
    except OverLimit:
        return unchecked(Why.NO_ANSWER)
    return Verification.from_json(json.loads(answer)) if answer else unchecked(Why.NO_ANSWER)


_CHILD = Child("disclosure.openpgp.sandbox")
atexit.register(_CHILD.stop)


# --- in the child ----------------------------------------------------------------------------------------------------


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    return _verified(request) if "file" in request else _judged(request)


def _verified(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return verify(
            b64decode(request["file"]),
            certificates=[b64decode(data) for data in request["certificates"]],
            now=datetime.fromisoformat(request["now"]),
        ).to_json()
    except Exception:
        return unchecked(Why.NO_ANSWER).to_json()  # no word of a library's error reaches people


def _judged(request: dict[str, Any]) -> dict[str, Any]:
    address = Address.parse(request["address"]) if request["address"] else None
    try:
        verdict = judge(
            b64decode(request["data"]),
            address=address,
            now=datetime.fromisoformat(request["now"]),
            expected_fingerprint=request["expected_fingerprint"],
        )
    except Exception:
        verdict = refuse(Reason.CORRUPT)  # no word of a library's error reaches people
    return verdict.to_json()


if __name__ == "__main__":
    serve(lambda request: json.dumps(_answer(json.loads(request))).encode())
