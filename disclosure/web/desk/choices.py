"""What a form of the desk offers to choose from: things of this case, named as a coordinator knows them."""

from __future__ import annotations

from disclosure.casework.deskwords import CLOSINGS
from disclosure.casework.wholecase import WholeCase
from disclosure.language import translate
from disclosure.protocol.values import Language
from disclosure.web.desk.actforms import Options


def domains(case: WholeCase, language: Language) -> Options:
    return [(row.id, row.name) for row in case.domains]


def contacts(case: WholeCase, language: Language) -> Options:
    return [(row.id, f"{row.address} ({row.word})") for row in case.contacts.all if not row.off]


def persons(case: WholeCase, language: Language) -> Options:
    return [(row.id, f"{row.name}, {row.role} · {row.standing_words}") for row in case.persons]


def recipients(case: WholeCase, language: Language) -> Options:
    """Whoever was sent a link."""
    written = [(row.id, f"{row.address} ({row.word})") for row in case.contacts.all if row.written_to]
    return written + [
        (row.id, f"{row.name}, {row.role} · {row.own_address}") for row in case.persons if row.own_address
    ]


def tasks(case: WholeCase, language: Language) -> Options:
    return [(row.id, " · ".join(filter(None, (row.kind, row.target, row.rung)))) for row in case.tasks]


def authorities(case: WholeCase, language: Language) -> Options:
    return [(row.id, row.name) for row in case.referred]


def policies(case: WholeCase, language: Language) -> Options:
    """The version in force, where the case runs under another one."""
    return [(case.policy.in_force, case.policy.in_force)] if case.policy.movable else []


def closings(case: WholeCase, language: Language) -> Options:
    return [(code, translate(language, words)) for code, words in CLOSINGS.items()]
