"""Codenames: seven words that a French and an English speaker write down alike (R5).

The words are syllables of ours, consonant and vowel in turn; no dictionary, so nothing to mistranslate. 3,500 words and
more give over 80 bits in seven.
"""

from __future__ import annotations

import hashlib
import unicodedata
from itertools import product

WORDS_IN_CODENAME = 7
# No c, h, j, q, w, x, y: they sound or spell differently in the two languages; e is silent or accented in French.
_CONSONANTS = "bdfglmnprstvz"
_VOWELS = "aiou"
_ENDINGS = ("", "n", "r", "l", "s")
# Rude, sad or confusable in either language.
_BLOCKED = (
    "caca",
    "pipi",
    "zizi",
    "nazi",
    "nana",
    "tata",
    "zozo",
    "bobo",
    "dodo",
    "fufu",
    "bino",
    "pud",
    "tit",
    "fag",
    "nig",
    "putu",
    "puta",
    "sal",
    "mort",
)
_SYLLABLES = tuple(consonant + vowel for consonant, vowel in product(_CONSONANTS, _VOWELS))


def _words() -> tuple[str, ...]:
    made = (
        first + second + end for first, second, end in product(_SYLLABLES, _SYLLABLES, _ENDINGS[:2]) if first != second
    )
    return tuple(word for word in made if not any(part in word for part in _BLOCKED))


WORDS = _words()


def codename_of(secret: bytes) -> str:
    """Seven words, separated by blanks, from at least 16 random bytes: at least 80 bits, and always the same words.

    The digest is far longer than the words need, so the remainder leans to no word.
    """
    number = int.from_bytes(hashlib.sha512(secret).digest())
    picked = []
    for _ in range(WORDS_IN_CODENAME):
        number, place = divmod(number, len(WORDS))
        picked.append(WORDS[place])
    return " ".join(picked)


def normalised(text: str) -> str:
    """What a person typed: case, accents, dashes and blanks forgiven."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return " ".join("".join(char if char.isalpha() else " " for char in plain).split())


def echoes(codename_hash: str, text: str, hash_of) -> bool:  # type: ignore[no-untyped-def]
    """Whether seven words in a row of ``text`` are the codename itself (R5: such a message is refused)."""
    words = normalised(text).split()
    runs = (" ".join(words[i : i + WORDS_IN_CODENAME]) for i in range(len(words) - WORDS_IN_CODENAME + 1))
    return any(hash_of(run) == codename_hash for run in runs)
