"""At the desk: an intermediary is asked, a publication is announced, an answer is read; each by forms alone."""

from __future__ import annotations

from disclosure.demo import stage
from tests.web.house import House
from tests.web.walk import DOMAIN, OWN, do, walked

ABUSE = "abus@hebergeur-canari.example"
WRITTEN, ACKNOWLEDGED = 3, 6  # steps of the walk


def test_an_intermediary_is_asked_when_nobody_can_be_reached(house: House) -> None:
    alert = walked(house, WRITTEN)
    do(alert, "contact", channel="mail", address=ABUSE, name="Abus", source="RDAP", intermediary="yes")
    desk = alert.desk.open(alert.case)
    assert not [link for link in desk.page.links if "/forward/" in link.href], "not before the own contacts failed"
    do(alert, "unreachable")
    desk.open(alert.case)
    forward = next(link.href for link in desk.page.links if "/forward/" in link.href)
    desk.open(forward)
    assert "Nous avons reçu une alerte" in desk.page.words, "shown before it leaves"
    desk.send(forward)
    assert desk.status == 200, desk.page.words
    house.deliver()
    (mail,) = (one for one in house.mails() if one.to == ABUSE)
    assert DOMAIN in mail.text
    assert "/a/" not in mail.text


def test_a_publication_is_announced_recorded_and_retracted(house: House) -> None:
    alert = walked(house, ACKNOWLEDGED)
    desk = alert.desk.open(f"{alert.case}/publication")
    assert "the embargo is running" in desk.page.words
    assert not [form for form in desk.page.forms if form.method == "post" and "publication" in form.action]
    alert.organisation.open("/case").send("/case/remediation", words="done")
    desk.open(f"{alert.case}/publication?days=2")
    assert "publication annoncée" in desk.page.words
    desk.send("/publication")
    assert desk.status == 200, desk.page.words
    house.deliver()
    mail = next(one for one in house.mails() if one.to == OWN)
    assert "prévoyons de publier" in " ".join(mail.text.split())
    desk.open(f"{alert.case}/do/publish").send("/do/publish", text="A text.", number=alert.number)
    assert desk.status == 409, "not before the date"
    house.at(days=2, minutes=1)
    alert.desk = house.desk()
    do(alert, "publish", text="A text.", number=alert.number)
    do(alert, "retract", reason="A mistake.")
    house.deliver()
    mail = next(one for one in house.mails() if one.to == OWN)
    assert "retirons le texte" in " ".join(mail.text.split())


def test_an_answer_is_told_by_mail_and_read_on_the_page(house: House) -> None:
    alert = walked(house, ACKNOWLEDGED)
    do(alert, "answer", words="Réponse-canari au sujet des journaux.")
    house.deliver()
    mail = next(one for one in house.mails() if one.to == OWN)
    assert "Réponse-canari" not in mail.text
    again = stage.read_mail(mail.text)
    person = house.browser().open(f"/a/{again.token}").send(code=again.code)
    assert person.at == "/case"
    assert "Réponse-canari" in person.page.words
