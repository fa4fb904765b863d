"""The child's end of :func:`disclosure.mail.inbound.read_safely`: a length, the question as JSON, the message."""

from __future__ import annotations

import json

from disclosure.mail import envelope
from disclosure.mail.inbound import read
from disclosure.openpgp.child import serve


def answer(request: bytes) -> bytes:
    begin = 4 + int.from_bytes(request[:4], "big")
    return envelope.packed(read(request[begin:], **json.loads(request[4:begin])))


if __name__ == "__main__":
    serve(answer)
