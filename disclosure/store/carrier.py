"""Wake-ups carried by procrastinate, on PostgreSQL: a worker is told of a case at its instant, and need not ask.

It carries no truth. What is due stands in the cases' own rows; a wake-up that is lost, doubled, late or stuck costs
time and nothing else, because the ticker goes on, more slowly, and finds what nobody was woken for. So its tables are
thrown away and made anew whenever they are not those of the release that is installed, and no backup holds them.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib.metadata import version

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.jobs import Job
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url

from disclosure.store.faults import storage
from disclosure.store.locks import SETTING_UP, alone

SCHEMA = "carrier"
_TASK, _QUEUE = "wake", "cases"
_PATH = f"SET LOCAL search_path TO public, {SCHEMA}"
# A worker that was killed leaves its job "doing" for ever: nothing of procrastinate takes it back (facts: mail 1.6).
_STUCK = timedelta(minutes=5)
_LOOK = 0.2  # seconds between two looks at whether to stop
log = logging.getLogger(__name__)


class Carrier:
    """One installation's wake-ups, in a schema of their own in ``url``'s database. Safe for threads."""

    def __init__(self, url: str) -> None:
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._app = App(
            connector=PsycopgConnector(
                conninfo=plain, kwargs={"options": f"-c search_path={SCHEMA}"}, min_size=1, max_size=4
            )
        )
        # One that never opens: who defers inside a transaction has a connection, and may be a thread of the worker's.
        self._deferring = App(connector=SyncPsycopgConnector(conninfo=plain))
        self._reach: Callable[[str], object] = lambda case_id: None
        self._app.task(name=_TASK, queue=_QUEUE)(self._woken)

    def _woken(self, case_id: str) -> None:
        self._reach(case_id)

    def prepare(self, engine: Engine) -> None:
        """The tables of the installed release; those of another are dropped, with whatever they carried."""
        release = version("procrastinate")
        with storage(), alone(engine, SETTING_UP), engine.begin() as connection:
            comment = text("SELECT obj_description(to_regnamespace(:name)::oid, 'pg_namespace')")
            if connection.scalar(comment, {"name": SCHEMA}) == release:
                return
            connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
            connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
            connection.execute(text(f"SET LOCAL search_path TO {SCHEMA}"))
            # As it is, on the driver's own cursor: in the file % is no parameter.
            connection.connection.cursor().execute(self._app.schema_manager.get_schema().encode())
            connection.execute(text(f"COMMENT ON SCHEMA {SCHEMA} IS '{release}'"))

    def wake(self, tx: Connection, not_before: Mapping[str, datetime]) -> None:
        """Case → the instant before which nobody need come; in ``tx``, so that nobody is woken for what was rolled
        back. Of one case one wake-up waits, the newest. A fault of the carrier is logged and keeps nothing back."""
        if not not_before:
            return
        try:
            with tx.begin_nested():
                tx.execute(text(_PATH))
                replaced = "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock = ANY(:cases)"
                tx.execute(text(replaced), {"cases": list(not_before)})
                self._deferring.job_manager.batch_defer_jobs(
                    [
                        Job(
                            queue=_QUEUE,
                            task_name=_TASK,
                            lock=None,
                            queueing_lock=case_id,
                            task_kwargs={"case_id": case_id},
                            scheduled_at=at,
                        )
                        for case_id, at in not_before.items()
                    ],
                    connection=tx.connection.driver_connection,
                )
        except Exception as error:
            log.warning("nobody will be woken: %s", type(error).__name__)

    def work(self, reach: Callable[[str], object], stop: threading.Event) -> None:
        """Until ``stop``: ``reach`` with each case whose instant has come. Raises what the database says."""
        self._reach = reach
        asyncio.run(self._work(stop))

    async def _work(self, stop: threading.Event) -> None:
        async with self._app.open_async():
            worker = asyncio.create_task(
                self._app.run_worker_async(
                    queues=[_QUEUE], install_signal_handlers=False, delete_jobs="always", shutdown_graceful_timeout=10
                )
            )
            while not (stop.is_set() or worker.done()):
                await asyncio.sleep(_LOOK)
            worker.cancel()
            try:
                await worker
            except asyncio.CancelledError:
                log.debug("the carrier has stopped")

    def tidy(self, engine: Engine) -> int:
        """Wake-ups whose worker is gone: the ticker has found their cases long since. Returns how many."""
        stuck = (
            f"DELETE FROM {SCHEMA}.procrastinate_jobs j WHERE j.status = 'doing' AND NOT EXISTS ("  # noqa: S608 - ours
            f"SELECT 1 FROM {SCHEMA}.procrastinate_workers w"
            " WHERE w.id = j.worker_id AND w.last_heartbeat > now() - :most)"
        )
        with storage(), engine.begin() as connection:
            connection.execute(text(_PATH))  # its triggers name no schema
            return connection.execute(text(stuck), {"most": _STUCK}).rowcount
