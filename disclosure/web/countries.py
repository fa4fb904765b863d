"""Countries for the lists of forms: codes with names in the visitor's language, from Babel."""

from __future__ import annotations

from functools import cache

from babel import Locale

from disclosure.protocol.values import Language


@cache
def countries(language: Language) -> tuple[tuple[str, str], ...]:
    """(ISO 3166-1 alpha-2, name), in the order of the alphabet of the language."""
    names = Locale.parse(str(language)).territories
    held = [(code, name) for code, name in names.items() if len(code) == 2 and code.isalpha() and code not in _NOT]  # noqa: PLR2004
    return tuple(sorted(held, key=lambda pair: pair[1]))


_NOT = frozenset({"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO", "AC", "CP", "DG", "EA", "IC", "TA", "CQ"})
