"""A relay on loopback that goes wrong where a test says: refuses, drops, hangs, drips, or shows a bad certificate.

World's relay (disclosure/demo/world_smtp.py) is the one that works; this one is scripted by the stage of the
conversation and keeps what it really had in hand, so that a test can say what left and what did not.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# What may go wrong where: these, "ehlo", and "text" (after the first byte of it, before the final dot).
USUAL = {
    "greeting": "220 relay.invalid ESMTP",
    "starttls": "220 2.0.0 go ahead",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 end with a dot",
    "dot": "250 2.0.0 Ok: queued as 5F3A",
    "rset": "250 2.0.0 Ok",
}
# RFC 3461, 4: what may stand in ORCPT and ENVID; "+" only before two hexadecimal digits, "=" never.
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")


@dataclass(frozen=True)
class Say:
    """Answer this instead; ``then_drop`` hangs up after it, as many relays do after a refusal."""

    text: str
    then_drop: bool = False


@dataclass(frozen=True)
class SayTwice:
    """One answer, and in a packet of its own another one that nobody asked for; ``said`` is set after it."""

    text: str
    late: str
    said: threading.Event


@dataclass(frozen=True)
class Drop:
    """Hang up; ``reset`` with an RST, as a crashed machine does."""

    reset: bool = False


class Hang:
    """Say nothing until the other side leaves."""


class Drip:
    """An answer that never ends, one byte after the other, each of them in time."""


Fault = Say | SayTwice | Drop | Hang | Drip


class _Gone(Exception):
    """The conversation is over."""


@dataclass
class Relay:
    """``faults``: stage → what goes wrong there; may be changed while it runs.

    ``kept``: (sender, recipient, bytes) of every mail whose final dot was read and that was not refused then.
    """

    tls: ssl.SSLContext | None = None
    offers: tuple[str, ...] = ("DSN", "ENHANCEDSTATUSCODES")
    implicit: bool = False
    faults: dict[str, Fault] = field(default_factory=dict)
    on_dot: Callable[[], None] = lambda: None
    on_greeting: Callable[[], None] = lambda: None
    kept: list[tuple[str, str, bytes]] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    port: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator[Relay]:
        threads: list[threading.Thread] = []
        with socket.create_server(("127.0.0.1", 0)) as house:
            self.port = house.getsockname()[1]
            house.settimeout(0.02)

            def serve() -> None:
                while not self._stop.is_set():
                    with contextlib.suppress(TimeoutError):
                        visitor, _ = house.accept()
                        thread = threading.Thread(target=self._receive, args=(visitor,))
                        thread.start()
                        threads.append(thread)

            door = threading.Thread(target=serve)
            door.start()
            try:
                yield self
            finally:
                self._stop.set()
                door.join()
                for thread in threads:
                    thread.join()

    def _receive(self, visitor: socket.socket) -> None:
        conversation = _Conversation(self, visitor)
        try:
            with contextlib.suppress(_Gone, OSError):
                if self.implicit:
                    conversation.encrypt()
                conversation.run()
        finally:
            conversation.sock.close()


class _Conversation:
    def __init__(self, relay: Relay, sock: socket.socket) -> None:
        self.relay, self.sock, self.unread = relay, sock, b""

    def run(self) -> None:
        self.relay.on_greeting()
        self.answer("greeting")
        sender = recipient = ""
        while True:
            line = self.line().decode("ascii").rstrip("\r\n")
            self.relay.commands.append(line)
            match line.split(" ")[0].upper():
                case "EHLO" | "HELO":
                    self.answer("ehlo", self.features())
                case "STARTTLS":
                    self.answer("starttls")
                    self.encrypt()
                case "MAIL":
                    sender = line
                    self.answer("mail", self.checked(line))
                case "RCPT":
                    recipient = line
                    self.answer("rcpt", self.checked(line))
                case "DATA":
                    self.answer("data")
                    if not isinstance(self.relay.faults.get("data"), Say):
                        self.text(sender, recipient)
                case "RSET":
                    self.answer("rset")
                case "QUIT":
                    raise _Gone
                case _:
                    self.say("502 5.5.2 not known here")

    def encrypt(self) -> None:
        assert self.relay.tls is not None
        self.sock = self.relay.tls.wrap_socket(self.sock, server_side=True)

    def features(self) -> str:
        offers = list(self.relay.offers)
        if self.relay.tls and not self.relay.implicit and not isinstance(self.sock, ssl.SSLSocket):
            offers.append("STARTTLS")
        names = ["relay.invalid", *offers]
        return "\r\n".join(f"250{' ' if name is names[-1] else '-'}{name}" for name in names)

    def checked(self, line: str) -> str:
        """As Postfix does: a parameter that is no xtext is a syntax error."""
        bad = [p for p in re.findall(r"(?:ORCPT=rfc822;|ENVID=)(\S*)", line) if not _XTEXT.fullmatch(p)]
        return "501 5.5.4 Bad parameter" if bad else "250 2.1.0 Ok"

    def text(self, sender: str, recipient: str) -> None:
        if "text" in self.relay.faults:
            self.sock.recv(1)  # the first byte of the text has come; the final dot has not
            self.answer("text")
        held = b""
        while (line := self.line()) != b".\r\n":
            held += line[1:] if line.startswith(b".") else line
        fault = self.relay.faults.get("dot")
        if not (isinstance(fault, Say) and fault.text[0] in "45"):
            self.relay.kept.append((_between(sender), _between(recipient), held))
        self.relay.on_dot()
        self.answer("dot")

    def answer(self, stage: str, usual: str = "") -> None:
        self.relay.stages.append(stage)
        match self.relay.faults.get(stage):
            case None:
                self.say(usual or USUAL[stage])
            case Say(text, then_drop):
                self.say(text)
                if then_drop:
                    raise _Gone
            case SayTwice(text, late, said):
                self.say(text)
                time.sleep(0.1)  # the first was read by then, and its mail counted
                self.say(late)
                said.set()
            case Drop(reset):
                if reset:
                    self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _Gone
            case Hang():
                self.wait()
            case Drip():
                self.drip()

    def say(self, text: str) -> None:
        self.sock.sendall(text.encode() + b"\r\n")

    def wait(self) -> None:
        """Until the other side leaves or the test is over."""
        self.sock.settimeout(0.02)
        while not self.relay._stop.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.sock.recv(65_536):
                    break
        raise _Gone

    def drip(self) -> None:
        while not self.relay._stop.wait(0.01):
            self.sock.sendall(b"2" if self.relay.stages.count("dripped") else b"250-")
            self.relay.stages.append("dripped")
        raise _Gone

    def line(self) -> bytes:
        while b"\r\n" not in self.unread:
            more = self.sock.recv(65_536)
            if not more:
                raise _Gone
            self.unread += more
        line, _, self.unread = self.unread.partition(b"\r\n")
        return line + b"\r\n"


def _between(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]


@contextlib.contextmanager
def full_house() -> Iterator[int]:
    """A port whose queue is full: connecting to it hangs, as to a machine behind a silent firewall."""
    with contextlib.ExitStack() as stack:
        house = stack.enter_context(socket.socket())
        house.bind(("127.0.0.1", 0))
        house.listen(0)
        for _ in range(3):
            visitor = stack.enter_context(socket.socket())
            visitor.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                visitor.connect(house.getsockname())
        yield house.getsockname()[1]


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
