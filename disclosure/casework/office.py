"""What casework works with: settings, policy, store and keys in one place, made once in create_app."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, inspect

from disclosure.casework import linkkeys, servicekeys
from disclosure.casework.linkkeys import LinkKeys
from disclosure.discovery.names import organisational_domain
from disclosure.policy import PolicyBook
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import NUMBER_BITS, Domain, spell
from disclosure.settings import Settings
from disclosure.store import engines, revision, rewrapping
from disclosure.store.keystores import KeyStore, PostgresqlKeys, SqliteKeys
from disclosure.store.sealing import HeadSigner, KeyLost, derived, keyed_hash, secret_file
from disclosure.store.transactions import Gate, Store, tune

if TYPE_CHECKING:
    from disclosure.store.carrier import Carrier


@dataclass(frozen=True)
class Secrets:
    """Keys for one use each, derived from the instance's secret; a rotation adds a link key and keeps the old ones.

    ``link_keys``: key id → key; the last one signs. With the instance's folder they are those of this moment.
    """

    link_keys: Mapping[str, bytes] = field(repr=False)
    code_key: bytes = field(repr=False)
    cookie_key: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: bytes, instance: Path | None = None) -> Secrets:
        first = derived(secret, "links/01")
        links = LinkKeys(first, instance / linkkeys.FILE) if instance else {linkkeys.FIRST: first}
        return cls(links, derived(secret, "codes"), derived(secret, "cookies"))

    def current_link_key(self) -> tuple[str, bytes]:
        return list(self.link_keys.items())[-1]

    def code_hash(self, kind: str, value: str) -> str:
        """What a row holds instead of a typed code, a link token, a session token or a codename."""
        return keyed_hash(self.code_key, kind, value)


@dataclass(frozen=True)
class Office:
    """Everything but the time, which every function is given."""

    settings: Settings
    policy: PolicyBook
    store: Store
    secrets: Secrets
    carrier: Carrier | None = None

    def prepare(self, now: datetime) -> None:
        """Make the tables, or bring them up to date; the parent does it before a web process starts."""
        if not revision.is_newest(self.store.engine):
            from disclosure.store import schema  # noqa: PLC0415 - loads Alembic, which web processes never do

            schema.upgrade(self.store.engine, self.store.gate, now)
        if self.carrier:
            self.carrier.prepare(self.store.engine)

    def rewrap(self) -> int:
        """Another key-encryption key; returns how many stream keys it wraps. Raises InUse while the service runs."""
        self.close()
        return rewrapping.rewrap(self.store.keyring, self.settings.instance)

    def close(self) -> None:
        """End every connection of this process; the next use opens new ones."""
        self.store.engine.dispose()
        self.store.keyring.close()

    def is_outdated(self) -> bool:
        """Whether a newer release has migrated the database meanwhile: this one must not write to it any more."""
        return not revision.is_known(self.store.engine)

    def is_prepared(self) -> bool:
        """Whether there are tables; without them there is nothing to read."""
        with self.store.reading() as connection:
            return inspect(connection).has_table("streams")

    @property
    def service_key_path(self) -> Path:
        """Of the key that signs, at this moment."""
        return servicekeys.secret_path(self.settings.instance)

    @property
    def service_certificate_path(self) -> Path:
        return servicekeys.certificate_path(self.settings.instance)

    @property
    def mailbox(self) -> Path:
        """Where mails go in trial mode, and where the desk shows them."""
        return self.settings.instance / "mailbox"


def open_office(settings: Settings, engine: Engine | None = None) -> Office:
    """Keys, policy and store of one installation; makes the keys on the first start, never later.

    Without an engine it has one of its own: commands and the worker need no pages, and start sooner without them.
    Raises KeyLost when stream keys exist that the key-encryption key here cannot open, or when this machine's secrets
    are not those of the others: new ones would hide the loss.
    """
    instance = settings.instance
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = _keystore(settings)
    secret, ledger_secret = secret_file(instance / "app.key"), secret_file(instance / "ledger.key")
    try:
        keyring = rewrapping.keyring(keys, instance)
        for name, held in (("app.key", secret), ("ledger.key", ledger_secret)):
            if not keys.agrees(name, derived(held, f"mark/{name}").hex()):
                raise KeyLost(name)
    except BaseException:
        keys.close()
        raise
    engine = engine or engines.make(settings.database_url)
    tune(engine)
    gate = Gate(instance / "write.lock" if engine.dialect.name == "sqlite" else None)
    store = Store(engine, keyring, HeadSigner(ledger_secret), derived(secret, "lookup"), gate)
    return Office(settings, PolicyBook.load(settings.policy), store, Secrets.of(secret, instance), _carrier(settings))


def _carrier(settings: Settings) -> Carrier | None:
    if not settings.woken:
        return None
    from disclosure.store.carrier import Carrier  # noqa: PLC0415 - an extra, and a second to load

    return Carrier(settings.database_url)


def _keystore(settings: Settings) -> KeyStore:
    """Raises KeyLost where there are stream keys, and not what opens them."""
    path, kek = settings.instance / "keys.db", settings.instance / "kek.key"
    on_server = PostgresqlKeys(engines.make_small(settings.database_url)) if settings.many_machines else None
    if not kek.exists() and (not on_server.is_empty() if on_server else path.exists()):
        if on_server:
            on_server.close()
        raise KeyLost("kek.key")
    return on_server or SqliteKeys(path)


def domain_tokens_of(office: Office, names: Iterable[str]) -> tuple[str, ...]:
    """Under what named domains are looked up: each name itself, and the organisational domain it lies in, so that
    ``shop.org.example`` and ``org.example`` are found to concern one organisation (R7)."""
    found: dict[str, None] = {}
    for name in names:
        found[office.store.token("domain", name)] = None
        with suppress(InvalidInput):
            found[office.store.token("domain", str(organisational_domain(Domain.parse(name))))] = None
    return tuple(found)


def new_id() -> str:
    return secrets.token_hex(16)


def new_code() -> str:
    """50 random bits as a person types them (R24, R25)."""
    return spell(secrets.randbits(NUMBER_BITS))


def same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
