"""One alert by forms alone, from the report to the acknowledgement: the way that every page of it is reached."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from PIL import Image, PngImagePlugin
from sqlalchemy import select

from disclosure.casework import filing, receiving, searching
from disclosure.casework.casefile import Hand, look, record
from disclosure.casework.certsearching import Seek
from disclosure.casework.office import new_id
from disclosure.casework.receiving import Kept
from disclosure.demo import stage
from disclosure.demo.certificates import make_certificate
from disclosure.discovery.candidates import Candidate, Confidence, Reason, Scope, Source
from disclosure.discovery.evidence import Certificate, DnsEvidence, Hop, Outcome, Probe, Purpose
from disclosure.discovery.finder import Findings
from disclosure.mail.inbound import FailedRecipient, MailClass
from disclosure.mail.received import quarantined
from disclosure.protocol import events as e
from disclosure.protocol.approvals import shown
from disclosure.protocol.codes import Act
from disclosure.protocol.values import Answer, Channel, Domain
from disclosure.store.tables import outbox
from tests.casework import desk as casedesk
from tests.discovery.registry import domain as registration
from tests.discovery.registry import entity
from tests.web.browser import Browser
from tests.web.house import House, Prepared

ORGANISATION = "Fabrique Canari-Raison-Sociale"
DOMAIN = "fabrique-canari.example"
SECURITY = f"securite@{DOMAIN}"
CONTACT = f"contact-canari@{DOMAIN}"
OWN = f"d.canari@{DOMAIN}"
PERSON = "Dominique Canari-Personne"

# What the reporter types, a word of its own in every field that takes words.
REPORT = {
    "kind": "data_leak",
    "organisation": "Canari-organisme",
    "domains": "canari-domaine.example",
    "country": "FR",
    "sector": "health",
    "description": "Canari-description : un fichier est en vente.",
    "affected": "Canari-touché",
    "where_seen": "Canari-lieu",
    "seen_when": "Canari-moment",
    "on_sale": "yes",
    "personal_data": "yes",
    "personal_data_kinds": "Canari-données",
    "people_affected": "Canari-nombre",
    "severity_seen": "critical",
    "how_obtained": "Canari-obtention",
    "reporter_name": "Canari-nom",
    "understood": "yes",
}
REPORTER_CANARIES = tuple(value.split(" :")[0] for value in REPORT.values() if "anari" in value)
# Beside the form: what a browser and a file tell without being asked.
USER_AGENT, FORWARDED, REFERER, EXIF = (
    "Canari-agent/1.0",
    "203.0.113.77",
    "https://canari-referer.example/",
    "Canari-exif",
)
HEADERS = {"User_Agent": USER_AGENT, "X_Forwarded_For": FORWARDED, "Referer": REFERER}
FILE_NAME = "canari-fichier.png"
MESSAGE = "Canari-message du déclarant"
ADDRESS = "canari-adresse@messagerie.example"
NOTICE = {"presentation": "Canari-présentation", "technical": "Canari-technique", "advice": "Canari-conseil"}


def picture() -> bytes:
    """A PNG that tells more than its pixels, in a text chunk and in EXIF."""
    image, told, exif = Image.new("RGB", (40, 30), "white"), PngImagePlugin.PngInfo(), Image.Exif()
    told.add_text("Comment", EXIF)
    exif[0x010E] = EXIF  # ImageDescription
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=told, exif=exif)
    assert EXIF.encode() in out.getvalue()
    return out.getvalue()


REPLY = "Canari-réponse : nous regardons."


@dataclass
class Alert:
    """Who went through it, with the page each one is on."""

    house: House
    reporter: Browser
    desk: Browser
    organisation: Browser
    codename: str = ""
    case: str = ""  # the path of its page at the desk
    number: str = ""
    link: str = ""  # the first mail's
    code: str = ""
    ready_link: str = ""  # of the mail that says: the notice waits
    ready_code: str = ""


def begun(house: House) -> Alert:
    return Alert(house, house.browser("fr", **HEADERS), house.desk(), house.browser())


def told(alert: Alert) -> Alert:
    """The report with a picture, the seven words, and the page of the report."""
    reporter = alert.reporter
    reporter.open("/report").send("/report", [(FILE_NAME, picture())], **REPORT)
    assert reporter.status == 200, reporter.page.words
    alert.codename = " ".join(re.findall(r"<span>([a-z]+)</span>", reporter.html))
    reporter.send("/report/kept", kept="yes")
    assert reporter.at == "/mine/report"
    reporter.send("/mine/message", text=MESSAGE)
    reporter.send("/mine/address", address=ADDRESS)
    return alert


def do(alert: Alert, act: str, **typed: str) -> None:
    alert.desk.open(f"{alert.case}/do/{act}").send(f"/do/{act}", **typed)
    assert alert.desk.status == 200, alert.desk.page.words


def accepted(alert: Alert) -> Alert:
    """Read and opened as a case, with domain and contacts by hand."""
    desk = alert.desk
    desk.open("/desk/reports")
    report = next(
        link.href for link in desk.page.links if "/desk/reports/" in link.href and "undecided" not in link.href
    )
    desk.open(report).send("/read")
    desk.open(f"{report}/accept").send("/accept", organisation=ORGANISATION, role="controller", host_compromised="no")
    alert.case = desk.at
    do(alert, "domain", domain=DOMAIN, reason="Canari-rattachement : mentions légales.")
    do(alert, "contact", channel="mail", address=CONTACT, name="DPO", source="Mentions légales")
    do(alert, "contact", channel="mail", address=f"presse@{DOMAIN}", name="Presse", source="Mentions légales")
    do(alert, "contact", channel="phone", address="+33 1 99 00 12 34", name="Standard", source="Mentions légales")
    looked_up(alert)
    desk.open(f"{alert.case}/order").send("/order")
    return alert


def looked_up(alert: Alert) -> None:
    """A search that finds one address and one question unanswered, as the network would have said it."""
    do(alert, "search", **{"domain": alert.desk.open(f"{alert.case}/do/search").form().controls["domain"].values[0]})
    alert.house.at(seconds=5)
    searching.search(alert.house.office, alert.house.now, found, certificates_of(SECURITY, alert.house.now))


def certificates_of(address: str, now: datetime) -> Seek:
    """One at its web key directory, another one at the key server."""
    _, published = make_certificate(f"Sécurité <{address}>", now=now - timedelta(days=30))
    _, older = make_certificate(f"Sécurité <{address}>", now=now - timedelta(days=60))
    finds = ((Purpose.WEB_KEY_DIRECTORY, published), (Purpose.KEYSERVER, older))
    return casedesk.certificates(*finds, only=address)


def found(domain: Domain, compromised: Answer, now: datetime) -> Findings:
    body = b"Contact: mailto:securite@fabrique-canari.example\n"
    certificate = Certificate(f"CN={domain}", "CN=Essai", "01", now + timedelta(days=90), "ab" * 32)
    url = f"https://{domain}/.well-known/security.txt"
    hop = Hop(url, ("192.0.2.1",), "192.0.2.1", "TLSv1.3", certificate, 200, "", "text/plain")
    read = Probe("p1", Purpose.SECURITY_TXT, domain, url, now, Outcome.FOUND, "ST-01", ("no_expire", "not_signed"))
    read = replace(read, hops=(hop,), body=body, body_length=len(body), body_sha256="cd" * 32)
    dns = DnsEvidence("192.0.2.53", False, 300, (), False)
    asked = Probe("p2", Purpose.MAIL_EXCHANGER, domain, f"{domain} MX", now, Outcome.UNKNOWN, "ML-02", dns=dns)
    candidate = Candidate(
        Channel.MAIL, f"securite@{domain}", Source.SECURITY_TXT, 1, Confidence.HIGH, Reason.PUBLISHED_BY_HOST,
        (), Scope.HOST, ("p1",), ("no_expire", "mx_unknown"),
    )  # fmt: skip
    registrar = entity("registrar", fn="Canari-bureau", inside=[entity("abuse", mail="abus@bureau-canari.example")])
    answer = registration(registrar, entity("registrant", cc="FR"), name=domain.name)
    registry = Probe("p3", Purpose.RDAP, domain, "https://rdap.example/", now, Outcome.FOUND, "RD-02", body=answer)
    return Findings(domain, now, compromised, Outcome.FOUND, (), (candidate,), (), (), (read, asked, registry))


def written_to(alert: Alert) -> Alert:
    """The first mail is out."""
    desk = alert.desk.open(alert.case)
    request = next(link.href for link in desk.page.links if "/request/" in link.href)
    desk.open(request).send(request)
    assert desk.status == 200, desk.page.words
    alert.house.deliver()
    mail = stage.read_mail(alert.house.mails()[0].text)
    alert.link, alert.code = f"/a/{mail.token}", mail.code
    found = re.search(r"[0-9A-Z]{5}-[0-9A-Z]{5}", alert.desk.open(alert.case).page.words)
    assert found
    alert.number = found.group()
    return alert


def confirmed(alert: Alert) -> Alert:
    """S1, then S2 at an own address."""
    person = alert.organisation.open(alert.link)
    person.send(name=PERSON, role="Déléguée", code=alert.code)
    assert person.at == "/case", person.page.words
    person.send("/case/address", address=OWN)
    alert.house.deliver()
    second = next(mail for mail in alert.house.mails() if mail.to == OWN)
    person.open("/case").send("/case/code", code=stage.read_mail(second.text).code)
    assert person.status == 200, person.page.words
    return alert


def released(alert: Alert) -> Alert:
    """The notice is written and released; the mail that says so has left."""
    desk = alert.desk.open(f"{alert.case}/notice")
    picture_id = desk.form("/notice").controls["pictures"].values[0]
    desk.send("/notice", **NOTICE, **{"fact-1": "Canari-fait", "basis-1": "reported", "pictures": picture_id})
    release = next(link.href for link in desk.open(alert.case).page.links if "/release/" in link.href)
    desk.open(release)
    asked = [control.name for control in desk.form(release).controls.values() if control.kind == "checkbox"]
    desk.send(release, **dict.fromkeys(asked, "yes"))
    assert desk.status == 200, desk.page.words
    alert.house.deliver()
    ready = stage.read_mail(next(mail for mail in alert.house.mails() if mail.to == OWN and "/a/" in mail.text).text)
    alert.ready_link, alert.ready_code = f"/a/{ready.token}", ready.code
    return alert


def acknowledged(alert: Alert) -> Alert:
    person = alert.organisation.open(alert.ready_link).send(code=alert.ready_code)
    assert person.at == "/case", person.page.words
    person.send("/case/notice")
    assert NOTICE["technical"] in person.page.words
    person.send("/case/acknowledgement", words="Canari-accusé")
    alert.house.deliver()
    mailed(alert)
    return alert


SUBJECT, SAID_BY_A_SERVER = "Votre message", "no such user"


def mailed(alert: Alert) -> None:
    """What comes back by mail: an answer, a bounce and a stranger's words that a person must look at, a broken one."""
    office = alert.house.office
    with office.store.reading() as connection:
        message_id = connection.scalars(
            select(outbox.c.message_id).where(outbox.c.case_id.is_not(None), outbox.c.state == "relayed")
        ).first()
    answer = casedesk.heard(MailClass.HUMAN_REPLY, references=(message_id,), text=REPLY, sender_address=CONTACT)
    gone = FailedRecipient(CONTACT, "failed", "5.1.1", SAID_BY_A_SERVER)
    bounce = casedesk.heard(MailClass.BOUNCE_PERMANENT, references=(message_id,), recipients=(gone,))
    stranger = casedesk.heard(MailClass.HUMAN_REPLY_UNMATCHED, sender_address="x@y.example")
    broken = quarantined("over_limit")
    for number, said in enumerate((answer, bounce, stranger, broken, casedesk.heard(MailClass.REPORT_DMARC))):
        head = f"From: {CONTACT}\r\nSubject: {SUBJECT}\r\nMessage-ID: <{number}@org.example>\r\n\r\n{REPLY}\r\n"
        receiving.receive(office, Kept(head.encode()), alert.house.now, source="pipe")
        filing.file_waiting(office, alert.house.now, lambda *_, said=said, **__: said)


STEPS = (told, accepted, written_to, confirmed, released, acknowledged)


@dataclass(frozen=True)
class Stage:
    """How far a walk came: a copy of the folder, the hour, what was learned, and the cookies of the three browsers."""

    folder: Path
    now: datetime
    learned: dict[str, str]
    cookies: tuple[dict[str, str], ...]


class Walker:
    """Walks once per test process, and keeps a copy of each stage."""

    def __init__(self, house: House) -> None:
        self.alert = begun(house)
        self.stages = [_kept(self.alert, 0)]

    def stage(self, steps: int) -> Stage:
        while len(self.stages) <= steps:
            STEPS[len(self.stages) - 1](self.alert)
            self.alert.house.at(minutes=1)
            self.stages.append(_kept(self.alert, len(self.stages)))
        return self.stages[steps]


_LEARNED = ("codename", "case", "number", "link", "code", "ready_link", "ready_code")
_COOKIES = ("form", "reporter", "coordinator", "organisation")


def _kept(alert: Alert, steps: int) -> Stage:
    house = alert.house
    house.close()  # what is not in the files yet goes there
    folder = house.folder.with_name(f"stage-{steps}")
    shutil.copytree(house.folder, folder)
    browsers = (alert.reporter, alert.desk, alert.organisation)
    cookies = tuple(
        {name: held.value for name in _COOKIES if (held := browser.client.get_cookie(name, domain="127.0.0.1"))}
        for browser in browsers
    )
    return Stage(folder, house.now, {name: getattr(alert, name) for name in _LEARNED}, cookies)


def walked(house: House, steps: int = len(STEPS)) -> Alert:
    """The story in this house, so many steps on; the browsers are signed in and on no page yet."""
    stage = _walker(house.prepared).stage(steps)
    house.restart(stage.folder, stage.now)
    alert = Alert(house, house.browser("fr", **HEADERS), house.browser(), house.browser(), **stage.learned)
    for browser, held in zip((alert.reporter, alert.desk, alert.organisation), stage.cookies, strict=True):
        for name, value in held.items():
            browser.client.set_cookie(name, value, domain="127.0.0.1")
    return alert


def proposed(alert: Alert) -> Alert:
    """A second voice is asked for, by another coordinator: that the notice goes out once more."""
    house, case_id = alert.house, alert.case.rsplit("/", 1)[1]
    casedesk.hire(house.office, casedesk.ADA)
    file = look(house.office, case_id)
    person = next(iter(file.case.persons))
    proposal = e.ApprovalProposed(
        approval_id=new_id(),
        act=Act.RELEASE,
        subject=person,
        expires_at=house.now + timedelta(days=2),
        state=shown(file.case, Act.RELEASE, person, file.rules),
    )
    record(Hand(house.office, case_id, casedesk.ADA, house.now), proposal)
    return alert


@cache
def _walker(prepared: Prepared) -> Walker:
    return Walker(House(prepared, prepared.folder.parent / "walk" / "instance"))
