"""The table of settings: what each is called, how its value is read, what it is without one, what it means.

README's table is this one (:func:`settings_table`); a setting that is not here does not exist.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from disclosure.protocol import values as words
from disclosure.protocol.values import Address, Domain

PREFIX = "DISCLOSURE_"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Security(StrEnum):
    """How the relay is spoken to. ``none`` only on this machine."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class LogFormat(StrEnum):
    """One line for programs (JSON) or for people (text) per record."""

    JSON = "json"
    TEXT = "text"


class Carrier(StrEnum):
    """What brings a worker to a case at its instant; the truth is in the rows either way."""

    TICKER = "ticker"
    PROCRASTINATE = "procrastinate"


@dataclass(frozen=True)
class Endpoint:
    """An IP address and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _text(raw: object) -> str:
    # A line break in an identity would become a header or a line of its own in a mail.
    if not isinstance(raw, str) or _CONTROL.search(raw) or not raw.strip():
        raise ValueError("not_one_line_of_text")
    return raw.strip()


def _secret(raw: object) -> str:
    if not isinstance(raw, str) or _CONTROL.search(raw) or not raw:
        raise ValueError("not_one_line_of_text")
    return raw


def _whole(low: int, high: int) -> Callable[[object], int]:
    def parse(raw: object) -> int:
        text = str(raw) if isinstance(raw, int | str) and not isinstance(raw, bool) else ""
        if not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f"not_a_number_from_{low}_to_{high}")
        return int(text)

    return parse


def _minutes(raw: object) -> timedelta:
    return timedelta(minutes=_whole(1, 7 * 24 * 60)(raw))


def _flag(raw: object) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    try:
        return known[str(raw).strip().lower()]
    except KeyError:
        raise ValueError("not_yes_or_no") from None


def _list(raw: object) -> tuple[str, ...]:
    items = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(items, list):
        raise ValueError("not_a_list")
    return tuple(_text(item) for item in items)


def _path(raw: object) -> Path:
    return Path(_text(raw))


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("not_an_ip_address") from None


def _endpoint(default_port: int) -> Callable[[object], Endpoint]:
    def parse(raw: object) -> Endpoint:
        bare, bracketed = _text(raw), re.fullmatch(r"\[(.+)\](?::(\d+))?", _text(raw), re.ASCII)
        if bracketed:
            bare, port = bracketed[1], bracketed[2]
        elif bare.count(":") == 1:
            bare, _, port = bare.partition(":")
        else:
            port = None
        return Endpoint(_ip(bare), default_port if port is None else _whole(1, 65535)(port))

    return parse


def _loopback(default_port: int) -> Callable[[object], Endpoint]:
    def parse(raw: object) -> Endpoint:
        where = _endpoint(default_port)(raw)
        if not is_this_machine(where.address):
            raise ValueError("only_on_this_machine")
        return where

    return parse


def _nameservers(raw: object) -> tuple[Endpoint, ...]:
    return tuple(_endpoint(53)(item) for item in _list(raw))


def _networks(raw: object) -> tuple[Network, ...]:
    return tuple(_network(item) for item in _list(raw))


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)  # strict: 192.0.2.7/24 may have meant one address, or all of them
    except ValueError:
        raise ValueError("not_an_ip_network") from None


def _host(raw: object) -> str:
    """A host name, possibly of one label (a relay inside a private network), or an IP address."""
    host = _text(raw).lower()
    if re.fullmatch(r"(?!-)[a-z0-9-]+(\.[a-z0-9-]+)*", host, re.ASCII) and not re.search(r"\.[0-9]+$", host):
        return host
    return _ip(host)


def _selector(raw: object) -> str:
    """RFC 6376, 3.1: labels, as in a host name; underscores are met too."""
    text = _text(raw).lower()
    if not re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", text, re.ASCII):
        raise ValueError("not_a_dkim_selector")
    return text


def is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _public_url(raw: object) -> str:
    parts = urlsplit(_text(raw))
    host = _host(parts.hostname or "")
    # Links in mails carry capabilities (R25): clear text only on this machine, or where the network itself encrypts.
    clear = parts.scheme == "http" and (is_this_machine(host) or host.endswith(".onion"))
    if parts.scheme != "https" and not clear:
        raise ValueError("not_an_https_address")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("not_the_root_of_a_host")
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


_TLS = frozenset({"require", "verify-ca", "verify-full"})


def _database(raw: object) -> str:
    """SQLAlchemy's URL. No words of the value come back in a refusal: it may hold a password."""
    url = _text(raw)
    if url.startswith("sqlite:"):
        if not re.fullmatch(r"sqlite:////[^?#]+", url):
            raise ValueError("not_sqlite_with_an_absolute_path")
        return url
    if not re.match(r"postgres(ql)?://", url):
        raise ValueError("not_a_database_url")
    return _postgresql(url)


def _postgresql(url: str) -> str:
    parts = urlsplit(url)
    if not re.fullmatch(r"/[^/]+", parts.path):
        raise ValueError("no_database_named")
    asked = dict(parse_qsl(parts.query))
    named = [parts.hostname or "", asked.get("host", ""), asked.get("hostaddr", "")]
    hosts = [host for names in named for host in names.split(",") if host]
    here = all(host.startswith("/") or is_this_machine(host) for host in hosts) and "service" not in asked
    # libpq by itself goes on in clear where the server offers no TLS.
    if not here and asked.get("sslmode") not in _TLS:
        raise ValueError("sslmode_needed_for_another_machine")
    if find_spec("psycopg") is None:
        raise ValueError("needs_the_extra_postgres")
    return "postgresql+psycopg://" + url.partition("://")[2]


def _carrier(raw: object) -> Carrier:
    carrier = Carrier(str(raw))
    if carrier is Carrier.PROCRASTINATE and find_spec("procrastinate") is None:
        raise ValueError("needs_the_extra_procrastinate")
    return carrier


@dataclass(frozen=True)
class Setting:
    """One row; ``relay.host`` is ``host`` under ``[relay]``.

    ``fallback`` is read like a given value; ``default`` are README's words where the fallback is worked out later.
    """

    name: str
    parse: Callable[[Any], Any]
    fallback: object
    meaning: str
    default: str = ""

    @property
    def env(self) -> str:
        return PREFIX + self.name.upper().replace(".", "_")

    @property
    def shown_default(self) -> str:
        return self.default or ("none" if self.fallback is None else f"`{self.fallback}`")


_MIB = 1024 * 1024
_TRIAL_ONLY = "an invented one in trial mode"
_count = _whole(0, 1_000_000)
_bytes = _whole(0, 10**15 - 1)

SETTINGS: tuple[Setting, ...] = (
    Setting("public_url", _public_url, None, "What mails link to. Compulsory with a relay.", "where it listens"),
    Setting("trusted_hosts", _list, None, "Host names that requests may name.", "the host of `public_url`"),
    Setting("trusted_proxies", _whole(0, 10), 0, "How many reverse proxies in front set X-Forwarded headers."),
    Setting(
        "database_url",
        _database,
        None,
        "`sqlite:////absolute/path`, or `postgresql://…` for many machines; `DATABASE_URL` is read too.",
        "`disclosure.db` in the instance folder",
    ),
    Setting(
        "carrier",
        _carrier,
        "ticker",
        "`ticker`: each worker asks every five seconds what is due; `procrastinate`: it is told (PostgreSQL only).",
    ),
    Setting("listen", _endpoint(5000), "127.0.0.1:5000", "IP address and port of the web server."),
    Setting("web.workers", _whole(1, 64), 2, "Web processes."),
    Setting("web.threads", _whole(1, 64), 4, "Threads of each web process."),
    Setting("metrics.listen", _loopback(9464), None, "Figures for Prometheus, as `127.0.0.1:9464`; this machine only."),
    Setting("log.format", LogFormat, "json", "`json`: one object per line; or `text`."),
    Setting("relay.host", _host, None, "SMTP relay. Without one: trial mode, and nothing leaves."),
    Setting("relay.port", _whole(1, 65535), None, "Port of the relay.", "587, 465 or 25, as `relay.security` says"),
    Setting("relay.security", Security, "starttls", "`starttls`, `tls`, or `none` for a relay on this machine."),
    Setting("relay.username", _text, None, "For relays that ask who we are; needs `relay.password`."),
    Setting("relay.password", _secret, None, "Never printed."),
    Setting("relay.ca_file", _path, None, "Certificate authorities that the relay is checked against.", "the system's"),
    Setting("mail.from_address", Address.parse, None, "Sender of every mail. Compulsory with a relay.", _TRIAL_ONLY),
    Setting("mail.domain", Domain.parse, None, "Domain whose mail comes back to us.", "that of `mail.from_address`"),
    Setting("mail.dkim_selector", _selector, None, "Selector of the relay's DKIM key, for `disclosure doctor`."),
    Setting("mail.authserv_id", _host, None, "What our own relay calls itself in Authentication-Results (RFC 8601)."),
    Setting("mail.per_domain_per_minute", _whole(1, 100_000), 60, "Mails to one domain; the others wait their turn."),
    Setting("mail.per_address_per_day", _whole(1, 1000), 20, "Mails of a case to one address; then a person decides."),
    Setting("imap.host", _host, None, "Mailbox that answers and bounces come to. Without one: `disclosure receive`."),
    Setting("imap.port", _whole(1, 65535), None, "Port of that server.", "993 or 143, as `imap.security` says"),
    Setting("imap.security", Security, "tls", "`tls`, `starttls`, or `none` for a server on this machine."),
    Setting("imap.username", _text, None, "Compulsory with `imap.host`."),
    Setting("imap.password", _secret, None, "Compulsory with `imap.host`. Never printed."),
    Setting("imap.ca_file", _path, None, "Certificate authorities that the server is checked against.", "the system's"),
    Setting("imap.folder", _text, "INBOX", "Everything in it is taken."),
    Setting("imap.taken", _text, "Taken", "Where what was taken is moved; made if it is not there."),
    Setting("operator.legal_name", _text, None, "Who runs this server, by law. Compulsory with a relay.", _TRIAL_ONLY),
    Setting("operator.register_number", _text, None, "Its register number. Compulsory with a relay.", _TRIAL_ONLY),
    Setting("operator.postal_address", _text, None, "On one line. Compulsory with a relay.", _TRIAL_ONLY),
    Setting("operator.phone", _text, None, "A telephone that a person answers. Compulsory with a relay.", _TRIAL_ONLY),
    Setting("operator.mail", Address.parse, None, "Where people write to us. Compulsory with a relay.", _TRIAL_ONLY),
    Setting("operator.country", words.country, "FR", "Two letters (ISO 3166-1)."),
    Setting("nameservers", _nameservers, None, "Resolvers asked about organisations, as addresses.", "the system's"),
    Setting("nameservers_validate", _flag, False, "They check DNSSEC; only for resolvers on this machine.", "`false`"),
    Setting("own_networks", _networks, None, "Ranges of ours that no look-up may connect to, as `192.0.2.0/24`."),
    Setting("free_space_floor_bytes", _bytes, 512 * _MIB, "Below it uploads are refused; text is still taken."),
    Setting("uploads.max_files", _whole(0, 50), 10, "Files of one report."),
    Setting("uploads.max_file_bytes", _bytes, 5 * _MIB, "Bytes of one file."),
    Setting("uploads.max_request_bytes", _bytes, 20 * _MIB, "Bytes of a whole form with its files."),
    Setting("letters_budget", _count, 0, "Letters we are ready to post per calendar month; 0: none asked for."),
    Setting("policy.rules", _path, None, "Own policy file.", "`policy.toml` in the instance folder if there is one"),
    Setting("policy.authorities", _path, None, "Own authorities file.", "`authorities.toml` there if there is one"),
    Setting("policy.holidays", _path, None, "Own holidays file.", "`holidays.toml` there if there is one"),
    Setting("sessions.desk_idle", _minutes, 30, "Minutes without a request after which a coordinator is signed out."),
    Setting("sessions.desk_longest", _minutes, 720, "Minutes after which a coordinator signs in again in any case."),
    Setting("sessions.reporter_idle", _minutes, 60, "Minutes without a request on the reporter's page."),
    Setting("sessions.organisation_idle", _minutes, 60, "Minutes without a request on the case page."),
    Setting("demo", _flag, False, "Demo mode: the local world below; a relay must be on this machine.", "`false`"),
    Setting("demo_world.nameserver", _endpoint(53), None, "The demo's own DNS server; only in demo mode."),
    Setting("demo_world.https", _endpoint(443), None, "The demo's own HTTPS server; only in demo mode."),
    Setting("demo_world.ca_file", _path, None, "The demo's own certificate authority; only in demo mode."),
)  # fmt: skip


def settings_table() -> str:
    """The table of README.md, in Markdown."""
    head = [
        "| `settings.toml` | environment | default | meaning |",
        "| --- | --- | --- | --- |",
        "| – | `DISCLOSURE_INSTANCE` | `./instance` | The folder with database, keys and `settings.toml`. |",
    ]
    rows = [f"| `{row.name}` | `{row.env}` | {row.shown_default} | {row.meaning} |" for row in SETTINGS]
    return "\n".join(head + rows) + "\n"
