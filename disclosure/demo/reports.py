"""What reporters of the demonstration send, one report for each organisation: the words a person would type."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from disclosure.protocol.values import AlertKind, Answer, Language, Sector, Severity


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """The fields of R6, named as in events.ReportReceived. ``about`` is the key of the organisation (pharmacies.py)."""

    about: str
    kind: AlertKind
    severity_seen: Severity
    organisation: str
    domains: tuple[str, ...]
    country: str
    sector: Sector
    affected: str
    where_seen: str
    seen_when: str
    how_obtained: str
    description: str
    personal_data: Answer = Answer.NO
    personal_data_kinds: str = ""
    people_affected: str = ""
    on_sale: Answer = Answer.NO
    reporter_name: str = ""
    wishes_anonymity: bool = True
    consent_text: str = ""
    language: Language = Language.FR
    with_picture: bool = False  # whether screenshot() goes with it


def reports(*, now: datetime) -> tuple[DemoReport, ...]:
    """Six reports, that of the pharmacies first, each seen some days before ``now``."""
    return (_pharmacies(now), _town(now), _school(now), _manufacturer(now), _hoster(now), _association(now))


def _day(now: datetime, days: int, language: Language = Language.FR) -> str:
    return (now - timedelta(days=days)).strftime("%d/%m/%Y" if language is Language.FR else "%Y-%m-%d")


def _pharmacies(now: datetime) -> DemoReport:
    return DemoReport(
        about="pharmacies",
        kind=AlertKind.DATA_LEAK,
        severity_seen=Severity.HIGH,
        organisation="Groupement imaginaire des Officines du Littoral",
        domains=("officines-littoral.example",),
        country="FR",
        sector=Sector.HEALTH,
        affected="Le fichier des clients d'environ 150 pharmacies françaises du groupement.",
        where_seen="Telegram : un message de vente dans un canal ouvert à tous.",
        seen_when=f"{_day(now, 2)}, en fin de matinée",
        how_obtained=(
            "J'ai lu le message du vendeur dans le canal, sans lui écrire. "
            "Je n'ai rien téléchargé, rien acheté et rien transmis à personne."
        ),
        description=(
            "Un vendeur propose sur Telegram le fichier des clients d'un groupement d'environ 150 pharmacies "
            "françaises. Il annonce quelque 150 000 personnes, avec leurs adresses électroniques, leurs numéros de "
            "téléphone mobile et fixe et leurs adresses postales.\n\n"
            "Deux rubriques de sa liste s'appellent « mutuelle » et « carte Vitale ». Ce sont ses mots : je ne sais "
            "pas ce qu'elles contiennent, ni si elles sont remplies.\n\n"
            "Les intitulés des colonnes (points, magasin, date d'adhésion) font penser au programme de fidélité, "
            "probablement à l'origine des données. Je n'ai pas connaissance d'une tentative d'extorsion.\n\n"
            "La capture jointe est caviardée : le nom du vendeur et les lignes d'exemple sont masqués."
        ),
        personal_data=Answer.YES,
        personal_data_kinds=(
            "Adresses électroniques, téléphones mobiles et fixes, adresses postales ; "
            "rubriques que le vendeur nomme « mutuelle » et « carte Vitale »."
        ),
        people_affected="Environ 150 000, selon le vendeur.",
        on_sale=Answer.YES,
        with_picture=True,
    )


def _town(now: datetime) -> DemoReport:
    return DemoReport(
        about="town",
        kind=AlertKind.VULNERABILITY,
        severity_seen=Severity.NORMAL,
        organisation="Commune imaginaire de Ville-Exemple",
        domains=("ville-exemple.example",),
        country="FR",
        sector=Sector.PUBLIC,
        affected="Le formulaire de demande d'acte du site de la commune.",
        where_seen="Sur le site, après ma propre demande.",
        seen_when=_day(now, 5),
        how_obtained="J'ai suivi une seule fois le lien du courriel de confirmation de ma demande, puis fermé la page.",
        description=(
            "Le lien de confirmation que la commune m'a envoyé ouvre le récapitulatif de quelqu'un d'autre : nom, date "
            "de naissance et motif de la demande. Aucun mot de passe n'est demandé. Je n'ai pas essayé d'autres liens."
        ),
        personal_data=Answer.YES,
        personal_data_kinds="État civil et motif de la demande.",
        people_affected="Inconnu ; au moins une personne.",
    )


def _school(now: datetime) -> DemoReport:
    return DemoReport(
        about="school",
        kind=AlertKind.DATA_LEAK,
        severity_seen=Severity.HIGH,
        organisation="Lycée imaginaire des Trois-Moulins",
        domains=("lycee-trois-moulins.example",),
        country="FR",
        sector=Sector.EDUCATION_RESEARCH,
        affected="Un tableur d'inscription à la cantine.",
        where_seen="Dans les résultats d'un moteur de recherche, sous forme d'extrait.",
        seen_when=_day(now, 1),
        how_obtained="Je cherchais le menu de la cantine. J'ai lu l'extrait affiché et n'ai pas ouvert le fichier.",
        description=(
            "Un moteur de recherche montre l'extrait d'un tableur du lycée : des noms d'élèves, des classes et une "
            "colonne intitulée « allergies ». Le fichier semble rangé dans un dossier public du site."
        ),
        personal_data=Answer.YES,
        personal_data_kinds="Noms d'élèves mineurs, classes, allergies.",
        people_affected="Quelques centaines, sans doute.",
    )


def _manufacturer(now: datetime) -> DemoReport:
    return DemoReport(
        about="manufacturer",
        kind=AlertKind.VULNERABILITY,
        severity_seen=Severity.HIGH,
        organisation="Serrures Imaginaires SRL",
        domains=("serrures-imaginaires.example",),
        country="BE",
        sector=Sector.OTHER,
        affected="The connected door lock sold under the invented name Clefvive, with its current software.",
        where_seen="On the lock of my own front door.",
        seen_when=_day(now, 9, Language.EN),
        how_obtained="I own the lock. I used only its application, as the manual describes, on my own door.",
        description=(
            "A guest code that I withdraw in the application still opens the lock until the lock is restarted. "
            "I saw it three times on my own door, with codes that I had made myself. The application shows the "
            "code as withdrawn. I have told nobody else and looked at no other lock."
        ),
        reporter_name="A. Nonyme",
        wishes_anonymity=True,
        language=Language.EN,
    )


def _hoster(now: datetime) -> DemoReport:
    return DemoReport(
        about="hoster",
        kind=AlertKind.MALICIOUS_ACTIVITY,
        severity_seen=Severity.CRITICAL,
        organisation="Nuage Imaginaire SAS",
        domains=("nuage-imaginaire.example",),
        country="FR",
        sector=Sector.DIGITAL,
        affected="Un accès d'administration au panneau des clients.",
        where_seen="Une annonce sur un forum ouvert à tous.",
        seen_when=f"{_day(now, 0)}, ce matin",
        how_obtained="J'ai lu l'annonce, sans compte et sans répondre.",
        description=(
            "Une annonce met en vente un accès d'administrateur chez cet hébergeur et promet les machines de ses "
            "clients. Aucune preuve n'est montrée. Le prix et le contact sont dans l'annonce, je ne les recopie pas."
        ),
        personal_data=Answer.UNKNOWN,
        on_sale=Answer.YES,
    )


def _association(now: datetime) -> DemoReport:
    return DemoReport(
        about="association",
        kind=AlertKind.MALICIOUS_ACTIVITY,
        severity_seen=Severity.NORMAL,
        organisation="Association imaginaire Les Mains Ouvertes",
        domains=("mains-ouvertes.example",),
        country="FR",
        sector=Sector.SOCIAL,
        affected="La page de dons de l'association, imitée.",
        where_seen="Un message court reçu sur mon téléphone, avec un lien vers dons-mains-ouvertes.invalid.",
        seen_when=_day(now, 3),
        how_obtained="Le message m'a été envoyé. Je n'ai pas ouvert le lien.",
        description=(
            "Le message se fait passer pour l'association et demande un don par carte. Le nom de domaine ressemble au "
            "sien mais n'est pas le sien. D'autres adhérents l'ont reçu aussi."
        ),
    )
