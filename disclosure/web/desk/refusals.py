"""Problem codes and refusals in plain words, for whoever sits at the desk."""

from __future__ import annotations

from collections.abc import Mapping

from disclosure.casework.words import STATES, state_word
from disclosure.language import N_, translate
from disclosure.protocol.axes import Axis
from disclosure.protocol.errors import Conflict, DisclosureError, IllegalMove, Refused
from disclosure.web.language import chosen_language
from disclosure.web.problems import WORDS, in_words

# Beside those of web/problems.py, which every audience shares.
_PROBLEMS: Mapping[str, str] = {
    "not_a_country": N_("A country is two letters, such as FR."),
    "not_a_number_of_days": N_("Please give a whole number of days, up to 365."),
    "not_this_number": N_("This is not the number of this case."),
    "not_a_page": N_("There is no such page of the list."),
    "reference_or_none": N_("A referral is done with the authority's reference, or with the word that it gave none."),
    "reference_and_none": N_("Either the authority gave a reference or it gave none."),
    "unknown_number": N_("There is no case with this alert number."),
    "unknown_case": N_("There is no case with this number."),
    "unknown_report": N_("There is no report with this reference."),
}
_REFUSED: Mapping[str, str] = {
    "task_taken_meanwhile": N_("A colleague took this task while you were reading. Look whose it is now."),
    "no_referral_waits": N_("This task names its authority already, or is done."),
    "no_contest_waits": N_("No contest waits for an answer; it may have been answered a moment ago."),
    "authority_named_already": N_("An authority was named for this task already."),
    "in_a_case_already": N_("Somebody has dealt with this mail already."),
    "nothing_has_left": N_("No mail of this case has left yet, so none can be answered."),
    "mail_stands_no_more": N_("This mail does not stand still any more: somebody else has acted, or it has left."),
    "no_bounce_waits": N_("This mail is no bounce that waits for a decision."),
    "not_in_quarantine": N_("This mail is not in quarantine any more."),
    "already_tied": N_("This domain is tied to the case already."),
    "domain_not_tied": N_("Tie the domain to the organisation first, with a reason."),
    "no_domain_tied": N_("Nothing leaves before a domain is tied to the organisation, with a reason."),
    "intermediary": N_("An intermediary is never written to with a contact request."),
    "unknown_contact": N_("This contact does not belong to the case."),
    "contact_disabled": N_("This contact is switched off."),
    "evidence_old": N_(
        "What is known of this contact is more than 24 hours old. It is being looked up again; come back in a minute."
    ),
    "already_written_to": N_("This contact was written to already."),
    "not_a_mail_contact": N_("A contact request leaves by mail only. Calls, letters and forms are tasks."),
    "unknown_certificate": N_("This certificate does not belong to the contact."),
    "certificate_refused": N_("The certificate is refused. Look at the reason; another one may be entered by hand."),
    "approval_pending": N_("A second coordinator was asked already."),
    "approval_void": N_(
        "What was asked for has changed since. Nothing was approved; whoever acts must look and ask again."
    ),
    "nothing_to_approve": N_("As the case stands this cannot be done, so nobody is asked to approve it."),
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
    "policy_changed_meanwhile": N_(
        "The rules of time were changed while you were reading. Look again at what the move changes."
    ),
    "policy_in_force_already": N_("The case runs under the version in force already."),
    "nothing_sent_to_this_contact": N_("No mail of ours to this contact is out, so none can come back."),
    "embargo_running": N_("The embargo is still running."),
    "announced_too_late": N_("A publication is announced at least 24 hours before."),
    "not_announced": N_("Nothing is published before it was announced to whoever received anything."),
    "announced_for_later": N_("The announced date has not come, or the announcement has not been out for 24 hours."),
    "not_an_intermediary": N_(
        "A forward request goes to an intermediary only: a registrar, hoster, DNS operator or platform, by mail."
    ),
    "own_contacts_not_failed": N_(
        "Not yet: the organisation's own contacts come first. An intermediary is asked when the second contact was "
        "tried in vain, or when nobody can be reached by mail."
    ),
    "picture_gone": N_("A picture of the draft is gone with its report. Choose the pictures again."),
    "opened_meanwhile": N_("A case was opened from this report in the meantime. Look at it before you open another."),
    "already_linked": N_("This report is linked to the case already."),
    "low_confidence": N_("The sources of this channel do not suffice. Check it, and correct the table of authorities."),
    "reserved": N_(
        "This channel is for the organisation itself or for persons concerned. We never file as somebody else."
    ),
    "host_may_be_compromised": N_(
        "Host, DNS or mail of the organisation may be in an intruder's hands: what was shown over them does not count."
    ),
    "report_withdrawn": N_("The reporter has withdrawn this report. No case can be made of it."),
    "closed": N_("The case is closed."),
}


def say(message: str, **parameters: object) -> str:
    """A marked message in the language of whoever reads."""
    return translate(chosen_language(), message, **parameters)


def problem_words(problems: Mapping[str, str]) -> dict[str, str]:
    """Field name → words."""
    shared = in_words(problems)
    return {name: say(_PROBLEMS[code]) if code in _PROBLEMS else shared[name] for name, code in problems.items()}


def sentence(error: DisclosureError) -> str:
    """One sentence: what stands in the way. Nothing was stored."""
    if isinstance(error, Conflict):
        return say(N_("Somebody else changed this in the same moment. Nothing was stored; look again and repeat."))
    if isinstance(error, Refused) and error.reason in _REFUSED:
        return say(_REFUSED[error.reason])
    if isinstance(error, Refused) and error.reason in WORDS:
        return say(WORDS[error.reason])
    if isinstance(error, Refused):
        return say(N_("Rule %(rule)s forbids this."), rule=error.rule)
    if isinstance(error, IllegalMove):
        return say(N_("This cannot be done now: %(state)s."), state=_state(error))
    return say(N_("This cannot be done."))


_BESIDE = {
    ("clock", "paused"): N_("the clock is paused already"),
    ("clock", "running"): N_("the clock is not paused"),
    ("task", "done"): N_("the task is done or no longer needed"),
    ("task", "unknown"): N_("there is no such task"),
    ("approval", "closed"): N_("the approval was decided or has expired"),
}


def _state(error: IllegalMove) -> str:
    if (error.axis, error.state) in _BESIDE:
        return say(_BESIDE[error.axis, error.state])
    axis = next((axis for axis in Axis if axis == error.axis), None)
    if axis and error.state in STATES[axis]:
        return state_word(axis, error.state, chosen_language()).lower()
    return error.state.replace("_", " ")
