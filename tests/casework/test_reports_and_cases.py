"""Reports and cases are n to m (R7): each its own stream and key; linked, never merged; nobody learns of another."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest
from sqlalchemy import select

from disclosure.casework import (
    casefile,
    casepage,
    coordination,
    dossiers,
    finding,
    leaving,
    reporting,
    reportpage,
    verification,
)
from disclosure.protocol.errors import InvalidInput, NotFound, Refused
from disclosure.protocol.values import Domain, Language
from disclosure.store import ledger
from disclosure.store.sealing import Erased
from disclosure.store.tables import case_reports, domain_tokens, events
from tests.casework.desk import ADA, DOMAIN, NOTICE, House

SECRET = "Geheimnis-der-Quelle"


def pairs(house: House, case_id: str) -> set[str]:
    with house.office.store.reading() as connection:
        query = select(case_reports.c.report_id).where(case_reports.c.case_id == case_id)
        return set(connection.scalars(query))


# --- n to m ---


def test_two_reports_in_one_case(house: House) -> None:
    first, second = house.report(), house.report()
    case_id = house.opened(first, second)
    assert pairs(house, case_id) == {first, second} == set(house.case(case_id).reports)
    for report_id in (first, second):
        assert reporting.page(house.office, report_id).status == "under_way", "a duplicate is answered like a first one"


def test_one_report_in_two_cases(house: House) -> None:
    report_id = house.report()
    first, second = house.opened(report_id), house.opened(report_id, organisation="Other")
    assert pairs(house, first) == pairs(house, second) == {report_id}
    assert verification.verify(house.office).ok


def test_each_stream_has_a_key_of_its_own(house: House) -> None:
    report_id = house.report(description=SECRET)
    case_id = house.opened(report_id)
    ring = house.office.store.keyring
    sealed = ring.sealer(report_id).seal(b"x", "a place")
    with pytest.raises(Exception):  # noqa: B017, PT011 - cryptography's own
        ring.sealer(case_id).open(sealed, "a place")


def test_a_case_refers_to_a_report_by_the_hash_of_its_first_event_and_copies_no_word(house: House) -> None:
    report_id = house.report(description=SECRET)
    case_id = house.opened(report_id)
    with house.office.store.reading() as connection:
        first = connection.scalar(select(events.c.hash).where(events.c.stream_id == report_id, events.c.seq == 1))
        words = [x.event for x in ledger.read(house.office.store, connection, case_id, parts=ledger.EVERY_PART)]
    assert house.case(case_id).reports == {report_id: first}
    assert SECRET not in repr(words)


def test_a_further_report_is_linked_and_adds_no_domain_and_no_contact(house: House) -> None:
    case_id = house.tied(house.report())
    before = house.case(case_id)
    further = house.report(domains=("elsewhere.example",), organisation="Elsewhere")
    coordination.link_report(house.hand(case_id), further)
    after = house.case(case_id)
    assert (after.domains, after.contacts, after.chosen) == (before.domains, before.contacts, before.chosen)
    assert further in after.reports
    with pytest.raises(Refused):
        coordination.link_report(house.hand(case_id), further)
    with pytest.raises(NotFound):
        coordination.link_report(house.hand(case_id), "0" * 32)
    assert verification.verify(house.office).ok


# --- erasing ---


def test_erasing_a_report_leaves_the_case_verifiable_and_its_dossier_writable(house: House) -> None:
    report_id, other = house.report(description=SECRET), house.report()
    case_id = house.tied(report_id, other)
    assert reporting.withdraw(house.office, report_id, house.now), "before first contact it closes and erases (R5)"
    with pytest.raises(Erased):
        house.office.store.keyring.sealer(report_id)
    assert verification.verify(house.office).ok, "the chain stays, the case still refers to it"
    assert reporting.page(house.office, report_id).erased
    with house.office.store.reading() as connection:
        tokens = select(domain_tokens.c.token).where(domain_tokens.c.stream_id == report_id)
        assert not connection.execute(tokens).all(), "and it is found by no domain any more"
        file = casefile.load(house.office, connection, case_id)
        text = dossiers.write(house.office, connection, file, "fr-cnil", house.now)
    assert SECRET not in text
    assert house.opened(other), "the other report goes on"


def test_no_case_is_made_of_a_report_that_was_withdrawn(house: House) -> None:
    report_id = house.report()
    reporting.withdraw(house.office, report_id, house.now)
    case_id = house.opened()
    for act in (
        lambda: house.opened(report_id),
        lambda: coordination.link_report(house.hand(case_id), report_id),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.reason == "report_withdrawn"
    assert not pairs(house, case_id)
    assert verification.verify(house.office).ok, "nothing is half stored"


# --- related ones are shown first ---


@pytest.mark.parametrize(
    ("named", "related", "why"),
    [
        ("org-{n}.example", True, "the same name"),
        ("shop.org-{n}.example", True, "a name below it: the same organisation"),
        ("a.b.org-{n}.example", True, "far below it"),
        ("notorg-{n}.example", False, "another name that ends alike"),
        ("org-{n}.example.evil.example", False, "in front of somebody else's"),
        ("example", False, "no name at all, as a reporter may write it"),
    ],
)
def test_duplicates_are_shown_before_anything_leaves(house: House, named: str, related: bool, why: str) -> None:
    unique = secrets.token_hex(4)
    domain, other = f"org-{unique}.example", named.format(n=unique)
    report_id = house.report(domains=(other,))
    case_id = house.tied(house.report(domains=(domain,)), domain=domain)
    contact = house.case(case_id).chosen[0]
    shown = leaving.request(house.office, case_id, contact, ADA, Language.EN, house.now)
    assert (report_id in {found.id for found in shown.related}) is related, why
    page = reportpage.page(house.office, report_id, ADA, Language.EN, house.now)
    assert (case_id in {found.id for found in page.related}) is related, "and from the other side"
    assert (report_id in {found.id for found in finding.find(house.office, domain)}) is related, "and by its domain"


def test_a_case_tied_below_and_a_report_that_named_the_whole(house: House) -> None:
    case_id = house.tied(domain="shop.whole.example")
    report_id = house.report(domains=("whole.example",))
    assert ("report", report_id) in coordination.related(house.office, case_id)
    assert ("case", case_id) in coordination.related(house.office, report_id)


@pytest.mark.parametrize(
    ("domain", "problem", "why"),
    [
        ("gouv.fr", "public_suffix", "every ministry's"),
        ("co.uk", "public_suffix", "anybody's"),
        ("github.io", "public_suffix", "a platform's customers are each their own"),
    ],
)
def test_a_public_suffix_is_nobodys_domain(house: House, domain: str, problem: str, why: str) -> None:
    """R14a, R29: at a tied suffix anybody's mailbox would show S2."""
    with pytest.raises(InvalidInput) as refused:
        coordination.tie_domain(house.hand(house.opened()), Domain.parse(domain), "imprint")
    assert refused.value.problems == {"domain": problem}, why


def test_a_domain_is_tied_once_with_a_reason_and_counts_who_named_it(house: House) -> None:
    case_id = house.opened(house.report(), house.report(domains=(f"www.{DOMAIN}",)), house.report(domains=()))
    with pytest.raises(InvalidInput):
        coordination.tie_domain(house.hand(case_id), Domain.parse(DOMAIN), " ")
    coordination.tie_domain(house.hand(case_id), Domain.parse(DOMAIN), "imprint")
    with pytest.raises(Refused):
        coordination.tie_domain(house.hand(case_id), Domain.parse(DOMAIN), "imprint")
    with house.office.store.reading() as connection:
        file = casefile.load(house.office, connection, case_id)
        tied = ledger.one(house.office.store, connection, case_id, next(iter(file.case.domains.values())))
    assert tied.named_by == 2  # type: ignore[attr-defined]


# --- no organisation learns of another ---


def test_no_organisation_learns_of_another_or_of_the_source(house: House) -> None:
    report_id = house.report(
        organisation="Alpha and Beta", description=SECRET, how_obtained=SECRET, reporter_name=SECRET, where_seen=SECRET
    )
    beta = house.opened(report_id, organisation="Beta GmbH")
    coordination.tie_domain(house.hand(beta), Domain.parse("beta.example"), "imprint of Beta")
    alpha = house.noticed(report_id)
    answered = replace(alpha, now=house.later())
    page = casepage.page(answered, Language.EN)
    number = house.case(beta).number
    mails = b"".join(message for _, message in house.relay.taken).decode()
    with house.office.store.reading() as connection:
        file = casefile.load(house.office, connection, alpha.case_id)
        dossier = dossiers.write(house.office, connection, file, "fr-cnil", house.now)
    for where, text in (("page", repr(page)), ("mails", mails), ("dossier", dossier)):
        for word in (SECRET, "Beta", "beta.example", number, beta, report_id):
            assert word not in text, (where, word)
    shown = casepage.notice(answered, Language.EN)
    assert (shown.presentation, shown.technical, shown.advice) == (
        NOTICE.presentation,
        NOTICE.technical,
        NOTICE.advice,
    )


# --- the dossier (R39, R40) ---


def test_the_dossier_says_what_is_proven_with_hashes_and_who_else_was_told_by_name(house: House) -> None:
    visit = house.noticed(house.report())
    with house.office.store.reading() as connection:
        file = casefile.load(house.office, connection, visit.case_id)
        text = dossiers.write(house.office, connection, file, "fr-anssi", house.now)
        rows = connection.execute(select(events.c.type, events.c.hash).where(events.c.stream_id == visit.case_id)).all()
    assert "250 2.0.0 Ok: queued as 4F" in text, "what the relay answered"
    proven = [row.hash for row in rows if row.type in {"PersonConfirmed", "StandingShown", "NoticeReleased"}]
    assert len(proven) == 3
    assert all(digest in text for digest in proven)
    for kind in ("NoteWritten", "MailQueued", "MailPrepared", "ReportLinked", "ContactEntered"):
        assert not any(row.hash in text for row in rows if row.type == kind), f"{kind} is no proven attempt"
    assert "La source est protégée" in text
    assert max(len(line) for line in text.splitlines()) < 200
    assert "http" not in text, "authorities never get a link"


def test_the_dossier_tells_what_was_released_and_not_what_is_being_written(house: House) -> None:
    visit = house.noticed()
    later = replace(NOTICE, presentation="A draft that nobody has released.")
    coordination.draft_notice(house.hand(visit.case_id), later)
    with house.office.store.reading() as connection:
        file = casefile.load(house.office, connection, visit.case_id)
        text = dossiers.write(house.office, connection, file, "fr-anssi", house.now)
    assert NOTICE.presentation in text
    assert later.presentation not in text


@pytest.mark.parametrize(
    ("name", "consent", "named", "why"),
    [
        ("R. Porter", "I agree to be named.", True, "with the stored consent (R21)"),
        ("R. Porter", "", False, "a name is no consent"),
        ("", "I agree to be named.", False, "consent without a name names nobody"),
    ],
)
def test_the_source_is_named_with_written_consent_only(
    house: House, name: str, consent: str, named: bool, why: str
) -> None:
    case_id = house.tied(house.report(reporter_name=name, consent_text=consent))
    with house.office.store.reading() as connection:
        file = casefile.load(house.office, connection, case_id)
        text = dossiers.write(house.office, connection, file, "fr-anssi", house.now)
    assert ("R. Porter" in text) is named, why
