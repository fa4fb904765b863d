"""What a person reads in a message, and which of it is new: without quotes, forwarded mail and signature.

HTML is made text by one forward pass; nothing in it is run or fetched. Python's HTML parser is not used: it has
quadratic spots in the versions we run on.
"""

from __future__ import annotations

import html
import re

from disclosure.mail.mime import Part

MOST_TEXT = 65_536  # bytes, of UTF-8
_MOST_HTML = 524_288  # characters: styles are long
_QUOTE = "\ufdd0"  # a noncharacter: where HTML says that what follows is an older message
_BLOCKS = frozenset(
    ("p", "div", "br", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "blockquote", "pre")
)
_DROPPED = ("script", "style", "head", "title", "template")
_QUOTED = (
    *("gmail_quote", "gmail_attr", "moz-cite-prefix", "yahoo_quoted", "protonmail_quote", "divrplyfwdmsg"),
    *("appendonsend", "zmail_extra", "tutanota_quote", 'type="cite"', "olk_src_body_section"),
)
_LONG_ENTITY = re.compile(r"&#x?[0-9a-fA-F]{8,}")

_WROTE = r"wrote|a ecrit|ecrit|schrieb|escribio|escreveu|ha scritto|schreef"
# "On DATE, NAME wrote:", which mailers wrap after 70 columns; and what ends so without a date.
_DATED = re.compile(rf"\W{{0,4}}(on|le|am|el|em|il|op|den|da)\b(?=.{{0,60}}\d).{{3,200}}\b({_WROTE})\b.{{0,200}}:$")
_INTRODUCES = re.compile(rf".{{1,200}}\b({_WROTE}|ecrivait)\s?:$|.{{4,120}}(さんは書きました|のメール|書きました)[::]$")
_DIVIDES = re.compile(
    r"[-_=*\s>]{0,40}(original message|message d'origine|message original|message transfere|forwarded message"
    r"|begin forwarded|ursprungliche nachricht|originalnachricht|original-nachricht|weitergeleitete nachricht"
    r"|mensaje original|mensaje reenviado|debut du message (transfere|reexpedie)"
    r"|元のメッセージ|原文|転送メッセージ)\s?:?[-_=*\s]{0,40}$"
)
_FROM = re.compile(r"[>*\s]{0,6}(from|de|von|da|差出人)\s{0,3}\*?\s?[::]")
_SENT = re.compile(
    r"[>*\s]{0,6}(sent|date|to|envoye( le)?|a|gesendet|datum|an|enviado( el)?|fecha|para|送信日時|日付|宛先)"
    r"\s{0,3}\*?\s?[::]"
)


def text_of(root: Part) -> tuple[str, bool]:
    """(text with the mark :data:`_QUOTE` where HTML cites, whether any part had text); at most 64 KB."""
    said, left = list[str](), MOST_TEXT
    for part in _spoken(root):
        if left <= 0:
            break
        text = from_html(part.text(_MOST_HTML)) if part.media_type == "text/html" else part.text(left)
        said.append(text.strip("\n"))
        left -= len(said[-1])
    joined = "\n\n".join(said).encode("utf-8", "ignore")[:MOST_TEXT].decode("utf-8", "ignore")
    return joined, bool(joined.strip())


def shown(text: str) -> str:
    return text.replace(_QUOTE, "")


def _spoken(root: Part) -> list[Part]:
    """The text parts to read, in order: of alternatives the plain one, if it says anything."""
    found, waiting = list[Part](), [root]
    while waiting:
        part = waiting.pop()
        if part.media_type == "multipart/alternative":
            leaves = [one for one in part.walk() if one.media_type in {"text/plain", "text/html"} and not one.attached]
            plain = [one for one in leaves if one.media_type == "text/plain" and one.text(2_000).strip()]
            found += plain or [one for one in leaves if one.media_type == "text/html"]
        elif part.parts:
            waiting.extend(reversed(part.parts))
        elif part.media_type in {"text/plain", "text/html"} and not part.attached:
            found.append(part)
    return found


def from_html(page: str) -> str:
    """Text of an HTML page. Block elements end a line, cited parts are marked."""
    out, position, length = list[str](), 0, min(len(page), _MOST_HTML)
    while position < length:
        at = page.find("<", position, length)
        out.append(_flowed(page[position : length if at < 0 else at]))
        if at < 0:
            break
        position = _after_tag(page, at, length, out)
    return _tidy(html.unescape(_LONG_ENTITY.sub("", "".join(out))))


def _flowed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _after_tag(page: str, at: int, length: int, out: list[str]) -> int:
    """Where reading goes on after the mark-up at ``at``; what it means for the text is added to ``out``."""
    if page.startswith("<!--", at):
        end = page.find("-->", at, length)
        return length if end < 0 else end + 3
    end = page.find(">", at, length)
    if end < 0:
        return length
    tag = page[at + 1 : min(end, at + 600)].lower()
    name = tag.split(None, 1)[0].rstrip("/") if tag.split() else ""
    if name in _DROPPED:
        close = page.find("</" + name, end, length)
        close = page.find("</" + name.upper(), end, length) if close < 0 else close
        return length if close < 0 else close
    if name.lstrip("/") in _BLOCKS:
        out.append("\n")
    if any(mark in tag for mark in _QUOTED):
        out.append(f"\n{_QUOTE}\n")
    return end + 1


def _tidy(text: str) -> str:
    lines = [line.strip() for line in text.replace("\xa0", " ").replace("\0", "").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def new_text(text: str, most: int = 16_384) -> tuple[str, str]:
    """(what the sender wrote now, their signature): up to the older message, without the lines that quote one.

    Absences and bounces that somebody quotes under an answer are theirs who sent them (mail facts 3.3). ``most``:
    characters that are looked at; a class shows itself early.
    """
    lines = text[:most].split("\n")
    kept, signature = list[str](), list[str]()
    into = kept
    for at, line in enumerate(lines):
        if _older_from_here(lines, at):
            break
        if line.rstrip() == "--" and into is kept:
            into = signature
        elif not line.lstrip().startswith((">", "|", ">")):
            into.append(line)
    return "\n".join(kept).strip(), "\n".join(signature).strip()


def _older_from_here(lines: list[str], at: int) -> bool:
    line = lines[at]
    if line.strip() == _QUOTE:
        return True
    if not line.strip() or len(line) > 300:  # noqa: PLR2004 - no line that introduces is a paragraph
        return False
    bare = _bare(line)
    following = _bare(lines[at + 1]) if at + 1 < len(lines) else ""
    if _DIVIDES.match(bare) or _DATED.match(bare) or _INTRODUCES.match(bare):
        return True
    if not _DATED.match(following) and _DATED.match(f"{bare} {following}"):
        return True
    return bool(_FROM.match(bare)) and any(_SENT.match(_bare(one)) for one in lines[at + 1 : at + 4])


def _bare(line: str) -> str:
    return fold(line[:300]).strip()


def fold(text: str) -> str:
    """For comparing: compatibility forms, case and Western accents gone; Japanese marks stay."""
    import unicodedata  # noqa: PLC0415 - with its one user

    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).replace("’", "'").casefold())
    return unicodedata.normalize("NFC", "".join(c for c in apart if not "\u0300" <= c <= "\u036f"))
