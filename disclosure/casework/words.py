"""Codes in plain words, marked for translation; looked up per language where they are shown.

A code without words here fails the build (tests/casework/test_words.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from disclosure.language import N_, translate
from disclosure.protocol.axes import Axis
from disclosure.protocol.codes import (
    Act,
    Clock,
    EmbargoEnd,
    LookupOutcome,
    MailType,
    OwnClock,
    Proof,
    Rung,
    TaskKind,
)
from disclosure.protocol.values import (
    AlertKind,
    Answer,
    Channel,
    Language,
    Party,
    Purpose,
    Role,
    Sector,
    Severity,
    Standing,
)

CODES: Mapping[type[StrEnum], Mapping[str, str]] = {
    AlertKind: {
        "vulnerability": N_("Vulnerability"),
        "data_leak": N_("Data leak"),
        "malicious_activity": N_("Other malicious activity"),
    },
    Severity: {
        "critical": N_("Critical: harm is happening or is sold now"),
        "high": N_("High: harm is likely within days"),
        "normal": N_("Normal: harm is possible"),
        "low": N_("Low: worth correcting"),
    },
    Answer: {"yes": N_("Yes"), "no": N_("No"), "unknown": N_("Not known")},
    Role: {
        "controller": N_("Controller: it decides on the data or the service"),
        "processor": N_("Processor: it works for somebody else"),
        "manufacturer": N_("Manufacturer of the product"),
        "host": N_("Host of the system"),
    },
    Sector: {
        "health": N_("Health"),
        "finance": N_("Finance and insurance"),
        "energy": N_("Energy"),
        "transport": N_("Transport"),
        "aviation": N_("Aviation"),
        "maritime": N_("Maritime"),
        "telecom": N_("Telecommunications"),
        "digital": N_("Digital services"),
        "public": N_("State, towns, public services"),
        "education_research": N_("Education and research"),
        "defence": N_("Defence"),
        "social": N_("Social security"),
        "retail": N_("Trade"),
        "other": N_("Other"),
    },
    Channel: {"mail": N_("Mail"), "phone": N_("Telephone"), "post": N_("Letter"), "form": N_("Web form")},
    Party: {
        "reporter": N_("Reporter"),
        "coordinator": N_("Coordinator"),
        "organisation": N_("Organisation"),
        "authority": N_("Authority"),
        "machine": N_("Server"),
    },
    Clock: {
        "contact": N_("First mail → standing shown"),
        "notice": N_("Notice released → acknowledged"),
        "action": N_("Acknowledged → remediation planned or claimed"),
    },
    Rung: {
        "phone_first": N_("First phone call"),
        "reminder": N_("Reminder over the next contact"),
        "letter": N_("Letter"),
        "second_contact": N_("Phone and second contact"),
        "heads_up": N_("Heads-up before the authorities"),
        "authorities": N_("Authorities"),
        "at_once_heads_up": N_("Heads-up: authorities are told at once"),
        "at_once_authorities": N_("Authorities, at once"),
        "unreachable": N_("Nobody can be reached"),
    },
    MailType: {
        "contact_request": N_("Contact request"),
        "reminder": N_("Reminder"),
        "forward_request": N_("Forward request"),
        "second_code": N_("Second code"),
        "notice": N_("Notice, encrypted"),
        "notice_ready": N_("Message that the notice can be read on the case page"),
        "answer": N_("Answer, encrypted"),
        "answer_ready": N_("Message that an answer waits on the case page"),
        "somebody_confirmed": N_("Message that somebody confirmed"),
        "heads_up": N_("Heads-up"),
        "publication_heads_up": N_("Heads-up before publication"),
        "retraction": N_("Retraction"),
        "referral": N_("Referral, encrypted"),
        "later_fact": N_("Later fact, encrypted"),
        "thanks": N_("Thanks"),
        "coordinators_called": N_("Call to the coordinators"),
    },
    TaskKind: {
        "phone_call": N_("Phone call"),
        "letter": N_("Letter"),
        "contact_form": N_("Contact form"),
        "referral": N_("Referral with dossier"),
        "unreachable_referral": N_("Referral: organisation cannot be reached"),
        "later_fact": N_("Tell an authority what was answered since"),
    },
    Act: {"first_contact": N_("First contact"), "release": N_("Release of the notice"), "referral": N_("Referral")},
    OwnClock: {
        "received_to_read": N_("a report waits to be read"),
        "standing_to_released": N_("a person waits for the notice"),
        "due_to_approved": N_("an approval is missing"),
        "task_overdue": N_("a task is overdue"),
    },
    Proof: {
        "link_and_code": N_("link and code from the mail"),
        "own_address": N_("code sent to an own address at a tied domain"),
        "published_certificate": N_("mail encrypted to a certificate that the organisation publishes"),
        "dns_txt": N_("DNS record"),
        "letter_code": N_("code from a letter to the registered seat"),
        "call_back": N_("call back to a number found independently"),
    },
    EmbargoEnd: {"exploited": N_("exploited in the wild"), "published_elsewhere": N_("published by others")},
    LookupOutcome: {"found": N_("found"), "none": N_("none published"), "unknown": N_("look-up failed, unknown")},
    Purpose: {"confirm": N_("confirm and answer"), "notice": N_("read the notice and answer")},
}
STATES: Mapping[Axis, Mapping[str, str]] = {
    Axis.LIFE: {"open": N_("Open"), "closed": N_("Closed")},
    Axis.CONTACT: {
        "searching": N_("Searching for a contact"),
        "requested": N_("Contact requested"),
        "confirmed": N_("Contact confirmed"),
        "unreachable": N_("Unreachable"),
    },
    Axis.NOTICE: {
        "none": N_("No notice yet"),
        "drafted": N_("Notice drafted"),
        "released": N_("Notice released"),
        "delivered": N_("Notice delivered"),
        "opened": N_("Notice opened"),
    },
    Axis.ACKNOWLEDGEMENT: {
        "none": N_("Not acknowledged"),
        "acknowledged": N_("Acknowledged"),
        "contested": N_("Contested"),
    },
    Axis.REMEDIATION: {
        "none": N_("No remediation named"),
        "planned": N_("Remediation planned"),
        "claimed": N_("Remediation claimed"),
    },
    Axis.PUBLICITY: {
        "embargoed": N_("Under embargo"),
        "published": N_("Published"),
        "retracted": N_("Retracted"),
    },
    Axis.TRIAGE: {
        "received": N_("Received"),
        "read": N_("Read"),
        "accepted": N_("Accepted"),
        "declined": N_("Declined"),
        "withdrawn": N_("Withdrawn"),
    },
}
STANDINGS: Mapping[Standing, str] = {
    Standing.NONE: N_("Nothing shown"),
    Standing.S1: N_("S1: read our mail"),
    Standing.S2: N_("S2: own address at the organisation"),
    Standing.S3: N_("S3: proven outside mail"),
}


def grouped(fingerprint: str) -> str:
    """A fingerprint in groups of four, as people compare it."""
    return " ".join(fingerprint[start : start + 4] for start in range(0, len(fingerprint), 4))


SOURCES: Mapping[str, str] = {
    "manual": N_("entered by a coordinator"),
    "organisation": N_("named by a person at the organisation"),
    "security_txt": N_("security.txt of this host"),
    "security_txt_parent": N_("security.txt of the organisational domain"),
    "dns_security_txt": N_("DNS Security TXT record"),
    "caa_iodef": N_("CAA record, for certificate incidents"),
    "rdap": N_("registration data of the domain"),
    "soa_rname": N_("administrator of the DNS zone"),
    "rdap_network": N_("registration data of the host's address"),
    "encryption_uri": N_("the certificate that security.txt points to"),
    "web_key_directory": N_("web key directory of the address's domain"),
    "openpgpkey": N_("DNS zone of the address, signed"),
    "keyserver": N_("key server"),
    "earlier_case": N_("an earlier case of this organisation"),
    "rfc2142": N_("conventional mailbox, existence not proven"),
}


def word(code: StrEnum, language: Language) -> str:
    """The words of a code, in the language."""
    return translate(language, CODES[type(code)][code])


def short(code: StrEnum, language: Language) -> str:
    """The words before the colon: for badges and table cells."""
    return word(code, language).partition(":")[0].rstrip(" \u00a0\u202f")


def state_word(axis: Axis, state: str, language: Language) -> str:
    return translate(language, STATES[axis][state])


def standing_word(standing: Standing, language: Language) -> str:
    return translate(language, STANDINGS[standing])


def source_word(source: str, language: Language) -> str:
    return translate(language, SOURCES[source]) if source in SOURCES else source.replace("_", " ")
