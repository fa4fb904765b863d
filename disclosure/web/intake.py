"""The report form, parsed at the edge: raw text becomes a SubmitReport or a list of problems (R6)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from werkzeug.datastructures import FileStorage

from disclosure.casework.office import Office
from disclosure.casework.organisations import parse_domain
from disclosure.casework.reporting import SubmitReport
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import AlertKind, Answer, Language, Sector, Severity, country
from disclosure.web.countries import countries

K = TypeVar("K", bound=StrEnum)
SHORT, LONG = 300, 20_000
LONG_FIELDS = ("affected", "how_obtained", "description")
SHORT_FIELDS = ("organisation", "personal_data_kinds", "people_affected", "where_seen", "seen_when", "reporter_name")
REQUIRED = ("organisation", "description", "how_obtained")
MAX_DOMAINS = 10
TOKEN_LENGTH = 22  # secrets.token_urlsafe(16), as public.report gives out


def parse(
    form: Mapping[str, str], files: list[FileStorage], office: Office, language: Language, *, text_only: bool
) -> SubmitReport:
    """Raises InvalidInput with every problem at once, by field."""
    problems: dict[str, str] = {}
    words = {name: form.get(name, "").strip() for name in (*SHORT_FIELDS, *LONG_FIELDS)}
    problems |= {name: "required" for name in REQUIRED if not words[name]}
    problems |= {name: "too_long" for name in words if len(words[name]) > (LONG if name in LONG_FIELDS else SHORT)}
    domains = _domains(form.get("domains", ""), problems)
    kind = _choice(form, "kind", AlertKind, problems)
    sector = _choice(form, "sector", Sector, problems)
    chosen_country = _country(form.get("country", ""), problems)
    if len(form.get("token", "")) < TOKEN_LENGTH:
        problems[""] = "stale_form"  # every form has a token of its own; without one two reports would look like one
    if form.get("understood") != "yes":
        problems["understood"] = "must_confirm"
    pictures = _pictures(files, office, problems, text_only=text_only)
    named = form.get("consent") == "yes" and bool(words["reporter_name"])
    if problems:
        raise InvalidInput(problems)
    return SubmitReport(
        token=form.get("token", ""),
        kind=kind or AlertKind.MALICIOUS_ACTIVITY,
        severity_seen=_choice(form, "severity_seen", Severity, {}) or Severity.NORMAL,
        domains=domains,
        country=chosen_country,
        sector=sector or Sector.OTHER,
        personal_data=_choice(form, "personal_data", Answer, {}) or Answer.UNKNOWN,
        on_sale=_choice(form, "on_sale", Answer, {}) or Answer.UNKNOWN,
        consent_text=CONSENT[language] if named else "",
        wishes_anonymity=not named,
        language=language,
        text_only=text_only,
        pictures=pictures,
        **words,
    )


# Stored with the report as the text that was agreed to (R6, R21); it must not change under those who agreed before.
CONSENT = {
    Language.FR: "J’autorise la coordination à indiquer mon nom à l’organisme et aux autorités, comme source.",
    Language.EN: "I allow the coordinators to name me to the organisation and to authorities, as the source.",
}


def _domains(text: str, problems: dict[str, str]) -> tuple[str, ...]:
    found = []
    for word in text.replace(",", " ").split()[: MAX_DOMAINS + 1]:
        try:
            found.append(str(parse_domain(word)))
        except InvalidInput as error:
            problems["domains"] = next(iter(error.problems.values()))
    if len(found) > MAX_DOMAINS:
        problems["domains"] = "too_long"
    return tuple(dict.fromkeys(found))


def _choice(form: Mapping[str, str], name: str, kind: type[K], problems: dict[str, str]) -> K | None:
    try:
        return kind(form.get(name, ""))
    except ValueError:
        problems[name] = "not_a_choice"
        return None


def _country(text: str, problems: dict[str, str]) -> str:
    try:
        code = country(text)
    except InvalidInput:
        code = ""
    if code not in dict(countries(Language.EN)):
        problems["country"] = "not_a_country"
    return code


def _pictures(
    files: list[FileStorage], office: Office, problems: dict[str, str], *, text_only: bool
) -> tuple[bytes, ...]:
    """Nothing that is refused leaves a byte; below the floor of free space text alone is taken (R8, R45)."""
    sent = [file for file in files if file and file.filename]
    if not sent:
        return ()
    caps = office.settings.uploads
    if text_only:
        problems["pictures"] = "text_only"
    elif shutil.disk_usage(office.settings.instance).free < office.settings.free_space_floor_bytes:
        problems["pictures"] = "no_space"
    elif len(sent) > caps.max_files:
        problems["pictures"] = "too_many_files"
    else:
        read = tuple(file.read(caps.max_file_bytes + 1) for file in sent)
        if all(len(data) <= caps.max_file_bytes for data in read):
            return read
        problems["pictures"] = "file_too_large"
    return ()
