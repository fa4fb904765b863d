"""The desk's page of a case with a long history, through the application, for a coordinator who has signed in."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pyotp
from flask.testing import FlaskClient

from benchmarks import longcase, servers
from benchmarks.table import Row
from disclosure import create_app
from disclosure.casework import accounts
from disclosure.casework.accounts import NewCoordinator
from disclosure.settings import load

EVENTS, TIMES = 2000, 20
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_OLDER = re.compile(r'href="([^"]+before=\d+)"')


def measure(*, small: bool) -> Iterator[Row]:
    events, times = (150, 1) if small else (EVENTS, TIMES)
    with servers.folder() as instance:
        app = create_app(load(instance, {}))
        office, now = app.extensions["office"], datetime.now(UTC)
        office.prepare(now)
        coordinator = accounts.first(office, now)
        case_id = longcase.build(office, coordinator.id, events, now)
        desk = app.test_client()
        _sign_in(desk, coordinator)
        newest = f"/desk/cases/{case_id}"
        older = _OLDER.search(_get(desk, newest))
        if older is None:
            raise RuntimeError("the case page offers no older entries")
        yield _row(f"case page, {events} events, newest 100", [_timed(desk, newest) for _ in range(times)])
        yield _row("case page, the 100 before them", [_timed(desk, older[1]) for _ in range(times)])
        office.store.engine.dispose()


def _row(figure: str, milliseconds: Sequence[float]) -> Row:
    beside = f"median of {len(milliseconds)}; longest {max(milliseconds):.0f} ms"
    return Row(figure=figure, measured=statistics.median(milliseconds), unit="ms", target=150, beside=beside)


def _sign_in(desk: FlaskClient, who: NewCoordinator) -> None:
    """With password and code, through the form: no session is made by hand."""
    token = _CSRF.search(_get(desk, "/desk/sign-in"))
    totp = pyotp.parse_uri(who.totp_uri)
    assert isinstance(totp, pyotp.TOTP)
    form = {"login": who.login, "password": who.password, "code": totp.now(), "csrf_token": token[1] if token else ""}
    if desk.post("/desk/sign-in", data=form).status_code != 303:
        raise RuntimeError("the coordinator could not sign in")


def _timed(desk: FlaskClient, path: str) -> float:
    started = time.perf_counter()
    _get(desk, path)
    return 1000 * (time.perf_counter() - started)


def _get(desk: FlaskClient, path: str) -> str:
    answer = desk.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return answer.get_data(as_text=True)
