"""Problem codes and refusals in plain words, for whoever sits at the desk."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext

from disclosure.casework.words import STATES, state_word
from disclosure.language import N_
from disclosure.protocol.axes import Axis
from disclosure.protocol.errors import Conflict, DisclosureError, IllegalMove, Refused
from disclosure.web.language import chosen_language

_PROBLEMS: Mapping[str, str] = {
    "required": N_("Please fill this in."),
    "too_long": N_("This is too long."),
    "choose_one": N_("Please choose one."),
    "not_a_country": N_("A country is two letters, such as FR."),
    "not_a_number": N_("Please give a whole number of days, up to 365."),
    "not_a_date": N_("A date looks like this: 2026-11-24."),
    "not_an_address": N_("This is not a mail address that we can write to."),
    "not_a_host_name": N_("This is not a domain name."),
    "ip_literal": N_("This is an IP address, not a domain name."),
    "not_this_number": N_("This is not the number of this case."),
    "not_a_page": N_("There is no such page of the list."),
    "unknown_case": N_("There is no case with this number."),
    "unknown_report": N_("There is no report with this reference."),
    "public_needs_a_date": N_("What was publicly visible needs the day on which it was."),
    "wrong_sign_in": N_("Login, password and code do not go together, or the code was used already."),
    "too_large": N_("This is too large."),
    # The judge of certificates (R18).
    "corrupt": N_("This cannot be read as an OpenPGP certificate."),
    "expired": N_("This certificate has expired."),
    "no_encryption_subkey": N_("This certificate has no usable key to encrypt to."),
    "no_valid_self_signature": N_("This certificate is not properly signed by its own key."),
    "not_a_key": N_("This is not an OpenPGP certificate."),
    "not_yet_valid": N_("This certificate is not valid yet."),
    "revoked": N_("This certificate was revoked."),
    "secret_key": N_("This is a secret key. It was not stored; whoever sent it should revoke it."),
    "several_keys": N_("These are several certificates. Please give one."),
    "unsupported_algorithm": N_("This certificate uses an algorithm that we cannot encrypt to."),
    "unsupported_key_version": N_("This certificate is of a version that we cannot encrypt to."),
    "weak_key": N_("The key of this certificate is too weak."),
    "weak_self_signature": N_("This certificate is signed with an algorithm that is too weak."),
}
_REFUSED: Mapping[str, str] = {
    "already_tied": N_("This domain is tied to the case already."),
    "domain_not_tied": N_("Tie the domain to the organisation first, with a reason."),
    "no_domain_tied": N_("Nothing leaves before a domain is tied to the organisation, with a reason."),
    "intermediary": N_("An intermediary is never written to with a contact request."),
    "unknown_contact": N_("This contact does not belong to the case."),
    "contact_disabled": N_("This contact is switched off."),
    "already_written_to": N_("This contact was written to already."),
    "not_a_mail_contact": N_("A contact request leaves by mail only. Calls, letters and forms are tasks."),
    "approval_pending": N_("A second coordinator was asked already."),
    "same_person": N_("Whoever asked for the approval cannot give it. Another coordinator must."),
    "no_draft": N_("There is no notice to release yet. Write it first."),
    "no_usable_certificate": N_("The certificate is no longer usable. Nothing leaves in clear text instead."),
    "release_questions": N_("Both questions must be answered with yes before a notice leaves."),
    "nothing_released_to_this_person": N_("No notice was released to this person, so none can be acknowledged."),
    "standing_too_low": N_("This person has not shown standing S2 or S3. Details go to nobody else."),
    "release_names_another_state": N_(
        "Standing or certificate of this person changed while you were reading. Look again before you release."
    ),
    "unknown_person": N_("This person does not belong to the case."),
    "not_a_coordinators_proof": N_("This proof is not one that a coordinator records."),
    "beyond_the_cap": N_("That is more than the policy allows for this clock."),
    "before_first_contact": N_(
        "Nobody was written to yet. What was public or on sale before sets the severity; it ends no embargo."
    ),
    "embargo_running": N_("The embargo is still running."),
    "already_linked": N_("This report is linked to the case already."),
    "low_confidence": N_("The sources of this channel do not suffice. Check it, and correct the table of authorities."),
    "closed": N_("The case is closed."),
}


def problem_words(problems: Mapping[str, str]) -> dict[str, str]:
    """Field name → words. A code without words says that the field cannot be taken."""
    unknown = N_("This cannot be taken as it is.")
    return {field: gettext(_PROBLEMS.get(code, unknown)) for field, code in problems.items()}


def sentence(error: DisclosureError) -> str:
    """One sentence: what stands in the way. Nothing was stored."""
    if isinstance(error, Conflict):
        return gettext("Somebody else changed this in the same moment. Nothing was stored; look again and repeat.")
    if isinstance(error, Refused):
        known = _REFUSED.get(error.reason)
        return gettext(known) if known else gettext("Rule %(rule)s forbids this.", rule=error.rule)
    if isinstance(error, IllegalMove):
        return gettext("This cannot be done now: %(state)s.", state=_state(error))
    return gettext("This cannot be done.")


def _state(error: IllegalMove) -> str:
    others = {
        ("clock", "paused"): N_("the clock is paused already"),
        ("clock", "running"): N_("the clock is not paused"),
        ("task", "done"): N_("the task is done or no longer needed"),
        ("task", "unknown"): N_("there is no such task"),
        ("approval", "closed"): N_("the approval was decided or has expired"),
    }
    if (error.axis, error.state) in others:
        return gettext(others[error.axis, error.state])
    axis = next((axis for axis in Axis if axis == error.axis), None)
    if axis and error.state in STATES[axis]:
        return state_word(axis, error.state, chosen_language()).lower()
    return error.state.replace("_", " ")
