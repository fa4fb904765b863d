"""`disclosure metrics`, `web` and `alive`: processes of their own, over loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from disclosure import serve
from disclosure.casework import clockwork
from disclosure.casework.office import Office
from disclosure.metrics import MetricsServer, Sparing
from disclosure.serve import AddressTaken, listening_at
from disclosure.settings import load
from disclosure.settings_table import Endpoint
from tests.office import T0, make_office

PATIENCE = 60  # seconds; a bound for a broken build, not a measure


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    held = make_office(tmp_path / "instance")
    yield held
    held.store.engine.dispose()


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def command(office: Office, *words: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "disclosure.cli", *words],
        env=os.environ | {"DISCLOSURE_INSTANCE": str(office.settings.instance)} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_it_answers(port: int, path: str) -> tuple[int, str]:
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return get(port, path)
        except OSError:
            assert time.monotonic() < ends, "it never answered"
            time.sleep(0.05)


def values(said: str) -> dict[str, float]:
    """As Prometheus itself would read them."""
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(said)
        for sample in family.samples
    }


def test_figures_are_served_without_a_worker_and_say_that_it_is_dead(office: Office, port: int) -> None:
    running = command(office, "metrics", DISCLOSURE_METRICS_LISTEN=f"127.0.0.1:{port}")
    try:
        status, said = until_it_answers(port, "/metrics")
        assert status == 200
        assert values(said)["disclosure_worker_alive"] == 0
        assert values(said)["disclosure_ready{ready}"] == 1
        (office.settings.instance / "kek.key").unlink()
        ends = time.monotonic() + PATIENCE
        while "disclosure_ready{no_key}" not in values(get(port, "/metrics")[1]):  # it goes on where keys are lost
            assert time.monotonic() < ends
        assert get(port, "/")[0] == 404
        assert get(port, "/metrics", "POST")[0] == 501
    finally:
        running.terminate()
        _, complaint = running.communicate(timeout=PATIENCE)
    assert complaint == "", "no access log (R2)"


@pytest.mark.parametrize(
    ("environ", "complaint", "why"),
    [
        ({}, "missing settings: metrics.listen", "off unless asked for"),
        ({"DISCLOSURE_METRICS_LISTEN": "0.0.0.0:9464"}, "only_on_this_machine", "never to others"),
    ],
)
def test_figures_are_off_or_for_this_machine(office: Office, environ: dict[str, str], complaint: str, why: str) -> None:
    running = command(office, "metrics", **environ)
    _, said = running.communicate(timeout=PATIENCE)
    assert (running.returncode, complaint in said) == (2, True), why


def test_a_taken_port_names_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = Endpoint("127.0.0.1", other.getsockname()[1])
        with pytest.raises(AddressTaken, match="metrics.listen"), listening_at(where, "metrics.listen"):
            pytest.fail("two on one port")


@pytest.mark.parametrize(
    ("after", "asked", "why"),
    [
        (19.0, 1, "less than twenty times what it took"),
        (20.0, 2, "long enough: the house was asked for a twentieth of the time at most"),
    ],
)
def test_scraping_often_costs_no_more(after: float, asked: int, why: str) -> None:
    now, questions = [0.0], []

    def tell() -> bytes:
        now[0] += 1.0  # it took a second
        questions.append(now[0])
        return b"%d" % len(questions)

    told = Sparing(tell, lambda: now[0])
    assert told() == told() == b"1"
    now[0] += after
    assert told() == b"%d" % asked, why


def test_a_fault_is_an_answer_without_words() -> None:
    def broken() -> bytes:
        raise RuntimeError("canari")

    with listening_at(Endpoint("127.0.0.1", 0), "metrics.listen") as listener:
        server = MetricsServer(listener, broken)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert get(listener.getsockname()[1], "/metrics") == (500, "no figures\n")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("environ", "names", "why"),
    [
        ({}, ["the web server", "the worker"], "off by default"),
        (
            {"DISCLOSURE_METRICS_LISTEN": "127.0.0.1:9464"},
            ["the web server", "the worker", "the metrics server"],
            "one service on one machine",
        ),
    ],
)
def test_serve_starts_it_where_it_is_set(tmp_path: Path, environ: dict[str, str], names: list[str], why: str) -> None:
    with socket.socket() as listener:
        children = serve._children(load(tmp_path, environ), {}, listener)
        assert [child.name for child in children] == names, why


def test_the_web_server_alone(office: Office, port: int) -> None:
    running = command(office, "web", DISCLOSURE_LISTEN=f"127.0.0.1:{port}", DISCLOSURE_WEB_WORKERS="1")
    try:
        assert until_it_answers(port, "/healthz") == (200, "ok\n")
        assert get(port, "/readyz") == (200, "ready\n")
    finally:
        running.send_signal(signal.SIGTERM)
        _, complaint = running.communicate(timeout=PATIENCE)
    assert (running.returncode, complaint) == (0, "")


def test_alive(office: Office) -> None:
    def asked(now: str) -> tuple[int, object]:
        running = command(office, "alive", "--json", "--now", now)
        out, _ = running.communicate(timeout=PATIENCE)
        return running.returncode, json.loads(out)

    clockwork.beat(office, "clock", T0)
    assert asked((T0 + timedelta(seconds=59)).isoformat()) == (0, {"alive": True})
    assert asked((T0 + timedelta(minutes=2)).isoformat()) == (1, {"alive": False})
