"""Postfix and Dovecot of Debian on loopback, each with a configuration of its own under a temporary folder.

Postfix is the operator's relay and, at once, the organisation's server: it takes mail for both domains and puts it into
mailboxes (Maildir). Dovecot shows one of them over IMAP with TLS, as a small team's provider does. Nothing is resolved
and nothing leaves: names are not looked up, and every address is one of the table or goes to a server of the test.
"""

from __future__ import annotations

import contextlib
import imaplib
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pwd import getpwnam

import pytest

from disclosure.demo.world_pages import Authority
from tests.conftest import REQUIRE, need

HOST = "localhost"
OWNER = "nobody"  # of the mailboxes: neither program delivers as root
PASSWORD = "of-the-test"  # noqa: S105 - of a mailbox that lives for a minute
PATIENCE = 20.0  # seconds until a program answers on a busy machine


@dataclass(frozen=True)
class Postfix:
    """``mailboxes``: where each address ends, without its plus part."""

    port: int
    mailboxes: Path

    def folder(self, address: str) -> Path:
        local, _, domain = address.partition("@")
        return self.mailboxes / domain / local

    def mail(self, address: str, *, at_least: int = 1) -> list[bytes]:
        """What the mailbox holds, oldest first, once there is so much of it."""
        new = self.folder(address) / "new"

        def held() -> list[Path]:
            return sorted(new.iterdir(), key=lambda file: file.stat().st_mtime_ns) if new.is_dir() else []

        wait_for(lambda: len(held()) >= at_least, f"{at_least} mails for {address}")
        return [file.read_bytes() for file in held()]

    def take(self, address: str, *, at_least: int = 1) -> list[bytes]:
        """The same, and the mailbox is empty afterwards."""
        mails = self.mail(address, at_least=at_least)
        for file in list((self.folder(address) / "new").iterdir()):
            file.unlink()
        return mails

    def send(self, message: bytes, *, sender: str, to: str) -> None:
        """As a mail program of the organisation hands it in."""
        with smtplib.SMTP("127.0.0.1", self.port) as client:
            client.sendmail(sender, [to], message)


def wait_for(done: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > ends:
            raise TimeoutError(what)
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def only_root() -> None:
    """Both programs change their user, which needs root; where all tests are required, that is a failure."""
    if os.geteuid() == 0:
        return
    if os.environ.get(REQUIRE) == "1":
        pytest.fail("Postfix and Dovecot are started by root")
    pytest.skip("Postfix and Dovecot are started by root")


@contextlib.contextmanager
def room() -> Iterator[Path]:
    """Not pytest's folder, which other users may not enter; short, for sockets have names of 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="mail"))
    folder.chmod(0o755)  # noqa: S103 - the programs' own users go through
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- Postfix ---


@contextlib.contextmanager
def postfix(
    folder: Path, authority: Authority, addresses: tuple[str, ...], sent_on: Mapping[str, int]
) -> Iterator[Postfix]:
    """``sent_on``: address → port on loopback of the server that takes it, or refuses."""
    need("postfix", package="postfix")
    only_root()
    port, owner = free_port(), getpwnam(OWNER)
    for name in ("q", "d", "c", "m"):
        (folder / name).mkdir()
    shutil.chown(folder / "d", "postfix")
    shutil.chown(folder / "m", OWNER)
    maps = "".join(f"{one} {one.partition('@')[2]}/{one.partition('@')[0]}/\n" for one in addresses)
    (folder / "c/mailboxes").write_text(maps + "".join(f"{one} none/\n" for one in sent_on))
    (folder / "c/transport").write_text("".join(f"{one} smtp:[127.0.0.1]:{to}\n" for one, to in sent_on.items()))
    pem = authority.issue(HOST)
    domains = " ".join(dict.fromkeys(one.partition("@")[2] for one in (*addresses, *sent_on)))
    (folder / "c/main.cf").write_text(
        f"""compatibility_level = 3.6
queue_directory = {folder}/q
data_directory = {folder}/d
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.coordination.example
mydestination =
mynetworks = 127.0.0.0/8
disable_dns_lookups = yes
smtp_dns_support_level = disabled
alias_maps =
alias_database =
local_recipient_maps =
recipient_delimiter = +
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {folder}/m
virtual_mailbox_maps = texthash:{folder}/c/mailboxes
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
transport_maps = texthash:{folder}/c/transport
smtpd_tls_security_level = may
smtpd_tls_chain_files = {pem}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions =
"""
    )
    services = (
        f"127.0.0.1:{port} inet n - n - - smtpd",
        *("cleanup unix n - n - 0 cleanup", "qmgr unix n - n 300 1 qmgr", "tlsmgr unix - - n 1000? 1 tlsmgr"),
        *("rewrite unix - - n - - trivial-rewrite", "proxymap unix - - n - - proxymap"),
        *(f"{name} unix - - n - 0 bounce" for name in ("bounce", "defer", "trace")),
        *("smtp unix - - n - - smtp", "error unix - - n - - error", "retry unix - - n - - error"),
        *("virtual unix - n n - - virtual", "anvil unix - - n - 1 anvil", "scache unix - - n - 1 scache"),
        *("postlog unix-dgram n - n - 1 postlogd", "pickup unix n - n 60 1 pickup", "verify unix - - n - 1 verify"),
    )
    (folder / "c/master.cf").write_text("\n".join(services) + "\n")
    command = ["postfix", "-c", str(folder / "c")]
    _run([*command, "start"], folder / "log")
    try:
        wait_for(lambda: _answers(port), f"Postfix: {_said(folder / 'log')}")
        yield Postfix(port, folder / "m")
    finally:
        subprocess.run([*command, "stop"], check=False, capture_output=True)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as held:
        return held.recv(3) == b"220"
    return False


def _run(command: list[str], log: Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}{_said(log)}")


def _said(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else "no log"


# --- Dovecot ---


@contextlib.contextmanager
def dovecot(folder: Path, authority: Authority, login: str, mailbox: Path) -> Iterator[int]:
    """IMAP over TLS to one mailbox; yields the port."""
    need("dovecot", package="dovecot-imapd")
    only_root()
    port, owner, pem = free_port(), getpwnam(OWNER), authority.issue(HOST)
    (folder / "dove").mkdir()
    (folder / "dove/users").write_text(f"{login}:{{PLAIN}}{PASSWORD}\n")
    file = folder / "dove/dovecot.conf"
    file.write_text(
        f"""base_dir = {folder}/dove/run
state_dir = {folder}/dove/state
log_path = {folder}/dove/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{pem}
ssl_key = <{pem}
disable_plaintext_auth = yes
first_valid_uid = 1
mail_location = maildir:{mailbox}
passdb {{
  driver = passwd-file
  args = {folder}/dove/users
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={mailbox}
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
"""
    )
    mailbox.mkdir(parents=True, exist_ok=True)
    shutil.chown(mailbox.parent, OWNER)
    shutil.chown(mailbox, OWNER)
    (folder / "dove/users").chmod(0o644)
    with (folder / "dove/out").open("wb") as out:
        process = subprocess.Popen(["dovecot", "-F", "-c", str(file)], stdout=out, stderr=out)  # noqa: S607
    try:
        wait_for(lambda: _greets(port, authority), f"Dovecot: {_said(folder / 'dove/log')}{_said(folder / 'dove/out')}")
        yield port
    finally:
        process.terminate()
        process.wait()


def _greets(port: int, authority: Authority) -> bool:
    context = ssl.create_default_context(cafile=authority.file)
    with contextlib.suppress(OSError, imaplib.IMAP4.error), imaplib.IMAP4_SSL(HOST, port, ssl_context=context):
        return True
    return False
