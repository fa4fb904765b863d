"""What the service publishes of itself, so that anybody can check us: certificates, key directory, security.txt (R24).

Signing needs pgpy, which no web process loads: the worker, the parent and the commands sign, the web serves the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from disclosure.casework import keys, transition
from disclosure.casework.office import Office
from disclosure.casework.servicekeys import HeldKey
from disclosure.discovery.keyplaces import web_key_host, web_key_urls
from disclosure.openpgp.clearsigned import NotSigned, read_clear_signed
from disclosure.openpgp.dearmour import dearmour
from disclosure.settings import Settings
from disclosure.store import files

SECURITY_TXT = "security.txt"
WELL_KNOWN = "/.well-known/security.txt"
# RFC 9116, 2.5.5: less than a year. Half of that, made new when half is gone, outlasts a worker's long illness.
LIFE, RENEW_BEFORE = timedelta(days=180), timedelta(days=90)
_EXPIRES = "%Y-%m-%dT%H:%M:%SZ"


# --- security.txt ---


def keep_published(office: Office, now: datetime) -> bool:
    """Sign security.txt anew where it is missing, near its end, or says what is true no longer; whether it was."""
    key, expires = keys.service_key(office), security_txt_expires(office)
    lasts = expires is not None and expires - now > RENEW_BEFORE
    if expires and lasts and _text(office) == security_txt(office.settings, key.fingerprint, expires):
        return False
    text = security_txt(office.settings, key.fingerprint, now + LIFE)
    files.replace(office.settings.instance / SECURITY_TXT, key.clear_signed(text, now=now))
    return True


def security_txt(settings: Settings, fingerprint: str, expires: datetime) -> str:
    """The lines that are signed (RFC 9116). Links only where pages are reached by https: others would not be valid.

    Mail goes to the address that the certificate is for, and that the server decrypts; then to where people write us.
    """
    url = settings.public_url if settings.public_url.startswith("https://") else ""
    contacts = dict.fromkeys((settings.mail.from_address, settings.operator.mail))
    lines = [f"Contact: mailto:{address}" for address in contacts]
    lines += [f"Encryption: {url}/key.asc"] if url else []
    lines += [f"Encryption: openpgp4fpr:{fingerprint}", f"Expires: {expires.astimezone(UTC).strftime(_EXPIRES)}"]
    lines += ["Preferred-Languages: fr, en"]
    lines += [f"Canonical: {url}{WELL_KNOWN}", f"Policy: {url}/rules"] if url else []
    return "\n".join(lines) + "\n"


def signed_security_txt(office: Office) -> bytes | None:
    """As it is served; None before it was first signed."""
    try:
        return (office.settings.instance / SECURITY_TXT).read_bytes()
    except FileNotFoundError:
        return None


def _text(office: Office) -> str:
    try:
        text = read_clear_signed(signed_security_txt(office) or b"").text
    except NotSigned:
        return ""
    return text.decode("utf-8", "replace").replace("\r\n", "\n") + "\n"


def security_txt_expires(office: Office) -> datetime | None:
    """None where there is no file of ours that can be read."""
    line = next((line for line in _text(office).split("\n") if line.startswith("Expires: ")), "")
    try:
        return datetime.strptime(line.removeprefix("Expires: "), _EXPIRES).replace(tzinfo=UTC)
    except ValueError:
        return None


# --- certificates ---


@dataclass(frozen=True)
class Shown:
    """Our keys as the key page shows them. ``web_key_url``: where programs look for the certificate first."""

    key: HeldKey | None
    earlier: tuple[HeldKey, ...]
    address: str
    web_key_url: str
    has_transition: bool


def shown(office: Office) -> Shown:
    held = keys.held_keys(office)
    address = office.settings.mail.from_address
    has_transition = bool(held) and _transition_path(office, held[0]).exists()
    advanced = web_key_urls(address)[0].partition("?")[0]
    return Shown(held[0] if held else None, held[1:], str(address), advanced, has_transition)


def certificate(office: Office, fingerprint: str) -> bytes | None:
    """Armoured, of any of our keys, old ones too; None for a key that is not ours."""
    found = next((key for key in keys.held_keys(office) if key.fingerprint == fingerprint), None)
    return (office.settings.instance / found.certificate).read_bytes() if found else None


def transition_statement(office: Office) -> bytes | None:
    """What the key before says of the one that signs; None while there was no other."""
    held = keys.held_keys(office)
    path = _transition_path(office, held[0]) if held else None
    return path.read_bytes() if path and path.exists() else None


def _transition_path(office: Office, key: HeldKey) -> Path:
    return office.settings.instance / transition.file_name(key.fingerprint)


# --- Web Key Directory (draft-koch-openpgp-webkey-service-22; discovery facts, KD-02 and KD-03) ---


def web_key_domain(settings: Settings) -> str:
    """Lower case, as every request for it is compared."""
    return settings.mail.from_address.domain.name


def web_key_service_host(settings: Settings) -> str:
    """The host name that programs ask first; what reaches us under it is asked for certificates and nothing else."""
    return web_key_host(settings.mail.from_address)


def web_key(office: Office, hashed: str, local: str | None, domain: str | None = None) -> bytes | None:
    """All our certificates as one binary body, newest first; None where the request is not for our address.

    ``hashed``: of the address's local part, exactly as it must be written; ``local``: what the request says it is the
    hash of; ``domain``: of the advanced method, else None. One body may hold several certificates. The newest comes
    first: programs that take only one block get the key that signs now, and those that take all can go on verifying
    what an older key has signed. All of them can be encrypted to: the old secrets are kept.
    """
    address = office.settings.mail.from_address
    if domain is not None and domain.lower() != address.domain.name:
        return None
    if hashed != urlsplit(web_key_urls(address)[1]).path.rpartition("/")[2]:
        return None
    if local is not None and local.lower() != address.local.lower():
        return None
    armoured = keys.service_certificates(office)
    return b"".join(block.content for one in armoured for block in dearmour(one)) or None
