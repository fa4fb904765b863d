"""A real browser on the real application: Debian's Chromium, the small world, and time that is handed in."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from disclosure.casework import accounts, clockwork, delivery
from disclosure.demo import stage
from disclosure.demo.stage import Cast
from disclosure.demo.world import World
from tests.conftest import need
from tests.office import T0

WIDTHS = (360, 1440)
# Chromium asks nobody: no updates, no look-ups of its own.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = need("chromium", package="chromium")
    with sync_playwright() as playwright:
        held = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield held
        held.close()


class Quiet(WSGIRequestHandler):
    """No access log: what a failing test shows should be the fault."""

    def log(self, type: str, message: str, *args: object) -> None:
        pass


@dataclass
class House:
    """A server with its own clock, the cast of the story, and the first coordinator's account."""

    url: str
    cast: Cast
    account: accounts.NewCoordinator
    now: datetime = T0

    def later(self, **how: float) -> datetime:
        """Move the clock on, and do what the worker does."""
        self.now += timedelta(**how)
        clockwork.tick(self.cast.office, self.now)
        delivery.deliver(self.cast.office, self.now)
        return self.now

    def totp(self) -> str:
        code = pyotp.parse_uri(self.account.totp_uri)
        assert isinstance(code, pyotp.TOTP)
        return code.at(self.now)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with World(folder=tmp_path / "world") as world:
        folder = tmp_path / "instance"
        folder.mkdir(mode=0o700)
        cast, account, app = stage.prepare(folder, world, T0 + stage.AGO)
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        held = House(f"http://127.0.0.1:{server.server_port}", cast, account)
        app.extensions["clock"] = lambda: held.now
        stage.confirm_channels(cast, T0)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield held
        server.shutdown()
        thread.join()
        server.server_close()
        cast.office.store.engine.dispose()


class Eyes:
    """Looks at pages as a severe reader does: nothing sticks out, nothing is unreadable, no error is swallowed."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.faults: list[str] = []

    def watch(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.on("console", lambda said: said.type == "error" and self._said(said))
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        return page

    def _said(self, said: Any) -> None:
        # Chromium reports the answer to a form that was filled in wrongly as an error of its own.
        if not any(f"status of {code}" in said.text for code in (409, 422)):
            self.faults.append(f"console: {said.text}")

    def look(self, page: Page, name: str) -> None:
        """Both widths: no sideways scrolling, targets big enough for a thumb; then what axe finds (WCAG 2.2 AA)."""
        # A click comes back before the next page has its style sheet; without one everything sticks out.
        page.wait_for_function("document.readyState === 'complete' && document.styleSheets.length > 0")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                self.faults.append(f"{name}: {wide - width} px stick out at {width} px")
            if self.folder:
                page.screenshot(path=f"{self.folder}/{name}-{width}.png", full_page=True)
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        for violation in found.response["violations"]:
            places = "; ".join(node["html"][:120] for node in violation["nodes"][:3])
            self.faults.append(f"{name}: {violation['id']}: {violation['help']}: {places}")


@pytest.fixture
def eyes() -> Iterator[Eyes]:
    """``DISCLOSURE_PICTURES=/folder`` keeps a picture of each page in both widths."""
    folder = os.environ.get("DISCLOSURE_PICTURES", "")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    held = Eyes(folder)
    yield held
    assert held.faults == []
