"""A browser without scripts: it sends only what a form on the page would send, and keeps cookies and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urldefrag, urlencode, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

_WITHOUT_VALUE = {"submit", "button", "reset", "image"}


@dataclass
class Control:
    """``values``: what it can send; empty for free text. ``sends``: what it sends as it stands; None for nothing."""

    name: str
    kind: str
    sends: str | None
    values: list[str] = field(default_factory=list)
    id: str = ""


@dataclass
class Form:
    method: str
    action: str
    multipart: bool
    controls: dict[str, Control] = field(default_factory=dict)


@dataclass
class Link:
    """An anchor: where it leads and what it says."""

    href: str
    text: str = ""


class Text(NamedTuple):
    """``typed``: stands as it was written (``pre``)."""

    words: str
    lang: str
    typed: bool


class Page(HTMLParser):
    """What of a page a browser acts on, and the words that a person reads on it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[Link] = []
        self.ids: set[str] = set()
        self.lang = ""
        self.texts: list[Text] = []
        self.attributes: list[str] = []  # words for those who do not see: aria-label, title, alt
        self._form: Form | None = None
        self._area: Control | None = None
        self._select: Control | None = None
        self._open: list[tuple[str, str]] = []
        self._anchor: Link | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: PLR0912
        held = {name: value or "" for name, value in attrs}
        flags = {name for name, _ in attrs}
        self.ids |= {held["id"]} if "id" in held else set()
        self.attributes += [held[name] for name in ("aria-label", "title", "alt", "placeholder") if held.get(name)]
        if tag == "html":
            self.lang = held.get("lang", "")
        if tag not in {"input", "meta", "link", "br", "hr", "img", "path", "circle", "rect", "line", "polygon"}:
            self._open.append((tag, held.get("lang") or "unknown" if "lang" in held and tag != "html" else ""))
        if tag == "a" and "href" in held:
            self._anchor = Link(held["href"])
            self.links.append(self._anchor)
        elif tag == "form":
            self._form = Form(held.get("method", "get"), held.get("action", ""), "multipart" in held.get("enctype", ""))
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "input" and held.get("name"):
            self._input(held, flags)
        elif tag == "textarea":
            self._area = self._put(Control(held["name"], "area", "", id=held.get("id", "")))
        elif tag == "select":
            self._select = self._put(Control(held["name"], "select", None))
        elif tag == "option" and self._select:
            self._select.values.append(held.get("value", ""))
            if self._select.sends is None or "selected" in flags:
                self._select.sends = held.get("value", "")
        elif tag == "button" and held.get("name"):
            self._put(Control(held["name"], "button", None, [held.get("value", "")]))

    def _put(self, control: Control) -> Control:
        assert self._form is not None
        return self._form.controls.setdefault(control.name, control)

    def _input(self, held: dict[str, str], flags: set[str]) -> None:
        kind, value = held.get("type", "text"), held.get("value", "")
        if kind in _WITHOUT_VALUE:
            return
        if kind in {"radio", "checkbox"}:
            control = self._put(Control(held["name"], kind, None))
            control.values.append(value or "on")
            if "checked" in flags:
                control.sends = value or "on"
        else:
            self._put(Control(held["name"], kind, None if kind == "file" else value, id=held.get("id", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None
        if tag == "a":
            self._anchor = None
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                break

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            before = self._area.sends or ""
            self._area.sends = before + (data.removeprefix("\n") if not before else data)  # as HTML drops the first
        if self._anchor is not None:
            self._anchor.text += data
        if data.strip() and not any(tag in {"script", "style"} for tag, _ in self._open):
            lang = next((lang for _, lang in reversed(self._open) if lang), self.lang)
            self.texts.append(Text(data, lang, any(tag == "pre" for tag, _ in self._open)))

    @property
    def words(self) -> str:
        return " ".join(" ".join(text.words.split()) for text in self.texts)


File = tuple[str, bytes, str] | tuple[str, bytes]  # name, content, field
BOUNDARY = "----boundary-of-the-browser-without-scripts"


def encoded(fields: MultiDict[str, str], files: Sequence[File]) -> bytes:
    """As browsers do it (RFC 7578): fields in the order of the form, then files."""
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items(multi=True)]
    for name, content, *field_name in files:
        parts.append((f'name="{(field_name or ["pictures"])[0]}"; filename="{name}"', content))
    start = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
    return b"".join(f"{start}{head}\r\n\r\n".encode() + data + b"\r\n" for head, data in parts) + (
        f"--{BOUNDARY}--\r\n".encode()
    )


class Browser:
    """``page`` is what is on the screen; ``send`` presses the button of one form on it."""

    def __init__(self, app: Flask, language: str = "en", base: str = "http://127.0.0.1:5000", **headers: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.base = base
        self.headers = {"Accept-Language": language} | {name.replace("_", "-"): text for name, text in headers.items()}
        self.response: TestResponse
        self.page: Page
        self.at = "/"

    def open(self, url: str) -> Browser:
        return self._show(url, self.client.get(self._path(url), base_url=self.base, headers=self.headers))

    def _path(self, url: str) -> str:
        parts = urlsplit(urldefrag(url)[0])
        return (parts.path or self.at) + (f"?{parts.query}" if parts.query else "")

    def _show(self, url: str, response: TestResponse) -> Browser:
        self.at = urlsplit(url).path or self.at
        self.response = response
        if response.status_code in {301, 302, 303, 307, 308}:
            return self.open(response.headers["Location"])
        text = response.get_data(as_text=True) if response.mimetype == "text/html" else ""
        self.page = Page(text)
        return self

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def html(self) -> str:
        return self.response.get_data(as_text=True)

    def form(self, action: str = "") -> Form:
        """The one form that posts to ``action`` (as it begins or ends); the page's own address if none is named."""
        posts = [form for form in self.page.forms if form.method == "post"]
        found = [form for form in posts if self._path(form.action or self.at).endswith(action or self.at)]
        assert found, f"no form for {action or self.at} on {self.at} ({self.status}): {[f.action for f in posts]}"
        return found[0]

    def filled(self, form: Form, typed: Mapping[str, str | None]) -> MultiDict[str, str]:
        """What the form sends with these fields filled in; None unticks. Nothing that the page does not offer."""
        sent: MultiDict[str, str] = MultiDict()
        for name in typed:
            assert name in form.controls, f"no field {name} on {self.at}: {sorted(form.controls)}"
        for name, control in form.controls.items():
            value = typed.get(name, control.sends)
            if value is None:
                continue
            assert not control.values or value in control.values, f"{name} offers {control.values}, not {value}"
            sent[name] = value
        return sent

    def send(self, action: str = "", files: Sequence[File] = (), **typed: str | None) -> Browser:
        form = self.form(action)
        return self.post(form.action or self.at, self.filled(form, typed), files, multipart=form.multipart)

    def post(
        self, url: str, sent: Mapping[str, str], files: Sequence[File] = (), *, multipart: bool = False, **headers: str
    ) -> Browser:
        """Any POST, also one that no page of ours would send."""
        fields = MultiDict(sent)
        body, kind = urlencode(list(fields.items(multi=True))).encode(), "application/x-www-form-urlencoded"
        if multipart:
            body, kind = encoded(fields, files), f"multipart/form-data; boundary={BOUNDARY}"
        answer = self.client.post(
            self._path(url),
            data=body,
            content_type=kind,
            base_url=self.base,
            headers=self.headers | {name.replace("_", "-"): text for name, text in headers.items()},
        )
        return self._show(url, answer)

    def tokens(self, action: str = "") -> dict[str, str]:
        """The hidden fields of a form."""
        return {c.name: c.sends or "" for c in self.form(action).controls.values() if c.kind == "hidden"}
