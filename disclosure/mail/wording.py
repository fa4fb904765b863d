"""What the words of a message say about who wrote it: subject and new text, not what is quoted (mail facts 3.3).

A machine taken for a person is the worst fault, a person taken for a machine the second worst. So one clear phrase
makes a machine, unless the same text does what only people do (hints.WORK); and whatever is mixed is unsure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from disclosure.mail import hints, phrases, robots
from disclosure.mail.bodytext import fold, new_text
from disclosure.mail.fields import sender, words
from disclosure.mail.mime import Header
from disclosure.mail.phrases import PROOFS, SUBJECTS
from disclosure.mail.received import MailClass

_MOST_READ = 4_096  # characters of new text: automatic answers are short, and say so early
_ANSWERED = re.compile(r"\s*((re|aw|rv|tr|fwd?|wg|sv|antw|ref|rif|res|回复|返信)\s?(\[\d+\])?\s?[::]|\[fwd:)")
_ORDER = (
    *(MailClass.MDN_DELETED, MailClass.MDN_DISPLAYED, MailClass.LIST_HOLD, MailClass.CHALLENGE, MailClass.QUARANTINE),
    *(MailClass.AUTO_REPLY, MailClass.TICKET_AUTO_ACK),
)
_NUMBER = re.compile(
    r"[\[(]?\b(ticket|case|request|incident|req|inc|demande|dossier|anfrage|vorgang|caso)?\s?(#|n°|nr\.?|id:?)\s?\w{0,6}[-:]?\d{3,}"
)
_REJECTED = (
    "to mailing list…rejected",
    "not allowed to post",
    "has been rejected by the moderator",
    "rejete par le moderateur",
    "n'etes pas autorise a",
)
_QUOTE_LENGTH = 20  # characters: empty lines and dashes are no quote
_LONG = 1_200  # characters of new text; ours: automatic answers of the corpus stay below


@dataclass(frozen=True)
class Wording:
    """What was read once, folded."""

    subject: str
    said: str
    signature: str
    header: Header
    quotes: bool

    @property
    def answers(self) -> bool:
        """A subject that begins with Re: or Fwd: repeats somebody else's words."""
        return bool(_ANSWERED.match(self.subject))


def read(header: Header, text: str) -> Wording:
    new, signature = new_text(text)
    subject = fold(words(header.get("subject")))
    subject = re.sub(r"^\s*(\[(ext|external|externe|extern|spam)\]|\*+spam\*+)\s*", "", " ".join(subject.split()))
    return Wording(
        subject[:500], _flat(new), _flat(signature), header, len(new) + len(signature) + _QUOTE_LENGTH < len(text)
    )


def _flat(text: str) -> str:
    return " ".join(fold(text[:_MOST_READ]).split())


def kind(wording: Wording) -> tuple[MailClass, int, bool]:
    """(which automatic answer the words fit best; 0 not at all, 1 a hint, 2 and more a proof; whether it is clear)."""
    best, most = MailClass.HUMAN_REPLY, 0
    for one in _ORDER:
        # At its beginning: behind "Re:" and "Fwd:" a subject repeats somebody else's words.
        subject = 2 * phrases.begins(wording.subject, SUBJECTS.get(one, ()))
        score = subject + 2 * phrases.says(wording.said, PROOFS[one])
        if one in {MailClass.TICKET_AUTO_ACK, MailClass.LIST_HOLD}:
            score += phrases.says(wording.signature, PROOFS[one])
        if score > most:
            best, most = one, score
    if most:
        return best, most, True
    away, receipt = hints.absence(wording.said), hints.receipt(wording.said)
    best = MailClass.AUTO_REPLY if away >= min(receipt, 2) else MailClass.TICKET_AUTO_ACK
    return best, min(max(away, receipt), 2), False


def suspicions(wording: Wording) -> int:
    """What in the form, beside the words, fits a machine: each alone proves nothing."""
    header = wording.header
    return sum(
        (
            robots.nobody_reads(sender(header.get("from"))[0]),
            "x-auto-response-suppress" in header.names,
            bool(_NUMBER.search(wording.subject)),
            robots.bulk(header),
        )
    )


def work(wording: Wording) -> int:
    """Signs of a person: something is done or asked."""
    asks = wording.said.count("?") + wording.said.count("?")
    return phrases.says(wording.said, hints.WORK) + (1 if asks else 0) + (1 if len(wording.said) > _LONG else 0)


def bounced(wording: Wording) -> bool:
    """A bounce in words, by a subject that begins with one."""
    return any(
        phrases.begins(wording.subject, SUBJECTS[one]) for one in (MailClass.BOUNCE_PERMANENT, MailClass.BOUNCE_DELAYED)
    )


def refused_by_list(wording: Wording) -> bool:
    return bool(phrases.says(wording.said + " " + wording.subject, _REJECTED))
