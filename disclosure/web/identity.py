"""Who we are, for people and for programs: the key page, its printed form, certificates, security.txt (R24).

Everything here is public and made elsewhere: no request signs anything.
"""

from __future__ import annotations

import segno
from flask import Blueprint, Flask, Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from disclosure.casework import identity
from disclosure.casework.office import Office
from disclosure.protocol.errors import NotFound
from disclosure.web.clock import now

bp = Blueprint("identity", __name__)
_ARMOUR, _TEXT, _BINARY = "application/pgp-keys", "text/plain; charset=utf-8", "application/octet-stream"


def init_app(app: Flask, office: Office) -> None:
    """The host name of the Web Key Directory leads to us too, and finds nothing but the directory under it."""
    host = identity.web_key_service_host(office.settings)
    if host in office.settings.trusted_hosts:
        return
    app.config["TRUSTED_HOSTS"] = [*app.config["TRUSTED_HOSTS"], host]

    @app.before_request
    def only_the_directory() -> None:
        if request.host.partition(":")[0].lower() == host and request.endpoint not in _DIRECTORY:
            raise NotFound("page")


_DIRECTORY = {f"identity.{name}" for name in ("web_key", "web_key_of", "policy", "policy_of")}


# --- for people ---


@bp.get("/key")
def key() -> ResponseReturnValue:
    return render_template("public/key.html", **_shown())


@bp.get("/key/print")
def printed() -> ResponseReturnValue:
    """One sheet to hand over: everything needed to check us, and nothing to press."""
    return render_template("public/keysheet.html", **_shown())


def _shown() -> dict[str, object]:
    office = _office()
    shown = identity.shown(office)
    qr_svg = _qr(shown.key.fingerprint) if shown.key else ""
    return {"shown": shown, "qr_svg": qr_svg, "today": now(), "public_url": office.settings.public_url}


def _qr(fingerprint: str) -> Markup:
    """The fingerprint as programs scan it (openpgp4fpr); attributes only, because the pages allow no inline style."""
    code = segno.make(f"OPENPGP4FPR:{fingerprint}", error="m")  # upper case alone makes a smaller code, easier to scan
    return Markup(code.svg_inline(scale=4, border=2, omitsize=True))  # noqa: S704 - drawn here, of a fingerprint


@bp.get("/key.asc")
def key_file() -> ResponseReturnValue:
    shown = identity.shown(_office())
    return _certificate(shown.key.fingerprint if shown.key else "", "key.asc")


@bp.get("/key/<fingerprint>.asc")
def earlier_key_file(fingerprint: str) -> ResponseReturnValue:
    return _certificate(fingerprint, f"{fingerprint}.asc")


def _certificate(fingerprint: str, name: str) -> ResponseReturnValue:
    content = identity.certificate(_office(), fingerprint)
    return _file(content, _ARMOUR, **{"Content-Disposition": f'attachment; filename="{name}"'})


@bp.get("/key/transition.txt")
def transition() -> ResponseReturnValue:
    return _file(identity.transition_statement(_office()), _TEXT)


# --- for programs ---


@bp.get(identity.WELL_KNOWN)
def security_txt() -> ResponseReturnValue:
    return _file(identity.signed_security_txt(_office()), _TEXT)


@bp.get("/security.txt")
def security_txt_at_the_old_place() -> ResponseReturnValue:
    """RFC 9116, 3 allows it for old programs; the file has one place, and says so in Canonical."""
    return Response(status=302, headers={"Location": url_for(".security_txt")}, mimetype="text/plain")


@bp.get("/.well-known/openpgpkey/hu/<hashed>")
def web_key(hashed: str) -> ResponseReturnValue:
    """Direct method."""
    return _directory(identity.web_key(_office(), hashed, request.args.get("l")))


@bp.get("/.well-known/openpgpkey/<domain>/hu/<hashed>")
def web_key_of(domain: str, hashed: str) -> ResponseReturnValue:
    """Advanced method."""
    return _directory(identity.web_key(_office(), hashed, request.args.get("l"), domain))


@bp.get("/.well-known/openpgpkey/policy")
def policy() -> ResponseReturnValue:
    """An empty file says that there is a directory, and that keys are not submitted to it by mail."""
    return _directory(b"", _TEXT)


@bp.get("/.well-known/openpgpkey/<domain>/policy")
def policy_of(domain: str) -> ResponseReturnValue:
    ours = domain.lower() == identity.web_key_domain(_office().settings)
    return _directory(b"" if ours else None, _TEXT)


def _directory(content: bytes | None, kind: str = _BINARY) -> ResponseReturnValue:
    """Any page's script may read it: mail programs that are web pages look for keys here."""
    return _file(content, kind, **{"Access-Control-Allow-Origin": "*"})


def _file(content: bytes | None, kind: str, **headers: str) -> ResponseReturnValue:
    if content is None:
        raise NotFound("file")
    return Response(content, content_type=kind, headers=headers)


def _office() -> Office:
    office: Office = current_app.extensions["office"]
    return office
