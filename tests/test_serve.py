"""One parent for web and worker: whatever happens to one of the three, nobody stays behind, and a new start works.

Every process here holds the same pipe as standard output, so that its end of file says: all of them are gone.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from disclosure.serve import AddressTaken, Doorbell, listening
from disclosure.settings import load

ROOT = Path(__file__).parent.parent
GONE_WITHIN = 30  # seconds; a bound for a broken build, not a measure

# One write per line: two children share the pipe.
OBEDIENT = r"""
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.write(1, f"{sys.argv[1]} {os.getpid()}\n".encode())
signal.sigwait([signal.SIGTERM])
os.write(1, f"{sys.argv[1]} was asked\n".encode())
"""
STUBBORN = r"""
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
os.write(1, f"{sys.argv[1]} {os.getpid()}\n".encode())
signal.sigwait([signal.SIGTERM])
os.write(1, f"{sys.argv[1]} was asked\n".encode())
signal.sigwait([signal.SIGUSR1])
"""
# Leaves a process of its own group behind when it is killed, as gunicorn does.
FRUITFUL = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {STUBBORN!r}, sys.argv[1]]).wait()
"""
BRIEF = "print('brief 0', flush=True); raise SystemExit(3)"

Running = subprocess.Popen[str]


@contextlib.contextmanager
def parent(script: str, *, cwd: Path | None = None, ignoring: int | None = None) -> Iterator[Running]:
    """A process that runs ``script``. Whatever a failed test leaves is killed; a right one leaves nothing."""

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have been started by nohup
        if ignoring is not None:
            signal.signal(ignoring, signal.SIG_IGN)

    running = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        preexec_fn=ignore,  # noqa: PLW1509 - no thread of a test is running
    )
    try:
        yield running
    finally:
        running.terminate()
        running.communicate(timeout=GONE_WITHIN)


def supervising(*children: tuple[str, str], stop_after: float = GONE_WITHIN, more: str = "") -> str:
    pairs = ", ".join(f"Command({name!r}, (sys.executable, '-c', {code!r}, {name!r}))" for name, code in children)
    return f"""
import sys
from disclosure.supervision import Command, supervise
sys.exit(supervise([{pairs}], stop_after={stop_after}, {more}))
"""


def pids(running: Running, count: int) -> dict[str, int]:
    """The children that have said their names, which they do once they can be signalled."""
    assert running.stdout is not None
    lines = (running.stdout.readline().split() for _ in range(count))
    return {name: int(pid) for name, pid in lines}


PAIR = (("web", OBEDIENT), ("worker", OBEDIENT))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_stop_it_asks_both_and_is_content(number: signal.Signals) -> None:
    with parent(supervising(*PAIR)) as running:
        pids(running, 2)
        running.send_signal(number)
        said, complaint = running.communicate(timeout=GONE_WITHIN)
    assert (running.returncode, complaint) == (0, "")
    assert sorted(said.splitlines()) == ["web was asked", "worker was asked"]


def test_ctrl_c_works_although_a_shell_started_it_in_the_background() -> None:
    with parent(supervising(*PAIR), ignoring=signal.SIGINT) as running:
        pids(running, 2)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=GONE_WITHIN)
    assert running.returncode == 0


def test_nohup_survives_the_terminal() -> None:
    with parent(supervising(*PAIR), ignoring=signal.SIGHUP) as running:
        pids(running, 2)
        running.send_signal(signal.SIGHUP)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=GONE_WITHIN)
    assert running.returncode == 0


@pytest.mark.parametrize(("victim", "other"), [("web", "worker"), ("worker", "web")])
def test_the_end_of_one_ends_the_other(victim: str, other: str) -> None:
    with parent(supervising(*PAIR)) as running:
        os.kill(pids(running, 2)[victim], signal.SIGKILL)
        said, complaint = running.communicate(timeout=GONE_WITHIN)
    assert said == f"{other} was asked\n"
    assert complaint == f"{victim} was killed by signal 9\n"
    assert running.returncode == 1


def test_a_child_that_ends_by_itself_is_named() -> None:
    with parent(supervising(("web", BRIEF), ("worker", OBEDIENT))) as running:
        _, complaint = running.communicate(timeout=GONE_WITHIN)
    assert complaint == "web ended with status 3\n"
    assert running.returncode == 1


def test_nobody_outlives_a_killed_parent() -> None:
    with parent(supervising(*PAIR)) as running:
        pids(running, 2)
        running.kill()
        said, _ = running.communicate(timeout=GONE_WITHIN)  # returns when nobody holds the pipe
    assert sorted(said.splitlines()) == ["web was asked", "worker was asked"]


def test_an_orphan_that_need_not_be_asked_is_killed() -> None:
    script = supervising(("web", OBEDIENT), ("worker", STUBBORN)).replace(
        "'worker'))", "'worker'), orphaned=signal.SIGKILL)"
    )
    with parent("import signal" + script) as running:
        pids(running, 2)
        running.kill()
        said, _ = running.communicate(timeout=GONE_WITHIN)
    assert said == "web was asked\n"


def test_who_does_not_listen_is_killed_after_the_grace() -> None:
    with parent(supervising(("web", STUBBORN), ("worker", OBEDIENT), stop_after=0.2)) as running:
        pids(running, 2)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=GONE_WITHIN)
    assert sorted(said.splitlines()) == ["web was asked", "worker was asked"]
    assert running.returncode == 0


def test_a_second_ctrl_c_ends_the_grace() -> None:
    with parent(supervising(("web", STUBBORN), stop_after=10_000)) as running:
        pids(running, 1)
        running.send_signal(signal.SIGINT)
        assert running.stdout is not None
        assert running.stdout.readline() == "web was asked\n"
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=GONE_WITHIN)
    assert running.returncode == 0


def test_what_a_killed_child_leaves_behind_goes_too() -> None:
    with parent(supervising(("web", FRUITFUL), ("worker", OBEDIENT), stop_after=0.2)) as running:
        left = pids(running, 2)["web"]
        os.kill(os.getpgid(left), signal.SIGKILL)
        _, complaint = running.communicate(timeout=GONE_WITHIN)
    assert complaint == "web was killed by signal 9\n"


def test_a_command_that_cannot_start_leaves_nobody() -> None:
    script = (
        supervising(*PAIR)
        .replace("[Command", "[Command", 1)
        .replace("], stop_after", ", Command('none', ('/nowhere/none',))], stop_after")
    )
    with parent(script) as running:
        _, complaint = running.communicate(timeout=GONE_WITHIN)
    assert "/nowhere/none" in complaint
    assert running.returncode == 1


def test_it_announces_once_when_ready() -> None:
    tries = "iter([False, False, True]).__next__"
    with parent(supervising(("web", OBEDIENT), more=f"ready={tries}, announce='here'")) as running:
        assert running.stdout is not None
        lines = {running.stdout.readline().split()[0] for _ in range(2)}
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=GONE_WITHIN)
    assert lines == {"web", "here"}
    assert said == "web was asked\n"


# --- the real web server around a small application -----------------------------------------------------------------

APP = """
import os

def app(environ, start_response):
    if environ["PATH_INFO"] == "/a/secret-token":
        raise RuntimeError("broken view")
    mask = os.umask(0o077)
    facts = [os.getppid(), oct(mask), environ["wsgi.url_scheme"], os.environ["DISCLOSURE_INSTANCE"]]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [" ".join(map(str, facts)).encode()]
"""
SERVE = """
import os, sys
from pathlib import Path
from disclosure import serve
from disclosure.settings import load
from disclosure.supervision import Command
serve.worker_command = lambda settings, environ: Command("the worker", (sys.executable, "-c", {worker!r}, "worker"))
settings = load(Path("here").absolute(), {{"DISCLOSURE_LISTEN": "127.0.0.1:{port}"}})
sys.exit(serve.serve(settings, os.environ))
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(folder: Path, port: int) -> Iterator[Running]:
    """`disclosure serve` with an application and a worker of three lines, once it has said that it answers."""
    (folder / "app.py").write_text(APP, encoding="utf-8")
    with parent(SERVE.format(worker=OBEDIENT, port=port), cwd=folder) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(2)]
        assert f"disclosure answers at http://127.0.0.1:{port}/ (Ctrl-C stops it)\n" in lines
        yield running


def get(port: int, path: str = "/", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GONE_WITHIN)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_web_server_answers_privately_and_ends_at_ctrl_c(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as running:
        _, mask, scheme, instance = get(port, X_Forwarded_Proto="https")[1].split()
        assert mask == "0o77", "what it writes is for its owner alone"
        assert scheme == "http", "gunicorn believes no forwarded header; the application decides"
        assert instance == str(tmp_path / "here")
        running.send_signal(signal.SIGINT)
        said, complaint = running.communicate(timeout=GONE_WITHIN)
    assert (running.returncode, said, complaint) == (0, "worker was asked\n", "")


def test_the_log_holds_neither_links_nor_addresses(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as running:
        assert get(port, "/a/secret-token")[0] == 500
        with socket.create_connection(("127.0.0.1", port)) as rude:
            rude.sendall(b"no HTTP at all\r\n\r\n")
            rude.recv(100)
        running.send_signal(signal.SIGTERM)
        _, complaint = running.communicate(timeout=GONE_WITHIN)
    assert "broken view" in complaint, "a fault must be seen"
    assert all(json.loads(line)["logger"].startswith("gunicorn") for line in complaint.splitlines())
    assert not re.search(r"secret-token|127\.0\.0\.1", complaint)


def test_a_killed_web_server_ends_all_and_the_next_start_works(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as running:
        master = int(get(port)[1].split()[0])
        os.kill(master, signal.SIGKILL)
        _, complaint = running.communicate(timeout=GONE_WITHIN)
        assert complaint == "the web server was killed by signal 9\n"
    with serving(tmp_path, port):
        assert get(port)[0] == 200


def test_a_killed_parent_frees_the_port(tmp_path: Path, port: int) -> None:
    with serving(tmp_path, port) as running:
        running.kill()
        running.communicate(timeout=GONE_WITHIN)
    with serving(tmp_path, port):
        assert get(port)[0] == 200


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path, port: int) -> None:
    settings = load(tmp_path, {"DISCLOSURE_LISTEN": f"127.0.0.1:{port}"})
    with listening(settings), pytest.raises(AddressTaken, match=f"127.0.0.1:{port}.*listen"), listening(settings):
        pytest.fail("two servers on one port")


@pytest.mark.parametrize(
    ("answer", "expected", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, "refusing our host name is an answer too"),
        (b"220 mail.example ESMTP\r\n", False, "somebody else lives there"),
        (b"", False, "hung up"),
    ],
)
def test_the_doorbell(answer: bytes, expected: bool, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as house:
        bell = Doorbell(house.getsockname(), "alerte.example")
        assert not bell.answered(), "nobody has come to the door yet"
        visitor, _ = house.accept()
        with visitor:
            assert b"Host: alerte.example" in visitor.recv(1000)
            visitor.sendall(answer)
        assert bell.answered() is expected, why


def test_the_doorbell_of_an_empty_house(port: int) -> None:
    assert not Doorbell(("127.0.0.1", port), "alerte.example").answered()
