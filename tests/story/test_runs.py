"""The press case, start to finish, with real mail, OpenPGP, DNS and HTTPS on loopback: runs A, B and C."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path

from sqlalchemy import text

from disclosure.casework import answering, casefile, coming, coordination, delivery, timeline, verification
from disclosure.casework.answering import Visit
from disclosure.casework.casefile import Hand
from disclosure.casework.sight import Sight
from disclosure.demo import stage
from disclosure.demo.certificates import make_certificate
from disclosure.demo.screenshot import screenshot
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import MailType, Rung, TaskKind
from disclosure.protocol.values import Audience, Channel, Language
from tests.office import T0
from tests.protocol.builders import H
from tests.story.conftest import Play, gpg

KEY = "pharmacies"
OWN = "d.exemple@officines-littoral.example"


def form_of(play: Play) -> dict[str, object]:
    """What the reporter types into the French form."""
    told = play.cast.reports[KEY]
    page = play.client().get("/report?lang=fr").get_data(as_text=True)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    return {
        "token": token.group(1),
        "kind": told.kind,
        "organisation": told.organisation,
        "domains": " ".join(told.domains),
        "country": told.country,
        "sector": told.sector,
        "description": told.description,
        "affected": told.affected,
        "where_seen": told.where_seen,
        "seen_when": told.seen_when,
        "on_sale": told.on_sale,
        "personal_data": told.personal_data,
        "personal_data_kinds": told.personal_data_kinds,
        "people_affected": told.people_affected,
        "severity_seen": told.severity_seen,
        "how_obtained": told.how_obtained,
        "understood": "yes",
    }


def reported(play: Play) -> str:
    """Step 1, through the form, with one redacted picture; returns the codename."""
    import io  # noqa: PLC0415

    sent = form_of(play) | {"pictures": (io.BytesIO(screenshot()), "capture.png")}
    page = play.client().post("/report?lang=fr", data=sent, content_type="multipart/form-data")
    assert page.status_code == 200
    words = re.findall(r"<span>([a-z]+)</span>", page.get_data(as_text=True))
    assert len(words) == 7, "a codename of seven words"
    return " ".join(words)


def opened(play: Play) -> tuple[Hand, str]:
    """Steps 1 to 4: reported, opened, tied, searched, first mail out. Returns the hand and the address written to."""
    codename = reported(play)
    report_id = stage.reporting.enter(play.cast.office, codename)
    hand = stage.open_case(play.cast, KEY, report_id, play.at(minutes=5))
    stage.look_for_contacts(play.cast, hand, KEY)
    return hand, stage.first_contact(play.cast, hand)


def signed_parts(data: bytes) -> tuple[bytes, bytes]:
    boundary = re.search(rb'boundary="([^"]+)"', data)
    assert boundary
    parts = data.split(b"--" + boundary.group(1))
    return parts[1].removeprefix(b"\r\n").removesuffix(b"\r\n"), parts[2].split(b"\r\n\r\n", 1)[1]


# --- the first mail ---


def test_the_first_mail_reveals_nothing_and_is_signed(play: Play, home: Path, tmp_path: Path) -> None:
    hand, address = opened(play)
    mail = play.cast.world.mail_to(address)[-1]
    assert address == "securite@officines-littoral.example", "found in security.txt, over real DNS and HTTPS"
    told = play.cast.reports[KEY]
    body = stage.body_of(mail.data)
    for words in (
        "Telegram",
        "150 000",
        "pharmacies",
        "mutuelle",
        "carte Vitale",
        "fidélité",
        "critique",
        "ANSSI",
        "CNIL",
    ):
        assert words not in body, "no field of the report, no severity, no authority"
    assert told.organisation not in body
    assert body.index("Bonjour") < body.index("Hello"), "French with English below"
    entity, signature = signed_parts(mail.data)
    (tmp_path / "s").write_bytes(signature)
    gpg(home, "--import", data=play.cast.office.service_certificate_path.read_bytes())
    (tmp_path / "e").write_bytes(entity)
    checked = gpg(home, "--status-fd", "1", "--verify", str(tmp_path / "s"), str(tmp_path / "e"))
    assert b"GOODSIG" in checked.stdout
    assert verification.verify(play.cast.office).ok
    assert hand.case_id


def test_no_word_of_the_report_is_anywhere_in_the_clear(play: Play) -> None:
    hand, _ = opened(play)
    told = play.cast.reports[KEY]
    files = [p for p in play.cast.office.settings.instance.rglob("*") if p.is_file()]
    for canary in (told.description[:40], told.organisation, "officines-littoral.example", "Telegram"):
        assert not any(canary.encode() in path.read_bytes() for path in files), canary
    assert hand.case_id


# --- run A: no certificate, read on the case page ---


def visit_of(play: Play, hand: Hand, person_id: str) -> Visit:
    return Visit(play.cast.office, hand.case_id, person_id, play.now)


def test_run_a_through_the_pages(play: Play) -> None:
    hand, address = opened(play)
    mail = stage.newest_mail(play.cast.world, address)
    client = play.client()
    before = casefile.look(play.cast.office, hand.case_id).case
    for _ in range(3):
        assert client.get(f"/a/{mail.token}").status_code == 200
    after = casefile.look(play.cast.office, hand.case_id).case
    assert after.persons == before.persons == {}, "a GET moves nothing"
    who = {"name": "Dominique Exemple", "role": "Déléguée à la protection des données"}
    wrong = client.post(f"/a/{mail.token}", data=who | {"code": "00000-00000"})
    assert wrong.status_code == 422
    assert "Dominique Exemple" in wrong.get_data(as_text=True), "what was typed is kept"
    assert client.post(f"/a/{mail.token}", data=who | {"code": mail.code}).status_code == 302
    assert client.post("/case/address", data={"address": "someone@gmail.com"}).status_code == 422
    assert client.post("/case/address", data={"address": "x@autre.example"}).status_code == 422
    assert client.post("/case/address", data={"address": OWN}).status_code == 302
    delivery.deliver(play.cast.office, play.at(seconds=2))
    code = stage.newest_mail(play.cast.world, OWN).code
    assert client.post("/case/code", data={"code": code}).status_code == 302
    person_id = next(iter(casefile.look(play.cast.office, hand.case_id).case.persons))
    assert "Telegram" not in client.get("/case").get_data(as_text=True), "nothing before the release"
    later = Hand(play.cast.office, hand.case_id, hand.coordinator_id, play.at(hours=1))
    stage.write_notice(play.cast, later, KEY)
    stage.release(play.cast, later, person_id)
    ready = stage.body_of(play.cast.world.mail_to(OWN)[-1].data)
    assert "Telegram" not in ready, "the mail says only that the notice waits"
    assert client.get("/case").status_code == 404, "the session ended; the link in the new mail opens another"
    back = stage.read_mail(ready)
    assert client.post(f"/a/{back.token}", data={"code": back.code}).status_code == 302
    assert client.post("/case/notice").status_code == 302
    page = client.get("/case").get_data(as_text=True)
    assert "Telegram" in page
    assert client.post("/case/acknowledgement", data={"words": "Bien lu."}).status_code == 302
    case = casefile.look(play.cast.office, hand.case_id).case
    assert case.state(Axis.ACKNOWLEDGEMENT) == "acknowledged"
    assert client.post("/case/acknowledgement", data={}).status_code == 302, "double is no error"
    assert verification.verify(play.cast.office).ok


# --- run B: encrypted to a certificate, decrypted by gpg ---


def test_run_b_gpg_decrypts_the_notice_and_verifies_it(play: Play, home: Path) -> None:
    hand, address = opened(play)
    secret, public = make_certificate(f"Dominique Exemple <{OWN}>", now=T0 - timedelta(days=1))
    visit = stage.confirm(play.cast, hand, address, "Dominique Exemple", "DPO", play.at(minutes=1))
    answering.hand_in_certificate(visit, public)
    stage.show_standing(play.cast, visit, OWN)
    later = Hand(play.cast.office, hand.case_id, hand.coordinator_id, play.at(hours=1))
    stage.write_notice(play.cast, later, KEY)
    stage.release(play.cast, later, visit.person_id)
    mail = play.cast.world.mail_to(OWN)[-1]
    assert b"Telegram" not in mail.data
    outer = message_from_bytes(mail.data, policy=policy.default)
    assert outer["Subject"] == "[...]"
    armoured = next(part for part in outer.iter_parts() if part.get_content_type() == "application/octet-stream")
    gpg(home, "--import", data=secret.encode())
    gpg(home, "--import", data=play.cast.office.service_certificate_path.read_bytes())
    opened_ = gpg(home, "--status-fd", "2", "--decrypt", data=armoured.get_content())
    assert b"GOODSIG" in opened_.stderr
    assert b"GOODMDC" in opened_.stderr
    inner = stage.body_of(opened_.stdout)
    assert "Telegram" in inner
    whole = message_from_bytes(opened_.stdout, policy=policy.default)
    assert whole["Subject"].startswith("Alerte")
    (picture,) = whole.iter_attachments()
    assert (picture.get_filename(), picture.get_content_type()) == ("image-1.png", "image/png")
    assert sha256(picture.get_content()).hexdigest() in inner, "the picture travels inside, and the text names its hash"


# --- run C: nobody answers ---


def tasks(play: Play, hand: Hand) -> dict[TaskKind, list[str]]:
    out: dict[TaskKind, list[str]] = {}
    for task in casefile.look(play.cast.office, hand.case_id).case.tasks.values():
        if task.open:
            out.setdefault(task.kind, []).append(task.id)
    return out


def do(play: Play, hand: Hand, kind: TaskKind) -> None:
    now = Hand(play.cast.office, hand.case_id, hand.coordinator_id, play.now)
    for task_id in tasks(play, hand).get(kind, []):
        coordination.task_done(now, task_id, "Standard, Mme X, 10 h 12 : transmis.", "", none_given=True)


def _the_referral_is_read_with_the_test_key(play: Play, home: Path) -> None:
    referral = play.cast.world.mail_to("cert-fr@ssi.gouv.fr")[-1]
    gpg(home, "--import", data=play.authority_secret.encode())
    outer = message_from_bytes(referral.data, policy=policy.default)
    armoured = next(part for part in outer.iter_parts() if part.get_content_type() == "application/octet-stream")
    inner = stage.body_of(gpg(home, "--decrypt", data=armoured.get_content()).stdout)
    assert "DOSSIER" in inner
    assert "http" not in inner, "authorities never get a link"


def test_run_c_nobody_answers_up_to_the_authorities(play: Play, home: Path) -> None:
    hand, _ = opened(play)
    office = play.cast.office
    start = casefile.look(office, hand.case_id).case.contact_started_at
    assert start is not None
    play.now = start
    play.tick()
    assert set(tasks(play, hand)) == {TaskKind.PHONE_CALL}
    play.now = start + 4 * H
    do(play, hand, TaskKind.PHONE_CALL)
    play.now = start + 24 * H - timedelta(seconds=1)
    play.tick()
    assert Rung.REMINDER not in casefile.look(office, hand.case_id).case.rungs, "never early"
    play.now = start + 24 * H
    play.tick()
    case = casefile.look(office, hand.case_id).case
    assert case.rungs[Rung.REMINDER].at == start + 24 * H
    assert TaskKind.LETTER in tasks(play, hand)
    do(play, hand, TaskKind.LETTER)
    play.now = start + 48 * H
    play.tick()
    case = casefile.look(office, hand.case_id).case
    assert {Rung.SECOND_CONTACT, Rung.HEADS_UP} <= set(case.rungs)
    heads_up = [
        m
        for m in play.cast.world.received
        if "Transmission" not in stage.body_of(m.data) and "pas avant" in stage.body_of(m.data)
    ]
    assert heads_up, "announced, with authority and date"
    assert "ANSSI" in stage.body_of(heads_up[0].data)
    assert "Telegram" not in stage.body_of(heads_up[0].data), "no detail"
    play.now = start + 72 * H
    play.tick()
    assert Rung.AUTHORITIES not in casefile.look(office, hand.case_id).case.rungs, "the undone call blocks (R37a)"
    assert any(mail.type is MailType.HEADS_UP for mail in case.mails.values())
    do(play, hand, TaskKind.PHONE_CALL)
    play.tick()
    case = casefile.look(office, hand.case_id).case
    assert case.rungs[Rung.AUTHORITIES].due_at == start + 72 * H
    assert case.referred["fr-anssi"].channel is Channel.MAIL
    assert case.referred["fr-cnil"].channel is Channel.POST
    assert TaskKind.REFERRAL in tasks(play, hand), "CNIL by post, a task with its dossier"
    _the_referral_is_read_with_the_test_key(play, home)
    # late, and welcome
    visit = stage.confirm(play.cast, hand, "securite@officines-littoral.example", "D. Exemple", "DPO", play.at(hours=5))
    stage.show_standing(play.cast, visit, OWN)
    later = Hand(office, hand.case_id, hand.coordinator_id, play.at(hours=1))
    stage.write_notice(play.cast, later, KEY)
    stage.release(play.cast, later, visit.person_id)
    answering.acknowledge(Visit(office, hand.case_id, visit.person_id, play.at(hours=1)))
    play.tick()
    assert len(play.cast.world.mail_to("cert-fr@ssi.gouv.fr")) == 2, "sent on to the authority"
    assert verification.verify(office).ok


def test_the_timeline_tells_it_all(play: Play) -> None:
    hand, _ = opened(play)
    office = play.cast.office
    with office.store.reading() as connection:
        file = casefile.load(office, connection, hand.case_id)
        sight = Sight(Audience.COORDINATOR, Language.FR, timeline.names(office, connection, file))
        rows = timeline.rows(office, connection, file, sight)
    sentences = [row.sentence for row in rows]
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)
    assert any("pris en charge par le relais" in s for s in sentences)
    relayed = next(row for row in rows if "pris en charge par le relais" in row.sentence)
    assert any("250" in detail.value for detail in relayed.details), "what the relay answered"
    next_steps = coming.steps(file, sight, play.now)
    assert [row.at for row in next_steps] == sorted(row.at for row in next_steps)
    assert coming.picture(file, sight, play.now).rungs


def test_a_changed_byte_is_found_and_named(play: Play) -> None:
    hand, _ = opened(play)
    office = play.cast.office
    assert verification.verify(office).ok
    with office.store.writing() as tx:
        query = "UPDATE events SET body = replace(body, 'relayed', 'RELAYED') WHERE stream_id = :id AND seq = 1"
        tx.execute(text(query), {"id": hand.case_id})
        tx.execute(text("UPDATE events SET body = body || ' ' WHERE stream_id = :id AND seq = 5"), {"id": hand.case_id})
    found = verification.verify(office)
    assert not found.ok
    assert "event 5" in found.fault
