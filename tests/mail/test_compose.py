"""The words of every mail, in both languages: plain, narrow, its reason first, nothing it may not say (R19-R24)."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from disclosure.casework.writing import ENCRYPTED
from disclosure.language import format_when
from disclosure.mail import compose
from disclosure.mail.compose import COLUMNS, Mail, wrap
from disclosure.protocol.values import Language
from tests.mail.samples import AT, DOOR, NUMBER, SAMPLES, SENDER

EVERY = [
    pytest.param(mail, language, id=f"{name}-{language}") for name, mail in SAMPLES.items() for language in Language
]
TEMPLATES = Path(compose.__file__).parent.parent.parent / "templates" / "mail"
# R23: the less such a mail says, the less it tells whoever else reads it; not even that there is an alert.
CONTENT_FREE = {"reporter_code", "reporter_news"}
ONE_LANGUAGE = {"referral", "later_fact", "coordinators_called", *CONTENT_FREE}


def halves(mail: Mail, first: Language) -> tuple[str, str]:
    """The body in the first language, and what stands below it."""
    above, _, below = compose.compose(mail, first).body.partition(compose.RULE)
    return above, below


@pytest.mark.parametrize(("mail", "language"), EVERY)
def test_it_is_narrow_plain_text(mail: Mail, language: Language) -> None:
    text = compose.compose(mail, language)
    long = [line for line in text.body.split("\n") if len(line) > COLUMNS]
    assert all(re.fullmatch(r"\s*https://\S+", line) for line in long), "only a link may be longer, whole and alone"
    assert not re.search(r"<[a-z/]|&[a-z]+;|\t|\r", text.body), "no markup"
    assert not re.search(r"[ \t]$", text.body, re.MULTILINE)
    assert text.body.endswith("\n")
    assert len(text.subject) <= COLUMNS
    assert "\n" not in text.subject


@pytest.mark.parametrize(("mail", "language"), EVERY)
def test_no_place_stays_empty(mail: Mail, language: Language) -> None:
    text = compose.compose(mail, language)
    everything = f"{text.subject}\n{text.body}"
    assert not re.search(r"\{[{%]|[%}]\}|\bNone\b|\bTrue\b|\bFalse\b|\(\)|\[\]|Undefined", everything)
    assert not re.search(r"\n\n\n", text.body), "a gap where something should stand"
    for following in re.findall(r":\n\n(.*)", text.body):
        assert following.startswith("    "), f"nothing stands where {following!r} does"


@pytest.mark.parametrize(("mail", "language"), EVERY)
def test_the_reason_stands_first(mail: Mail, language: Language) -> None:
    """In the first two lines under the greeting; R39 for authorities, whose first line is their name."""
    lines = [line for line in halves(mail, language)[0].split("\n") if line.strip()]
    opening = " ".join(lines[1:3])
    reasons = {
        Language.FR: r"alerte|échéance|a saisi cette adresse|vous attend",
        Language.EN: r"alert|deadline|entered this address|waits for you",
    }
    assert re.search(reasons[language], opening, re.IGNORECASE), opening


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in ONE_LANGUAGE])
@pytest.mark.parametrize("first", list(Language))
def test_both_languages_the_organisations_first(name: str, first: Language) -> None:
    above, below = halves(SAMPLES[name], first)
    french, english = (above, below) if first is Language.FR else (below, above)
    assert "Bonjour," in french
    assert "Hello," in english
    assert "Hello" not in french
    assert "Bonjour" not in english
    assert compose.compose(SAMPLES[name], first).languages[0] == first


@pytest.mark.parametrize("name", sorted(ONE_LANGUAGE))
def test_one_language_to_those_whose_language_is_known(name: str) -> None:
    assert compose.RULE not in compose.compose(SAMPLES[name], Language.FR).body


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in {"coordinators_called", *CONTENT_FREE}])
def test_everybody_sees_who_writes(name: str, language: Language) -> None:
    """R19: legal name, register number, postal address, a telephone that a person answers, the coordinator's name."""
    body, operator = halves(SAMPLES[name], language)[0], SENDER.operator
    for fact in (operator.legal_name, operator.register_number, operator.postal_address, operator.phone):
        assert fact in body
    assert SENDER.coordinator in body
    assert SENDER.fingerprint in body
    assert str(NUMBER) in body


def plain(text: str) -> str:
    """Whatever the line breaks and the kind of blanks."""
    return " ".join(text.split())


@pytest.mark.parametrize("language", list(Language))
def test_the_contact_request_says_what_r19_asks_and_no_more(language: Language) -> None:
    request = replace(SAMPLES["contact_request"], announces=True)  # the longest of them
    body = halves(request, language)[0]
    of_the_mail_itself = {
        "encrypted",
        "proves",
        "announces",
    }  # how it leaves and what policy says: nothing of the alert
    assert {field.name for field in fields(request)} - of_the_mail_itself == {
        *("sender", "number", "domain", "door", "hoped_by")
    }
    for needed in (DOOR.url, DOOR.code, SENDER.check_url, SENDER.rules_url, "signature.asc", "officines.example"):
        assert needed in body
    flat = plain(body)
    assert plain(format_when(AT, language)) in flat
    promises = {
        Language.FR: ["ni argent, ni engagement, ni silence", "par une preuve supplémentaire", "sans cliquer"],
        Language.EN: ["No money, no commitment, no silence", "by further proof", "without clicking"],
    }
    assert all(promise in flat for promise in promises[language])
    assert not re.search(r"ANSSI|CNIL|CERT|autorit|authorit|article|RGPD|GDPR|fuite|leak|vulnérab|vulnerab", body)


FORBIDDEN = r"mise en demeure|sanction|République|Republic|obligation légale|amende|\bfine\b|récompense|reward|bounty"


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.txt")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_threat_no_state_no_sale(path: Path) -> None:
    """R20, and what section 10 says never."""
    assert not re.search(FORBIDDEN, path.read_text(), re.IGNORECASE)


def test_every_template_has_its_twin() -> None:
    names = [{path.name for path in (TEMPLATES / language).glob("*.txt")} for language in Language]
    assert names[0] == names[1]


CLEAR = {
    "domain": "the organisation's own, tied by a coordinator",
    "door": "opens nothing without the code and more",
    "code": "a code",
    "at": "a date of ours",
    "confirmed_at": "a date of ours",
    "hoped_by": "a date of ours",
    "first_written_at": "a date of ours",
    "published_on": "a date of ours",
    "hours": "how long a code is good",
    "announces": "our rules, which are public",
    "acknowledged": "what the recipient did",
    "known": "what the recipient did",
    "at_once": "our rules, which are public",
    "authorities": "named in a heads-up only (R34)",
    "encrypted": "how the mail leaves",
    "proves": "how the mail leaves",
    "desk_url": "our own page",
    "sender": "who we are",
    "number": "says nothing",
}
SEALED = {"notice", "answer", "referral", "later_fact"}  # leave as ciphertext only


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in SEALED])
def test_no_detail_can_stand_in_what_leaves_in_the_clear(name: str) -> None:
    assert {field.name for field in fields(SAMPLES[name])} <= set(CLEAR)


def test_what_has_content_leaves_encrypted_only() -> None:
    """The type that can only hold ciphertext carries it (R20): delivery encrypts these or gives them up."""
    assert {str(kind) for kind in ENCRYPTED} == SEALED
    held = {type(SAMPLES[name]) for name in SAMPLES if {f.name for f in fields(SAMPLES[name])} - set(CLEAR)}
    assert held == {type(SAMPLES[name]) for name in SEALED}, "and whatever has a field for words is one of them"


@pytest.mark.parametrize("language", list(Language))
def test_a_forward_request_holds_what_r14b_allows(language: Language) -> None:
    request = SAMPLES["forward_request"]
    assert {field.name for field in fields(request)} == {"sender", "number", "domain"}
    body, flat = halves(request, language)[0], plain(halves(request, language)[0])
    assert "officines.example" in body
    assert SENDER.check_url in body
    links = set(re.findall(r"https?://[^\s,;)]+", body))
    assert links == {SENDER.check_url, SENDER.rules_url}, "pages for everybody: they open nothing"
    assert DOOR.code not in body
    asked = {Language.FR: "ne pas suspendre son service", Language.EN: "do not suspend their service"}
    assert asked[language] in flat
    assert not re.search(r"ANSSI|CNIL|CERT|autorit|authorit|fuite|leak|vulnérab|vulnerab|grave|sever", body)


NOT_TO_CHECK = {
    "coordinators_called": "no mail to a stranger",
    "reporter_code": "content-free",
    "reporter_news": "content-free",
    "referral": "R39: a telephone",
    "later_fact": "the same",
}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in NOT_TO_CHECK])
def test_every_mail_says_how_to_check_it_and_what_we_never_ask(name: str, language: Language) -> None:
    flat = plain(halves(SAMPLES[name], language)[0])
    assert SENDER.check_url in flat
    never = {Language.FR: ("argent", "mot de passe", "ni "), Language.EN: ("money", "password", "never ")}
    assert all(word in flat for word in never[language])


def test_an_authority_never_gets_a_link() -> None:
    for name in ("referral", "later_fact"):
        assert "http" not in compose.compose(SAMPLES[name], Language.FR).body


def test_a_reminder_fits_who_reads_it() -> None:
    """To whom it was released "nobody has answered" would be untrue; whoever acknowledged is asked what follows."""
    texts = [
        halves(SAMPLES[name], Language.EN)[0] for name in ("reminder", "person_reminder", "person_reminder_action")
    ]
    assert ["nobody has answered" in text for text in texts] == [True, False, False]
    assert ["You have acknowledged" in text for text in texts] == [False, False, True]


def test_the_notice_says_truly_who_was_told() -> None:
    flat = plain(halves(SAMPLES["notice"], Language.FR)[0])
    when = plain(format_when(AT, Language.FR))
    assert f"CERT-FR : le {when}, si rien ne change d'ici là." in flat
    assert f"CNIL : informée le {when}." in flat
    assert "CERT Santé : transmission en cours." in flat
    nobody = replace(SAMPLES["notice"], told=())  # type: ignore[type-var]
    assert "Personne d'autre n'est informé." in halves(nobody, Language.FR)[0]


@pytest.mark.parametrize(("mail", "language"), EVERY)
def test_a_missing_value_raises(mail: Mail, language: Language) -> None:
    """StrictUndefined: an empty place is a fault of ours and not a sentence with a hole. And no field is unused."""
    held = {field.name: getattr(mail, field.name) for field in fields(mail)} | {"language": language}
    template = compose._environment(language).get_template(f"{language}/{compose._TEMPLATES[type(mail)]}.txt")
    template.render(held)
    for name in {field.name for field in fields(mail)}:
        with pytest.raises((UndefinedError, AssertionError)):  # the second is Babel's, for dates
            template.render({key: value for key, value in held.items() if key != name})


@pytest.mark.parametrize(
    ("line", "wrapped", "why"),
    [
        ("word " * 20, ["word " * 13 + "word", "word " * 5 + "word"], "a paragraph is one line of the template"),
        ("a\nb", ["a", "b"], "a line break that somebody typed stays"),
        ("- " + "word " * 20, ["- " + "word " * 13 + "word", "  " + "word " * 5 + "word"], "behind the mark"),
        ("    " + "word " * 15, ["    " + "word " * 12 + "word", "    word word"], "an address keeps its indent"),
        ("    https://x.example/" + "a" * 90, ["    https://x.example/" + "a" * 90], "a link stays whole"),
        ("a" * 90 + " b", ["a" * 90, "b"], "so does a long word"),
        ("--- not a mark", ["--- not a mark"], "what looks like a mark and is none"),
    ],
)
def test_wrapping(line: str, wrapped: list[str], why: str) -> None:
    assert wrap(line) == "\n".join(wrapped), why


def test_french_spaces_hold_a_line_together() -> None:
    text = compose.french_spaces("à 09 h 00 : « oui » ; non ?")
    assert text == "à 09\u00a0h\u00a000\u00a0: «\u00a0oui\u00a0»\u00a0; non\u00a0?"
