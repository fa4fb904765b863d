"""Acts about clocks, tasks, authorities and the end of a case, as data (see actforms.py)."""

from __future__ import annotations

from collections.abc import Mapping

from disclosure.language import N_
from disclosure.protocol.codes import Clock, EmbargoEnd
from disclosure.web.desk import choices, deeds
from disclosure.web.desk.actforms import ActForm, Field, codes

ACTS: Mapping[str, ActForm] = {
    "extend": ActForm(
        N_("Give more time"),
        N_("Adds to one clock of this case. The sum is capped by the policy."),
        N_("Give this time"),
        N_("The deadline was moved."),
        (
            Field("clock", N_("Clock"), "radios", options=codes(Clock)),
            Field("days", N_("Days"), "number"),
            Field("reason", N_("Reason"), "area", N_("The organisation can read this.")),
        ),
        deeds.extend,
        anchor="next",
    ),
    "pause": ActForm(
        N_("Pause the clock"),
        N_("Nothing climbs until you resume it. The paused time counts for nobody."),
        N_("Pause the clock"),
        N_("The clock is paused."),
        (Field("reason", N_("Reason"), "area", N_("The organisation can read this.")),),
        deeds.pause,
        anchor="next",
    ),
    "resume": ActForm(
        N_("Resume the clock"),
        N_("The clock goes on from where it stood."),
        N_("Resume the clock"),
        N_("The clock is running again."),
        (Field("reason", N_("Reason"), "area", N_("The organisation can read this.")),),
        deeds.resume,
        anchor="next",
    ),
    "policy": ActForm(
        N_("Move to the rules in force"),
        N_("The case keeps the version of the rules of time that it started with, until you move it."),
        N_("Move the case to this version"),
        N_("The case runs under the version in force now."),
        (Field("version", N_("Version"), "radios", options=choices.policies),),
        deeds.policy,
        anchor="next",
    ),
    "embargo": ActForm(
        N_("End the embargo"),
        N_(
            "Only for what changed after first contact: exploitation in the wild, or publication by "
            "others. The ladder moves at once, up to the authorities."
        ),
        N_("End the embargo now"),
        N_("The embargo is over; the ladder moves with the next step of the server."),
        (
            Field("cause", N_("What changed"), "radios", options=codes(EmbargoEnd)),
            Field("reason", N_("How you know"), "area", N_("The organisation can read this.")),
        ),
        deeds.embargo,
        harm=True,
        anchor="next",
    ),
    "task": ActForm(
        N_("Record a task as done"),
        N_(
            "A task counts only with its proof: who was spoken to and when, or the letter's tracking "
            "number. Until then it blocks what follows."
        ),
        N_("Done, with this proof"),
        N_("The task is recorded as done."),
        (
            Field("task", N_("Task"), "radios", options=choices.tasks),
            Field(
                "proof", N_("Proof"), "area", N_("Who, when, what was said: no detail of the alert to a switchboard.")
            ),
            Field("reference", N_("Reference or tracking number, if any")),
        ),
        deeds.task,
        anchor="tasks",
    ),
    "authority": ActForm(
        N_("Record an authority's answer"),
        N_("Its reference is kept and quoted in everything that follows."),
        N_("Record the answer"),
        N_("The authority's answer is recorded."),
        (
            Field("authority", N_("Authority"), "radios", options=choices.authorities),
            Field("reference", N_("Its reference")),
            Field("words", N_("What it said"), "area"),
        ),
        deeds.authority,
    ),
    "unreachable": ActForm(
        N_("Declare the organisation unreachable"),
        N_("Nothing was found, or everything came back. Tasks for a call, a letter and a referral come at once."),
        N_("Declare it unreachable"),
        N_("Declared unreachable. The tasks come with the next step of the server."),
        (),
        deeds.unreachable,
        harm=True,
        anchor="tasks",
    ),
    "note": ActForm(
        N_("Write a note"),
        N_("For coordinators only. It stands in the case's ledger and cannot be changed."),
        N_("Keep this note"),
        N_("The note is kept."),
        (Field("text", N_("Note"), "area"),),
        deeds.note,
    ),
    "link": ActForm(
        N_("Link a further report"),
        N_("Linked, never merged: no domain and no contact comes into the case with it."),
        N_("Link this report"),
        N_("The report is linked to the case."),
        (Field("reference", N_("Reference of the report")),),
        deeds.link,
    ),
    "publish": ActForm(
        N_("Record a publication"),
        N_(
            "Only after the announced date. No technical detail that helps an attacker, no personal data. The "
            "authorities that were told learn of it; this server puts nothing on a public page."
        ),
        N_("Record it as published"),
        N_("Recorded as published."),
        (
            Field("text", N_("What was published"), "area"),
            Field("number", N_("Type the alert number to confirm")),
        ),
        deeds.publish,
        harm=True,
    ),
    "retract": ActForm(
        N_("Retract the publication"),
        N_("Everybody who received anything is told, authorities and intermediaries too."),
        N_("Retract it"),
        N_("Retracted. The mails are in the outbox."),
        (Field("reason", N_("Reason"), "area"),),
        deeds.retract,
        harm=True,
        anchor="mails",
    ),
    "close": ActForm(
        N_("Close the case"),
        N_(
            "No clock runs any more, and no rung is climbed. A late answer is still welcome and can reopen it. An "
            "alert that was unfounded, or another organisation's, is withdrawn wherever it went."
        ),
        N_("Close this case"),
        N_("The case is closed."),
        (
            Field("outcome", N_("Outcome"), "radios", options=choices.closings),
            Field("reason", N_("Reason"), "area"),
            Field("number", N_("Type the alert number to confirm")),
        ),
        deeds.close,
        harm=True,
    ),
    "reopen": ActForm(
        N_("Reopen the case"),
        N_("The clocks go on from the facts as they stand."),
        N_("Reopen this case"),
        N_("The case is open again."),
        (Field("reason", N_("Reason"), "area"),),
        deeds.reopen,
    ),
}
