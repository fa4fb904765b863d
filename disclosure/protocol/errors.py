"""The few errors of the product: raised with facts, translated once at the edge (web/errors.py, cli.py)."""

from __future__ import annotations

from collections.abc import Mapping


class DisclosureError(Exception):
    """Base of every error that a person may be shown."""


class InvalidInput(DisclosureError):
    """What somebody typed cannot be taken. Facts: field name → problem code (looked up per language when shown)."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {code}" for field, code in sorted(problems.items())))
        self.problems = dict(problems)


class IllegalMove(DisclosureError):
    """An event that the state of its stream does not allow (protocol/case.py, one table per axis)."""

    def __init__(self, axis: str, state: str, event: str) -> None:
        super().__init__(f"{event} is not possible while {axis} is {state}")
        self.axis, self.state, self.event = axis, state, event


class NotFound(DisclosureError):
    """No such thing, or not for the one who asks: outside nobody can tell which (R25)."""

    def __init__(self, what: str) -> None:
        super().__init__(f"no such {what}")
        self.what = what


class LinkRefused(NotFound):
    """A link that is unknown, expired, revoked or for another purpose: one answer for all of them (R25)."""

    def __init__(self) -> None:
        super().__init__("link")


class TooMany(DisclosureError):
    """A cap was reached; ``retry_after`` is in whole seconds."""

    def __init__(self, what: str, retry_after: int) -> None:
        super().__init__(f"too many: {what}")
        self.what, self.retry_after = what, retry_after


class Refused(DisclosureError):
    """A rule of the protocol forbids the act. Facts: the rule's number and a reason code."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"{rule}: {reason}")
        self.rule, self.reason = rule, reason


class Conflict(DisclosureError):
    """Somebody else changed the stream in between; nothing was stored. The person looks again and repeats."""


class CannotStore(DisclosureError):
    """The disk is full, read-only or broken. Nothing of what was being stored is there; reading may still work."""

    def __init__(self, why: str) -> None:
        super().__init__(f"nothing can be stored: {why}")
        self.why = why


class NotConfigured(DisclosureError):
    """The server may not start, or not do this, until ``settings`` (names) are given."""

    def __init__(self, *settings: str) -> None:
        super().__init__("missing settings: " + ", ".join(settings))
        self.settings = settings


class BrokenChain(DisclosureError):
    """A ledger stream does not verify. Facts: the stream, the sequence number and what is wrong there."""

    def __init__(self, stream: str, seq: int, fault: str) -> None:
        super().__init__(f"stream {stream}, event {seq}: {fault}")
        self.stream, self.seq, self.fault = stream, seq, fault
