"""The relay: whether mail can leave, and for how long its certificate lasts. Pure judging."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from disclosure.casework.checkup.findings import Finding, State
from disclosure.mail.relaycheck import RelaySeen

SOON, VERY_SOON = timedelta(days=21), timedelta(days=3)  # ours: automatic renewals come at 30 days
_DO = {
    "relay_sign_in_refused": "Correct relay.username and relay.password.",
    "relay_certificate_refused": "Have the relay show a certificate for relay.host, or set relay.ca_file.",
    "relay_offers_too_little": "Have the relay offer STARTTLS and sign-in, or correct relay.security and relay.port.",
    "relay_tls_failed": "Correct relay.security and relay.port: 587 is starttls, 465 is tls.",
}
_OTHERWISE = "Correct relay.host and relay.port, and see that no firewall is between."


def judge(seen: RelaySeen, host: str, now: datetime) -> Finding:
    ends = seen.expires_at
    facts: dict[str, Any] = {
        "host": host,
        "peer": seen.peer,
        "tls": seen.tls,
        "problem": seen.problem,
        "said": seen.said,
        "expires": ends.isoformat() if ends else None,
    }
    if seen.problem:
        return Finding(
            "relay",
            State.FAULT,
            f"The relay {host} cannot be used: {seen.problem}.",
            _DO.get(seen.problem, _OTHERWISE),
            facts,
        )
    if not seen.tls:
        return Finding("relay", State.OK, f"The relay {host} answers on this machine, without TLS.", "", facts)
    if ends and ends - now < SOON:
        state = State.FAULT if ends - now < VERY_SOON else State.WARNING
        return Finding(
            "relay",
            state,
            f"The certificate of the relay {host} expires on {ends:%Y-%m-%d}.",
            "Have it renewed: after that day no mail leaves.",
            facts,
        )
    return Finding(
        "relay", State.OK, f"The relay {host} answers with {seen.tls} and a verified certificate.", "", facts
    )
