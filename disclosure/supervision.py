"""One parent, several children: none outlives it, and the first exit ends the others. Knows nothing of this product.

Children run in sessions of their own, so that Ctrl-C reaches the parent alone, which then ends them in order: TERM to
each group, a pause, KILL. On Linux the kernel ends them when the parent itself is killed (PR_SET_PDEATHSIG), and what a
killed child leaves behind becomes ours to reap (PR_SET_CHILD_SUBREAPER), also in a container without an init process.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

STOP_AFTER = 15.0  # seconds from TERM to KILL (design.md 3); a delivery in progress ends within its own time limits
_LOOK_AGAIN = 0.05  # seconds; only while starting and stopping, never while serving
log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Command:
    """One child. ``orphaned`` is what the kernel sends it when the parent is killed."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    pass_fds: tuple[int, ...] = ()
    orphaned: signal.Signals = signal.SIGTERM


def supervise(
    commands: Sequence[Command],
    *,
    stop_after: float = STOP_AFTER,
    started: Callable[[], object] = lambda: None,
    ready: Callable[[], bool] = lambda: True,
    announce: str = "",
) -> int:
    """Runs ``commands`` until one ends or INT, TERM or HUP comes, then ends all. Takes over signals and children.

    Calls ``started`` when all run, and prints ``announce`` when ``ready`` first says so. ``stop_after`` is in seconds.
    Returns 0 when asked to stop, 1 when a child ended by itself, which it logs.
    """
    with _signals() as inbox:
        _adopt_orphans()
        children: list[_Child] = []
        try:
            for command in commands:
                children.append(_Child(command))  # noqa: PERF401 - those already running are stopped if the next fails
            started()
            reason = _watch(children, inbox, ready, announce)
        finally:
            _stop(children, inbox, stop_after)
    if reason:
        log.error(reason)
    return 1 if reason else 0


class _Child:
    """A command in a session of its own, and all that it started there."""

    def __init__(self, command: Command) -> None:
        self.name = command.name
        self._process = subprocess.Popen(  # noqa: S603 - the caller's commands, no shell
            command.argv,
            env=command.environ,
            pass_fds=command.pass_fds,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_bound_to(os.getpid(), command.orphaned),  # noqa: PLW1509 - the parent has one thread
        )
        self.group_is_gone = False

    @property
    def ended(self) -> str:
        """How the command itself ended; empty while it runs."""
        code = self._process.returncode
        if code is None:
            return ""
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        return f"{self.name} {how}"

    def reap(self) -> None:
        """Takes note of who ended. The group's number is not given away before its last member is reaped here."""
        while not self.group_is_gone:
            try:
                pid, status = os.waitpid(-self._process.pid, os.WNOHANG)
            except ChildProcessError:
                self.group_is_gone = True
                return
            if pid == 0:
                return
            if pid == self._process.pid:
                self._process.returncode = os.waitstatus_to_exitcode(status)

    def send(self, number: signal.Signals) -> None:
        if not self.group_is_gone:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


class _Inbox:
    """Signals, as bytes in a pipe: a child that ends wakes the parent, which otherwise sleeps."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def requests(self, wait: float | None) -> set[int]:
        """Which signals ask us to stop, after at most ``wait`` seconds (None: until any signal comes)."""
        if not select.select([self._pipe], [], [], wait)[0]:
            return set()
        return set(os.read(self._pipe, 512)) - {signal.SIGCHLD}


@contextlib.contextmanager
def _signals() -> Iterator[_Inbox]:
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    heard = [signal.SIGINT, signal.SIGTERM, signal.SIGCHLD]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup a closed terminal is no reason to stop
        heard.append(signal.SIGHUP)
    handlers = {number: signal.signal(number, _noted) for number in heard}
    try:
        yield _Inbox(read)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(read)
        os.close(write)


def _noted(number: int, frame: FrameType | None) -> None:
    """The wake-up pipe has the signal's number; there is nothing left to do."""


def _watch(children: Sequence[_Child], inbox: _Inbox, ready: Callable[[], bool], announce: str) -> str:
    """Waits. Returns how a child ended, or nothing when somebody asked to stop."""
    announced = not announce
    while True:
        _reap(children)
        ended = next((child.ended for child in children if child.ended), "")
        if ended:
            return ended
        if not announced and ready():
            print(announce, flush=True)
            announced = True
        if inbox.requests(None if announced else _LOOK_AGAIN):
            return ""


def _stop(children: Sequence[_Child], inbox: _Inbox, stop_after: float) -> None:
    """TERM to every group, KILL to what is left after ``stop_after`` seconds."""
    for child in children:
        child.send(signal.SIGTERM)
    if _all_gone(children, inbox, time.monotonic() + stop_after):
        return
    for child in children:
        child.send(signal.SIGKILL)
    _all_gone(children, inbox, time.monotonic() + 1)  # a process stuck in the kernel must not hold us for ever


def _all_gone(children: Sequence[_Child], inbox: _Inbox, until: float) -> bool:
    """Waits until nobody is left: true; or ``until`` or a (second) Ctrl-C: false."""
    while _reap(children):
        # INT alone: a TERM to a whole group arrives twice, as make passes its own on.
        if signal.SIGINT in inbox.requests(_LOOK_AGAIN) or time.monotonic() >= until:
            return False
    return True


def _reap(children: Sequence[_Child]) -> bool:
    """Whether anybody is left."""
    for child in children:
        child.reap()
    return not all(child.group_is_gone for child in children)


def _bound_to(parent: int, orphaned: signal.Signals) -> Callable[[], None]:
    """What a child does before it becomes its command, so that it cannot outlive ``parent``."""

    def bind() -> None:
        _prctl(_PR_SET_PDEATHSIG, orphaned)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return bind


def _adopt_orphans() -> None:
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


# Loaded before any fork: between fork and exec a child should do as little as possible.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _prctl(option: int, value: int) -> None:
    """Linux only. Elsewhere a parent that lives ends its children, but they may outlive one that is killed."""
    if _LIBC is not None and _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError("prctl refused")  # cannot happen with these two options
