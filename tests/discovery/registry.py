"""RDAP answers as registries write them, put together by hand (RFC 9083, RFC 7095)."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]


def entity(*roles: str, mail: str | list[str] = "", inside: list[Json] | None = None, **card: Any) -> Json:
    """``card``: fn, cc (country of the address), uri (a form that stands for the address)."""
    items: list[Any] = [["version", {}, "text", "4.0"], ["fn", {}, "text", card.get("fn", "")]]
    items += [["email", {}, "text", one] for one in ([mail] if isinstance(mail, str) else mail) if one]
    if "cc" in card:
        items.append(["adr", {"cc": card["cc"]}, "text", ["", "", "", "", "", "", ""]])
    if "uri" in card:
        items.append(["contact-uri", {}, "uri", card["uri"]])
    return {
        "objectClassName": "entity",
        "roles": list(roles),
        "vcardArray": ["vcard", items],
        "entities": inside or [],
    }


def domain(*entities: Json, name: str = "example.org", **more: Any) -> bytes:
    answer = {"objectClassName": "domain", "ldhName": name, "entities": list(entities), **more}
    return json.dumps(answer).encode()


def network(*entities: Json) -> bytes:
    return json.dumps({"objectClassName": "ip network", "entities": list(entities)}).encode()
