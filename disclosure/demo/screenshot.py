"""The picture that goes with the report on the pharmacies: what a careful reporter sends, all personal data masked."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

SIZE = (900, 620)
PAPER, CARD, INK, FAINT, MASK = "#dfe7ea", "#ffffff", "#17212b", "#6b7a83", "#000000"
# No accents: the font that Pillow carries has none, and sellers rarely type them.
LINES = (
    "FRANCE - clients de pharmacies, base complete",
    "~150 pharmacies - ~150 000 personnes",
    "email - mobile - fixe - adresse postale",
    "mutuelle - carte Vitale",
    "points - magasin - date d'adhesion",
)
ROWS, COLUMNS = 4, (60, 300, 470, 640)


def screenshot() -> bytes:
    """A PNG, the same at every call, with nothing in it but the picture."""
    picture = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    _title(draw)
    _message(draw)
    _sample(draw)
    draw.text((40, 575), "Exemple invente - capture caviardee par le declarant", font=_font(18), fill=FAINT)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _title(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((0, 0, SIZE[0], 70), fill=CARD)
    draw.ellipse((24, 13, 68, 57), fill=MASK)
    draw.rectangle((84, 16, 380, 36), fill=MASK)
    draw.text((84, 42), "canal public", font=_font(18), fill=FAINT)


def _message(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((40, 95, 860, 555), 14, fill=CARD)
    draw.rectangle((60, 112, 240, 130), fill=MASK)
    for number, line in enumerate(LINES):
        draw.text((60, 145 + 36 * number), line, font=_font(24 if number == 0 else 22), fill=INK)


def _sample(draw: ImageDraw.ImageDraw) -> None:
    """Where the seller's example lines stood: nothing is drawn there that could be uncovered."""
    for row in range(ROWS):
        top = 345 + 36 * row
        for left, right in zip(COLUMNS, (*COLUMNS[1:], 850), strict=True):
            draw.rectangle((left, top, right - 14, top + 24), fill=MASK)
    draw.rectangle((60, 505, 330, 527), fill=MASK)
    draw.text((790, 530), "11:42", font=_font(16), fill=FAINT)
