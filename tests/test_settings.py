"""Settings: nothing needed in trial mode, nothing guessed in real mode, half a configuration refused by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from disclosure.casework import lookups
from disclosure.protocol.errors import InvalidInput, NotConfigured
from disclosure.protocol.values import Address, Domain, Operator
from disclosure.settings import (
    INVENTED_OPERATOR,
    DemoWorld,
    Imap,
    Log,
    MailIdentity,
    Metrics,
    PolicyFiles,
    Relay,
    Sessions,
    Settings,
    Uploads,
    WebSize,
    instance_folder,
    load,
)
from disclosure.settings_table import SETTINGS, Endpoint, Security, settings_table

IDENTITY = {
    "DISCLOSURE_OPERATOR_LEGAL_NAME": "Association Veille",
    "DISCLOSURE_OPERATOR_REGISTER_NUMBER": "W123456789",
    "DISCLOSURE_OPERATOR_POSTAL_ADDRESS": "2 place du Marché, 00000 Ville",
    "DISCLOSURE_OPERATOR_PHONE": "+33 1 99 00 12 34",
    "DISCLOSURE_OPERATOR_MAIL": "contact@veille.example",
}
REAL = {
    "DISCLOSURE_RELAY_HOST": "relay.veille.example",
    "DISCLOSURE_PUBLIC_URL": "https://alerte.veille.example",
    "DISCLOSURE_MAIL_FROM_ADDRESS": "alerte@veille.example",
} | IDENTITY
WORLD = {
    "DISCLOSURE_DEMO": "1",
    "DISCLOSURE_DEMO_WORLD_NAMESERVER": "127.0.0.1:5353",
    "DISCLOSURE_DEMO_WORLD_HTTPS": "127.0.0.1:8443",
    "DISCLOSURE_DEMO_WORLD_CA_FILE": "ca.pem",
}


def test_a_newcomer_needs_no_setting(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    assert settings.trial
    assert settings.operator is INVENTED_OPERATOR
    assert settings.public_url == "http://127.0.0.1:5000"
    assert settings.trusted_hosts == ("127.0.0.1", "localhost", "[::1]")
    assert settings.listen == Endpoint("127.0.0.1", 5000)
    assert settings.database_url == f"sqlite:///{tmp_path}/disclosure.db"
    assert settings.letters_budget == 0
    assert settings.policy == PolicyFiles(None, None, None)
    assert not settings.demo
    assert settings.demo_world is None


def test_the_invented_operator_cannot_be_taken_for_a_real_one() -> None:
    assert INVENTED_OPERATOR.mail.domain.name.endswith(".example")
    assert "fictif" in INVENTED_OPERATOR.legal_name


def test_real_mode(tmp_path: Path) -> None:
    settings = load(tmp_path, REAL)
    assert not settings.trial
    assert settings.relay == Relay("relay.veille.example", 587, Security.STARTTLS)
    assert settings.operator.legal_name == "Association Veille"
    assert settings.trusted_hosts == ("alerte.veille.example",)
    assert settings.mail.domain == Domain("veille.example")


@pytest.mark.parametrize(
    ("given", "missing", "why"),
    [
        (
            {"DISCLOSURE_RELAY_HOST": "relay.example"},
            "public_url mail.from_address operator.legal_name operator.register_number operator.postal_address "
            "operator.phone operator.mail",
            "a relay ends trial mode: everything that mails say about us, at once",
        ),
        (REAL | {"DISCLOSURE_PUBLIC_URL": ""}, "public_url", "an empty variable is not set"),
        (REAL | {"DISCLOSURE_OPERATOR_PHONE": ""}, "operator.phone", "R19: a telephone that a person answers"),
        (REAL | {"DISCLOSURE_RELAY_USERNAME": "we"}, "relay.password", "half a sign-in at the relay"),
        (REAL | {"DISCLOSURE_RELAY_PASSWORD": "x"}, "relay.username", "the other half"),
        (REAL | {"DISCLOSURE_RELAY_HOST": "", "DISCLOSURE_RELAY_PORT": "25"}, "relay.host", "a port without a host"),
        (
            {"DISCLOSURE_OPERATOR_PHONE": "+33 1 99 00 12 34"},
            "operator.legal_name operator.register_number operator.postal_address operator.mail",
            "an identity half invented would lie",
        ),
        (
            {"DISCLOSURE_DEMO": "1", "DISCLOSURE_DEMO_WORLD_HTTPS": "127.0.0.1:8443"},
            "demo_world.nameserver demo_world.ca_file",
            "half a world would look outside for the rest",
        ),
    ],
)
def test_half_a_configuration_is_refused_by_name(
    tmp_path: Path, given: Mapping[str, str], missing: str, why: str
) -> None:
    with pytest.raises(NotConfigured) as refusal:
        load(tmp_path, given)
    assert refusal.value.settings == tuple(missing.split()), why


@pytest.mark.parametrize(
    ("variable", "text", "problem", "why"),
    [
        ("RELAY_HOTS", "x", "unknown_setting", "a slip must not leave the server in trial mode"),
        ("PUBLIC_URL", "http://alerte.example", "not_an_https_address", "links are capabilities"),
        ("PUBLIC_URL", "https://alerte.example/sub", "not_the_root_of_a_host", "links are built on the host alone"),
        ("PUBLIC_URL", "https://me@alerte.example", "not_the_root_of_a_host", "no sign-in inside a link"),
        ("PUBLIC_URL", "https://", "not_one_line_of_text", "no host"),
        ("PUBLIC_URL", "https://alerte.example:port", "not_understood", "no number"),
        ("LISTEN", "localhost:5000", "not_an_ip_address", "which of the two addresses would be a guess"),
        ("LISTEN", "127.0.0.1:0", "not_a_number_from_1_to_65535", "links need a port that lasts"),
        ("LISTEN", "127.0.0.1:65536", "not_a_number_from_1_to_65535", "no such port"),
        ("TRUSTED_PROXIES", "-1", "not_a_number_from_0_to_10", "negative"),
        ("TRUSTED_PROXIES", "two", "not_a_number_from_0_to_10", "a word"),
        ("DEMO", "perhaps", "not_yes_or_no", "neither"),
        ("DATABASE_URL", "mysql://db/disclosure", "not_a_database_url", "neither of the two"),
        ("DATABASE_URL", "postgresql://127.0.0.1", "no_database_named", "the role's own would be taken"),
        (
            "DATABASE_URL",
            "postgresql://db/disclosure",
            "sslmode_needed_for_another_machine",
            "libpq may go on in clear",
        ),
        ("DATABASE_URL", "postgresql://db/d?sslmode=prefer", "sslmode_needed_for_another_machine", "so does this"),
        (
            "DATABASE_URL",
            "postgresql:///d?host=db",
            "sslmode_needed_for_another_machine",
            "libpq's other way to say it",
        ),
        ("DATABASE_URL", "sqlite:///here.db", "not_sqlite_with_an_absolute_path", "relative to which process?"),
        ("DATABASE_URL", "sqlite://", "not_sqlite_with_an_absolute_path", "memory forgets"),
        ("RELAY_HOST", "relay example", "not_an_ip_address", "neither a name nor an address"),
        ("RELAY_HOST", "999.1.1.1", "not_an_ip_address", "an address with a slip"),
        ("RELAY_SECURITY", "ssl", "not_understood", "not one of the three"),
        ("RELAY_SECURITY", "none", "clear_text_only_on_this_machine", "mail in clear over a network"),
        ("RELAY_CA_FILE", "nowhere.pem", "no_such_file", "the system's would be taken instead"),
        ("POLICY_RULES", "nowhere.toml", "no_such_file", "the packaged policy would be taken instead"),
        ("NAMESERVERS", "192.0.2.53,dns.example", "not_an_ip_address", "who would resolve that name?"),
        ("OWN_NETWORKS", "8.8.0.0/16,8.8.8.8/8", "not_an_ip_network", "one address of a network, or all of them?"),
        ("OWN_NETWORKS", "intranet", "not_an_ip_network", "a name"),
        ("OPERATOR_MAIL", "nobody", "not_an_address", "no address"),
        ("OPERATOR_LEGAL_NAME", "A\nBcc: b@c.example", "not_one_line_of_text", "a line break becomes a header"),
        ("OPERATOR_COUNTRY", "France", "not_a_country", "two letters"),
        ("SESSIONS_DESK_IDLE", "0", "not_a_number_from_1_to_10080", "signed out before the first page"),
        ("DEMO_WORLD_HTTPS", "127.0.0.1:8443", "only_in_demo_mode", "a door that only tests need stays shut"),
    ],
)
def test_values_that_cannot_be_taken(tmp_path: Path, variable: str, text: str, problem: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        load(tmp_path, REAL | {f"DISCLOSURE_{variable}": text})
    assert list(refusal.value.problems.values()) == [problem], why


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        load(tmp_path, {"DISCLOSURE_DEMO": "perhaps", "DISCLOSURE_LISTEN": "here"})
    assert set(refusal.value.problems) == {"demo", "listen"}


@pytest.mark.parametrize(
    ("given", "expected", "why"),
    [
        ("https://Alerte.Example/", "https://alerte.example", "case and final slash mean nothing"),
        ("https://alerte.example:8443", "https://alerte.example:8443", "a port of its own"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000", "this machine"),
        ("http://[::1]:5000", "http://[::1]:5000", "this machine, the longer way"),
        ("http://abcdefgh.onion", "http://abcdefgh.onion", "the network encrypts"),
    ],
)
def test_public_urls(tmp_path: Path, given: str, expected: str, why: str) -> None:
    assert load(tmp_path, {"DISCLOSURE_PUBLIC_URL": given}).public_url == expected, why


@pytest.mark.parametrize(
    ("given", "expected", "why"),
    [
        ("192.0.2.53", Endpoint("192.0.2.53", 53), "the usual port"),
        ("192.0.2.53:5353", Endpoint("192.0.2.53", 5353), "another"),
        ("2001:db8::53", Endpoint("2001:db8::53", 53), "colons are no port"),
        ("[2001:db8::53]:5353", Endpoint("2001:db8::53", 5353), "brackets tell them apart"),
    ],
)
def test_nameservers(tmp_path: Path, given: str, expected: Endpoint, why: str) -> None:
    assert load(tmp_path, {"DISCLOSURE_NAMESERVERS": given}).nameservers == (expected,), why


def test_networks_of_the_operator_are_closed_to_look_ups(tmp_path: Path) -> None:
    """SF-02: public addresses can be inside too. Nothing is connected to, so nothing is asked."""
    settings = load(tmp_path, {"DISCLOSURE_OWN_NETWORKS": "8.8.0.0/16, 2606:4700::/32, 9.9.9.9"})
    assert [str(network) for network in settings.own_networks] == ["8.8.0.0/16", "2606:4700::/32", "9.9.9.9/32"]
    _, fetcher = lookups.tools(dataclasses.replace(settings, nameservers=(Endpoint("127.0.0.1", 5353),)))
    reached = ("8.8.8.8", "::ffff:8.8.8.8", "2606:4700::1111", "9.9.9.9", "9.9.9.10")
    assert [address for address in reached if fetcher.may_connect(address)] == ["9.9.9.10"]


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_the_security(tmp_path: Path, security: str, port: int) -> None:
    given = REAL | {"DISCLOSURE_RELAY_HOST": "127.0.0.1", "DISCLOSURE_RELAY_SECURITY": security}
    relay = load(tmp_path, given).relay
    assert relay is not None
    assert relay.port == port


def test_the_file_and_the_environment_say_the_same_things(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(
        """
        public_url = "https://alerte.veille.example"
        nameservers = ["192.0.2.53", "[2001:db8::53]:5353"]
        free_space_floor_bytes = 1000
        [relay]
        host = "relay.veille.example"
        [mail]
        from_address = "alerte@veille.example"
        [sessions]
        desk_idle = 5
        [operator]
        legal_name = "Association Veille"
        register_number = "W123456789"
        postal_address = "2 place du Marché, 00000 Ville"
        phone = "+33 1 99 00 12 34"
        mail = "contact@veille.example"
        """,
        encoding="utf-8",
    )
    same = REAL | {
        "DISCLOSURE_NAMESERVERS": "192.0.2.53, [2001:db8::53]:5353",
        "DISCLOSURE_FREE_SPACE_FLOOR_BYTES": "1000",
        "DISCLOSURE_SESSIONS_DESK_IDLE": "5",
    }
    elsewhere = tmp_path / "elsewhere"
    assert load(tmp_path, {}) == dataclasses.replace(
        load(elsewhere, same), instance=tmp_path, database_url=f"sqlite:///{tmp_path}/disclosure.db"
    )


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('listen = "127.0.0.1:1111"\n[web]\nworkers = 3\n', encoding="utf-8")
    settings = load(tmp_path, {"DISCLOSURE_LISTEN": "127.0.0.1:2222", "DISCLOSURE_WEB_THREADS": "7"})
    assert settings.listen.port == 2222
    assert settings.web == WebSize(workers=3, threads=7)
    assert settings.public_url == "http://127.0.0.1:2222"


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"[relay]\nhots = 'x'\n", "relay.hots", "a slip in a section"),
        (b"[relais]\nhost = 'x'\n", "relais.host", "a slip in its name"),
        (b"[relay]\n[relay.host]\n", "relay.host", "a section where a value belongs"),
        (b"demo = \n", "settings.toml", "not TOML"),
        (b"\xff\xfe", "settings.toml", "not UTF-8"),
        (b"[web]\nworkers = true\n", "web.workers", "true is not 1"),
        (b"trusted_hosts = [1]\n", "trusted_hosts", "a list of something else"),
        (b"[operator]\nmail = 3\n", "operator.mail", "a number"),
    ],
)
def test_a_file_that_cannot_be_taken_names_the_place(tmp_path: Path, content: bytes, name: str, why: str) -> None:
    (tmp_path / "settings.toml").write_bytes(content)
    with pytest.raises(InvalidInput) as refusal:
        load(tmp_path, {})
    assert set(refusal.value.problems) == {name}, why


@pytest.mark.parametrize(
    ("servers", "taken", "why"),
    [
        ("127.0.0.1", True, "unbound beside us"),
        ("[::1]:5353", True, "also over IPv6"),
        ("192.0.2.53", False, "whoever sits between could set the flag (KD-04)"),
        ("127.0.0.1,192.0.2.53", False, "one of two is enough"),
        ("", False, "whatever the system asks may be anywhere"),
    ],
)
def test_only_a_resolver_on_this_machine_can_vouch_for_dnssec(
    tmp_path: Path, servers: str, taken: bool, why: str
) -> None:
    given = {"DISCLOSURE_NAMESERVERS": servers, "DISCLOSURE_NAMESERVERS_VALIDATE": "true"}
    if taken:
        assert load(tmp_path, given).nameservers_validate, why
    else:
        with pytest.raises(InvalidInput) as refusal:
            load(tmp_path, given)
        assert set(refusal.value.problems) == {"nameservers_validate"}, why


def test_an_operators_own_policy_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "authorities.toml").touch()
    (tmp_path / "strict.toml").touch()
    policy = load(tmp_path, {"DISCLOSURE_POLICY_RULES": "strict.toml"}).policy
    assert policy == PolicyFiles(tmp_path / "strict.toml", tmp_path / "authorities.toml", None)


def test_the_demo_mails_to_this_machine_only_and_invents_its_operator(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    local = {"DISCLOSURE_RELAY_HOST": "127.0.0.1", "DISCLOSURE_RELAY_PORT": "2525", "DISCLOSURE_RELAY_SECURITY": "none"}
    settings = load(tmp_path, WORLD | local)
    assert settings.demo_world == DemoWorld(
        Endpoint("127.0.0.1", 5353), Endpoint("127.0.0.1", 8443), tmp_path / "ca.pem"
    )
    assert settings.operator is INVENTED_OPERATOR
    assert not settings.trial
    with pytest.raises(InvalidInput, match="demo_mail_stays_on_this_machine"):
        load(tmp_path, WORLD | {"DISCLOSURE_RELAY_HOST": "relay.veille.example"})


def test_secrets_are_never_printed(tmp_path: Path) -> None:
    secret = "Tr0ub4dor&3"
    settings = load(tmp_path, REAL | {"DISCLOSURE_RELAY_USERNAME": "we", "DISCLOSURE_RELAY_PASSWORD": secret})
    assert settings.relay is not None
    assert settings.relay.password == secret
    assert secret not in repr(settings)
    with pytest.raises(InvalidInput) as refusal:
        load(tmp_path, REAL | {"DISCLOSURE_RELAY_USERNAME": "we", "DISCLOSURE_RELAY_PASSWORD": secret + "\n"})
    assert secret not in str(refusal.value)


def test_what_others_read_from_the_environment_is_no_slip(tmp_path: Path) -> None:
    load(tmp_path, {"DISCLOSURE_INSTANCE": str(tmp_path), "DISCLOSURE_REQUIRE_PROGRAMS": "1", "HOME": "/"})


def test_the_instance_folder_is_explicit_and_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert instance_folder({}) == tmp_path / "instance"
    assert instance_folder({"DISCLOSURE_INSTANCE": "there"}) == tmp_path / "there"
    assert load(Path("there"), {}).instance == tmp_path / "there"


@pytest.mark.parametrize(
    ("where", "problem", "why"),
    [
        ("127.0.0.1:9464", "", "this machine"),
        ("[::1]:9464", "", "this machine, by IPv6"),
        ("0.0.0.0:9464", "only_on_this_machine", "every address of the machine"),
        ("[::]:9464", "only_on_this_machine", "the same by IPv6"),
        ("192.0.2.7", "only_on_this_machine", "an address that others reach"),
        ("localhost:9464", "not_an_ip_address", "a name may lead anywhere"),
    ],
)
def test_figures_stay_on_this_machine(tmp_path: Path, where: str, problem: str, why: str) -> None:
    given = {"DISCLOSURE_METRICS_LISTEN": where}
    if not problem:
        listen = load(tmp_path, given).metrics.listen
        assert listen is not None, why
        assert listen.port == 9464
        return
    with pytest.raises(InvalidInput, match=problem):
        load(tmp_path, given)


def names(of: type, above: str = "") -> set[str]:
    """The settings that a dataclass holds, dotted as in the file."""
    sections = {
        "web": WebSize,
        "metrics": Metrics,
        "log": Log,
        "relay": Relay,
        "mail": MailIdentity,
        "imap": Imap,
        "operator": Operator,
        "uploads": Uploads,
        "policy": PolicyFiles,
        "sessions": Sessions,
        "demo_world": DemoWorld,
    }
    found: set[str] = set()
    for item in dataclasses.fields(of):
        section = None if above else sections.get(item.name)
        found |= names(section, f"{item.name}.") if section else {above + item.name}
    return found


def test_every_field_is_documented_and_every_row_is_a_field() -> None:
    assert {row.name for row in SETTINGS} | {"instance"} == names(Settings)
    assert len({row.env for row in SETTINGS}) == len(SETTINGS), "two settings would share one variable"
    assert all(row.meaning.endswith(".") for row in SETTINGS)


def test_the_readme_holds_the_table() -> None:
    readme = Path(__file__).parent.parent / "README.md"
    assert settings_table() in readme.read_text(encoding="utf-8"), "paste settings_table() into README.md"


def test_types_of_a_section(tmp_path: Path) -> None:
    settings = load(tmp_path, {"DISCLOSURE_MAIL_FROM_ADDRESS": "a@b.example", "DISCLOSURE_MAIL_DOMAIN": "in.b.example"})
    assert settings.mail == MailIdentity(Address.parse("a@b.example"), Domain("in.b.example"))
    assert settings.sessions.desk_idle == timedelta(minutes=30)
