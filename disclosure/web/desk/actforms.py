"""The shape of an act's form: what is asked, from which list, and what every judgement of a case asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from disclosure.casework.casefile import Hand
from disclosure.casework.wholecase import WholeCase
from disclosure.casework.words import word
from disclosure.language import N_
from disclosure.protocol.values import AlertKind, Answer, Language, Sector, Severity
from disclosure.web.desk.typed import Typed

Options = Sequence[tuple[str, str]]
Ask = Callable[[WholeCase, Language], Options]


@dataclass(frozen=True)
class Field:
    """``kind``: line, area, choice, radios, check, country, number. ``initial`` is read from the case as judged."""

    name: str
    label: str
    kind: str = "line"
    help: str = ""
    options: Ask | None = None


@dataclass(frozen=True)
class ActForm:
    """``lead`` says what follows from the act; ``harm``: the button is that of a destructive act."""

    title: str
    lead: str
    button: str
    done: str
    fields: tuple[Field, ...]
    do: Callable[[Hand, Typed], None]
    harm: bool = False
    anchor: str = ""


def codes(kind: type[StrEnum], *only: StrEnum) -> Ask:
    """Our own codes with their words."""
    return lambda case, language: code_options(only or tuple(kind), language)


def code_options(kind: Iterable[StrEnum], language: Language) -> Options:
    return [(str(code), word(code, language)) for code in kind]


JUDGED = (
    Field("kind", N_("Kind"), "choice", options=codes(AlertKind)),
    Field("severity", N_("Severity"), "radios", N_("Our own scale. It chooses the clock."), codes(Severity)),
    Field(
        "personal_data",
        N_("Personal data leaked"),
        "radios",
        N_("Yes adds the data-protection authority."),
        codes(Answer),
    ),
    Field("sector", N_("Sector"), "choice", options=codes(Sector)),
    Field(
        "country",
        N_("Country of the organisation"),
        "country",
        N_("Two letters. It decides on authorities and holidays."),
    ),
    Field(
        "host_compromised",
        N_("Host, DNS or mail may be in an intruder's hands"),
        "radios",
        N_("Unless no, what the host itself publishes goes to review."),
        codes(Answer),
    ),
)
