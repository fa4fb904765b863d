"""What a person says or posts where no mail of ours goes: R19's contact request as a letter, in a form, on the phone.

As in the mail there is no field of the report, so that nothing of it can stand in what a porter opens or a switchboard
hears. Words are in templates/mail/{fr,en}/by_hand_*.txt.
"""

from __future__ import annotations

from dataclasses import dataclass

from disclosure.mail.compose import RULE, Sender, written
from disclosure.protocol.values import AlertNumber, Language

_BELOW = {Language.FR: "La même lettre en français", Language.EN: "The same letter in English"}


@dataclass(frozen=True)
class ContactByHand:
    """``announces``: as in the mail (R34); no authority is named."""

    sender: Sender
    number: AlertNumber
    domain: str
    announces: bool = False


def letter(words: ContactByHand, first: Language) -> str:
    """The organisation's language first, the other below, as in the mail."""
    other = Language.EN if first is Language.FR else Language.FR
    above, below = (_whole("by_hand_letter", words, language) for language in (first, other))
    return f"{above}\n{RULE}\n{_BELOW[other]}\n{RULE}\n\n{below}"


def form(words: ContactByHand, language: Language) -> str:
    """Short: fields of forms are small."""
    return _whole("by_hand_form", words, language, wrapped=False)


def call(words: ContactByHand, language: Language) -> str:
    """Read aloud, often from a phone."""
    return _whole("by_hand_call", words, language, wrapped=False)


def _whole(template: str, words: ContactByHand, language: Language, *, wrapped: bool = True) -> str:
    subject, body = written(template, words, language, wrapped=wrapped)
    return f"{subject}\n\n{body}"
