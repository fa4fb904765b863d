"""What an operator may set: instance/settings.toml, then the environment. Half a configuration is refused by name.

With no setting at all the server runs in *trial mode*: an invented operator, mail kept in a local mailbox. A relay
ends trial mode, and then a public URL and a legal identity are compulsory (R19).
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from disclosure.protocol.errors import InvalidInput, NotConfigured
from disclosure.protocol.values import Address, Domain, Operator
from disclosure.settings_table import PREFIX, SETTINGS, Carrier, Endpoint, LogFormat, Network, Security, is_this_machine

FILE = "settings.toml"
DATABASE_URL = "DATABASE_URL"  # as platforms and other programs name it; DISCLOSURE_DATABASE_URL says the same
# Read by others than the server; every other DISCLOSURE_ name that is no setting is taken for a slip and refused.
NOT_SETTINGS = frozenset({"DISCLOSURE_INSTANCE", "DISCLOSURE_REQUIRE_PROGRAMS"})
# RFC 6409 and RFC 8314 for the first two; a relay on the same machine listens on 25.
_IMAP_PORTS = {Security.STARTTLS: 143, Security.TLS: 993, Security.NONE: 143}
_RELAY_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True)
class WebSize:
    workers: int
    threads: int


@dataclass(frozen=True)
class Metrics:
    """Where figures are served, on this machine alone; None: nowhere."""

    listen: Endpoint | None


@dataclass(frozen=True)
class Log:
    format: LogFormat


@dataclass(frozen=True)
class Relay:
    """The SMTP relay that every mail leaves through."""

    host: str
    port: int
    security: Security
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    @property
    def on_this_machine(self) -> bool:
        return is_this_machine(self.host)


@dataclass(frozen=True)
class MailIdentity:
    """``from_address`` stands in From; random tokens at ``domain`` in Message-ID, Reply-To and envelope (R23).

    ``dkim_selector``: of the key that the relay signs with; None: not known here, and only the doctor asks.
    ``authserv_id``: whose findings about incoming mail count; empty: nobody's.
    ``per_domain_per_minute``, ``per_address_per_day``: what goes to one place by machine (facts: mail 3.1, 3.2).
    """

    from_address: Address
    domain: Domain
    dkim_selector: str | None = None
    authserv_id: str = ""
    per_domain_per_minute: int = 60
    per_address_per_day: int = 20


@dataclass(frozen=True)
class Imap:
    """The mailbox that answers and bounces come to. ``folder`` is emptied into ``taken``."""

    host: str
    port: int
    security: Security
    username: str
    password: str = field(repr=False)
    folder: str
    taken: str
    ca_file: Path | None = None


@dataclass(frozen=True)
class Uploads:
    """Caps of one report's files; the request cap covers the whole form."""

    max_files: int
    max_file_bytes: int
    max_request_bytes: int


@dataclass(frozen=True)
class PolicyFiles:
    """An operator's own files, which win over the packaged ones; None: the packaged file."""

    rules: Path | None
    authorities: Path | None
    holidays: Path | None


@dataclass(frozen=True)
class Sessions:
    """How long a sign-in lasts: without a request (idle) and at all (longest)."""

    desk_idle: timedelta
    desk_longest: timedelta
    reporter_idle: timedelta
    organisation_idle: timedelta


@dataclass(frozen=True)
class DemoWorld:
    """Where the small world of the demo listens, on this machine only."""

    nameserver: Endpoint
    https: Endpoint
    ca_file: Path


@dataclass(frozen=True)
class Settings:
    """Everything that differs between two installations. Field names are the names in settings.toml."""

    instance: Path
    public_url: str  # without final slash
    trusted_hosts: tuple[str, ...]
    trusted_proxies: int
    database_url: str = field(repr=False)  # may hold a password
    carrier: Carrier
    listen: Endpoint
    web: WebSize
    metrics: Metrics
    log: Log
    relay: Relay | None
    mail: MailIdentity
    imap: Imap | None
    operator: Operator
    nameservers: tuple[Endpoint, ...]  # empty: those of the system
    nameservers_validate: bool
    own_networks: tuple[Network, ...]  # of the operator, never connected to by a look-up (SF-02)
    free_space_floor_bytes: int
    uploads: Uploads
    letters_budget: int
    policy: PolicyFiles
    sessions: Sessions
    demo: bool
    demo_world: DemoWorld | None

    @property
    def trial(self) -> bool:
        """No relay: nothing leaves this machine."""
        return self.relay is None

    @property
    def many_machines(self) -> bool:
        """PostgreSQL: any number of web and worker processes; with SQLite all of them are on this machine."""
        return self.database_url.startswith("postgresql")

    @property
    def woken(self) -> bool:
        """Workers are told of a case at its instant, and ask more seldom."""
        return self.carrier is Carrier.PROCRASTINATE


_BY_NAME = {setting.name: setting for setting in SETTINGS}
_BY_ENV = {setting.env: setting for setting in SETTINGS}


def instance_folder(environ: Mapping[str, str]) -> Path:
    """DISCLOSURE_INSTANCE, else ./instance; absolute, so that every process of one server means the same folder."""
    return Path(environ.get("DISCLOSURE_INSTANCE") or "instance").absolute()


def load(instance: Path, environ: Mapping[str, str]) -> Settings:
    """Settings of one installation; the environment wins over the file, an empty variable counts as not set.

    Raises :class:`InvalidInput` (setting → problem) for unknown names and values that cannot be taken, and
    :class:`NotConfigured` (names) for half a configuration.
    """
    given = _parse(_from_file(instance / FILE) | _from_environment(environ))
    _refuse_contradictions(given)
    missing = tuple(dict.fromkeys(_missing(given)))
    if missing:
        raise NotConfigured(*missing)
    return _build(instance.absolute(), given)


def _from_file(path: Path) -> dict[str, object]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput({FILE: f"not_toml: {error}"}) from None
    flat = dict(_flatten(content))
    _refuse_unknown(set(flat) - set(_BY_NAME))
    return flat


def _flatten(table: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{above}{key}.")
        else:
            yield above + key, value


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    ours = {name: text for name, text in environ.items() if name.startswith(PREFIX) and text}
    _refuse_unknown(set(ours) - set(_BY_ENV) - NOT_SETTINGS)
    found: dict[str, object] = {_BY_ENV[name].name: text for name, text in ours.items() if name in _BY_ENV}
    plain = environ.get(DATABASE_URL)
    # Which of two databases is meant would be a guess, and the wrong one would look like a fresh installation.
    if plain and found.setdefault("database_url", plain) != plain:
        raise InvalidInput({"database_url": "given_twice"})
    return found


def _refuse_unknown(names: set[str]) -> None:
    if names:
        raise InvalidInput(dict.fromkeys(names, "unknown_setting"))


def _parse(raw: Mapping[str, object]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, value in raw.items():
        try:
            given[name] = _BY_NAME[name].parse(value)
        except InvalidInput as error:
            problems[name] = next(iter(error.problems.values()))
        except (ValueError, AttributeError) as error:
            # The text of a secret must not come back in the message, so only our own codes do.
            problems[name] = str(error) if re.fullmatch(r"[a-z0-9_]+", str(error)) else "not_understood"
    if problems:
        raise InvalidInput(problems)
    return given


# R19: whom a mail comes from must be true, so nothing here may be guessed once mail really leaves.
_IDENTITY = ("legal_name", "register_number", "postal_address", "phone", "mail")
_OPERATOR = tuple(f"operator.{name}" for name in _IDENTITY)
_WORLD = ("demo_world.nameserver", "demo_world.https", "demo_world.ca_file")


def _missing(given: Mapping[str, Any]) -> Iterator[str]:
    """Names that what is given calls for."""
    needed: list[str] = []
    if any(name.startswith("relay.") for name in given):
        needed += ["relay.host"]
        if not given.get("demo"):
            needed += ["public_url", "mail.from_address", *_OPERATOR]
    if any(name.startswith("operator.") for name in given):
        needed += _OPERATOR
    if "relay.username" in given or "relay.password" in given:
        needed += ["relay.username", "relay.password"]
    if any(name.startswith("imap.") for name in given):
        needed += ["imap.host", "imap.username", "imap.password"]
    if any(name in given for name in _WORLD):
        needed += _WORLD
    return (name for name in needed if name not in given)


def _refuse_contradictions(given: Mapping[str, Any]) -> None:
    problems: dict[str, str] = {}
    relay_is_elsewhere = "relay.host" in given and not is_this_machine(given["relay.host"])
    if relay_is_elsewhere and given.get("relay.security") is Security.NONE:
        problems["relay.security"] = "clear_text_only_on_this_machine"
    mailbox_is_elsewhere = "imap.host" in given and not is_this_machine(given["imap.host"])
    if mailbox_is_elsewhere and given.get("imap.security") is Security.NONE:
        problems["imap.security"] = "clear_text_only_on_this_machine"
    # KD-04: the flag of a resolver elsewhere says what anybody on the way wants it to say.
    servers = given.get("nameservers", ())
    if given.get("nameservers_validate") and not (servers and all(is_this_machine(one.address) for one in servers)):
        problems["nameservers_validate"] = "only_with_nameservers_on_this_machine"
    on_server = str(given.get("database_url", "")).startswith("postgresql")
    if given.get("carrier") is Carrier.PROCRASTINATE and not on_server:
        problems["carrier"] = "procrastinate_only_with_postgresql"
    if given.get("demo"):
        if relay_is_elsewhere:
            problems["relay.host"] = "demo_mail_stays_on_this_machine"
    else:
        problems |= {name: "only_in_demo_mode" for name in _WORLD if name in given}
    if problems:
        raise InvalidInput(problems)


# Nobody: names that say so, reserved domains (RFC 2606), and numbers that the French plan sets aside for fiction.
INVENTED_OPERATOR = Operator(
    legal_name="Coordination Exemple (organisme fictif, mode essai)",
    register_number="W000000000 (fictif)",
    postal_address="1 rue de l'Exemple, 00000 Villefictive",
    phone="+33 1 99 00 00 00 (fictif)",
    mail=Address.parse("contact@coordination.example"),
)
INVENTED_SENDER = Address.parse("alertes@coordination.example")


def _build(instance: Path, given: dict[str, Any]) -> Settings:
    defaults = {row.name: row.parse(row.fallback) for row in SETTINGS if row.fallback is not None}
    value = defaults | given
    public_url = value.get("public_url") or _where_it_listens(value["listen"])
    return Settings(
        instance=instance,
        public_url=public_url,
        trusted_hosts=value.get("trusted_hosts") or _hosts(public_url),
        trusted_proxies=value["trusted_proxies"],
        database_url=value.get("database_url") or f"sqlite:///{instance / 'disclosure.db'}",
        carrier=value["carrier"],
        listen=value["listen"],
        web=WebSize(value["web.workers"], value["web.threads"]),
        metrics=Metrics(value.get("metrics.listen")),
        log=Log(value["log.format"]),
        relay=_relay(instance, value),
        mail=_mail(value),
        imap=_imap(instance, value),
        operator=_operator(value),
        nameservers=value.get("nameservers", ()),
        nameservers_validate=value["nameservers_validate"],
        own_networks=value.get("own_networks", ()),
        free_space_floor_bytes=value["free_space_floor_bytes"],
        uploads=Uploads(**_section(value, "uploads")),
        letters_budget=value["letters_budget"],
        policy=PolicyFiles(**{name: _own_file(instance, value, name) for name in ("rules", "authorities", "holidays")}),
        sessions=Sessions(**_section(value, "sessions")),
        demo=value["demo"],
        demo_world=_demo_world(instance, value),
    )


def _section(value: Mapping[str, Any], section: str) -> dict[str, Any]:
    start = f"{section}."
    return {name.removeprefix(start): item for name, item in value.items() if name.startswith(start)}


def _where_it_listens(listen: Endpoint) -> str:
    anywhere = ipaddress.ip_address(listen.address).is_unspecified
    return f"http://{Endpoint('127.0.0.1', listen.port) if anywhere else listen}"


def _hosts(public_url: str) -> tuple[str, ...]:
    host = urlsplit(public_url).hostname or ""
    return ("127.0.0.1", "localhost", "[::1]") if is_this_machine(host) else (host,)


def _relay(instance: Path, value: Mapping[str, Any]) -> Relay | None:
    if "relay.host" not in value:
        return None
    parts = _section(value, "relay")
    parts.setdefault("port", _RELAY_PORTS[parts["security"]])
    if "ca_file" in parts:
        parts["ca_file"] = _existing(instance, parts["ca_file"], "relay.ca_file")
    return Relay(**parts)


def _mail(value: Mapping[str, Any]) -> MailIdentity:
    sender: Address = value.get("mail.from_address", INVENTED_SENDER)
    return MailIdentity(
        sender,
        value.get("mail.domain", sender.domain),
        dkim_selector=value.get("mail.dkim_selector"),
        authserv_id=value.get("mail.authserv_id", ""),
        per_domain_per_minute=value["mail.per_domain_per_minute"],
        per_address_per_day=value["mail.per_address_per_day"],
    )


def _imap(instance: Path, value: Mapping[str, Any]) -> Imap | None:
    if "imap.host" not in value:
        return None
    parts = _section(value, "imap")
    parts.setdefault("port", _IMAP_PORTS[parts["security"]])
    if "ca_file" in parts:
        parts["ca_file"] = _existing(instance, parts["ca_file"], "imap.ca_file")
    return Imap(**parts)


def _operator(value: Mapping[str, Any]) -> Operator:
    return Operator(**_section(value, "operator")) if _OPERATOR[0] in value else INVENTED_OPERATOR


def _own_file(instance: Path, value: Mapping[str, Any], name: str) -> Path | None:
    own = {"rules": "policy.toml"}.get(name, f"{name}.toml")
    if f"policy.{name}" in value:
        return _existing(instance, value[f"policy.{name}"], f"policy.{name}")
    return instance / own if (instance / own).is_file() else None


def _existing(instance: Path, path: Path, name: str) -> Path:
    """A named file, relative to the instance folder; a slip in the name must not fall back to something else."""
    if not (instance / path).is_file():
        raise InvalidInput({name: "no_such_file"})
    return instance / path


def _demo_world(instance: Path, value: Mapping[str, Any]) -> DemoWorld | None:
    if _WORLD[0] not in value:
        return None
    parts = _section(value, "demo_world")
    return DemoWorld(**parts | {"ca_file": _existing(instance, parts["ca_file"], "demo_world.ca_file")})
