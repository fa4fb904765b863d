"""Pictures of strangers (R20, R45): decoded and written again; no metadata, no original, bounded work."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from disclosure.casework import pictures
from disclosure.protocol.errors import InvalidInput

CANARY = "canary-of-the-camera"


def drawn(kind: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red" if mode in {"RGB", "RGBA"} else 0).save(out, kind, **options)
    return out.getvalue()


def exif() -> Image.Exif:
    held = Image.Exif()
    held[0x010E], held[0x0110] = CANARY, CANARY
    return held


def text_chunk() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", CANARY)
    return info


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (drawn("JPEG", exif=exif(), comment=CANARY.encode()), "image/jpeg"),
        (drawn("PNG", pnginfo=text_chunk(), exif=exif()), "image/png"),
        (drawn("PNG", "RGBA"), "image/png"),
        (drawn("PNG", "P"), "image/png"),
        (drawn("PNG", "1"), "image/png"),
        (drawn("JPEG", "CMYK"), "image/jpeg"),
        (drawn("WEBP", exif=exif()), "image/png"),
        (drawn("PNG") + CANARY.encode(), "image/png"),
        (drawn("JPEG") + b"<script>" + CANARY.encode(), "image/jpeg"),
    ],
)
def test_only_pixels_go_on(data: bytes, media_type: str) -> None:
    cleaned = pictures.clean(data)
    assert (cleaned.media_type, cleaned.width, cleaned.height) == (media_type, 40, 30)
    assert CANARY.encode() not in cleaned.content
    with Image.open(io.BytesIO(cleaned.content)) as again:
        assert not again.getexif()
        assert not {"exif", "comment", "icc_profile", "Author"} & set(again.info)


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is that large."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0" * 10)
    chunks = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (head, body, b"IEND")
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("data", "problem", "why"),
    [
        (b"", "not_a_picture", "nothing"),
        (b"%PDF-1.7", "not_a_picture", "a document"),
        (b"PK\x03\x04", "not_a_picture", "an archive, such as a dump"),
        (b"GIF89a" + b"\0" * 20, "not_a_picture", "a kind that is not taken"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture", "a program in disguise"),
        (b"\x89PNG\r\n\x1a\n", "broken_picture", "a head without a body"),
        (b"\xff\xd8\xff", "broken_picture", "the same"),
        (drawn("PNG")[:60], "broken_picture", "cut off"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "broken_picture", "the same"),
        (b"\x89PNG\r\n\x1a\n" + drawn("JPEG"), "broken_picture", "one kind with another's head"),
        (claiming(4001, 4000), "too_many_pixels", "more than any screen"),
        (claiming(10_001, 1), "too_many_pixels", "too long a side"),
        (claiming(10_000, 10_000), "too_many_pixels", "where Pillow warns"),
        (claiming(60_000, 60_000), "too_many_pixels", "a bomb: refused before it is unpacked"),
        (claiming(100, 100), "broken_picture", "it holds less than it says"),
    ],
)
def test_what_is_no_picture_leaves_no_byte(data: bytes, problem: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        pictures.clean(data)
    assert refused.value.problems == {"pictures": problem}, why
