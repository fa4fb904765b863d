"""Words that only coordinators read: how sure a contact is, what marks it carries, why a mail stands still.

Codes come from discovery, the outbox and routing. A code that has no words yet is shown as it is: it is exact, and a
coordinator can search for it in the manual of whoever wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from disclosure.casework.words import short
from disclosure.language import N_, translate
from disclosure.mail import refusals
from disclosure.mail.refusals import About
from disclosure.protocol.codes import Rung
from disclosure.protocol.values import Language

_CODE = re.compile(r"[a-z0-9_]+")
AUTHORITY_ROLES: Mapping[str, str] = {
    "national_csirt": N_("National CSIRT: every alert"),
    "dpa": N_("Data protection: personal data"),
    "sector_csirt": N_("CSIRT of a sector"),
    "regional_csirt": N_("Regional CSIRT"),
    "other": N_("Other"),
}
# R38: facts/authorities says what each letter stands for.
GRADES: Mapping[str, str] = {
    "A": N_("A: read at the authority or in its register"),
    "B": N_("B: one register, or two lists that agree"),
    "C": N_("C: sources differ or look old; never sent to by itself"),
    "U": N_("U: unknown; never sent to by itself"),
}
CONFIDENCES: Mapping[str, str] = {
    "high": N_("high"),
    "medium": N_("medium"),
    "low": N_("low"),
    "manual": N_("by hand"),
}
REASONS: Mapping[str, str] = {
    "published_by_host": N_("published by the host itself"),
    "published_by_organisation": N_("published by the organisation's main domain"),
    "published_in_zone": N_("published in the domain's DNS zone"),
    "certificate_incidents": N_("named for incidents with certificates"),
    "registration_data": N_("named by the registrant in the domain's registration; may be old"),
    "zone_administrator": N_("named as administrator of the domain's DNS zone"),
    "conventional_mailbox": N_("a conventional mailbox: nobody published it"),
    "registrar": N_("the registrar, or somebody under it: not the organisation"),
    "network_owner": N_("the owner of the network that the host's address lies in"),
    "dns_operator": N_("whoever runs the domain's name servers"),
    "named_by_another_zone": N_("named in another organisation's DNS zone, which an alias leads to"),
    "relay_form": N_("a form that stands for an address which is not shown"),
    "answered_before": N_("somebody showed standing from this address; that holds for the earlier case only"),
    "entered_by_hand": N_("entered by a coordinator"),
    "named_by_them": N_("named by a person at the organisation"),
}
MARKS: Mapping[str, str] = {
    "host_may_be_compromised": N_("the host that publishes it may be in an intruder's hands"),
    "good_signature": N_("signed by the certificate that the file itself points to; says nothing of whose it is"),
    "verified_before": N_(
        "answered in an earlier case less than 12 months ago; mail servers, name servers and registrant are the same"
    ),
    "verification_lapsed": N_(
        "answered in an earlier case; since then 12 months have passed, or mail servers, name servers or registrant "
        "may have changed"
    ),
    "named_twice": N_("two independent sources agree"),
    "sources_disagree": N_("web and DNS name nobody in common"),
    "no_mx": N_("no mail server is published for this domain"),
    "mx_unknown": N_("its mail server could not be looked up"),
    "public_webmail": N_("a public webmail address"),
    "another_organisation": N_("lies at another organisation's domain"),
    "another_zone": N_("it stands in another organisation's zone"),
    "domain_named_by_one_reporter": N_("its domain was named by one report only"),
    "no_expire": N_("security.txt without a date of expiry"),
    "multi_expire": N_("security.txt with two dates of expiry"),
    "invalid_expiry": N_("security.txt with an unreadable date of expiry"),
    "expired": N_("security.txt has expired"),
    "long_expiry": N_("security.txt is valid for more than a year"),
    "no_canonical": N_("security.txt does not name its own address"),
    "no_canonical_match": N_("security.txt was written for another address"),
    "offsite_redirect": N_("security.txt was fetched from another domain"),
    "invalid_uri_scheme": N_("security.txt was not served over HTTPS"),
    "invalid_cert": N_("its HTTPS certificate is not valid"),
    "default_file": N_("looks like a file that came with the software"),
    "signed_format_issue": N_("its signature cannot be read"),
    "data_after_sig": N_("text stands outside its signature"),
    "pgp_signature_error": N_(
        "its signature does not fit: the text was changed after it was signed, or the signature is damaged"
    ),
    "not_signed": N_("security.txt is not signed"),
    "no_encryption": N_("no certificate is published"),
    "not_found_again": N_("the newest search did not find it any more"),
    "weak_key": N_("weak OpenPGP key"),
    "uid_mismatch": N_("the certificate names another address"),
    "announced_fingerprint": N_("the announced fingerprint"),
    "found_twice": N_("two places have it"),
    "by_coordinator": N_("switched off by a coordinator"),
    "refused": N_("its mail server refused it for good"),
    "bounced": N_("our mail came back"),
}
CLOSINGS: Mapping[str, str] = {
    "remediated": N_("The organisation says that it is remediated"),
    "referred": N_("The authorities were told and carry on"),
    "unfounded": N_("The alert was unfounded"),
    "not_theirs": N_("It concerns another organisation"),
    "withdrawn": N_("The reporter asked for it and nothing else speaks against it"),
    "other": N_("Other, as the reason says"),
}
PURPOSES: Mapping[str, str] = {
    "security_txt": N_("the organisation's security.txt"),
    "dns_security_txt": N_("a security contact in DNS"),
    "caa": N_("whom the domain names for incidents with certificates"),
    "rdap": N_("who registered the domain"),
    "soa": N_("who administers the DNS zone"),
    "mail_exchanger": N_("where mail for the domain goes"),
    "encryption_uri": N_("the certificate that security.txt points to"),
    "web_key_directory": N_("certificates that the domain's web key directory has for the address"),
    "openpgpkey": N_("certificates that the DNS zone has for the address"),
    "keyserver": N_("certificates that the key server has for the address"),
    "nameservers": N_("who runs the domain's name servers"),
    "rdap_network": N_("whose network the host's address lies in"),
    "dmarc": N_("where reports on the domain's mail go"),
    "tls_rpt": N_("where reports on the encryption of its mail go"),
    "humans_txt": N_("who made the website"),
    "home_page": N_("the organisation's start page, for links to its legal pages"),
    "legal_page": N_("the organisation's legal notice or privacy page"),
}
HINTS: Mapping[str, str] = {
    "policy": N_("disclosure policy: read it before anything leaves"),
    "encryption": N_("where a certificate is said to be"),
    "language": N_("languages they prefer"),
    "other_contact": N_("a contact of a kind that we do not offer"),
    "more_contacts": N_("further contacts of the same file, left out"),
    "null_mx": N_("published, but its domain takes no mail"),
    "refused_file": N_("a security.txt that is too large to be read"),
    "incident_endpoint": N_("for incident reports by machines"),
    "dmarc_reports": N_("where machines send reports on its mail, often a vendor"),
    "tls_reports": N_("where machines send reports on the encryption of its mail, often a vendor"),
    "humans": N_("an address in humans.txt"),
    "legal_page": N_("its legal notice or privacy page"),
    "dpo_address": N_("seems to be its data protection officer: right for personal data, not for technical detail"),
    "page_address": N_("an address on that page"),
    "country": N_("country of the registrant"),
}
VERDICTS: Mapping[str, str] = {
    "usable": N_("usable"),
    "review": N_("usable once a person says so"),
}
# design.md section 6: why a certificate is refused.
CERTIFICATE_REASONS: Mapping[str, str] = {
    "corrupt": N_("it cannot be read"),
    "expired": N_("it has expired"),
    "no_encryption_subkey": N_("it has no key to encrypt to"),
    "no_valid_self_signature": N_("its own signature is missing or wrong"),
    "not_a_key": N_("it is no OpenPGP certificate"),
    "not_yet_valid": N_("it is dated in the future"),
    "revoked": N_("its owner has revoked it"),
    "secret_key": N_("a private key was published; nothing of it was kept"),
    "several_keys": N_("several certificates, and it is not clear which is meant"),
    "too_large": N_("it is larger than 1 MiB"),
    "unsupported_algorithm": N_("it uses an algorithm that we do not know"),
    "unsupported_key_version": N_("it is of a version that we do not know"),
    "weak_key": N_("its key is too weak"),
    "weak_self_signature": N_("its own signature is too weak"),
    "uid_mismatch": N_("it names another address"),
    "fingerprint_mismatch": N_("it is not the one that was announced"),
}
# Why a look-up came to what it came to; beside the marks above.
TROUBLES: Mapping[str, str] = {
    "url_refused": N_("the address is not one that we ask"),
    "port_refused": N_("it leads to another port"),
    "user_info_refused": N_("it leads to an address with a user name in it"),
    "ip_literal": N_("it leads to a bare IP address"),
    "address_refused": N_("its name leads to an address that is not public"),
    "no_address": N_("the name has no address"),
    "dns_timeout": N_("DNS did not answer in time"),
    "dns_failure": N_("DNS failed"),
    "dnssec_bogus": N_("its DNSSEC signatures are wrong: forged, or broken"),
    "connect_failed": N_("no connection"),
    "tls_failed": N_("encryption failed"),
    "deadline": N_("it took too long"),
    "broken_answer": N_("the answer broke off or was no HTTP"),
    "encoded_body": N_("the answer was compressed, which we did not ask for"),
    "too_many_redirects": N_("too many redirects"),
    "bad_redirect": N_("a redirect that leads nowhere"),
    "absent": N_("there is no such file"),
    "blocked": N_("the server refused us"),
    "server_error": N_("the server reported a fault of its own"),
    "unexpected_status": N_("the server gave an answer that is neither yes nor no"),
    "not_a_security_record": N_("records, but none of this kind"),
    "record_too_long": N_("a record was too long and was left out"),
    "null_mx": N_("the domain says that it takes no mail"),
    "no_iodef": N_("records, but none that names somebody"),
    "another_zone": N_("it stands in another organisation's zone"),
    "no_rname": N_("the zone names nobody"),
    "too_large": N_("the answer is too large"),
    "nested_too_deep": N_("the answer is nested too deeply"),
    "not_rdap": N_("the answer is no registration data"),
    "another_object": N_("the answer is about another name"),
    "another_kind_of_page": N_("another kind of page than was asked for"),
}
COUNTRY_SAID_BY: Mapping[str, str] = {
    "domain": N_("by the domain's ending"),
    "registrant": N_("by the registrant's country"),
    "coordinator": N_("by the country in the assessment"),
}
OUTCOMES: Mapping[str, str] = {
    "found": N_("found"),
    "none": N_("none published"),
    "unknown": N_("look-up failed, unknown"),
}
OUTBOX: Mapping[str, str] = {
    "recipe": N_("in the outbox"),
    "prepared": N_("composed, waits to leave"),
    "sending": N_("being handed over"),
    "relayed": N_("taken by the relay"),
    "delivered": N_("delivered"),
    "dead": N_("dead"),
    "held": N_("held for a person"),
    "cancelled": N_("cancelled"),
}
# Of the ledger, not of the outbox: attempted, relayed, delivered and dead are separate facts (R31).
MAIL_STATES: Mapping[str, str] = {
    "queued": N_("in the outbox"),
    "prepared": N_("composed, waits to leave"),
    "ambiguous": N_("may have arrived"),
    "relayed": N_("taken by the relay"),
    "delivered": N_("delivered"),
    "dead": N_("dead"),
}
# Why a mail stands still; a code of the relay (4.7.1, 550) is shown as it came.
FAULTS: Mapping[str, str] = {
    "ambiguous": N_("the line broke at the end: it may have arrived"),
    "patience_ended": N_("the relay did not take it in the time that we try"),
    "relay_not_reached": N_("our relay cannot be reached"),
    "relay_timed_out": N_("our relay did not answer in time"),
    "relay_dropped_the_line": N_("our relay dropped the line before it had the mail"),
    "relay_offers_too_little": N_("our relay offers no encryption, or no sign-in"),
    "relay_certificate_refused": N_("our relay's certificate is not valid"),
    "relay_tls_failed": N_("our relay's encryption failed"),
    "relay_sign_in_refused": N_("our relay refused our sign-in"),
    "relay_not_understood": N_("our relay gave an answer that is not SMTP"),
    "mailbox_not_written": N_("the local mailbox cannot be written"),
    "contact_not_usable": N_("the contact is switched off"),
    "NotJudged": N_("our own check of the certificate failed; nothing is known of it"),
    "contact_in_doubt": N_("newer evidence speaks against this contact: a person decides"),
    "evidence_old": N_("what is known of the contact is more than 24 hours old and is looked up again"),
    "certificate_looked_for": N_("the contact's certificates are being looked for"),
    "mailbox_full": N_("the mailbox was full for as long as we try"),
    "domain_rate": N_("this domain has had enough mails for a minute; it waits its turn"),
    "too_many_to_one": N_(
        "this address has had as many mails of the case in a day as the settings allow: a person decides"
    ),
    "refused_as_ciphertext": N_("the encrypted one was refused by a filter; this one is signed only"),
    "certificate_weak_key": N_("the certificate's key is too weak"),
    "certificate_uid_mismatch": N_("the certificate names another address"),
    "certificate_missing": N_("the certificate is missing"),
    "no_certificate": N_("there is no certificate"),
    "certificate_expired": N_("the certificate has expired"),
    "certificate_revoked": N_("the certificate was revoked"),
    "certificate_is_another_one": N_("the certificate is not the one that was released"),
    "released_to_another_state": N_(
        "address or certificate of this person changed after the release: release it again"
    ),
    "picture_gone": N_("a picture of the draft is gone with its report: choose the pictures again"),
    "no_dossier": N_("its dossier is missing"),
    "no_draft": N_("no notice was drafted"),
    "nothing_released": N_("no notice was released"),
    "no_answer": N_("its answer is missing"),
    "not_announced": N_("no publication is announced"),
    "embargo_running": N_("the embargo is running: no remediation was named, and no authority was told"),
    "not_an_intermediary": N_("this contact is the organisation's own, or takes no mail"),
    "unknown_mail_type": N_("a kind of mail that this version does not know"),
    "channel_not_confirmed": N_("the channel is not confirmed"),
    "coordinator_not_active": N_("the coordinator's account is switched off"),
}


RESENT: Mapping[str, str] = {
    "anew": N_("a coordinator has it written and sent anew"),
    "same": N_("a coordinator has the same bytes sent again"),
}
# What a refusal is about (mail/refusals.py).
_REFUSALS: Mapping[About, str] = {
    About.ADDRESS: N_("nobody has this address: the contact is switched off"),
    About.FULL: N_("the mailbox is full: tried again in hours"),
    About.SHAPE: N_("a filter or a size limit: the address lives"),
    About.US: N_("how we send is refused: something of ours has to be mended, not the address"),
}


def refusal(code: str, *, permanent: bool, language: Language) -> str:
    """What the relay's answer means to us."""
    about = refusals.about(code)
    if about in _REFUSALS:
        return translate(language, _REFUSALS[about])
    if code in FAULTS:
        return say(FAULTS, code, language)
    return translate(language, N_("refused for good; it does not say why") if permanent else N_("not now"))


def why(code: str, language: Language) -> str:
    """Why a mail stands or waits: words of ours, or what a relay's code is about with the code itself."""
    about = refusals.about(code)
    return f"{translate(language, _REFUSALS[about])} ({code})" if about in _REFUSALS else say(FAULTS, code, language)


def say(table: Mapping[str, str], code: str, language: Language) -> str:
    """The words of a code, or the code itself; a sentence that is no code comes through as it is."""
    if code in table:
        return translate(language, table[code])
    return code.replace("_", " ") if _CODE.fullmatch(code) else code


def rung(code: str, language: Language) -> str:
    """The words of a rung, when an approval is about one; nothing for anything else."""
    return short(Rung(code), language) if code in set(Rung) else ""


def head(table: Mapping[str, str], code: str, language: Language) -> str:
    """The words before the colon: for badges and table cells."""
    return say(table, code, language).partition(":")[0].rstrip(" \u00a0\u202f")
