"""A small process that forks itself for every run and lets the child be killed at a chosen point.

It has imported everything and has one thread, so a fork costs milliseconds and a hundred deaths a few seconds. The
points are every commit (once inside the transaction, once after it), every key committed, every line that goes to the
relay and every answer read from it. Nothing in the product knows of them.

Commands come as lines of JSON on standard input, answers go to standard output; its end ends every child.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from disclosure import create_app, worker
from disclosure.casework import clockwork, delivery, locking, lookups, opened, projecting, searching
from disclosure.mail.conversation import Conversation
from disclosure.openpgp.judge import judge
from disclosure.settings import load
from disclosure.store.keystores import PostgresqlKeys, SqliteKeys
from disclosure.store.transactions import Store
from tests import office
from tests.chaos import scene
from tests.servers import Server, programs

TRACE = "points.txt"  # in the instance's folder: every point that was passed, one a line
FREEZABLE = ("committed", "smtp", "answer")  # inside a transaction it would hold the gate, and so stop everybody


class Points:
    """Counts the points that a run passes, writes each down, and ends or stops the process at one of them."""

    def __init__(self, folder: Path, at: int | None, number: int) -> None:
        self._at, self._number, self._passed = at, number, 0
        self._trace = os.open(folder / TRACE, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)

    def __call__(self, name: str) -> None:
        if self._number == signal.SIGSTOP and not name.startswith(FREEZABLE):
            return
        self._passed += 1
        os.write(self._trace, f"{name}\n".encode())
        if self._passed == self._at:
            os.kill(os.getpid(), self._number)


def watch(points: Points) -> None:
    """Put the points into this process."""
    writing_, send, getreply = Store.writing, Conversation.send, Conversation.getreply

    @contextlib.contextmanager
    def writing_watched(self: Store) -> Iterator[Any]:
        with writing_(self) as tx:
            yield tx
            points("inside a transaction")
        points("committed")

    def send_watched(self: Conversation, sent: Any) -> None:
        points(f"smtp {'text' if len(sent) > 200 else bytes(sent if isinstance(sent, bytes) else sent.encode())[:4]!r}")
        send(self, sent)

    def getreply_watched(self: Conversation) -> tuple[int, bytes]:
        reply = getreply(self)
        points(f"answer {reply[0]}")
        return reply

    Store.writing = writing_watched  # type: ignore[method-assign]
    for kind in (SqliteKeys, PostgresqlKeys):
        watch_keys(kind, points)
    Conversation.send = send_watched  # type: ignore[method-assign]
    Conversation.getreply = getreply_watched  # type: ignore[method-assign]


def watch_keys(kind: Any, points: Points) -> None:
    writing = kind.writing

    @contextlib.contextmanager
    def watched(self: Any) -> Iterator[Any]:
        with writing(self) as connection:
            yield connection
            points("inside a transaction of keys")
        points("committed keys")

    kind.writing = watched


def work(folder: Path, command: dict[str, Any]) -> None:
    """One tick of each of the worker's own jobs, at the instant given."""
    at = datetime.fromisoformat(command["at"])
    lookups.finder = lambda office: scene.found
    lookups.seeker = lambda office: None
    locking.judge_safely = opened.judge_safely = judge  # in this process: a killed judge is tests/openpgp's matter
    worker.clock_on_the_wall = lambda: at
    # The outbox takes mails of one instant in the order of their ids: point n must mean the same mail in every life.
    ids = (hashlib.sha256(f"{at} {n}".encode()).hexdigest()[:32] for n in itertools.count())
    clockwork.new_id = projecting.new_id = lambda: next(ids)
    jobs = worker.jobs(scene.reopen(folder, command["port"]))
    for name in ("clock", "search", "outbox"):
        jobs[name].job(at)


def report(folder: Path, command: dict[str, Any]) -> None:
    """The form, through the application."""
    app = create_app(load(folder, {}))
    app.config["WTF_CSRF_ENABLED"] = False
    answer = app.test_client().post("/report", data=command["form"])
    assert answer.status_code == command["status"], answer.status_code


JOBS = {"work": work, "report": report}
assert delivery.LEASE == searching.LEASE


def child(command: dict[str, Any]) -> None:
    status = 1
    try:
        folder = Path(command["folder"])
        watch(Points(folder, command["point"], signal.Signals[command.get("signal", "SIGKILL")]))
        JOBS[command["job"]](folder, command)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait(pid: int) -> dict[str, Any]:
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return {"ended": "stopped", "pid": pid}
    if os.WIFSIGNALED(status):
        return {"ended": "killed", "pid": pid}
    return {"ended": "done" if os.WEXITSTATUS(status) == 0 else "failed", "pid": pid}


def main() -> None:
    """In the folder named first; the second, if there is one, is that of a PostgreSQL server."""
    with contextlib.ExitStack() as stack:
        if len(sys.argv) > 2:
            stack.enter_context(office.on(Server(Path(sys.argv[2]), programs())))
        live(Path(sys.argv[1]))


def live(folder: Path) -> None:
    """The scene is prepared and played once here: what that fills (templates, calendars) every child has ready."""
    made = scene.prepare(folder)
    rehearsal = made.copy(made.folder.parent / "rehearsal")
    work(rehearsal.folder, {"at": scene.DUE.isoformat(), "port": 0})
    print(json.dumps({"reminded": made.reminded, "referred": made.referred}), flush=True)
    frozen: set[int] = set()
    for line in sys.stdin:
        command = json.loads(line)
        if pid := command.get("wake"):
            os.kill(pid, signal.SIGCONT)
        elif (pid := os.fork()) == 0:
            child(command)
        answer = wait(pid)
        (frozen.add if answer["ended"] == "stopped" else frozen.discard)(pid)
        print(json.dumps(answer), flush=True)
    for pid in frozen:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
