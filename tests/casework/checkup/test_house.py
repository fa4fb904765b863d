"""What the doctor says of our own house, and the whole examination against a small world: DNS, HTTPS, SMTP with TLS."""

from __future__ import annotations

import json
import ssl
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from disclosure import cli
from disclosure.casework import clockwork, identity, keys
from disclosure.casework.checkup import examine, house, relay
from disclosure.casework.checkup.findings import Finding, State
from disclosure.casework.office import Office
from disclosure.discovery.keyplaces import web_key_urls
from disclosure.mail.relay import RelaySettings
from disclosure.mail.relaycheck import RelaySeen, look
from disclosure.openpgp.verdict import Reason, Verdict
from disclosure.settings import Relay as RelaySetting
from disclosure.settings import Security
from disclosure.store.tables import outbox
from tests.discovery.conftest import ca, world  # noqa: F401 - fixtures
from tests.discovery.world import Authority, World, free_port, page
from tests.mail.faulty import Hang, Relay, Say
from tests.office import T0, forget, make_office

OK, WARNING, FAULT = State
MIN, DAY = timedelta(minutes=1), timedelta(days=1)
GOOD = Verdict(usable=True, fingerprint="A" * 40)
SOUND = house.House(
    newest_event=T0 - MIN,
    beats={"clock": T0 - timedelta(seconds=5)},
    oldest_unsent=None,
    unsent=0,
    dead=0,
    held=0,
    old_channels=(),
    unconfirmed=(),
    free=10**12,
    floor=10**9,
    trial=False,
    certificate=GOOD,
    security_txt_expires=T0 + 150 * DAY,
)


def states(found: Any) -> dict[str, State]:
    return {one.check: one.state for one in found}


def test_a_house_in_order_is_ok_all_over() -> None:
    found = states(house.judge(SOUND, T0))
    assert set(found.values()) == {OK}
    assert len(found) == 10


@pytest.mark.parametrize(
    ("check", "changes", "state", "why"),
    [
        ("mode", {"trial": True}, WARNING, "trial mode is said plainly"),
        ("clock", {"newest_event": T0 + 2 * MIN}, OK, "two machines differ a little"),
        ("clock", {"newest_event": T0 + 3 * MIN}, FAULT, "an event of the future"),
        ("clock", {"beats": {"clock": T0 + 3 * MIN}}, FAULT, "a heartbeat of the future"),
        ("clock", {"newest_event": None, "beats": {}}, OK, "an empty house"),
        ("worker", {"beats": {}}, FAULT, "never ran"),
        ("worker", {"beats": {"clock": T0 - 2 * MIN}}, WARNING, "late"),
        ("worker", {"beats": {"clock": T0 - 6 * MIN}}, FAULT, "gone"),
        ("outbox", {"unsent": 3, "oldest_unsent": T0 - 14 * MIN}, OK, "on their way"),
        ("outbox", {"unsent": 3, "oldest_unsent": T0 - 16 * MIN}, WARNING, "slow"),
        ("outbox", {"unsent": 3, "oldest_unsent": T0 - 241 * MIN}, FAULT, "stuck"),
        ("undelivered", {"dead": 1}, WARNING, "a person decides"),
        ("undelivered", {"held": 1}, WARNING, "a person decides"),
        ("certificate", {"certificate": None}, FAULT, "none yet"),
        (
            "certificate",
            {"certificate": replace(GOOD, usable=False, reason=Reason.EXPIRED)},
            FAULT,
            "nobody may use it",
        ),
        ("certificate", {"certificate": replace(GOOD, flags=("uid_mismatch",))}, WARNING, "the address has changed"),
        ("certificate", {"certificate": replace(GOOD, expires_at=T0 + 61 * DAY)}, OK, "long enough"),
        ("certificate", {"certificate": replace(GOOD, expires_at=T0 + 59 * DAY)}, WARNING, "soon"),
        ("certificate", {"certificate": replace(GOOD, expires_at=T0 + 13 * DAY)}, FAULT, "very soon"),
        ("security.txt", {"security_txt_expires": None}, FAULT, "missing"),
        ("security.txt", {"security_txt_expires": T0}, FAULT, "expired this instant"),
        ("security.txt", {"security_txt_expires": T0 + 59 * DAY}, WARNING, "the worker should have made it anew"),
        ("authorities", {"old_channels": ("fr-anssi:mail",)}, WARNING, "checked long ago"),
        ("channels", {"unconfirmed": ("fr-anssi:mail",)}, WARNING, "nothing is sent there"),
        ("disk", {"free": 2 * 10**9 - 1}, WARNING, "nearly at the floor"),
        ("disk", {"free": 10**9 - 1}, FAULT, "below the floor"),
    ],
)
def test_each_check_in_each_state(check: str, changes: dict[str, Any], state: State, why: str) -> None:
    found = {one.check: one for one in house.judge(replace(SOUND, **changes), T0)}
    assert found[check].state is state, why
    assert bool(found[check].do) is (state is not OK), "what is not in order comes with what to do"
    others = {name: one.state for name, one in found.items() if name != check}
    if check != "clock":
        assert set(others.values()) == {OK}, "and nothing else is blamed"


# --- gathering ---


@pytest.fixture
def office(database: str, tmp_path: Path) -> Iterator[Office]:
    held = make_office(tmp_path / "instance")
    keys.ensure_service_key(held, T0)
    identity.keep_published(held, T0)
    yield held
    forget(held)


def test_what_is_gathered_is_what_lies_there(office: Office) -> None:
    found = house.gather(office, T0)
    assert (found.newest_event, found.beats, found.unsent) == (None, {}, 0)
    clockwork.beat(office, "clock", T0)
    row = {"recipient": "x", "mail_type": "notice", "language": "fr", "policy_version": "1", "attempts": 0,
           "ambiguous": 0, "fence": 0}  # fmt: skip
    with office.store.writing() as tx:
        for place, state in enumerate(("recipe", "sending", "dead", "held", "held", "relayed")):
            tx.execute(outbox.insert().values(id=f"m{place}", state=state, queued_at=T0 - place * MIN, **row))
    found = house.gather(office, T0)
    assert (found.beats, found.unsent, found.oldest_unsent) == ({"clock": T0}, 2, T0 - MIN)
    assert (found.dead, found.held, found.trial) == (1, 2, True)
    assert found.certificate is not None
    assert found.certificate.fingerprint == keys.held_keys(office)[0].fingerprint
    assert found.security_txt_expires == T0 + identity.LIFE
    assert found.unconfirmed == ("fr-anssi:mail", "fr-anssi:phone", "fr-cnil:post")
    assert found.old_channels == ()
    later = T0 + 200 * DAY
    assert date(2026, 11, 1) + timedelta(days=183) < later.date()
    assert len(house.gather(office, later).old_channels) == 3


# --- the relay ---


def held(port: int, ca_file: Path | None, security: str = "starttls", **more: Any) -> RelaySettings:
    return RelaySettings("localhost", port, security, ca_file=ca_file, timeout=2.0, total=4.0, **more)


@pytest.fixture
def tls(ca: Authority) -> ssl.SSLContext:  # noqa: F811
    return ca.context("relay", ["localhost"], days=1)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_relay_that_can_be_used(ca: Authority, tls: ssl.SSLContext, security: str) -> None:  # noqa: F811
    with Relay(tls=tls, implicit=security == "tls").running() as relay_:
        seen = look(held(relay_.port, ca.file, security), name="org.example")
    assert (seen.problem, seen.tls) == ("", "TLSv1.3")
    assert seen.expires_at is not None
    assert not [command for command in relay_.commands if command.startswith(("MAIL", "RCPT", "DATA"))], "no mail"
    assert relay.judge(seen, "localhost", seen.expires_at - 22 * DAY).state is OK
    assert relay.judge(seen, "localhost", seen.expires_at - 20 * DAY).state is WARNING
    assert relay.judge(seen, "localhost", seen.expires_at - 2 * DAY).state is FAULT


@pytest.mark.parametrize(
    ("faults", "shows", "problem", "why"),
    [
        ({}, "untrusted", "relay_certificate_refused", "an authority that nobody named"),
        ({}, "nothing", "relay_offers_too_little", "no TLS at all"),
        ({"greeting": Say("554 5.3.2 closed")}, "trusted", "relay_refused_us", "closed"),
        ({"ehlo": Hang()}, "trusted", "relay_timed_out", "never answers, and never holds us"),
    ],
)
def test_a_relay_that_cannot(
    ca: Authority,  # noqa: F811
    tls: ssl.SSLContext,
    faults: dict[str, Any],
    shows: str,
    problem: str,
    why: str,
) -> None:
    with Relay(tls=None if shows == "nothing" else tls, faults=faults).running() as relay_:
        way = held(relay_.port, None if shows == "untrusted" else ca.file)
        seen = look(replace(way, timeout=0.5, total=1.0), name="org.example")
    assert seen.problem == problem, (why, seen)
    found = relay.judge(seen, "localhost", T0)
    assert (found.state, bool(found.do)) == (FAULT, True)


def test_nobody_listens() -> None:
    assert look(held(free_port(), None), name="org.example").problem == "relay_not_reached"


def test_clear_text_only_on_this_machine() -> None:
    assert relay.judge(RelaySeen(peer="127.0.0.1:25"), "localhost", T0).state is OK


# --- the whole ---


@pytest.fixture
def outside(office: Office, ca: Authority, tls: ssl.SSLContext) -> Iterator[Office]:  # noqa: F811
    """An operator at example.org with a relay of his own; what the settings file would say."""
    with Relay(tls=tls).running() as relay_:
        mail = replace(office.settings.mail, dkim_selector="s1")
        way = RelaySetting("localhost", relay_.port, Security.STARTTLS, ca_file=ca.file)
        yield replace(office, settings=replace(office.settings, relay=way, mail=mail, public_url="https://example.org"))


def by_name(found: tuple[Finding, ...]) -> dict[str, Finding]:
    return {one.check: one for one in found}


NAMES = ["mode", "clock", "worker", "outbox", "undelivered", "certificate", "security.txt", "authorities", "channels",
         "disk", "mx", "spf", "dkim", "dmarc", "ptr", "mta-sts", "tls-rpt", "wkd", "relay"]  # fmt: skip


def test_everything_in_order_at_a_small_world(office: Office, outside: Office, world: World) -> None:  # noqa: F811
    domain = outside.settings.mail.domain
    zone = world.zone
    zone.set(domain.name, "MX", f"10 {domain}.")
    zone.set(domain.name, "TXT", '"v=spf1 ip4:93.184.215.14 " "-all"')
    zone.set("example.org", "A", "93.184.215.14")
    zone.set("14.215.184.93.in-addr.arpa", "PTR", "example.org.")
    zone.set(f"_dmarc.{domain}", "TXT", '"v=DMARC1; p=reject"')
    zone.set(f"_smtp._tls.{domain}", "TXT", '"v=TLSRPTv1; rua=mailto:tls@example.org"')
    # The relay's certificate is of this machine's own clock, and lasts a day.
    found = by_name(examine.examine(outside, datetime.now(UTC), tools=(world.resolver(), world.fetcher())))
    assert list(found) == NAMES
    states_ = {name: one.state for name, one in found.items() if name in NAMES[10:]}
    assert states_ == {"mx": OK, "spf": OK, "dkim": FAULT, "dmarc": OK, "ptr": OK, "mta-sts": WARNING, "tls-rpt": OK,
                       "wkd": WARNING, "relay": FAULT}, found  # fmt: skip
    assert found["relay"].facts["problem"] == "", "only its certificate, of one day, is about to end"
    assert found["dkim"].facts["name"] == f"s1._domainkey.{domain}"


def test_our_certificate_is_found_as_programs_find_it(outside: Office, world: World, ca: Authority) -> None:  # noqa: F811
    address = outside.settings.mail.from_address
    advanced, direct = web_key_urls(address)
    host, site = f"openpgpkey.{address.domain}", address.domain.name
    world.web.shows |= {name: ca.context(name, [name]) for name in (host, site)}
    world.host(host, site)
    body = identity.web_key(outside, direct.partition("?")[0].rpartition("/")[2], None)
    assert body
    tools = (world.resolver(), world.fetcher())
    world.serve(direct, page(body, content_type="application/octet-stream"))
    assert by_name(examine.examine(outside, T0, tools=tools))["wkd"].state is WARNING, (
        "the host exists: nobody asks there"
    )
    world.serve(advanced, page(body, content_type="application/octet-stream"))
    assert by_name(examine.examine(outside, T0, tools=tools))["wkd"].state is OK
    world.serve(advanced, page(b"another", content_type="application/octet-stream"))
    assert by_name(examine.examine(outside, T0, tools=tools))["wkd"].state is FAULT
    del world.zone.answers[host, "A"]
    assert by_name(examine.examine(outside, T0, tools=tools))["wkd"].state is OK, "the direct way"


def test_silence_is_not_known_and_ends(outside: Office, world: World, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(world.zone, "answer", lambda _: None)
    monkeypatch.setattr(examine, "SECONDS", 0.2)
    monkeypatch.setattr(examine, "LIFETIME", 0.1)
    found = by_name(examine.examine(outside, T0, tools=(world.resolver(), world.fetcher(seconds=0.2))))
    assert list(found) == NAMES
    for check in ("mx", "spf", "dkim", "dmarc", "mta-sts", "tls-rpt", "wkd"):
        assert (found[check].state, "not answer" in found[check].meaning) == (WARNING, True), check


def test_nothing_is_asked_offline_or_in_trial_mode(office: Office, outside: Office, world: World) -> None:  # noqa: F811
    tools = (world.resolver(), world.fetcher())
    for held_, online in ((office, True), (outside, False)):
        found = by_name(examine.examine(held_, T0, online=online, tools=tools))
        assert list(found)[10:] == ["network"]
        assert found["network"].state is WARNING
    assert not world.zone.asked


def test_the_command_says_it_and_ends_by_it(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setenv("DISCLOSURE_INSTANCE", str(office.settings.instance))
        monkeypatch.setattr(sys, "argv", ["disclosure", "doctor", "--now", T0.isoformat(), *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.run()
        return int(stop.value.code or 0), capsys.readouterr().out

    code, said = run("--json")
    rows = {row["check"]: row for row in json.loads(said)}
    assert (code, rows["worker"]["state"]) == (1, "fault"), "no worker has run"
    assert set(rows["mode"]) == {"check", "state", "facts", "meaning", "do"}
    clockwork.beat(office, "clock", T0)
    code, said = run()
    assert code == 0, said
    assert "warning mode         Trial mode" in said
    assert "ok      worker       The worker is at work." in said
