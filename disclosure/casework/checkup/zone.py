"""What the operator's domain says of its mail: DKIM, DMARC, MX, PTR, MTA-STS, TLS-RPT. Pure judging of records."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as BadBase64
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from disclosure.casework.checkup.findings import Finding, Records, State, tags, unknown
from disclosure.discovery.dns import is_null_mx

LEAST_RSA = 2048  # RFC 8301 asks for 1,024 at least and 2,048 in practice
_RSA_FLOOR = 1024
_ED25519_OCTETS = 32


def dkim(records: Records | None, selector: str | None, domain: str) -> Finding:
    if selector is None or records is None:
        return Finding(
            "dkim",
            State.WARNING,
            "Which DKIM key the relay signs with is not known here.",
            "Set mail.dkim_selector to the relay's selector. To find it, send yourself a mail and read s= in its "
            f"DKIM-Signature header; d= must be {domain}.",
        )
    if not records.known:
        return unknown("dkim", records)
    facts: dict[str, Any] = {"name": records.name, "records": list(records.texts)}
    publish = f"Publish the key that the relay signs with at {records.name}, or correct mail.dkim_selector."
    keys = [tags(text) for text in records.texts if "p" in tags(text)]
    if len(keys) != 1:
        return Finding(
            "dkim",
            State.FAULT,
            f"There is not exactly one DKIM key at {records.name}: signatures fail.",
            publish,
            facts,
        )
    if not keys[0]["p"]:
        return Finding("dkim", State.FAULT, f"The DKIM key at {records.name} is revoked (p is empty).", publish, facts)
    kind = keys[0].get("k", "rsa").lower()
    bits = _bits(kind, keys[0]["p"])
    facts |= {"kind": kind, "bits": bits}
    if bits < _RSA_FLOOR and kind == "rsa" or not bits:
        return Finding("dkim", State.FAULT, f"The DKIM key at {records.name} cannot be used.", publish, facts)
    if kind == "rsa" and bits < LEAST_RSA:
        return Finding(
            "dkim",
            State.WARNING,
            f"The DKIM key at {records.name} has {bits} bits.",
            f"Make a key of {LEAST_RSA} bits and a new selector.",
            facts,
        )
    testing = "y" in keys[0].get("t", "").split(":")
    if testing:
        return Finding(
            "dkim",
            State.WARNING,
            f"The DKIM key at {records.name} says that it is being tested (t=y).",
            "Take t=y away once signatures are good.",
            facts,
        )
    return Finding("dkim", State.OK, f"A DKIM key is published at {records.name}.", "", facts)


def _bits(kind: str, key: str) -> int:
    """0 for what is no key of its kind."""
    try:
        raw = b64decode("".join(key.split()), validate=True)
        if kind == "ed25519":
            return 256 if len(raw) == _ED25519_OCTETS else 0
        loaded = load_der_public_key(raw)
    except (BadBase64, ValueError, UnsupportedAlgorithm):
        return 0
    return loaded.key_size if isinstance(loaded, RSAPublicKey) else 0


def dmarc(own: Records, above: Records | None) -> Finding:
    """``own``: at the From address's domain; ``above``: at its organisational domain where that is another."""
    held = own
    if own.known and not own.tagged("v=dmarc1") and above is not None:
        held = above
    if not held.known:
        return unknown("dmarc", held)
    found = held.tagged("v=dmarc1")
    facts: dict[str, Any] = {"name": held.name, "records": list(found)}
    if len(found) != 1:
        meaning = f"There are {len(found)} DMARC records at {held.name}." if found else "There is no DMARC record."
        state = State.FAULT if found else State.WARNING
        return Finding(
            "dmarc",
            state,
            f"{meaning} Receivers cannot know what to do with forged mail in our name.",
            f'Publish one TXT record at {own.name}: "v=DMARC1; p=none; rua=mailto:…"; later p=quarantine, then '
            "p=reject.",
            facts,
        )
    said = tags(found[0])
    policy = said.get("sp", said.get("p", "")) if held is above else said.get("p", "")
    facts |= {"policy": policy.lower()}
    match policy.lower():
        case "reject" | "quarantine":
            return Finding("dmarc", State.OK, f"DMARC asks to {policy.lower()} forged mail.", "", facts)
        case "none":
            return Finding(
                "dmarc",
                State.WARNING,
                "DMARC only watches (p=none): forged mail in our name is delivered.",
                "Read the reports for some weeks, then set p=quarantine, then p=reject.",
                facts,
            )
    return Finding(
        "dmarc",
        State.FAULT,
        "The DMARC record has no policy that receivers know.",
        "Write p=none, p=quarantine or p=reject.",
        facts,
    )


def mx(records: Records) -> Finding:
    if not records.known:
        return unknown("mx", records)
    facts = {"domain": records.name, "records": list(records.texts)}
    do = f"Publish MX records for {records.name} that lead to the mailbox this server reads."
    if any(is_null_mx(text) for text in records.texts):
        return Finding(
            "mx", State.FAULT, f"{records.name} says that it takes no mail: answers and bounces are lost.", do, facts
        )
    if not records.texts:
        return Finding(
            "mx", State.FAULT, f"{records.name} has no MX record: answers and bounces do not reach us.", do, facts
        )
    return Finding("mx", State.OK, f"Mail for {records.name} goes to {_hosts(records)}.", "", facts)


def _hosts(records: Records) -> str:
    return ", ".join(text.rpartition(" ")[2].removesuffix(".") for text in records.texts)


def ptr(names: Mapping[str, Records], back: Mapping[str, Records], *, ours: bool) -> Finding:
    """``names``: address → PTR records; ``back``: host name → its addresses. ``ours``: mail leaves from here."""
    facts: dict[str, Any] = {"names": {address: list(told.texts) for address, told in names.items()}}
    silent = next((told for told in [*names.values(), *back.values()] if not told.known), None)
    if not names:
        return Finding(
            "ptr",
            State.WARNING,
            "From which address our mail leaves is not known.",
            "Ask the relay's provider, or read the Received header of a mail that you send yourself.",
        )
    if silent:
        return unknown("ptr", silent)
    bad = [a for a, told in names.items() if not any(a in back[_host(text)].texts for text in told.texts)]
    if bad:
        return Finding(
            "ptr",
            State.FAULT if ours else State.WARNING,
            f"{', '.join(bad)} has no name that leads back to it (PTR): large receivers refuse such mail.",
            "Have whoever gave you the address set its reverse name to the relay's host name.",
            facts | {"without": bad},
        )
    return Finding("ptr", State.OK, "Each address of the relay has a name that leads back to it.", "", facts)


def _host(text: str) -> str:
    return text.removesuffix(".").lower()


def mta_sts(records: Records, policy: bytes | None, exchangers: Records) -> Finding:
    """``policy``: the file at https://mta-sts.…; None: it could not be fetched."""
    if not records.known:
        return unknown("mta-sts", records)
    domain = exchangers.name
    facts: dict[str, Any] = {"name": records.name, "records": list(records.texts)}
    found = records.tagged("v=stsv1")
    where = f"https://mta-sts.{domain}/.well-known/mta-sts.txt"
    if not found:
        return Finding(
            "mta-sts",
            State.WARNING,
            f"{domain} has no MTA-STS: mail to us may travel in the clear.",
            f'Publish {where} and a TXT record "v=STSv1; id=…" at {records.name} (RFC 8461).',
            facts,
        )
    if len(found) > 1 or policy is None:
        return Finding(
            "mta-sts",
            State.FAULT,
            f"MTA-STS is announced, but not usable: {where} or its one TXT record fails.",
            "Serve the policy by https with a valid certificate, and keep one TXT record.",
            facts,
        )
    held = _policy(policy)
    facts |= {"policy": held}
    mode, patterns = (held.get("mode") or [""])[0], held.get("mx", [])
    hosts = [] if not exchangers.texts else _hosts(exchangers).split(", ")
    outside = [host for host in hosts if not any(_covers(pattern, host) for pattern in patterns)]
    if held.get("version") != ["STSv1"] or mode not in {"enforce", "testing", "none"} or not held.get("max_age"):
        return Finding(
            "mta-sts", State.FAULT, f"The policy at {where} is not one of RFC 8461.", "Correct the file.", facts
        )
    if outside and mode != "none":
        return Finding(
            "mta-sts",
            State.FAULT,
            f"The MTA-STS policy leaves out {', '.join(outside)}: mail to us is refused.",
            "Name every MX host in the policy, and change the id of the TXT record.",
            facts,
        )
    if mode != "enforce":
        return Finding(
            "mta-sts",
            State.WARNING,
            f"The MTA-STS policy does not bind senders (mode {mode}).",
            "Set mode: enforce when TLS reports are clean, and change the id of the TXT record.",
            facts,
        )
    return Finding("mta-sts", State.OK, "Senders must use TLS with a verified certificate to reach us.", "", facts)


def _policy(content: bytes) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            held.setdefault(name.strip().lower(), []).append(value.strip())
    return held


def _covers(pattern: str, host: str) -> bool:
    """RFC 8461, 4.1: ``*.`` stands for exactly one label."""
    wanted, name = pattern.lower().removesuffix("."), host.lower()
    return name == wanted or (wanted.startswith("*.") and name.partition(".")[2] == wanted[2:])


def tls_rpt(records: Records) -> Finding:
    if not records.known:
        return unknown("tls-rpt", records)
    found = records.tagged("v=tlsrptv1")
    facts = {"name": records.name, "records": list(records.texts)}
    if len(found) == 1 and tags(found[0]).get("rua"):
        return Finding("tls-rpt", State.OK, "Senders report to us when TLS to our mail server fails.", "", facts)
    return Finding(
        "tls-rpt",
        State.WARNING,
        "Nobody tells us when TLS to our mail server fails.",
        f'Publish one TXT record at {records.name}: "v=TLSRPTv1; rua=mailto:…" (RFC 8460).',
        facts,
    )


def web_key(domain: str, host: Records, ours: bool | None, url: str) -> Finding:
    """Whether programs find our certificate by the address. ``ours``: what came is ours; None: nothing came."""
    if not host.known:
        return unknown("wkd", host)
    facts = {"url": url, "host": host.name, "addresses": list(host.texts)}
    if ours:
        return Finding("wkd", State.OK, f"Our certificate is found by our address at {url}.", "", facts)
    do = (
        f"Either give openpgpkey.{domain} an address that leads to this server, with a TLS certificate for it; or, "
        f"without that name in DNS, have https://{domain}/.well-known/openpgpkey/ handed on to this server. "
        f"While openpgpkey.{domain} exists, programs ask nowhere else."
    )
    if ours is None:
        return Finding("wkd", State.WARNING, f"Programs do not find our certificate by our address ({url}).", do, facts)
    return Finding("wkd", State.FAULT, f"At {url} there is another certificate than ours.", do, facts)
