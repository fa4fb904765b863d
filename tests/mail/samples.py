"""One mail of each type, with every value a test looks for invented and easy to find."""

from __future__ import annotations

from datetime import UTC, date, datetime

from disclosure.casework.dossiers import basis_word
from disclosure.casework.notices import Basis
from disclosure.casework.words import word
from disclosure.mail import compose
from disclosure.mail.compose import Door, Mail, Sender, StatedFact, Told
from disclosure.protocol.values import Address, AlertNumber, Language, Operator, Severity

AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
NUMBER = AlertNumber.parse("7K2QF-0M9TX")
SENDER = Sender(
    Operator(
        legal_name="Coordination Exemple",
        register_number="RNA W000000000",
        postal_address="1 rue inventée, 75000 Paris",
        phone="01 99 00 00 00",
        mail=Address.parse("contact@coordination.example"),
    ),
    "Camille Exemple",
    "https://coordination.example/check",
    "https://coordination.example/rules",
    "3F1A 22B0 91C4 7D55 0E6B 8A12 C9D3 44F7 1B08 E2A6",
)
DOOR = Door("https://coordination.example/a/" + "x" * 96, "4M7TC-9QWXZ")
COMMON = {"sender": SENDER, "number": NUMBER}
SAMPLES: dict[str, Mail] = {
    "contact_request": compose.ContactRequest(**COMMON, domain="officines.example", door=DOOR, hoped_by=AT),
    "reminder": compose.Reminder(**COMMON, domain="officines.example", door=DOOR, first_written_at=AT),
    "person_reminder": compose.PersonReminder(**COMMON, door=DOOR, acknowledged=False),
    "person_reminder_action": compose.PersonReminder(**COMMON, door=DOOR, acknowledged=True),
    "forward_request": compose.ForwardRequest(**COMMON, domain="officines.example"),
    "second_code": compose.SecondCode(**COMMON, code="8H3NR-2VBKD", hours=24),
    "notice_ready": compose.NoticeReady(**COMMON, door=DOOR),
    "notice": compose.Notice(
        **COMMON,
        alert_on=date(2026, 11, 24),
        severity_words={language: word(Severity.CRITICAL, language) for language in Language},
        personal_data=True,
        presentation="Le fichier des clients du programme de fidélité est proposé à la vente sur un canal public.",
        technical="Un échantillon montre des adresses de courriel et des numéros de téléphone.",
        facts={
            language: (
                StatedFact(basis_word(Basis.REPORTED, None, language), "Environ 150 000 personnes."),
                StatedFact(basis_word(Basis.PUBLIC, date(2026, 11, 23), language), "Une annonce de vente."),
            )
            for language in Language
        },
        advice="Changez les secrets exposés et conservez les journaux.",
        told=(
            Told("Agence nationale de la sécurité des systèmes d'information (ANSSI), CERT-FR", AT),
            Told("CNIL", AT, done=True),
            Told("CERT Santé", None),
        ),
        door=DOOR,
    ),
    "answer_ready": compose.AnswerReady(**COMMON, door=DOOR),
    "answer": compose.AnswerGiven(
        **COMMON,
        door=DOOR,
        words="Les journaux du 23 novembre suffisent.\n\nConservez-les, et dites-nous quand l'accès est fermé.",
    ),
    "somebody_confirmed": compose.SomebodyConfirmed(**COMMON, door=DOOR, confirmed_at=AT),
    "somebody_confirmed_known": compose.SomebodyConfirmed(**COMMON, door=DOOR, confirmed_at=AT, known=True),
    "heads_up": compose.HeadsUp(
        **COMMON, domain="officines.example", authorities=("ANSSI, CERT-FR", "CNIL"), at=AT, door=DOOR
    ),
    "heads_up_at_once": compose.HeadsUp(
        **COMMON, domain="officines.example", authorities=("ANSSI, CERT-FR",), at=AT, door=DOOR, at_once=True
    ),
    "publication_heads_up": compose.PublicationHeadsUp(**COMMON, domain="officines.example", at=AT, door=DOOR),
    "retraction": compose.Retraction(**COMMON, domain="officines.example", published_on=date(2026, 11, 24)),
    "retraction_of_the_alert": compose.Retraction(**COMMON, domain="officines.example", published_on=None),
    "referral": compose.Referral(
        **COMMON,
        organisation="Officines du Littoral",
        authority="ANSSI, CERT-FR",
        first_written_at=AT,
        others_told=("CNIL",),
        dossier="DOSSIER\n\nChronologie.",
    ),
    "later_fact": compose.LaterFact(
        **COMMON,
        organisation="Officines du Littoral",
        authority="ANSSI, CERT-FR",
        fact=dict.fromkeys(Language, "accusé de réception"),
        at=AT,
    ),
    "thanks": compose.Thanks(**COMMON),
    "coordinators_called": compose.CoordinatorsCalled("https://coordination.example/desk/"),
    "reporter_code": compose.ReporterCode("7K2QF-0M9TX", 24),
    "reporter_news": compose.ReporterNews(),
}
