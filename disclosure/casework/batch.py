"""Many domains at once: a bounded number in flight, one JSON line for each, and a start again where it ended."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from disclosure.casework.searching import Find
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.names import to_domain
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Answer

IN_FLIGHT = 32  # discovery facts, section 7: more only queues up before our own time-outs
_LONGEST_LINE = 2_048
log = logging.getLogger(__name__)
_OVER = frozenset({Outcome.FOUND, Outcome.NONE})  # R15: unknown is asked again


def names(lines: Iterable[str]) -> Iterator[str]:
    """One name a line, as people write lists: blank lines and what follows a ``#`` left out."""
    for line in lines:
        name = line[:_LONGEST_LINE].partition("#")[0].strip()
        if name:
            yield name


def answered(lines: Iterable[str]) -> set[str]:
    """Names as they were asked, of which an earlier run knows the answer; a line that broke off says nothing."""
    over = set()
    for line in lines:
        try:
            said = json.loads(line)
            if said["status"] in _OVER:
                over.add(str(said["asked"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return over


def discover(
    asked: Iterable[str], find: Find, clock: Callable[[], datetime], *, in_flight: int = IN_FLIGHT
) -> Iterator[dict[str, Any]]:
    """What each search came to, as it ends; ``asked`` is the name as it stood in the list. One fault ends no other."""
    waiting: set[Future[dict[str, Any]]] = set()
    with ThreadPoolExecutor(in_flight) as pool:
        for name in asked:
            waiting.add(pool.submit(_one, name, find, clock))
            if len(waiting) == in_flight:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


def _one(name: str, find: Find, clock: Callable[[], datetime]) -> dict[str, Any]:
    try:
        return {"asked": name, **find(to_domain(name), Answer.NO, clock()).to_json()}
    except InvalidInput as error:
        # The list is wrong there, and stays wrong: known, and nothing to ask again.
        return {"asked": name, "status": "none", "fault": error.problems["domain"]}
    except Exception:
        # A fault of ours: one of thousands, and as unknown as a look-up that failed (R15).
        log.exception("search failed")
        return {"asked": name, "status": "unknown", "fault": "failed"}


def write(out: TextIO, said: dict[str, Any]) -> None:
    """One line, on its way at once: what was asked is not asked again after a power cut."""
    out.write(json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")
    out.flush()


def mend(path: Path) -> set[str]:
    """Names that ``path`` answers already; a last line that broke off is cut, so that the next one stands alone."""
    if not path.exists():
        return set()
    with path.open("r+b") as file:
        content = file.read()
        whole = content.rpartition(b"\n")[0]
        file.truncate(len(whole) + 1 if whole else 0)
    return answered(whole.decode(errors="replace").splitlines())
