"""Many domains at once, and the list of registries: what the commands do (design section 6)."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from disclosure import cli
from disclosure.casework import batch, lookups
from disclosure.discovery.evidence import Outcome
from disclosure.discovery.finder import Findings
from disclosure.protocol.errors import InvalidInput
from disclosure.protocol.values import Answer, Domain
from disclosure.settings import load
from tests.discovery.conftest import ca, world  # noqa: F401 - fixtures
from tests.discovery.test_bootstrap import FILES
from tests.discovery.world import NOW, World, page

LIST = "a.example\n\n# a comment\n  b.example  # why\nhttps://c.example/x\n192.0.2.1\n"


def ended(domain: Domain, _: Answer, now: datetime, status: Outcome = Outcome.NONE) -> Findings:
    return Findings(domain, now, Answer.NO, status, (), (), (), (), ())


def run(names: str, find: Callable[..., Findings] = ended) -> dict[str, str]:
    said = batch.discover(batch.names(io.StringIO(names)), find, lambda: NOW)
    return {one["asked"]: one["status"] for one in said}


def test_a_list_as_people_write_it() -> None:
    assert list(batch.names(io.StringIO(LIST))) == ["a.example", "b.example", "https://c.example/x", "192.0.2.1"]
    assert run(LIST)["192.0.2.1"] == "none", "a line that is no name is answered, and not asked again"


def test_at_most_32_are_in_flight_and_all_come_back() -> None:
    lock, now, most = threading.Lock(), 0, 0
    enough = threading.Barrier(batch.IN_FLIGHT, timeout=20)

    def find(domain: Domain, answer: Answer, at: datetime) -> Findings:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        enough.wait()  # broken, and a fault, if fewer than 32 were ever at work together
        with lock:
            now -= 1
        return ended(domain, answer, at)

    names = "\n".join(f"d{n}.example" for n in range(3 * batch.IN_FLIGHT))
    assert set(run(names, find).values()) == {"none"}
    assert most == batch.IN_FLIGHT == 32, "more would only queue up before our own time-outs"


def test_the_list_is_not_read_ahead() -> None:
    """A million names are not queued: what is read is what is in flight."""
    read = 0

    def endless() -> object:
        nonlocal read
        while True:
            read += 1
            yield f"d{read}.example"

    answers = batch.discover(endless(), ended, lambda: NOW)  # type: ignore[arg-type]
    next(answers)
    assert read <= batch.IN_FLIGHT
    answers.close()  # type: ignore[attr-defined]


def test_a_fault_of_ours_ends_no_other_search() -> None:
    def find(domain: Domain, answer: Answer, at: datetime) -> Findings:
        if domain.name == "b.example":
            raise RuntimeError
        return ended(domain, answer, at)

    assert run("a.example\nb.example\nc.example", find) == {
        "a.example": "none",
        "b.example": "unknown",
        "c.example": "none",
    }


ANSWERED: list[tuple[bytes, set[str], str]] = [
    (b'{"asked":"a","status":"found"}\n{"asked":"b","status":"none"}\n', {"a", "b"}, "knowledge"),
    (b'{"asked":"a","status":"unknown"}\n', set(), "unknown is asked again (R15)"),
    (b'{"asked":"a","status":"found"}\n{"asked":"b","sta', {"a"}, "a line that broke off says nothing"),
    (b'{"asked":"a","status":"found"}', set(), "nor does one whose end is missing"),
    (b"[]\nnull\n7\n{}\n\xff\n" + b"[" * 9_999 + b"\n" + b'{"asked":"a","status":[]}\n', set(), "other people's lines"),
    (b"", set(), "nothing yet"),
]


@pytest.mark.parametrize(("content", "over", "why"), ANSWERED, ids=[row[2] for row in ANSWERED])
def test_where_a_run_goes_on(tmp_path: Path, content: bytes, over: set[str], why: str) -> None:
    path = tmp_path / "out"
    path.write_bytes(content)
    assert batch.mend(path) == over, why
    assert path.read_bytes() in {content, content.rpartition(b"\n")[0] + b"\n", b""}
    assert path.read_bytes()[-1:] in {b"\n", b""}, "the next line stands alone"


@pytest.fixture
def demo(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:  # noqa: F811
    for name, value in {
        "INSTANCE": str(tmp_path),
        "DEMO": "true",
        "DEMO_WORLD_NAMESERVER": f"127.0.0.1:{world.nameserver.port}",
        "DEMO_WORLD_HTTPS": f"127.0.0.1:{world.https.port}",
        "DEMO_WORLD_CA_FILE": str(world.ca_file),
    }.items():
        monkeypatch.setenv(f"DISCLOSURE_{name}", value)
    return world


def command(*words: str, given: str = "") -> tuple[int, str, str]:
    done = CliRunner().invoke(cli.main, words, input=given)
    return done.exit_code, done.stdout, done.stderr


def test_the_command_goes_on_where_it_ended(demo: World, tmp_path: Path) -> None:
    demo.zone.set("example.org", "CAA", '0 iodef "mailto:cert@example.org"')
    out = tmp_path / "out.jsonl"
    names = tmp_path / "names"
    names.write_text("example.org\nexample.net\n")
    assert command("discover", "--file", str(names), "--out", str(out))[0] == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert {one["domain"]: one["status"] for one in lines} == {"example.org": "found", "example.net": "none"}
    asked = demo.zone.asked.total()
    assert command("discover", "--file", str(names), "--out", str(out)) == (0, "", "")
    assert demo.zone.asked.total() == asked, "nothing is asked twice"
    assert len(out.read_text().splitlines()) == 2


def test_standard_input_and_output_without_a_bar(demo: World) -> None:
    status, lines, bar = command("discover", "--file", "-", given="example.net\n")
    assert (status, [json.loads(line)["asked"] for line in lines.splitlines()], bar) == (0, ["example.net"], "")


@pytest.mark.parametrize("words", [["discover"], ["discover", "example.org", "--file", "-"]])
def test_one_or_many_not_both_and_not_neither(words: list[str]) -> None:
    assert command(*words)[0] == 2


def test_one_domain_with_its_fallback(demo: World) -> None:
    demo.zone.set("victim.co.uk", "MX", "10 mail.victim.co.uk.")
    status, printed, _ = command("discover", "victim.co.uk", "--json")
    said = json.loads(printed)
    assert (status, said["status"]) == (0, "found")
    assert {one["country"] for one in said["fallback"]} == {"GB"}
    assert command("discover", "victim.co.uk")[1].startswith("found:")


# --- the list of registries ------------------------------------------------------------------------------------------


def serve(demo: World, **files: bytes) -> None:
    demo.host("data.iana.org")
    for name, body in (FILES | files).items():
        demo.serve(f"https://data.iana.org/rdap/{name}.json", page(body, content_type="application/json"))


def test_the_list_is_fetched_anew_and_used_from_then_on(demo: World, tmp_path: Path) -> None:
    """RD-05."""
    settings = load(tmp_path, {})
    assert lookups.directory(settings).for_domain(Domain("example.fr")) == "https://rdap.nic.fr/"
    serve(demo)
    status, printed, _ = command("rdap-bootstrap", "--now", NOW.isoformat(), "--json")
    assert (status, json.loads(printed)["checked_on"]) == (0, "2026-11-24")
    known = lookups.directory(settings)
    assert (known.checked_on, known.for_domain(Domain("x.org"))) == (NOW.date(), "https://b.example/x/")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("rdap")] == ["rdap.json"]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"ipv6": b"<html>"}, "one of three is no list"),
        ({"dns": b" " * 2_000_000}, "too large"),
        ({"dns": b"[" * 900_000}, "nested"),
    ],
)
def test_a_list_that_cannot_be_had_changes_nothing(
    demo: World, tmp_path: Path, files: dict[str, bytes], why: str
) -> None:
    serve(demo)
    command("rdap-bootstrap")
    before = (tmp_path / "rdap.json").read_bytes()
    serve(demo, **files)
    with pytest.raises(InvalidInput):
        lookups.refresh_directory(load(tmp_path, os.environ), NOW)
    assert (tmp_path / "rdap.json").read_bytes() == before, why


def test_a_server_that_is_not_there_is_named(demo: World, tmp_path: Path) -> None:
    assert command("rdap-bootstrap")[0] == 1
    assert not (tmp_path / "rdap.json").exists()
