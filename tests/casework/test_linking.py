"""Links and codes (R25): one purpose, case, recipient and expiry under the signature; the row holds hashes only."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, select, update

from disclosure.casework import accounts, answering, casefile, coordination, linking, queueing, revoking, verification
from disclosure.casework.office import Office, Secrets
from disclosure.protocol import events as e
from disclosure.protocol.codes import MailType
from disclosure.protocol.errors import InvalidInput, LinkRefused, Refused, TooMany
from disclosure.protocol.values import Audience, Purpose
from disclosure.store.tables import links
from tests.casework.desk import HOUR, OFFICE_MAIL, SECURITY, House
from tests.office import T0, everything

LATER = T0 + timedelta(days=30)
SECOND = timedelta(seconds=1)


@pytest.fixture
def case_id(house: House) -> str:
    return house.opened()


def made(office: Office, case_id: str, /, **values: object) -> linking.NewLink:
    """A stored link; ``values`` are written over its row."""
    link = linking.sign(office, Purpose.CONFIRM, case_id, "c1", mail_id="m1", expires_at=LATER)
    with office.store.writing() as tx:
        tx.execute(insert(links).values(**(link.row | values)))
    return link


def found(office: Office, token: str, now=T0) -> str:  # type: ignore[no-untyped-def]
    with office.store.reading() as connection:
        return str(linking.find(office, connection, token, now).id)


def refused(office: Office, token: str, now=T0) -> bool:  # type: ignore[no-untyped-def]
    with pytest.raises(LinkRefused):
        found(office, token, now)
    return True


def test_the_row_holds_neither_token_nor_code(house: House, case_id: str) -> None:
    link = made(house.office, case_id)
    assert found(house.office, link.token) == link.row["id"]
    stored = " ".join(str(value) for value in link.row.values())
    assert link.token not in stored
    assert link.code not in stored
    assert link.code.replace("-", "") not in stored
    assert link.code not in link.token, "the code stands in the mail's body, not in the link"
    database = everything(house.office)
    assert link.token.encode() not in database


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"purpose": Purpose.NOTICE}, "a link of one purpose is useless for another"),
        ({"recipient": "c2"}, "it is one recipient's"),
        ({"expires_at": LATER + SECOND}, "nobody prolongs it in the row"),
        ({"key_id": "02"}, "the key that signed is under the token"),
        ({"revoked_at": T0}, "revoked"),
        ({"expires_at": T0}, "expired, the very instant counts"),
    ],
)
def test_what_the_row_says_must_be_what_was_signed(
    house: House, case_id: str, values: dict[str, object], why: str
) -> None:
    assert refused(house.office, made(house.office, case_id, **values).token), why


def test_a_row_moved_to_another_case_opens_nothing(house: House, case_id: str) -> None:
    assert refused(house.office, made(house.office, case_id, case_id=house.opened()).token)


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda token: "", "nothing"),
        (lambda token: "01", "a key id and no more"),
        (lambda token: token[:-1], "cut"),
        (lambda token: token + "A", "longer"),
        (lambda token: "02" + token[2:], "another key's id"),
        (lambda token: token[:10] + ("A" if token[10] != "A" else "B") + token[11:], "one letter changed"),
        (lambda token: token.swapcase(), "case matters"),
        (lambda token: "é" * 40, "no ASCII"),
        (lambda token: "01" + "=" * 44, "padding only"),
        (lambda token: "x" * 10_000, "far too long"),
    ],
)
def test_a_forged_token_is_refused_like_any_other(house: House, case_id: str, forge, why: str) -> None:  # type: ignore[no-untyped-def]
    assert refused(house.office, forge(made(house.office, case_id).token)), why


def test_a_link_expires_at_its_instant(house: House, case_id: str) -> None:
    link = made(house.office, case_id)
    assert found(house.office, link.token, LATER - SECOND)
    assert refused(house.office, link.token, LATER)


def test_links_survive_a_rotation_of_their_key_until_the_old_key_is_dropped(house: House, case_id: str) -> None:
    held = house.office.secrets
    link = made(house.office, case_id)
    keys = {**held.link_keys, "02": b"n" * 32}
    rotated = replace(house.office, secrets=replace(held, link_keys=keys))
    assert found(rotated, link.token), "what is in people's mailboxes goes on working"
    fresh = made(rotated, case_id)
    assert (link.token[:2], fresh.token[:2]) == ("01", "02"), "the newest key signs"
    assert found(rotated, fresh.token)
    assert refused(house.office, fresh.token), "who does not hold the key cannot open it"
    dropped = replace(house.office, secrets=replace(held, link_keys={"02": keys["02"]}))
    assert refused(dropped, link.token)
    assert found(dropped, fresh.token)


def test_another_installation_opens_none_of_ours(house: House, case_id: str) -> None:
    link = made(house.office, case_id)
    other = replace(house.office, secrets=Secrets.of(b"another secret of thirty-two byte"))
    assert refused(other, link.token)


def test_a_newer_generation_makes_the_older_useless_and_leaves_other_recipients_alone(
    house: House, case_id: str
) -> None:
    old = made(house.office, case_id)
    other = linking.sign(house.office, Purpose.CONFIRM, case_id, "c2", mail_id="m2", expires_at=LATER)
    with house.office.store.writing() as tx:
        tx.execute(insert(links).values(**other.row))
        linking.revoke_all(tx, case_id, "c1", T0)
    new = made(house.office, case_id)
    assert refused(house.office, old.token)
    assert found(house.office, other.token)
    assert found(house.office, new.token)


def test_a_coordinator_takes_links_back(house: House) -> None:
    """Whoever is inside is outside; what was said stands; the next mail to the same address has a link that opens."""
    case_id = house.requested()
    visit = house.confirmed(case_id)
    first = house.relay.newest(SECURITY, house.case(case_id).number)
    contact = house.case(case_id).chosen[0]
    session = answering.confirm(house.office, first.token, first.code, "", "", house.later())
    assert accounts.read_session(house.office, Audience.ORGANISATION, session, house.now)
    with pytest.raises(InvalidInput):
        revoking.revoke(house.hand(case_id), contact, " ")
    with pytest.raises(Refused):
        revoking.revoke(house.hand(case_id), "nobody", "wrong hands")
    assert found(house.office, first.token, house.now)
    revoking.revoke(house.hand(case_id), contact, "wrong hands")
    assert refused(house.office, first.token, house.now)
    assert accounts.read_session(house.office, Audience.ORGANISATION, session, house.now) is None
    assert visit.person_id in house.case(case_id).persons
    again = queueing.queued(house.office, house.case(case_id), MailType.REMINDER, contact, house.now)
    casefile.change(house.office, case_id, house.now, lambda _: [(e.MACHINE, again)])
    house.later()
    house.deliver()
    newer = house.relay.newest(SECURITY, house.case(case_id).number)
    assert newer.token != first.token
    assert found(house.office, newer.token, house.now)
    assert verification.verify(house.office, case_id).ok


# --- codes ---


def tried(office: Office, link: linking.NewLink, typed: str, now=T0) -> str:  # type: ignore[no-untyped-def]
    mine = links.c.id == link.row["id"]
    with office.store.reading() as connection:
        row = connection.execute(select(links).where(mine)).one()
    try:
        linking.check_code(office, links, mine, row, typed, now)
    except InvalidInput:
        return "wrong"
    except TooMany as slow:
        return f"wait {slow.retry_after}"
    return "right"


def test_a_code_is_taken_as_people_type_it(house: House, case_id: str) -> None:
    link = made(house.office, case_id)
    spellings = (
        link.code,
        link.code.lower(),
        link.code.replace("-", " "),
        f"  {link.code} ",
        link.code.replace("-", ""),
    )
    for spelling in spellings:
        assert tried(house.office, link, spelling) == "right", spelling


@pytest.mark.parametrize("typed", ["", "00000-00000", "12345", "§", "x" * 5000, "00000-0000é"])
def test_a_wrong_code_is_wrong_whatever_it_is(house: House, case_id: str, typed: str) -> None:
    link = made(house.office, case_id)
    assert tried(house.office, link, typed) == "wrong"


def test_wrong_codes_slow_and_never_lock(house: House, case_id: str) -> None:
    link, now = made(house.office, case_id), T0
    for _ in range(linking.FREE_TRIES):
        assert tried(house.office, link, "00000-00000", now) == "wrong", "slips of the finger cost nothing"
    assert tried(house.office, link, link.code, now) == "right", "five slips lock nobody out"
    assert tried(house.office, link, "00000-00000", now) == "wrong"
    assert tried(house.office, link, link.code, now) == "wait 3", "now even the right one waits"
    assert tried(house.office, link, link.code, now + 3 * SECOND) == "right"
    waits = []
    for _ in range(12):
        with house.office.store.reading() as connection:
            slow = connection.scalar(select(links.c.slow_until).where(links.c.id == link.row["id"]))
        assert slow is not None
        waits.append(max(slow - now, timedelta(0)))
        now = max(now, slow)
        assert tried(house.office, link, "00000-00000", now) == "wrong"
    assert waits == sorted(waits), "each wrong one waits longer"
    assert waits[-1] == linking.MAX_SLOW, "up to a bound"
    assert tried(house.office, link, link.code, now + linking.MAX_SLOW) == "right", "and never for good"


def test_a_code_of_another_link_is_a_wrong_code(house: House, case_id: str) -> None:
    one, two = made(house.office, case_id), made(house.office, case_id)
    assert tried(house.office, one, two.code) == "wrong"


# --- openings ---


def test_opening_counts_and_moves_nothing(house: House) -> None:
    case_id = house.requested()
    mail = house.relay.newest(SECURITY)
    before = house.case(case_id)
    for _ in range(3):
        page = answering.open_link(house.office, mail.token, house.now)
        assert (page.number, page.purpose, page.known_person) == (before.number, Purpose.CONFIRM, False)
    after = house.case(case_id)
    assert after.last_seq == before.last_seq + 1, "one event per link, however often a scanner comes"
    assert replace(after, last_seq=0, last_at=None) == replace(before, last_seq=0, last_at=None), "which moves nothing"
    with house.office.store.reading() as connection:
        assert linking.find(house.office, connection, mail.token, house.now).openings == 3


def test_the_link_opens_one_case_for_one_recipient(house: House) -> None:
    first = house.requested()
    token = house.relay.newest(SECURITY).token
    second = house.requested()
    assert house.relay.newest(SECURITY).token != token
    with house.office.store.reading() as connection:
        rows = [
            linking.find(house.office, connection, t, house.now) for t in (token, house.relay.newest(SECURITY).token)
        ]
    assert [row.case_id for row in rows] == [first, second]
    assert not house.relay.to(OFFICE_MAIL), "the second contact was not written to"


def test_a_link_says_the_same_whatever_is_wrong_with_it(house: House) -> None:
    """One neutral answer (R25): nobody learns whether a link ever was one."""
    case_id = house.requested()
    token = house.relay.newest(SECURITY).token

    def expire(tx: Connection) -> None:
        tx.execute(update(links).where(links.c.case_id == case_id).values(revoked_at=house.now))

    with house.office.store.writing() as tx:
        expire(tx)
    said = []
    for bad in (token, "01" + "A" * 64, ""):
        with pytest.raises(LinkRefused) as why:
            answering.open_link(house.office, bad, house.now + HOUR)
        said.append((type(why.value), str(why.value)))
    assert len(set(said)) == 1


def test_a_confirmation_needs_name_role_and_code(house: House) -> None:
    case_id = house.requested()
    mail = house.relay.newest(SECURITY)
    for name, role, code, wrong in (
        ("", "DPO", mail.code, {"name"}),
        ("N", " ", mail.code, {"role"}),
        ("N" * 201, "DPO", mail.code, {"name"}),
        ("N", "DPO", "", {"code"}),
    ):
        with pytest.raises(InvalidInput) as refused_:
            answering.confirm(house.office, mail.token, code, name, role, house.now)
        assert set(refused_.value.problems) == wrong
    assert not house.case(case_id).persons
    assert casefile.look(house.office, case_id).case.s1_at is None
    assert coordination.related(house.office, case_id) is not None
