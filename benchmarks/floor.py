"""The least that receives the same request bytes: bare Flask, one SQLite insert per report, just as durable.

It renders nothing and checks nothing. Its page holds two tokens and a cookie as long as the product's, so that what is
sent to it is the same to the byte. It keeps the body as it came, without looking into it: that is the floor that the
target means. Beside it a second one reads the form as any Flask application has to and keeps its fields; it has no
target.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from pathlib import Path

from flask import Flask, Response, request

PAGE = '<input name="csrf_token" value="{csrf}"><input name="token" value="{token}">'
# Lengths of what the product gives: itsdangerous' signed token, secrets.token_urlsafe(16), Flask's session cookie.
CSRF, TOKEN, COOKIE = "c" * 91, "t" * 22, "s" * 111
_held = threading.local()
app = Flask(__name__)


def database() -> sqlite3.Connection:
    """One connection per thread, to a file that ``prepare`` has made."""
    connection: sqlite3.Connection | None = getattr(_held, "connection", None)
    if connection is None:
        connection = sqlite3.connect(os.environ["FLOOR_DATABASE"], timeout=30, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        _held.connection = connection
    return connection


def prepare(path: Path) -> None:
    """Before any process opens it: two that switch to the write-ahead log at once do not wait for each other."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE reports (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")


@app.get("/report")
def report() -> Response:
    page = Response(PAGE.format(csrf=CSRF, token=TOKEN), mimetype="text/html")
    page.set_cookie("form", COOKIE)
    return page


@app.post("/report")
def send_report() -> str:
    read = os.environ.get("FLOOR_READS") == "form"
    body = json.dumps(request.form) if read else request.get_data()
    database().execute("INSERT INTO reports (body) VALUES (?)", (body,))
    return "received"
