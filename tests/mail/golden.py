"""The whole text of every mail, as files: ``python -m tests.mail.golden`` writes them anew, on purpose and never else.

``golden/<mail type>.<language>.<variant>.txt``: subject, an empty line, body, both languages where there are two. The
variant is the alert's kind where a mail may depend on it, else what the mail depends on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from disclosure.casework.dossiers import basis_word
from disclosure.casework.notices import Basis
from disclosure.casework.words import word
from disclosure.mail import compose
from disclosure.mail.compose import Mail, StatedFact
from disclosure.protocol.values import AlertKind, Language, Severity
from tests.mail.samples import SAMPLES

FOLDER = Path(__file__).parent / "golden"
# What a coordinator might write in a case of each kind: invented, and only in mails that leave as ciphertext.
WRITTEN: dict[AlertKind, dict[str, Any]] = {
    AlertKind.VULNERABILITY: {
        "severity": Severity.NORMAL,
        "personal_data": False,
        "presentation": "Une page d'administration répond sans mot de passe.",
        "technical": "L'adresse /admin de votre site répond à toute personne qui la connaît.",
        "fact": "La page a été vue une fois.",
        "advice": "Fermez l'accès et changez les mots de passe d'administration.",
    },
    AlertKind.DATA_LEAK: {
        "severity": Severity.CRITICAL,
        "personal_data": True,
        "presentation": "Le fichier des clients du programme de fidélité est proposé à la vente.",
        "technical": "Un échantillon montre des adresses de courriel et des numéros de téléphone.",
        "fact": "Environ 150 000 personnes.",
        "advice": "Changez les secrets exposés et conservez les journaux.",
    },
    AlertKind.MALICIOUS_ACTIVITY: {
        "severity": Severity.HIGH,
        "personal_data": False,
        "presentation": "Un accès à votre réseau est proposé à la vente.",
        "technical": "L'annonce montre l'écran d'accueil de votre accès à distance.",
        "fact": "Une annonce de vente.",
        "advice": "Fermez les sessions ouvertes et imposez un second facteur.",
    },
}


def _notice(kind: AlertKind) -> Mail:
    said = WRITTEN[kind]
    base = SAMPLES["notice"]
    assert isinstance(base, compose.Notice)
    facts = {
        language: (
            StatedFact(basis_word(Basis.REPORTED, None, language), said["fact"]),
            StatedFact(basis_word(Basis.PUBLIC, date(2026, 11, 23), language), "Une annonce publique."),
            StatedFact(basis_word(Basis.ORGANISATION, None, language), "Le service est arrêté."),
        )
        for language in Language
    }
    return replace(
        base,
        severity_words={language: word(said["severity"], language) for language in Language},
        personal_data=said["personal_data"],
        presentation=said["presentation"],
        technical=said["technical"],
        advice=said["advice"],
        facts=facts,
    )


def _referral(kind: AlertKind) -> Mail:
    dossier = "\n".join(("DOSSIER", "", WRITTEN[kind]["presentation"], "", "- " + WRITTEN[kind]["fact"]))
    base = SAMPLES["referral"]
    assert isinstance(base, compose.Referral)
    return replace(base, dossier=dossier)


def _variants() -> Iterator[tuple[str, str, Mail]]:
    """(mail type, variant, mail): every sample, and what it turns into."""
    request = SAMPLES["contact_request"]
    reminder, notice, referral = SAMPLES["reminder"], SAMPLES["notice"], SAMPLES["referral"]
    assert isinstance(request, compose.ContactRequest)
    assert isinstance(reminder, compose.Reminder)
    assert isinstance(notice, compose.Notice)
    assert isinstance(referral, compose.Referral)
    yield "contact_request", "every_kind", request
    yield "contact_request", "announces", replace(request, announces=True)
    yield "contact_request", "encrypted", replace(request, encrypted=True)
    yield "contact_request", "encrypted_proves", replace(request, encrypted=True, proves=True)
    yield "reminder", "every_kind", reminder
    yield "reminder", "proves", replace(reminder, proves=True)
    yield "person_reminder", "not_acknowledged", SAMPLES["person_reminder"]
    yield "person_reminder", "acknowledged", SAMPLES["person_reminder_action"]
    for kind in AlertKind:
        yield "notice", str(kind), _notice(kind)
        yield "referral", str(kind), _referral(kind)
    yield "notice", "pictures", replace(notice, pictures=("0123456789abcdef" * 4, "fedcba9876543210" * 4))
    yield "notice", "nobody_told", replace(notice, told=(), facts={language: () for language in Language})
    yield "referral", "never_reached", replace(referral, first_written_at=None, others_told=())
    yield "heads_up", "on_lapse", SAMPLES["heads_up"]
    yield "heads_up", "at_once", SAMPLES["heads_up_at_once"]
    yield "somebody_confirmed", "contact", SAMPLES["somebody_confirmed"]
    yield "somebody_confirmed", "person", SAMPLES["somebody_confirmed_known"]
    yield "retraction", "publication", SAMPLES["retraction"]
    yield "retraction", "alert", SAMPLES["retraction_of_the_alert"]
    yield "later_fact", "with_reference", replace(SAMPLES["later_fact"], reference="SAI-26-0417")  # type: ignore[type-var]
    for name in SINGLE:
        yield name, "every_kind", SAMPLES[name]


SINGLE = (
    "forward_request",
    "second_code",
    "notice_ready",
    "answer_ready",
    "answer",
    "publication_heads_up",
    "later_fact",
    "thanks",
    "coordinators_called",
    "reporter_code",
    "reporter_news",
)


def texts() -> dict[str, str]:
    """File name → what stands in it."""
    found: dict[str, str] = {}
    for mail_type, variant, mail in _variants():
        for language in Language:
            text = compose.compose(mail, language)
            found[f"{mail_type}.{language}.{variant}.txt"] = f"{text.subject}\n\n{text.body}"
    return found


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        path.unlink()
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
    print(f"{len(texts())} files written; read what `git diff tests/mail/golden` shows before it is kept")
