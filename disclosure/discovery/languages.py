"""Language tags of Preferred-Languages (ST-21): well formed by RFC 5646 and led by a language that exists. Pure."""

from __future__ import annotations

import re

# ISO 639-1 as the IANA registry has it, with its five deprecated codes. Three-letter codes are taken by their form;
# longer ones are reserved and none is registered, which is why "English" is no tag.
_TWO_LETTERS = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo
    es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it iu iw ja ji
    jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb
    nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr
    ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    """.split()  # noqa: SIM905 - a list of two hundred codes is read as text
)
_TAG = re.compile(
    r"[a-z]{2,3}(?:-[a-z]{3}){0,3}(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3})){0,4}(?:-[a-wyz0-9](?:-[a-z0-9]{2,8}){1,4}){0,4}"
    r"(?:-x(?:-[a-z0-9]{1,8}){1,4})?",
    re.ASCII,
)
_PRIVATE = re.compile(r"x(?:-[a-z0-9]{1,8}){1,4}", re.ASCII)
_LONGEST = 64  # ours: bounds the expression above; real tags have five letters


def is_language_tag(text: str) -> bool:
    tag = text.lower()
    if len(tag) > _LONGEST:
        return False
    if not _TAG.fullmatch(tag):
        return bool(_PRIVATE.fullmatch(tag))
    language = tag.partition("-")[0]
    return len(language) != 2 or language in _TWO_LETTERS  # noqa: PLR2004
