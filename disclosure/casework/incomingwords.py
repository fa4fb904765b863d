"""Words for incoming mail: what kind it is (design.md section 6), where it stands, and why a person must look."""

from __future__ import annotations

from collections.abc import Mapping

from disclosure.language import N_

KINDS: Mapping[str, str] = {
    "arf": N_("Complaint: our mail was marked as unwanted"),
    "auto_reply": N_("Absence or automatic reply"),
    "bounce_delayed": N_("Delayed: still being tried"),
    "bounce_permanent": N_("Came back for good"),
    "bounce_temporary": N_("Came back after long tries"),
    "bounce_unparsed": N_("Seems to have come back"),
    "challenge": N_("Asks the sender to prove to be a person"),
    "dsn_delivered": N_("Delivered, says the recipient's server"),
    "dsn_relayed": N_("Passed on to a server that reports nothing"),
    "human_reply": N_("A person's answer"),
    "human_reply_unmatched": N_("A person's mail that names no mail of ours"),
    "list_hold": N_("Held by a mailing list for its moderator"),
    "mdn_deleted": N_("Deleted without being shown, says the recipient's program"),
    "mdn_displayed": N_("Shown on a screen, says the recipient's program"),
    "quarantine": N_("Not readable within the limits"),
    "report_dmarc": N_("Report on our mail's authentication"),
    "report_tls": N_("Report on our mail's encryption"),
    "ticket_auto_ack": N_("A ticket system's receipt"),
    "unrelated": N_("Concerns nothing of ours"),
    "not_read": N_("Not read yet"),
}
STATES: Mapping[str, str] = {
    "stored": N_("waits to be read"),
    "filed": N_("in its case"),
    "triage": N_("waits for a person"),
    "set_aside": N_("set aside"),
    "quarantine": N_("in quarantine"),
}
WHY: Mapping[str, str] = {
    "unmatched": N_("It names no mail of ours."),
    "by_message_id": N_(
        "It names our mail by its Message-ID only, which everybody knows who has seen it. Counted it would end the "
        "contact."
    ),
    "never_left": N_("It speaks of a mail that no relay has taken from us."),
    "too_late": N_("It came more than five days after the mail left."),
    "delivered_before": N_("The recipient's server had said before that the mail was delivered."),
    "answered_before": N_("Somebody has answered this mail already: it did arrive."),
    "second_within_hour": N_("It is the second within an hour in this case. A burst may be a fault, or forged."),
    "another_recipient": N_(
        "It names another address than the one we wrote to: a list or a forward of theirs, of which one member is gone."
    ),
    "unsure": N_("It looks like a machine's mail, or like a person's, and not clearly like either."),
    "challenge": N_("Until somebody answers it by hand, our mail is not shown to anybody."),
    "list_hold": N_("Until a moderator lets it through, nobody reads our mail."),
    "arf": N_("Somebody marked our mail as unwanted. Call before anything else is sent there."),
    "too_large": N_("It is larger than we read."),
    "over_limit": N_("Reading it took longer than it may."),
    "reader_broke": N_("The reader broke over it."),
}
TIES: Mapping[str, str] = {
    "token": N_("an address that only this mail's recipient was told"),
    "envelope_id": N_("the number under which we handed it to the relay"),
    "message_id": N_("its Message-ID"),
    "by_hand": N_("a coordinator"),
}
AUTHENTICATED: Mapping[str, str] = {
    "pass": N_("passed: the sender's domain vouches for it"),
    "fail": N_("failed: the sender may be somebody else"),
    "none": N_("nothing known: the sender may be anybody"),
}
UNREAD: Mapping[str, str] = {
    "not_for_us": N_("it is encrypted to none of our keys"),
    "unauthenticated": N_("nothing protects its content from being changed on the way"),
    "damaged": N_("it was changed or cut off on the way"),
    "too_large": N_("it is larger than we read"),
    "unreadable": N_("it is no OpenPGP message"),
    "over_limit": N_("opening it took longer than it may"),
    "partial": N_("something stands before or after the encrypted message"),
}
SIGNED: Mapping[str, str] = {
    "good": N_("good, by a certificate that the case knows"),
    "bad": N_("does not fit: the text was changed, or the signature is forged"),
    "unknown_key": N_("by a key that the case does not know"),
    "for_another": N_("good, but written to somebody else, who passed it on"),
}
