"""R18, R19, R29 on the real thing: an Encryption field over HTTPS, mail over SMTP, and gpg at the other end."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

from disclosure.casework import accounts, answering, casefile, clockwork, verification
from disclosure.casework.casefile import Hand
from disclosure.demo import pharmacies, stage
from disclosure.demo.certificates import make_certificate
from disclosure.protocol.codes import Proof
from disclosure.protocol.values import Audience, Standing
from tests.story.conftest import Play, gpg

KEY, MAILBOX = "pharmacies", "securite@officines-littoral.example"


def read(home: Path, message: bytes) -> str:
    """As a mail program with gpg shows it: decrypted, the inner text part."""
    parts = message_from_bytes(message, policy=policy.default).walk()
    ciphertext = next(part for part in parts if part.get_content_type() == "application/octet-stream")
    return stage.body_of(gpg(home, "--decrypt", data=ciphertext.get_content()).stdout)


def test_from_the_encryption_field_to_the_encrypted_notice(play: Play, home: Path) -> None:
    cast, start = play.cast, play.cast.start
    secret, public = make_certificate(f"Sécurité <{MAILBOX}>", now=start - timedelta(days=100))
    gpg(home, "--import", data=secret.encode())
    pharmacies.build(cast.world, now=start + stage.AGO, certificate=public)
    hand = stage.open_case(cast, KEY, stage.report_in(cast, KEY, start), start)
    stage.look_for_contacts(cast, hand, KEY)
    assert stage.first_contact(cast, hand) == MAILBOX
    first = cast.world.mail_to(MAILBOX)[-1].data
    assert b"officines" not in first.partition(b"\r\n\r\n")[2], "nothing but ciphertext"
    mail = stage.read_mail(read(home, first))
    now = start + timedelta(hours=1)
    session = answering.confirm(cast.office, mail.token, mail.code, "Dominique Exemple", "RSSI", now)
    held = accounts.read_session(cast.office, Audience.ORGANISATION, session, now)
    assert held is not None
    person = casefile.look(cast.office, hand.case_id).case.persons[held.subject]
    assert (person.standing, person.proof) == (Standing.S2, Proof.PUBLISHED_CERTIFICATE)
    hand = Hand(cast.office, hand.case_id, cast.coordinator_id, now)
    stage.write_notice(cast, hand, KEY)
    stage.release(cast, hand, person.id)
    clockwork.tick(cast.office, now)
    notice = read(home, cast.world.mail_to(MAILBOX)[-1].data)
    assert stage.notice_of(cast, KEY, ()).technical.split(".")[0] in " ".join(notice.split())
    assert verification.verify(cast.office).ok
