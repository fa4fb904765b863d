"""Acts about the matter, the contacts and the people at the organisation, as data (see actforms.py)."""

from __future__ import annotations

from collections.abc import Mapping

from disclosure.language import N_
from disclosure.protocol.codes import Proof
from disclosure.protocol.values import Answer, Channel
from disclosure.web.desk import choices, deeds
from disclosure.web.desk.actforms import JUDGED, ActForm, Field, codes

ACTS: Mapping[str, ActForm] = {
    "assess": ActForm(
        N_("Assess again"),
        N_("Severity, country or personal data may move deadlines and change which authorities are told."),
        N_("Record the assessment"),
        N_("Assessed again. The deadlines were worked out anew."),
        (*JUDGED, Field("reason", N_("Why it changes"), "area")),
        deeds.assess,
    ),
    "domain": ActForm(
        N_("Tie a domain to the organisation"),
        N_(
            "A domain in a report is a claim. Record why it is the organisation's own: nothing is looked "
            "up and nothing leaves before."
        ),
        N_("Tie this domain"),
        N_("The domain is tied to the organisation."),
        (
            Field("domain", N_("Domain"), help=N_("Such as example.fr, without www.")),
            Field(
                "reason",
                N_("Reason"),
                "area",
                N_("For instance: legal notice of the site names the same company and seat."),
            ),
        ),
        deeds.tie,
        anchor="contacts",
    ),
    "search": ActForm(
        N_("Look for published contacts"),
        N_(
            "The server reads security.txt, DNS and mail records of the domain. It asks public sources "
            "only and probes nothing; the organisation may see one visit to its web server."
        ),
        N_("Start the search"),
        N_("The search is in the queue. Its result appears here within minutes."),
        (Field("domain", N_("Domain"), "radios", options=choices.domains),),
        deeds.search,
        anchor="contacts",
    ),
    "contact": ActForm(
        N_("Enter a contact by hand"),
        N_("A contact entered by hand wins over what a search finds, and survives a new search."),
        N_("Enter this contact"),
        N_("The contact is in the list. Choose the order to use it."),
        (
            Field("channel", N_("Channel"), "radios", options=codes(Channel)),
            Field("address", N_("Address, number, postal lines or address of the form"), "area"),
            Field(
                "name",
                N_("Whom it reaches"),
                help=N_("Such as: data protection officer, switchboard, legal department."),
            ),
            Field(
                "source", N_("Where it comes from"), "area", N_("Such as: legal notice, read today; company register.")
            ),
            Field(
                "intermediary",
                N_("It is a registrar, hoster, DNS operator or platform, not the organisation itself"),
                "check",
            ),
        ),
        deeds.contact,
        anchor="contacts",
    ),
    "disable": ActForm(
        N_("Switch a contact off"),
        N_("Nothing more is sent to it. It stays in the record."),
        N_("Switch it off"),
        N_("The contact is switched off."),
        (Field("contact", N_("Contact"), "radios", options=choices.contacts),),
        deeds.disable,
        anchor="contacts",
    ),
    "revoke": ActForm(
        N_("Revoke links"),
        N_(
            "A mail went to a wrong address, or its link is in wrong hands. No link of this recipient opens anything "
            "any more, and every session opened through one of them is closed. What was said stands; the next mail has "
            "a new link."
        ),
        N_("Revoke these links"),
        N_("Revoked. None of the links sent so far opens anything."),
        (
            Field("recipient", N_("Whose links"), "radios", options=choices.recipients),
            Field("reason", N_("Reason"), "area"),
        ),
        deeds.revoke,
        harm=True,
        anchor="contacts",
    ),
    "standing": ActForm(
        N_("Record standing S3"),
        N_(
            "Standing outside mail: you called back to a number found independently, a code from a letter "
            "was read to you, or a DNS record was set."
        ),
        N_("Record this standing"),
        N_("Standing S3 is recorded. The notice can be released to this person."),
        (
            Field("person", N_("Person"), "radios", options=choices.persons),
            Field(
                "proof",
                N_("How it was shown"),
                "radios",
                options=codes(Proof, Proof.CALL_BACK, Proof.LETTER_CODE, Proof.DNS_TXT),
            ),
            Field(
                "note",
                N_("What exactly was done"),
                "area",
                N_("Number called and where it was found, or the record's name, and the hour."),
            ),
        ),
        deeds.standing,
        anchor="persons",
    ),
    "acknowledge": ActForm(
        N_("Record an acknowledgement"),
        N_("Only when a person told you, by phone or mail, that the notice was read. An automatic reply is none."),
        N_("Record the acknowledgement"),
        N_("The acknowledgement is recorded. Authorities that were told are told of it too."),
        (
            Field("person", N_("Person"), "radios", options=choices.persons),
            Field("words", N_("What was said, in your own words"), "area", N_("The organisation can read this.")),
        ),
        deeds.acknowledge,
        anchor="persons",
    ),
    "answer": ActForm(
        N_("Write to the organisation"),
        N_(
            "The text stands on the case page, for persons of standing S2 or S3 to whom nobody objects. A mail without "
            "content tells them; whoever got the notice encrypted gets the words encrypted too."
        ),
        N_("Put it on the case page"),
        N_("Your message stands on the organisation's case page."),
        (Field("words", N_("Message"), "area", N_("Plain text. Nothing about the source.")),),
        deeds.answer,
    ),
    "settle": ActForm(
        N_("Answer the contest"),
        N_("If the contest is upheld the clocks end. If not, they go on from where they stood."),
        N_("Record the answer"),
        N_("The answer is recorded, and the organisation can read it."),
        (
            Field("upheld", N_("Is the organisation right?"), "radios", options=codes(Answer, Answer.YES, Answer.NO)),
            Field("words", N_("Answer"), "area", N_("The organisation can read this.")),
        ),
        deeds.settle,
    ),
}
