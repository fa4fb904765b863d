"""A signed parent zone with three children, and a real validating resolver that serves and checks them: unbound.

    parent.example          signed; its key is the resolver's only anchor
    good.parent.example     signed, with its DS in the parent
    plain.parent.example    not signed, and the parent proves it
    forged.parent.example   signed, one record changed afterwards
    expired.parent.example  signed long ago

Nothing leaves the machine: a root zone of our own says that there is no other name.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

from disclosure.discovery.dns import Resolver
from disclosure.discovery.evidence import Outcome
from tests.discovery.world import HERE, NOW, Place, free_port

PARENT = "parent.example"
CHILDREN = ("good", "plain", "forged", "expired")
DAY = timedelta(days=1)
HEAD = "@ 300 IN SOA ns . 1 3600 600 604800 300\n@ 300 IN NS ns\nns 300 IN A 127.0.0.1\n"


class Keys:
    """One key per zone: signing key and anchor at once."""

    def __init__(self, name: str) -> None:
        self.origin = dns.name.from_text(name)
        self.private = ec.generate_private_key(ec.SECP256R1())
        algorithm = dns.dnssectypes.Algorithm.ECDSAP256SHA256
        self.public = dns.dnssec.make_dnskey(self.private.public_key(), algorithm, flags=257)

    @property
    def ds(self) -> str:
        return dns.dnssec.make_ds(self.origin, self.public, "SHA256").to_text()

    def sign(self, text: str, *, since: datetime, until: datetime) -> str:
        zone = dns.zone.from_text(text, origin=self.origin, relativize=False)
        with zone.writer() as txn:
            keys = [(self.private, self.public)]
            dns.dnssec.sign_zone(zone, txn, keys=keys, dnskey_ttl=300, inception=since, expiration=until)  # type: ignore[arg-type]
        out = io.StringIO()
        zone.to_file(out, relativize=False)
        return out.getvalue()


def child_text() -> str:
    return HEAD + '_security 300 IN TXT "security_contact=mailto:security@PARENT"\n_25 300 IN TXT "a"\n'


def write_zones(folder: Path, now: datetime) -> str:
    """Zone files in ``folder``; returns the parent's DS in presentation form."""
    keys = {name: Keys(f"{name}.{PARENT}") for name in CHILDREN if name != "plain"}
    parent = Keys(PARENT)
    text = HEAD
    for name in CHILDREN:
        text += f"{name} 300 IN NS ns.{name}\nns.{name} 300 IN A 127.0.0.1\n"
        text += f"{name} 300 IN DS {keys[name].ds}\n" if name in keys else ""
    (folder / "root").write_text(f"$ORIGIN .\n{HEAD}{PARENT} 300 IN NS ns.{PARENT}\nns.{PARENT} 300 IN A 127.0.0.1\n")
    (folder / PARENT).write_text(parent.sign(text, since=now - DAY, until=now + DAY))
    for name in CHILDREN:
        plain = child_text().replace("PARENT", f"{name}.{PARENT}")
        since, until = (now - 9 * DAY, now - 8 * DAY) if name == "expired" else (now - DAY, now + DAY)
        zone = (
            keys[name].sign(plain, since=since, until=until) if name in keys else f"$ORIGIN {name}.{PARENT}.\n{plain}"
        )
        if name == "forged":
            zone = zone.replace("mailto:security@", "mailto:intruder@")
        (folder / f"{name}.{PARENT}").write_text(zone)
    return parent.ds


def configuration(folder: Path, port: int, ds: str) -> str:
    zones = {".": "root", PARENT: PARENT} | {f"{name}.{PARENT}": f"{name}.{PARENT}" for name in CHILDREN}
    served = "".join(
        f'auth-zone:\n  name: "{name}"\n  zonefile: "{folder / file}"\n  for-downstream: no\n  fallback-enabled: no\n'
        for name, file in zones.items()
    )
    return f"""
server:
  interface: {HERE}@{port}
  do-ip6: no
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  num-threads: 1
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: "{PARENT}. DS {ds}"
remote-control:
  control-enable: no
{served}"""


@contextlib.contextmanager
def unbound(program: str, folder: Path) -> Iterator[Place]:
    """A resolver that has answered once."""
    port = free_port()
    file = folder / "unbound.conf"
    file.write_text(configuration(folder, port, write_zones(folder, datetime.now(UTC))))
    with (folder / "log").open("wb") as log, subprocess.Popen([program, "-d", "-c", file], stderr=log) as process:
        try:
            place = Place(HERE, port)
            _wait(place, process, folder / "log")
            yield place
        finally:
            process.terminate()


def _wait(place: Place, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            break
        if Resolver([place]).lookup(f"plain.{PARENT}", "SOA", now=NOW, within=0.5).outcome is Outcome.FOUND:
            return
        time.sleep(0.05)
    raise RuntimeError(f"unbound does not answer: {log.read_text()}")
