"""The resolver and the fetcher of this installation, as one function that looks for a domain's contacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from disclosure.casework import fallbacks
from disclosure.casework.certsearching import Seek
from disclosure.casework.office import Office
from disclosure.casework.searching import Find
from disclosure.discovery import bootstrap
from disclosure.discovery.bootstrap import Directory
from disclosure.discovery.candidates import HintKind
from disclosure.discovery.certificates import CertificateFindings, find_certificates
from disclosure.discovery.dns import Resolver
from disclosure.discovery.fetch import Fetcher, LocalWorld
from disclosure.discovery.finder import Findings, find
from disclosure.discovery.keyserver import Keyserver
from disclosure.discovery.names import to_domain
from disclosure.openpgp.sandbox import judge_safely, verify_safely
from disclosure.policy import DATA, PolicyBook
from disclosure.protocol.errors import DisclosureError, InvalidInput
from disclosure.protocol.values import Address, Answer, Domain
from disclosure.settings import Settings

RDAP_FILE = "rdap.json"  # beside the database once it was refreshed; else the one that comes along


class NotFetched(DisclosureError):
    """A registry's file could not be had; ``problem`` is a code of the fetcher."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"{url}: {problem}")
        self.problem = problem


def discover(settings: Settings, domain: str, host_compromised: Answer, now: datetime) -> Findings:
    """One search that belongs to no case and is stored nowhere."""
    return _look(settings)(to_domain(domain), host_compromised, now)


def fallbacks_of(settings: Settings, found: Findings) -> list[dict[str, str]]:
    """National CSIRT and data-protection authority, where nobody has assessed the country yet (OT-02)."""
    table = PolicyBook.load(settings.policy).authorities
    country = next((hint.value for hint in found.hints if hint.kind is HintKind.COUNTRY), "")
    told = fallbacks.fallbacks(table, found.domain, country, "")
    return [
        {"id": one.authority.id, "name": one.authority.name, "country": one.authority.country, "because": one.because}
        for one in told
    ]


def finder(office: Office) -> Find:
    """Only a demonstration's settings carry a local world; no other setting opens a network (SF-02)."""
    return _look(office.settings)


def _look(settings: Settings) -> Find:
    resolver, fetcher = tools(settings)
    known = directory(settings)

    def look(domain: Domain, host_compromised: Answer, now: datetime) -> Findings:
        return find(
            domain,
            resolver=resolver,
            fetcher=fetcher,
            now=now,
            host_compromised=host_compromised,
            directory=known,
            thorough=True,
            judge=judge_safely,
            verify=verify_safely,
        )

    return look


def seeker(office: Office) -> Seek:
    """Certificates of one address. One key server's memory for as long as the process lives (KD-06)."""
    resolver, fetcher = tools(office.settings)
    keyserver = None if office.settings.demo_world else Keyserver(fetcher)

    def seek(
        address: Address, encryption: Sequence[str], suspect: Domain | None, compromised: Answer, now: datetime
    ) -> CertificateFindings:
        return find_certificates(
            address,
            encryption=encryption,
            resolver=resolver,
            fetcher=fetcher,
            keyserver=keyserver,
            judge=judge_safely,
            now=now,
            suspect=suspect,
            host_compromised=compromised,
        )

    return seek


def sparing(settings: Settings) -> Find:
    """For lists of names: no registry, no page for people (discovery facts, section 4)."""
    resolver, fetcher = tools(settings)

    def look(domain: Domain, host_compromised: Answer, now: datetime) -> Findings:
        return find(domain, resolver=resolver, fetcher=fetcher, now=now, host_compromised=host_compromised)

    return look


def tools(settings: Settings) -> tuple[Resolver, Fetcher]:
    world = settings.demo_world
    servers = (world.nameserver,) if world else settings.nameservers
    resolver = Resolver(servers, validating=settings.nameservers_validate)
    local = LocalWorld(world.https, world.ca_file) if world else None
    agent = f"disclosure (+{settings.public_url})"
    return resolver, Fetcher(resolver, user_agent=agent, local_world=local, own_ranges=settings.own_networks)


def directory(settings: Settings) -> Directory:
    """Where registries are (RD-05). Raises InvalidInput for a file that cannot be read."""
    own = settings.instance / RDAP_FILE
    return Directory.read((own if own.exists() else DATA / RDAP_FILE).read_bytes())


def refresh_directory(settings: Settings, now: datetime) -> Directory:
    """IANA's three files of today in place of the stored ones; raises NotFetched, InvalidInput and changes nothing."""
    _, fetcher = tools(settings)
    files: dict[str, bytes] = {}
    for name, url in bootstrap.IANA.items():
        fetched = fetcher.get(url, now=now, most=bootstrap.MOST_BYTES + 1)
        if fetched.body is None:
            raise NotFetched(url, str(fetched.problem))
        if len(fetched.body) > bootstrap.MOST_BYTES:
            raise InvalidInput({"rdap": "too_large"})
        files[name] = fetched.body
    content = bootstrap.stored(now.date(), "IANA: " + ", ".join(bootstrap.IANA.values()), files)
    _replace(settings.instance / RDAP_FILE, content)
    return Directory.read(content)


def _replace(path: Path, content: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)
