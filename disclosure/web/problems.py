"""Problem codes in words, once: what is wrong with what was typed, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from disclosure.language import N_, translate
from disclosure.protocol.errors import Conflict, DisclosureError, IllegalMove, InvalidInput, Refused, TooMany
from disclosure.web.language import chosen_language

WORDS: Mapping[str, str] = {
    "required": N_("Please fill this in."),
    "too_long": N_("This is too long; please shorten it."),
    "too_short": N_("This is too short."),
    "not_a_host_name": N_("This is not a domain name. Write it like example.org."),
    "public_suffix": N_("Names below this one belong to many organisations. Tie the organisation's own domain."),
    "ip_literal": N_("This is an IP address. Please give a domain name."),
    "not_an_address": N_("This is not a mail address. Write it like name@example.org."),
    "not_a_country": N_("Choose a country from the list."),
    "not_a_choice": N_("Please choose one of the answers."),
    "not_a_date": N_("This is not a date."),
    "in_the_past": N_("This date is in the past."),
    "not_a_number": N_("This is not a number."),
    "not_a_code": N_("A code has ten letters and digits, like 7K2QF-0M9TX."),
    "wrong_code": N_("This is not the code from the mail. Please look at it again."),
    "code_not_sent_yet": N_(
        "The code is on its way, or it has expired. Please wait a moment, or name your address again."
    ),
    "public_webmail": N_(
        "A public mail service proves nothing about the organisation. Please name an address at its own domain."
    ),
    "not_at_a_tied_domain": N_(
        "This address is not at a domain of the organisation that we know. Please name another, or call us."
    ),
    "wrong_password": N_("This is not the present password."),
    "taken": N_("This name is taken."),
    "holds_the_codename": N_(
        "Your message holds your codename. Never send it to anybody, not even to us: please take it out."
    ),
    "not_a_picture": N_("Only PNG, JPEG and WebP pictures are taken. Nothing of this file was kept."),
    "broken_picture": N_("This picture cannot be read. Nothing of it was kept."),
    "too_many_pixels": N_("This picture is too large. Please crop it or make it smaller; nothing of it was kept."),
    "too_many_files": N_("Too many pictures. Please choose fewer; nothing of them was kept."),
    "file_too_large": N_("This file is too large. Nothing of it was kept."),
    "no_space": N_(
        "The server is short of space and takes no pictures now. Your text is still taken: please describe them."
    ),
    "text_only": N_("Many reports have come in. For now only text is taken: please send the report without pictures."),
    "too_large_together": N_(
        "All of it together is too large. Choose fewer or smaller pictures, or send the text alone; nothing was kept."
    ),
    "stale_form": N_("This form was too old. It is a fresh one now: please send it once more."),
    "must_confirm": N_("Please confirm this to go on."),
    "public_needs_a_date": N_("A fact that is publicly visible needs the date on which it was seen."),
    "contacts": N_("Choose at least one contact."),
    "corrupt": N_("This certificate cannot be read."),
    "expired": N_("This certificate has expired."),
    "no_encryption_subkey": N_("This certificate has no part that can be encrypted to."),
    "no_valid_self_signature": N_("This certificate is not signed by its own key."),
    "not_a_key": N_("This is not an OpenPGP certificate."),
    "not_yet_valid": N_("This certificate is not valid yet."),
    "revoked": N_("This certificate was revoked."),
    "secret_key": N_(
        "This is a PRIVATE key. It was not stored. Treat it as exposed, and paste the public certificate."
    ),
    "several_keys": N_("There are too many certificates in this file."),
    "too_large": N_("This file is too large."),
    "unsupported_algorithm": N_("This certificate uses an algorithm that we cannot write for."),
    "unsupported_key_version": N_("This certificate is of a version that we cannot write for."),
    "weak_key": N_("The key of this certificate is too weak."),
    "weak_self_signature": N_("This certificate is signed with a method that is no longer safe."),
    # what a rule refuses
    "cannot_store": N_(
        "The server cannot store anything at the moment: nothing of your report was kept, no picture either. Your text "
        "still stands below; please copy it and send it again later. If it cannot wait, tell CERT-FR: "
        "cert-fr@ssi.gouv.fr."
    ),
    "already_sent": N_("This form was sent already, and its report is stored. Open the form anew for another report."),
    "sign_in": N_("Name, password or code is wrong."),
    "host_may_be_compromised": N_(
        "The organisation's systems may be in an intruder's hands: a code by mail proves nothing. Please call us."
    ),
    "standing_too_low": N_("This person has not shown that they speak for the organisation."),
    "release_names_another_state": N_("Something changed since you looked. Please look again before releasing."),
    "release_questions": N_("Both questions must be answered with yes before anything is released."),
    "already_tied": N_("This domain is tied already."),
    "already_linked": N_("This report is linked already."),
    "already_written_to": N_("This contact was written to already."),
    "not_a_mail_contact": N_("This contact cannot be written to by mail."),
    "no_domain_tied": N_("Tie a domain to the organisation first."),
    "domain_not_tied": N_("This domain is not tied to the organisation."),
    "contact_disabled": N_("This contact is no longer used."),
    "intermediary": N_("An intermediary gets no contact request."),
    "unknown_contact": N_("This contact is not known."),
    "no_draft": N_("There is no draft yet."),
    "beyond_the_cap": N_("This is more than the rules allow."),
    "no_clock_runs": N_("No deadline runs now."),
    "approval_pending": N_("An approval is already asked for."),
    "same_person": N_("Another person has to approve this."),
    "search_not_over": N_(
        "A look-up failed and will be repeated: that nothing is published is not known yet. "
        "Wait for the end of the search."
    ),
    "nothing_released_to_this_person": N_("Nothing was released to you yet."),
    "before_first_contact": N_("Before first contact this sets the severity only."),
    "embargo_running": N_("The embargo still runs."),
}
OTHERWISE = N_("This cannot be taken.")
MOVED = N_("Something changed in between, or the rules do not allow it.")
_SLOWLY = N_("Too many tries. Please wait %(count)s seconds.")


def in_words(problems: Mapping[str, str]) -> dict[str, str]:
    """Field → words in the visitor's language."""
    language = chosen_language()
    return {field: translate(language, WORDS.get(code, OTHERWISE)) for field, code in problems.items()}


# What is said on the page itself, with everything that was typed; every other error is a page of its own (errors.py).
SAID = (InvalidInput, Refused, TooMany, IllegalMove, Conflict)


def typed_again(form: Mapping[str, str], error: DisclosureError) -> dict[str, str]:
    """What was typed, for the same form; a private key in whatever dress is not sent back once more."""
    codes = error.problems if isinstance(error, InvalidInput) else {}
    return {
        name: "" if codes.get(name) == "secret_key" or "PRIVATE KEY" in value else value for name, value in form.items()
    }


def said(error: DisclosureError) -> tuple[dict[str, str], int]:
    """What stands in the way, by field (an empty name: the whole form), and the status."""
    language = chosen_language()
    if isinstance(error, InvalidInput):
        return in_words(error.problems), 422
    if isinstance(error, TooMany):
        return {"": translate(language, _SLOWLY, count=error.retry_after)}, 429
    if isinstance(error, Refused):
        return in_words({"": error.reason}), 409
    return {"": translate(language, MOVED)}, 409
