"""The ``disclosure`` command: names that other people's scripts call (design.md section 6).

Reading commands take ``--json``. Errors go to standard error with exit 2.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from disclosure import logs
from disclosure.commands import backups, doctor, running
from disclosure.commands import keys as key_commands
from disclosure.commands.clock import clock
from disclosure.commands.mail import classify
from disclosure.commands.options import FILE, as_json, at, instant, office, show
from disclosure.commands.policy import policy
from disclosure.commands.receiving import receive
from disclosure.protocol.errors import DisclosureError
from disclosure.protocol.values import Address, Answer, Language, Severity
from disclosure.settings import Settings, instance_folder, load

EXIT = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Coordinated disclosure: from a report to the organisation, and to the authorities when nobody answers."""


main.add_command(key_commands.key)
main.add_command(doctor.doctor)
for command in (running.web, running.metrics, running.alive, backups.backup, backups.restore, backups.maintenance):
    main.add_command(command)
for group in (policy, clock):
    main.add_command(group)


@main.command()
@click.argument("domain", required=False)
@click.option("--file", "file", type=click.File("r", encoding="utf-8", errors="replace"), help="Names, one a line.")
@click.option(
    "--out", "out", type=click.Path(dir_okay=False, path_type=Path), help="JSON lines; run again, it goes on."
)
@click.option("--host-compromised", type=click.Choice([a.value for a in Answer]), default="no", show_default=True)
@at
@as_json
def discover(
    domain: str | None, file: Any, out: Path | None, host_compromised: str, now: str | None, as_json: bool
) -> None:
    """Ranked security contacts of DOMAIN, with evidence; or of many domains (--file, - for standard input).

    Many: one JSON line each, at most 32 in flight, without registries and pages for people. Names that --out has an
    answer for are left out; those of which nothing is known are asked again.
    """
    if (domain is None) == (file is None):
        raise click.UsageError("say DOMAIN, or --file NAMES")
    settings = load(instance_folder(os.environ), os.environ)
    if file is not None:
        _discover_many(settings, file, out, (lambda: instant(now)) if now else lambda: datetime.now(UTC))
        return
    from disclosure.casework import lookups  # noqa: PLC0415

    found = lookups.discover(settings, domain or "", Answer(host_compromised), instant(now))
    told = lookups.fallbacks_of(settings, found)
    show(found.to_json() | {"fallback": told}, as_json=as_json, words=lambda: _findings(found, told))


def _findings(found: Any, told: list[dict[str, str]]) -> str:
    lines = [f"{found.status}: {len(found.ranked)} ranked, {len(found.review)} for review"]
    lines += [
        f"{c.rank:>4}  {c.confidence:<7} {c.channel:<6} {c.address}  ({c.source}: {c.reason})" for c in found.ranked
    ]
    lines += [f"review  {c.channel:<6} {c.address}  ({c.source}: {', '.join(c.flags)})" for c in found.review]
    lines += [f"intermediary  {c.channel:<6} {c.address}  ({c.source}: {c.reason})" for c in found.intermediaries]
    lines += [f"hint  {h.kind}: {h.value}" for h in found.hints]
    lines += [f"fallback  {one['name']}  ({one['country']}, {one['because']})" for one in told]
    lines += [f"  {p.outcome:<8} {p.purpose:<24} {p.question}" for p in found.probes]
    return "\n".join(lines)


def _discover_many(settings: Settings, file: Any, out: Path | None, clock: Callable[[], datetime]) -> None:
    from disclosure.casework import batch, lookups  # noqa: PLC0415

    over = batch.mend(out) if out else set()
    asked = [name for name in dict.fromkeys(batch.names(file)) if name not in over]
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(out.open("a", encoding="utf-8")) if out else sys.stdout
        # Drawn where somebody looks: not into a file, and not into what a script reads.
        hidden = not sys.stderr.isatty()
        bar = stack.enter_context(click.progressbar(length=len(asked), file=sys.stderr, hidden=hidden))
        for said in batch.discover(asked, lookups.sparing(settings), clock):
            batch.write(target, said)
            bar.update(1)


@main.command("rdap-bootstrap")
@at
@as_json
def rdap_bootstrap(now: str | None, as_json: bool) -> None:
    """Fetch IANA's lists of RDAP servers anew; weekly is often enough."""
    from disclosure.casework import lookups  # noqa: PLC0415

    known = lookups.refresh_directory(load(instance_folder(os.environ), os.environ), instant(now))
    counts = {"checked_on": known.checked_on, "domains": len(known.domains), "networks": len(known.networks)}
    show(counts, as_json=as_json, words=lambda: ", ".join(f"{name}: {value}" for name, value in counts.items()))


@main.command()
@click.argument("case")
@click.option("--severity", type=click.Choice([s.value for s in Severity]), help="What if it had this severity?")
@click.option("--authority-at-once", is_flag=True, help="What if authorities were told at once?")
@click.option("--contact-bounces", is_flag=True, help="What if the contact that we write to came back?")
@at
@as_json
def preview(
    case: str, severity: str | None, authority_at_once: bool, contact_bounces: bool, now: str | None, as_json: bool
) -> None:
    """What will be sent to whom, when, if nobody answers. CASE is an alert number or an id. Nothing is stored."""
    from disclosure.casework import previewing  # noqa: PLC0415

    asked = previewing.Asked(Severity(severity) if severity else None, authority_at_once, contact_bounces)
    steps = previewing.steps(office(), case, instant(now), asked)
    show({"steps": steps}, as_json=as_json, words=lambda: "\n".join(_step(step) for step in steps) or "nothing")


def _step(step: dict[str, Any]) -> str:
    effects = "; ".join(f"{effect['what']}: {effect['to']}" for effect in step["effects"])
    blocked = f"  [{step['blocked_by']}]" if step["blocked_by"] else ""
    return f"{step['at']}  {step['rung'] or 'at once'}  {effects}{blocked}"


@main.command()
@at
@as_json
def tick(now: str | None, as_json: bool) -> None:
    """Move the clock by hand: climb every rung that is due."""
    from disclosure.casework import clockwork  # noqa: PLC0415

    done = clockwork.tick(office(), instant(now), pause=time.sleep)
    words = f"{done.cases} cases, {done.rungs} rungs, {done.calls} calls, {done.stuck} stuck"
    show(vars(done), as_json=as_json, words=lambda: words)


@main.command()
@at
@as_json
def deliver(now: str | None, as_json: bool) -> None:
    """Empty the outbox by hand."""
    from disclosure.casework import delivery  # noqa: PLC0415

    done = delivery.deliver(office(), instant(now))
    show(vars(done), as_json=as_json, words=lambda: ", ".join(f"{count} {name}" for name, count in vars(done).items()))


@main.command()
def worker() -> None:
    """The clock, the outbox and the searches, until a signal stops them."""
    from disclosure.worker import work  # noqa: PLC0415 - loads APScheduler and pgpy

    logs.configure(load(instance_folder(os.environ), os.environ).log.format)
    sys.exit(work(office(prepare=True)))


@main.command()
def serve() -> None:
    """Web and worker under one parent."""
    from disclosure.casework import accounts, identity, keys  # noqa: PLC0415
    from disclosure.serve import private_umask  # noqa: PLC0415
    from disclosure.serve import serve as run  # noqa: PLC0415

    private_umask()
    held = office(prepare=True)
    logs.configure(held.settings.log.format)
    now = datetime.now(UTC)
    keys.ensure_service_key(held, now)
    identity.keep_published(held, now)
    if not accounts.listing(held):
        _print_account(accounts.first(held, now))
    held.close()
    sys.exit(run(held.settings, dict(os.environ)))


@main.command()
@click.argument("bundle", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Every stream of this server.")
@click.option("--case", "case", help="One case, by alert number or id.")
@as_json
def verify(bundle: Path | None, everything: bool, case: str | None, as_json: bool) -> None:
    """Check chains, signatures, sealed parts and every row that follows from them."""
    from disclosure.casework import verification  # noqa: PLC0415

    if bundle:
        raise click.UsageError("bundles cannot be made yet; use --all or --case")
    if not (everything or case):
        raise click.UsageError("say --all, or --case NUMBER")
    result = verification.verify(office(), case)
    words = f"ok: {result.streams} streams, {result.events} events" if result.ok else f"FAULT {result.fault}"
    show(vars(result), as_json=as_json, words=lambda: words)
    sys.exit(0 if result.ok else 1)


@main.group()
def coordinator() -> None:
    """The people who work at the desk."""


@coordinator.command("add")
@click.argument("login")
@click.option("--name", required=True)
@click.option("--mail", required=True, help="Where the server calls (without content).")
@click.option("--language", type=click.Choice([code.value for code in Language]), default="fr", show_default=True)
def coordinator_add(login: str, name: str, mail: str, language: str) -> None:
    """A new coordinator; password and TOTP secret are printed once."""
    from disclosure.casework import accounts  # noqa: PLC0415

    held = office(prepare=True)
    address = Address.parse(mail)
    _print_account(accounts.add(held, login, name, str(address), Language(language), datetime.now(UTC)))


def _print_account(account: Any) -> None:
    import segno  # noqa: PLC0415

    click.echo(f"\n  login     {account.login}\n  password  {account.password}\n  TOTP      {account.totp_uri}\n")
    segno.make(account.totp_uri).terminal(compact=True)
    click.echo("\n  Shown once: keep both now. The desk is at /desk/\n")


@coordinator.command("list")
@as_json
def coordinator_list(as_json: bool) -> None:
    """Who may sign in."""
    from disclosure.casework import accounts  # noqa: PLC0415

    people = accounts.listing(office())
    rows = [{"login": p.login, "name": p.name, "active": p.active} for p in people]
    words = "\n".join(f"{p.login:<20} {p.name}{'' if p.active else '  (disabled)'}" for p in people)
    show(rows, as_json=as_json, words=lambda: words or "nobody yet")


@coordinator.command("disable")
@click.argument("login")
def coordinator_disable(login: str) -> None:
    """Ends every session of LOGIN and refuses further ones."""
    from disclosure.casework import accounts  # noqa: PLC0415

    accounts.disable(office(), login)
    click.echo(f"{login} disabled")


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@click.option("--for", "address", required=True, help="The address that the certificate should name.")
@at
@as_json
def certificate(files: tuple[Path, ...], address: str, now: str | None, as_json: bool) -> None:
    """Whether the OpenPGP certificates in FILE may be encrypted to, to which of their keys, or why not."""
    from disclosure.casework import judging  # noqa: PLC0415

    who, when = Address.parse(address), instant(now)
    rows = [{"file": str(file), **judging.judged(file.read_bytes(), who, when).report()} for file in files]
    show(rows, as_json=as_json, words=lambda: "\n".join(_judged(row) for row in rows))


def _judged(row: dict[str, Any]) -> str:
    said = ", ".join(row["encrypts_to"]) if row["verdict"] == "usable" else row["reason"]
    flags = f"  [{', '.join(row['flags'])}]" if row["flags"] else ""
    return f"{row['verdict']:<7} {row['file']}  {row['fingerprint'] or '-'}  {said}{flags}"


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@click.option("--url", "url", default="", metavar="U", help="Where the files were fetched; default: not known.")
@click.option("--certificate", "keys", multiple=True, type=FILE, help="Verify signatures by it; may be repeated.")
@at
@as_json
def securitytxt(files: tuple[Path, ...], url: str, keys: tuple[Path, ...], now: str | None, as_json: bool) -> None:
    """What the security.txt files in FILE say (RFC 9116), and what is wrong with them.

    Nothing is fetched: without --certificate a signature stays unchecked.
    """
    from disclosure.casework import reading  # noqa: PLC0415

    when, held = instant(now), [key.read_bytes() for key in keys]
    rows = [{"file": str(f), **reading.read(_most(f, reading.MOST_READ), url, when, held).to_json()} for f in files]
    show(rows, as_json=as_json, words=lambda: "\n".join(_read(row) for row in rows))


def _most(file: Path, most: int) -> bytes:
    with file.open("rb") as source:
        return source.read(most)


def _read(row: dict[str, Any]) -> str:
    said = ", ".join(contact["address"] for contact in row["contacts"]) or "-"
    wrong = f"  [{', '.join(dict.fromkeys(problem['code'] for problem in row['problems']))}]" if row["problems"] else ""
    why = f" ({row['signature_why']})" if row["signature_why"] else ""
    return f"{row['usable']:<7} {row['file']}  {said}  signature {row['signature']}{why}{wrong}"


@main.command()
@click.argument("source", type=click.File("rb"), default="-")
@click.option("--to", "to", required=True, type=click.Path(exists=True, path_type=Path), help="Certificate file.")
@click.option("--for", "address", required=True, help="The address that the certificate should name.")
@click.option("--sign", "sign", type=click.Path(exists=True, path_type=Path), help="Our secret key.")
@click.option("--binary", is_flag=True, help="Binary instead of armour.")
@at
def encrypt(source: Any, to: Path, address: str, sign: Path | None, binary: bool, now: str | None) -> None:
    """What the writer would send of a file, or of standard input: signed and encrypted."""
    from disclosure.casework import keys  # noqa: PLC0415

    ciphertext = keys.ciphertext(source.read(), to.read_bytes(), Address.parse(address), instant(now), signer=sign)
    sys.stdout.buffer.write(ciphertext.binary if binary else ciphertext.armoured())


@main.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the demonstration lives; default: instance/demo."
)
@click.option("--once", is_flag=True, help="Play the story and stop; start no server.")
def demo(folder: Path | None, once: bool) -> None:
    """Play a whole alert against a small local world, then serve the desk filled with six cases."""
    from disclosure.demo import stage  # noqa: PLC0415

    target = folder or instance_folder(os.environ) / "demo"
    sys.exit(stage.play(target, once=once))


main.add_command(classify)
main.add_command(receive)


def run() -> None:
    """The entry point: typed errors become one line on standard error and exit 2."""
    try:
        main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(130)
    except DisclosureError as error:
        click.echo(f"disclosure: {error}", err=True)
        sys.exit(EXIT)


if __name__ == "__main__":
    run()
