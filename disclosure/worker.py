"""The worker: APScheduler ticks, the database decides (design.md section 3; facts: mail 0 and 1).

Six jobs, each on its own executor of one thread: the clock, the outbox, the codes that people wait for, the searches,
what comes in, what we publish of ourselves. No job store but memory: nothing that must not be lost lives in the
scheduler. A watchdog ends the process when a job overruns; its parent stops, and the leases tell the next one what was
being done.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from disclosure.casework import clockwork, delivery, filing, identity, keys, lookups, receiving, reportermail, searching
from disclosure.casework.office import Office
from disclosure.casework.traces import trace
from disclosure.protocol.errors import CannotStore

CLOCK_SECONDS = 5
CARRIED_CLOCK_SECONDS = 30  # where workers are woken for cases: so late at most comes what nobody was woken for
CARRIER_PAUSE = 5.0  # seconds before what broke off is begun again
OUTBOX_SECONDS = 1
CODE_SECONDS = 1  # R29: a person waits for the second code, whatever else the relay is busy with
SEARCH_SECONDS = 2
IDENTITY_SECONDS = 3600  # what we publish of ourselves is good for months
INBOX_SECONDS = 2
MAILBOX_SECONDS = 60  # a provider's mailbox is asked once a minute
EVERY = {
    "clock": CLOCK_SECONDS,
    "outbox": OUTBOX_SECONDS,
    "codes": CODE_SECONDS,
    "search": SEARCH_SECONDS,
    "inbox": INBOX_SECONDS,
    "identity": IDENTITY_SECONDS,
}
CARRIED = "carried"  # by the carrier, where there is one: runs when somebody is woken, at no interval
BEAT_SECONDS = 15.0
COLLECT = (20_000, 10, 20)  # objects more than went, before the youngest are looked at; then every 10th, 20th time
# Longer than any lease: a job that takes longer than this is stuck, not slow.
OVERRUN_SECONDS = 600.0
OUTDATED = 75  # sysexits' EX_TEMPFAIL: whoever starts us again may do so once the newer release is here
log = logging.getLogger(__name__)
Job = Callable[[datetime], object]


class Watched:
    """A job with the instant at which its present run began (monotonic seconds); 0.0 while it does not run."""

    def __init__(self, name: str, job: Callable[..., object], is_outdated: Callable[[], bool] = lambda: False) -> None:
        self.name, self.job, self.began = name, job, 0.0
        self.is_outdated, self.outdated = is_outdated, False

    def __call__(self, *about: str) -> None:
        self.began = time.monotonic()
        try:
            self.outdated = self.outdated or self.is_outdated()
            if not self.outdated:
                self.job(clock_on_the_wall(), *about)
        except CannotStore as error:
            # Every second while the disk is full: one line each, no trace. What is due stays due.
            log.error("job %s: %s", self.name, error)
        except Exception as error:
            # The next tick tries again; what failed is still due, and the log says so.
            log.error("job %s failed: %s", self.name, trace(error))
        finally:
            self.began = 0.0

    def overrun(self, now: float) -> bool:
        return self.began > 0.0 and now - self.began > OVERRUN_SECONDS


def clock_on_the_wall() -> datetime:
    return datetime.now(UTC)


def jobs(office: Office) -> dict[str, Watched]:
    find, seek = lookups.finder(office), lookups.seeker(office)

    def clock(now: datetime) -> None:
        clockwork.turn(office, now, pause=time.sleep)
        if office.carrier:
            office.carrier.tidy(office.store.engine)

    def outbox(now: datetime) -> None:
        delivery.deliver(office, now, clock=clock_on_the_wall)

    def codes(now: datetime) -> None:
        delivery.deliver(office, now, clock=clock_on_the_wall, urgent=True)
        with delivery.sender(office) as send:
            reportermail.deliver(office, now, send, clock=clock_on_the_wall)

    def search(now: datetime) -> None:
        searching.search(office, now, find, seek, clock=clock_on_the_wall)

    def publish(now: datetime) -> None:
        keys.ensure_service_key(office, now)
        identity.keep_published(office, now)

    def beating(name: str, job: Job) -> Job:
        """The job, noted in the database when it has ended well: at most every ``BEAT_SECONDS``, it costs a flush."""
        noted = [float("-inf")]

        def run(now: datetime) -> None:
            job(now)
            if time.monotonic() - noted[0] >= BEAT_SECONDS:
                clockwork.beat(office, name, clock_on_the_wall())
                noted[0] = time.monotonic()

        return run

    asked = [float("-inf")]

    def inbox(now: datetime) -> None:
        if office.settings.imap and time.monotonic() - asked[0] >= MAILBOX_SECONDS:
            asked[0] = time.monotonic()
            receiving.poll(office, now)
        filing.file_waiting(office, now, clock=clock_on_the_wall)

    named = {
        "clock": clock,
        "outbox": beating("outbox", outbox),
        "codes": beating("codes", codes),
        "search": beating("search", search),
        "identity": beating("identity", publish),
        "inbox": beating("inbox", inbox),
    }
    watched = {name: Watched(name, job, office.is_outdated) for name, job in named.items()}
    if office.carrier:
        watched[CARRIED] = Watched(CARRIED, lambda now, case_id: clockwork.reach(office, case_id, now))
    return watched


def leave_what_is_loaded() -> None:
    """To the garbage collector: a seventh of the clock's time went into looking again at what never goes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


def work(office: Office) -> int:
    """Run until a signal asks to stop; returns the exit status."""
    leave_what_is_loaded()
    watched = jobs(office)
    scheduler = BackgroundScheduler(
        jobstores={"default": MemoryJobStore()},
        executors={name: ThreadPoolExecutor(1) for name in watched},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=UTC,
    )
    every = EVERY | ({"clock": CARRIED_CLOCK_SECONDS} if office.carrier else {})
    for name, seconds in every.items():
        first = datetime.now(UTC)
        scheduler.add_job(watched[name], "interval", seconds=seconds, executor=name, next_run_time=first)
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    # That a tick finds the one before it still at work is no news: it is what max_instances is for.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler.start()
    carried = threading.Thread(target=_carry, args=(office, watched, stop), name=CARRIED)
    carried.start()
    status = _watch(watched, stop)
    stop.set()
    scheduler.shutdown(wait=status == 0)
    carried.join()
    return status


def _carry(office: Office, watched: dict[str, Watched], stop: threading.Event) -> None:
    """Woken case by case, where the settings want it; while the carrier is broken the ticker goes on."""
    while office.carrier and not stop.is_set():
        try:
            office.carrier.work(watched[CARRIED], stop)
        except Exception as error:
            log.error("the carrier broke off: %s", trace(error))
            stop.wait(CARRIER_PAUSE)


def _watch(watched: dict[str, Watched], stop: threading.Event) -> int:
    """Wait for the stop; an overrun ends the process at once, because its thread cannot be ended."""
    while not stop.wait(1.0):
        late = [job.name for job in watched.values() if job.overrun(time.monotonic())]
        if late:
            log.critical("job %s overran", late[0])
            os._exit(70)
        if any(job.outdated for job in watched.values()):
            log.critical("a newer release has migrated the database: this one stops (install it here too)")
            return OUTDATED
    return 0
