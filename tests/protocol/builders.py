"""Builders: a case in a few words; everything that a row does not talk about has a usual value."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from disclosure.protocol import events as e
from disclosure.protocol.authorities import When
from disclosure.protocol.case import apply
from disclosure.protocol.codes import Act, MailType, OwnClock, Proof
from disclosure.protocol.ladder import ClockProfile, Policy, Referral, Rules
from disclosure.protocol.state import Case
from disclosure.protocol.values import AlertKind, Answer, Channel, Language, Party, Role, Sector, Severity, Standing
from disclosure.protocol.worktime import Duration, Time, WorkCalendar

# A Tuesday, 09:00 in Paris.
T0 = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
H = timedelta(hours=1)
PARIS = WorkCalendar("Europe/Paris", frozenset({date(2026, 12, 25), date(2027, 1, 1)}))
COORDINATOR = e.Actor(Party.COORDINATOR, "ada")


def calendar(text: str) -> Duration:
    return Duration.parse(text, Time.CALENDAR)


def working(text: str) -> Duration:
    return Duration.parse(text, Time.WORKING)


POLICY = Policy(
    version="test",
    profiles={
        Severity.CRITICAL: ClockProfile(
            (calendar("PT24H"), calendar("PT48H"), calendar("PT72H")), working("PT4H"), calendar("PT24H")
        ),
        Severity.HIGH: ClockProfile((working("P2D"), working("P5D"), working("P7D")), None, working("P2D")),
        Severity.NORMAL: ClockProfile((working("P5D"), working("P10D"), working("P15D")), None, working("P5D")),
        Severity.LOW: ClockProfile((working("P10D"), working("P20D"), working("P30D")), None, working("P10D")),
    },
    heads_up_before=24 * H,
    silence_floor=8 * H,
    task_within=working("PT4H"),
    max_extension=timedelta(days=30),
    letters=True,
    climb_after_acknowledgement=True,
    notice_at_once=False,
    approvals={Act.FIRST_CONTACT: 1, Act.RELEASE: 1, Act.REFERRAL: 0},
    approval_expires=48 * H,
    own_clocks={clock: calendar("PT8H") for clock in OwnClock},
    call_again_after=24 * H,
)
ANSSI = Referral("anssi", When.ON_LAPSE, Channel.MAIL)
CNIL = Referral("cnil", When.ON_LAPSE, Channel.POST)
RULES = Rules(POLICY, PARIS, (ANSSI, CNIL))


def rules(**changes: object) -> Rules:
    """RULES with some of the policy's values changed, or other referrals."""
    referrals = changes.pop("referrals", RULES.referrals)
    return Rules(replace(POLICY, **changes), PARIS, referrals)  # type: ignore[arg-type]


class Story:
    """A case and its entries, grown event by event."""

    def __init__(self, severity: Severity = Severity.CRITICAL, *, contacts: int = 3, phone: bool = True) -> None:
        self.case = Case()
        self.entries: list[e.Entry] = []
        self.happens(
            T0,
            e.CaseOpened(role=Role.CONTROLLER, policy_version="test", number="00000-00000", organisation="Org"),
            e.CaseAssessed(
                kind=AlertKind.DATA_LEAK,
                severity=severity,
                personal_data=Answer.YES,
                sector=Sector.HEALTH,
                country="FR",
                host_compromised=Answer.NO,
            ),
            e.DomainTied(domain_id="d1", named_by=1, domain="org.example", reason="imprint"),
        )
        ids = [f"c{n}" for n in range(1, contacts + 1)]
        for rank, contact_id in enumerate(ids, 1):
            self.happens(
                T0,
                e.ContactFound(
                    contact_id=contact_id,
                    channel=Channel.MAIL,
                    source="rfc2142",
                    rank=rank,
                    confidence="low",
                    reason="guessed",
                    review=False,
                    domain_id="d1",
                    address=f"{contact_id}@org.example",
                ),
            )
        if phone:
            entered = e.ContactEntered(
                contact_id="p1", channel=Channel.PHONE, intermediary=False, address="01 99 00 00 01", source="imprint"
            )
            self.happens(T0, entered)
            ids.append("p1")
        if ids:
            self.happens(T0, e.ContactsChosen(contact_ids=tuple(ids)))

    @classmethod
    def on(cls, case: Case) -> Story:
        """What happens next to a case that is there already; its entries are only those."""
        story = cls.__new__(cls)
        story.case, story.entries = case, []
        return story

    def happens(self, at: datetime, *happened: e.Event, by: e.Actor = COORDINATOR) -> Story:
        for event in happened:
            entry = e.Entry(self.case.last_seq + 1, at, by, event)
            self.case = apply(self.case, entry)
            self.entries.append(entry)
        return self

    def mail(self, at: datetime, mail_id: str, mail_type: MailType, to: str) -> Story:
        return self.happens(
            at,
            e.MailQueued(mail_id=mail_id, mail_type=mail_type, to=to, language=Language.FR, not_before=at),
            e.MailRelayed(mail_id=mail_id, mail_type=mail_type, to=to, attempt=1, reply="250 ok"),
        )

    def released(self, at: datetime = T0) -> Story:
        """First contact released to c1 and taken by the relay: the contact clock starts."""
        self.happens(at, e.FirstContactReleased(contact_ids=("c1",)))
        return self.mail(at, "m1", MailType.CONTACT_REQUEST, "c1")

    def confirmed(self, at: datetime, person_id: str = "who") -> Story:
        person = e.PersonConfirmed(person_id=person_id, contact_id="c1", name="N", role="DPO")
        return self.happens(at, person, by=e.Actor(Party.ORGANISATION, person_id))

    def standing(self, at: datetime, person_id: str = "who") -> Story:
        if person_id not in self.case.persons:
            self.confirmed(at, person_id)
        named = e.OwnAddressNamed(person_id=person_id, domain_id="d1", address="n@org.example")
        shown = e.StandingShown(person_id=person_id, standing=Standing.S2, proof=Proof.OWN_ADDRESS)
        return self.happens(at, named, shown)

    def notice(self, at: datetime, person_id: str = "who") -> Story:
        if not self.case.draft_seq:
            self.happens(at, e.NoticeDrafted(draft="text"))
        person = self.case.persons[person_id]
        return self.happens(
            at,
            e.NoticeReleased(
                person_id=person_id,
                standing=person.standing,
                fingerprint=person.fingerprint,
                personal_data_masked=True,
                source_unrecognisable=True,
                text="text",
            ),
        )

    def acknowledged(self, at: datetime, person_id: str = "who") -> Story:
        return self.happens(at, e.NoticeOpened(person_id=person_id), e.NoticeAcknowledged(person_id=person_id))
