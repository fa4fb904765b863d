"""One line per record, as JSON or text, and in it no word that somebody typed (R2)."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from disclosure import worker
from disclosure.logs import Discreet
from disclosure.settings import load
from disclosure.settings_table import LogFormat

ROOT = Path(__file__).parent.parent
CANARY = "canari@reporter.example"
Write = Callable[[LogFormat], str]


@pytest.fixture
def logger(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, Callable[[], str]]]:
    """A logger of the given name whose lines are read back; ``param``: name and style."""
    name, style = request.param
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Discreet(style))
    held = logging.getLogger(name)
    held.addHandler(handler)
    yield held, stream.getvalue
    held.removeHandler(handler)


ours = pytest.mark.parametrize("logger", [("disclosure.x", LogFormat.JSON)], indirect=True)
theirs = pytest.mark.parametrize("logger", [("urllib3.x", LogFormat.JSON)], indirect=True)
either = pytest.mark.parametrize("logger", [("disclosure.x", style) for style in LogFormat], indirect=True)


def of(said: str) -> dict[str, Any]:
    lines = said.splitlines()
    assert len(lines) == 1, "one record, one line"
    return dict(json.loads(lines[0]))


def fail(words: str) -> None:
    raise ValueError(words)


def test_json_unless_text_is_asked_for(tmp_path: Path) -> None:
    assert load(tmp_path, {}).log.format is LogFormat.JSON
    assert load(tmp_path, {"DISCLOSURE_LOG_FORMAT": "text"}).log.format is LogFormat.TEXT


@ours
def test_what_a_line_holds(logger: Any) -> None:
    log, said = logger
    log.error("job %s: %s", "outbox", "disk_full\nsecond line", extra={"case_id": "ab12", "organisation": CANARY})
    line = of(said())
    assert (line["level"], line["logger"], line["case_id"]) == ("error", "disclosure.x", "ab12")
    assert line["message"] == "job outbox: disk_full\nsecond line"
    assert line["at"].endswith("+00:00")
    assert CANARY not in said(), "only facts of the list"


@either
def test_an_exception_keeps_its_kind_and_way_not_its_words(logger: Any) -> None:
    log, said = logger
    try:
        fail(CANARY)
    except ValueError:
        log.exception("request failed")
    assert "ValueError" in said()
    assert "in fail" in said()
    assert CANARY not in said()


@theirs
@pytest.mark.parametrize(
    ("words", "arguments", "kept", "why"),
    [
        ("retrying %s", (CANARY,), "retrying %s", "the template is a constant of that library"),
        (f"retrying {CANARY}", (), "a record without a template", "it may have been put together before"),
    ],
)
def test_other_libraries_say_no_more_than_their_constants(
    logger: Any, words: str, arguments: tuple[str, ...], kept: str, why: str
) -> None:
    log, said = logger
    log.warning(words, *arguments)
    assert of(said())["message"].startswith(kept), why
    assert "test_logs.py" in of(said())["message"], "where to look"
    assert CANARY not in said()


def _process(script: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.stdout == ""
    return run.stderr


def test_what_ends_a_process_is_a_record_too() -> None:
    said = _process(f"""
        from disclosure import logs
        logs.configure(logs.LogFormat.JSON)
        words = {CANARY!r}
        raise ValueError(words)
    """)
    assert of(said)["level"] == "critical"
    assert "ValueError" in of(said)["trace"]
    assert CANARY not in of(said)["trace"].replace(repr(CANARY), "")


def test_a_record_with_a_slip_keeps_its_template() -> None:
    said = _process(f"""
        import logging
        from disclosure import logs
        logs.configure(logs.LogFormat.JSON)
        logging.getLogger("disclosure").error("%d", {CANARY!r})
    """)
    assert of(said)["message"].startswith("%d (")
    assert CANARY not in said


@pytest.mark.parametrize("job", sorted(worker.EVERY))
def test_a_job_of_the_worker_that_fails_says_where_and_not_why(job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error may quote a reporter, a relay's answer or a link."""

    def broken(*_: object, **__: object) -> None:
        fail(CANARY)

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Discreet(LogFormat.JSON))
    monkeypatch.setattr(worker, "log", logging.Logger("disclosure.worker"))
    worker.log.addHandler(handler)
    worker.Watched(job, broken)()
    assert job in of(stream.getvalue())["message"]
    assert "ValueError" in stream.getvalue()
    assert CANARY not in stream.getvalue()
