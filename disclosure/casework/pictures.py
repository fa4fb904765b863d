"""Pictures of strangers, decoded and written again by us: no metadata, no original, bounded work (R20, R45)."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from disclosure.protocol.errors import InvalidInput

logging.getLogger("PIL").setLevel(logging.WARNING)  # below it, Pillow logs what a file says of itself (R2)
MAX_PIXELS = 16_000_000  # 4,000 × 4,000: any screen's picture, and 64 MB decoded
MAX_SIDE = 10_000
_MAGIC = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}


@dataclass(frozen=True)
class Cleaned:
    media_type: str
    width: int
    height: int
    content: bytes


def clean(data: bytes) -> Cleaned:
    """The picture written again. InvalidInput {"pictures": code} for everything that is not PNG, JPEG or WebP."""
    kind = _kind(data)
    if kind is None:
        raise InvalidInput({"pictures": "not_a_picture"})
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as picture:
            if picture.width * picture.height > MAX_PIXELS or max(picture.size) > MAX_SIDE:
                raise InvalidInput({"pictures": "too_many_pixels"})
            picture.load()
            return _again(picture, kind)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # the library's own caps are above ours
        raise InvalidInput({"pictures": "too_many_pixels"}) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise InvalidInput({"pictures": "broken_picture"}) from None


def _kind(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


def _again(picture: Image.Image, kind: str) -> Cleaned:
    """Only the pixels go on: a fresh picture carries no profile, comment, thumbnail or position."""
    mode = "RGB" if kind == "JPEG" or picture.mode in {"RGB", "L", "CMYK", "YCbCr"} else "RGBA"
    pixels = picture.convert(mode)
    fresh = Image.new(mode, pixels.size)
    fresh.paste(pixels)
    out = io.BytesIO()
    if kind == "JPEG":
        fresh.save(out, "JPEG", quality=88)
        return Cleaned("image/jpeg", *fresh.size, out.getvalue())
    fresh.save(out, "PNG", optimize=False)
    return Cleaned("image/png", *fresh.size, out.getvalue())
