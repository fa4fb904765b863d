"""Codes that events carry and that policy, pages and mails name; words for them are looked up when shown."""

from __future__ import annotations

from enum import StrEnum


class MailType(StrEnum):
    CONTACT_REQUEST = "contact_request"
    REMINDER = "reminder"
    FORWARD_REQUEST = "forward_request"
    SECOND_CODE = "second_code"
    NOTICE = "notice"
    NOTICE_READY = "notice_ready"
    ANSWER = "answer"
    ANSWER_READY = "answer_ready"
    SOMEBODY_CONFIRMED = "somebody_confirmed"
    HEADS_UP = "heads_up"
    PUBLICATION_HEADS_UP = "publication_heads_up"
    RETRACTION = "retraction"
    REFERRAL = "referral"
    LATER_FACT = "later_fact"
    THANKS = "thanks"
    COORDINATORS_CALLED = "coordinators_called"


class Clock(StrEnum):
    """R33: three clocks in turn."""

    CONTACT = "contact"
    NOTICE = "notice"
    ACTION = "action"


class Rung(StrEnum):
    """What a lapse climbs to, and what runs beside the ladder (R33, R34). Order: protocol/ladder.py."""

    PHONE_FIRST = "phone_first"
    REMINDER = "reminder"
    LETTER = "letter"
    SECOND_CONTACT = "second_contact"
    HEADS_UP = "heads_up"
    AUTHORITIES = "authorities"
    AT_ONCE_HEADS_UP = "at_once_heads_up"
    AT_ONCE_AUTHORITIES = "at_once_authorities"
    UNREACHABLE = "unreachable"


# The mails that ask for a contact: whether one of them is out decides on the contact clock (R31).
FIRST_MAILS = frozenset({MailType.CONTACT_REQUEST, MailType.REMINDER})


class TaskKind(StrEnum):
    """What only a person can do (R37a)."""

    PHONE_CALL = "phone_call"
    LETTER = "letter"
    CONTACT_FORM = "contact_form"
    REFERRAL = "referral"
    UNREACHABLE_REFERRAL = "unreachable_referral"
    LATER_FACT = "later_fact"


# R39: these tell an authority of the case, whose reference is kept and quoted.
REFERRALS = frozenset({TaskKind.REFERRAL, TaskKind.UNREACHABLE_REFERRAL})


class Act(StrEnum):
    """Acts for which policy may ask one or two coordinators (R12)."""

    FIRST_CONTACT = "first_contact"
    RELEASE = "release"
    REFERRAL = "referral"


class OwnClock(StrEnum):
    """R12: our own clocks; a lapse is shown as ours."""

    RECEIVED_TO_READ = "received_to_read"
    STANDING_TO_RELEASED = "standing_to_released"
    DUE_TO_APPROVED = "due_to_approved"
    TASK_OVERDUE = "task_overdue"


class Proof(StrEnum):
    """How standing was shown (R29)."""

    LINK_AND_CODE = "link_and_code"
    OWN_ADDRESS = "own_address"
    PUBLISHED_CERTIFICATE = "published_certificate"
    DNS_TXT = "dns_txt"
    LETTER_CODE = "letter_code"
    CALL_BACK = "call_back"


class EmbargoEnd(StrEnum):
    """R36: what ends the embargo when it happens after first contact."""

    EXPLOITED = "exploited"
    PUBLISHED_ELSEWHERE = "published_elsewhere"


class LookupOutcome(StrEnum):
    """R15: three outcomes; unknown means retry and starts no clock."""

    FOUND = "found"
    NONE = "none"
    UNKNOWN = "unknown"
