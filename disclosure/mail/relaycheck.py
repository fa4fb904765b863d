"""Whether the relay can be used, without sending a mail: connect, TLS verified, sign in, goodbye."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from disclosure.mail import relay as mail_relay
from disclosure.mail.relay import RelaySettings


@dataclass(frozen=True)
class RelaySeen:
    """``problem``: a code as of a delivery, empty when it can be used; ``expires_at``: of its certificate, UTC."""

    problem: str = ""
    said: str = ""
    tls: str = ""
    peer: str = ""
    expires_at: datetime | None = None


def look(relay: RelaySettings, *, name: str) -> RelaySeen:
    """``name``: what EHLO says. Never raises for what a relay or a network does; ends with ``relay.total``."""
    try:
        with mail_relay.connected(relay, name) as client:
            ends = None
            if isinstance(client.sock, ssl.SSLSocket):
                shown = client.sock.getpeercert() or {}
                ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
            return RelaySeen(tls=mail_relay.tls_of(client), peer=mail_relay.peer_of(client), expires_at=ends)
    except smtplib.SMTPAuthenticationError as error:
        return RelaySeen("relay_sign_in_refused", str(error.smtp_code))
    except smtplib.SMTPResponseException as error:
        return RelaySeen("relay_refused_us", f"{error.smtp_code} {mail_relay.printable(str(error.smtp_error))}")
    except (OSError, smtplib.SMTPException) as error:
        return RelaySeen(mail_relay.word_of(error), mail_relay.printable(str(error)))
