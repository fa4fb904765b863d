"""The newest finished search of each tied domain, and the evidence that it brought."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, select

from disclosure.casework.office import Office
from disclosure.discovery.evidence import Probe
from disclosure.protocol import events as e
from disclosure.protocol.codes import LookupOutcome
from disclosure.store import ledger
from disclosure.store.tables import probes

_OF_A_SEARCH = tuple(kind.__name__ for kind in (e.SearchStarted, e.LookupRecorded, e.SearchEnded))


@dataclass(frozen=True)
class Newest:
    """``probe_ids``: the look-ups of the last time round, in the order of their questions."""

    search_id: str
    at: datetime
    outcome: LookupOutcome
    probe_ids: tuple[str, ...]


def newest(connection: Connection, case_id: str) -> dict[str, Newest]:
    """Domain id → its newest search that came to an end, whatever the outcome."""
    domains: dict[str, str] = {}
    asked: dict[str, list[str]] = {}
    found: dict[str, Newest] = {}
    for entry in ledger.of_kinds(connection, case_id, _OF_A_SEARCH):
        match entry.event:
            case e.SearchStarted(search_id=search_id, domain_id=domain_id):
                domains[search_id] = domain_id
            case e.LookupRecorded(search_id=search_id, probe_id=probe_id):
                asked.setdefault(search_id, []).append(probe_id)
            case e.SearchEnded(search_id=search_id, outcome=outcome):
                # A search that is repeated ends once for each time round.
                ids = tuple(asked.pop(search_id, ()))
                found[domains[search_id]] = Newest(search_id, entry.at, outcome, ids)
            case _:
                pass
    return found


def evidence(office: Office, connection: Connection, case_id: str, last: Newest) -> tuple[Probe, ...]:
    """The probes of the search, each with the id under which its evidence is shown."""
    query = select(probes.c.id, probes.c.sealed).where(probes.c.case_id == case_id, probes.c.id.in_(last.probe_ids))
    sealed = {row.id: row.sealed for row in connection.execute(query)}
    sealer = office.store.keyring.sealer(case_id)
    opened = [(i, sealer.open(sealed[i], f"probes|sealed|{i}")) for i in last.probe_ids if i in sealed]
    return tuple(replace(Probe.from_json(json.loads(content)), id=probe_id) for probe_id, content in opened)
