"""Versions of policy.toml: a case keeps the one it started with, whatever the operator's file says later (R12, R33).

What a case runs under is kept as text in the database, written with the event that names it. Its name ends in a digest
of its values: a text that was changed behind the server's back is another version and is said to be missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Row, func, select

from disclosure.casework.office import Office
from disclosure.policy import BadPolicy, Version, check_file, read_version
from disclosure.protocol.errors import BrokenChain, InvalidInput
from disclosure.store.sealing import SYSTEM
from disclosure.store.tables import cases, policies
from disclosure.store.transactions import once


@dataclass(frozen=True)
class Kept:
    """A version that cases run under, or that new ones start with. ``version`` None: its text is not at hand."""

    name: str
    version: Version | None
    in_force: bool
    open_cases: int


@dataclass(frozen=True)
class Problem:
    """One fault of a policy file: where it stands, its code, and that in words."""

    line: int
    place: str
    code: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """``version``: the name that a server would give the file; empty where it would refuse it, for ``problems``."""

    version: str
    problems: tuple[Problem, ...] = ()


def checked(rules: Path, authorities: Path | None) -> Checked:
    """Read a file as a server would at its start."""
    try:
        return Checked(check_file(rules, authorities))
    except BadPolicy as refused:
        named = refused.named.items()
        return Checked(
            "", tuple(Problem(refused.lines[place], place, why, refused.words[place]) for place, why in named)
        )


def keep(office: Office, tx: Connection, name: str, at: datetime) -> None:
    """With the event that names the version in force; every other one was kept before.

    Two processes may open their first cases under one version at the same time: one of them wins, both go on.
    """
    if name != office.policy.current.version:
        return
    once(tx, policies, {"version": name, "text": office.policy.version.text, "kept_at": at})


def under(office: Office, connection: Connection, name: str) -> Version:
    """The version of this name; the one in force where a case is older than the keeping of versions.

    Raises BrokenChain where one that was kept is gone: no case climbs by rules that it did not start with.
    """
    if name == office.policy.current.version:
        return office.policy.version
    text = connection.scalar(select(policies.c.text).where(policies.c.version == name))
    if text is not None:
        return read_version(text)
    if "+" in name:
        raise BrokenChain(SYSTEM, 0, f"policies.version: {name} is missing, and a case runs under it")
    return office.policy.version


def alone_may_suffice(office: Office, connection: Connection) -> bool:
    """Whether any version lets one coordinator do what needs two when there is only one (R12)."""
    held = (read_version(text) for text in connection.scalars(select(policies.c.text)))
    return office.policy.current.alone_suffices or any(version.policy.alone_suffices for version in held)


def every(office: Office) -> tuple[Kept, ...]:
    """The version in force, then those that open cases still run under, the newest first."""
    mine = select(cases.c.policy_version, func.count()).where(cases.c.life == "open").group_by(cases.c.policy_version)
    with office.store.reading() as connection:
        counts: dict[str, int] = {name: count for name, count in connection.execute(mine)}
        rows = connection.execute(select(policies).order_by(policies.c.kept_at.desc(), policies.c.version)).all()
    current = office.policy.version
    held = {row.version: read_version(row.text) for row in rows} | {current.name: current}
    names = dict.fromkeys([current.name, *(row.version for row in rows if counts.get(row.version)), *counts])
    return tuple(Kept(name, held.get(name), name == current.name, counts.get(name, 0)) for name in names)


def check(connection: Connection) -> None:
    """Every kept text is what its name says, and every case that names a version has it. Raises BrokenChain."""
    for row in connection.execute(select(policies)):
        if _named(row) != row.version:
            raise BrokenChain(SYSTEM, 0, f"policies.text is not that of policies.version {row.version}")
    kept = select(policies.c.version)
    # A name without a digest is older than the keeping of versions (``under``).
    lost = select(cases.c.id).where(cases.c.policy_version.contains("+"), cases.c.policy_version.not_in(kept)).limit(1)
    case_id = connection.scalar(lost)
    if case_id is not None:
        raise BrokenChain(case_id, 0, "policies.version: the version that this case runs under is missing")


def _named(row: Row[tuple[str, str, datetime]]) -> str:
    try:
        return read_version(row.text).name
    except InvalidInput:
        return ""  # not even a policy
