"""``disclosure key``: our own OpenPGP keys and the keys that links are signed with (R24, R25)."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from disclosure.casework import servicekeys
from disclosure.commands.options import as_json, at, instant, office, show
from disclosure.settings import Settings


@click.group()
def key() -> None:
    """The keys that our mails and links are signed with."""


@key.command("list")
@as_json
def key_list(as_json: bool) -> None:
    """Our OpenPGP keys, newest first, and the ids of the keys of links; no secret."""
    held = office()
    keys = servicekeys.held(held.settings.instance)
    rows = [
        {
            "fingerprint": one.fingerprint,
            "signs": one.until is None,
            "since": _written(one.since),
            "until": _written(one.until) if one.until else None,
            "certificate": str(held.settings.instance / one.certificate),
        }
        for one in keys
    ]
    links = list(held.secrets.link_keys)
    words = [f"{one.fingerprint}  {_days(one)}" for one in keys] + [f"links: key {links[-1]} signs, of {len(links)}"]
    show({"openpgp": rows, "links": links}, as_json=as_json, words=lambda: "\n".join(words))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _days(one: servicekeys.HeldKey) -> str:
    return f"signed {one.since:%Y-%m-%d} to {one.until:%Y-%m-%d}" if one.until else f"signs since {one.since:%Y-%m-%d}"


@key.command("rotate")
@click.option("--links", "links", is_flag=True, help="The key that links are signed with, instead of the OpenPGP key.")
@at
@as_json
def key_rotate(links: bool, now: str | None, as_json: bool) -> None:
    """A new key that signs from now on; nothing needs a restart.

    The OpenPGP key before stays published and still decrypts; it certifies the new one. Mails that are prepared leave
    as they are, and links that were sent go on working.
    """
    held = office()
    if links:
        from disclosure.casework import linkkeys  # noqa: PLC0415

        made = linkkeys.rotate(held.settings.instance)
        show({"links": made}, as_json=as_json, words=lambda: f"links are signed with key {made} from now on")
        return
    from disclosure.casework import identity, keys  # noqa: PLC0415 - loads pgpy

    when = instant(now)
    new = keys.rotate(held, when)
    identity.keep_published(held, when)
    show({"fingerprint": new.fingerprint}, as_json=as_json, words=lambda: _next_steps(held.settings, new.fingerprint))


@key.command("rewrap")
@as_json
def key_rewrap(as_json: bool) -> None:
    """Another key-encryption key. The service must be stopped, on every machine."""
    held = office()
    count = held.rewrap()
    show({"stream_keys": count}, as_json=as_json, words=lambda: _rewrapped(held.settings, count))


def _rewrapped(settings: Settings, count: int) -> str:
    return (
        f"{count} stream keys are wrapped by another key: {settings.instance / 'kek.key'}.\n"
        "Now copy it to where the old one is kept, to every other machine, and make a backup.\n"
        "Keep the old copies as long as backups of before are kept: only the old key opens them."
    )


@key.command("publish")
@at
def key_publish(now: str | None) -> None:
    """Sign our security.txt anew where that is needed; the worker does the same every hour."""
    from disclosure.casework import identity, keys  # noqa: PLC0415 - loads pgpy

    held, when = office(), instant(now)
    keys.ensure_service_key(held, when)
    click.echo("signed anew" if identity.keep_published(held, when) else "still good")


def _next_steps(settings: Settings, fingerprint: str) -> str:
    return (
        f"{fingerprint} signs from now on.\n"
        f"The key before certifies it and says so at {settings.public_url}/key/transition.txt.\n"
        f"Now back up {settings.instance}, and print {settings.public_url}/key/print anew."
    )
