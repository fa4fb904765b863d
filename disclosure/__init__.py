"""The alert server, from the form to the authorities.

protocol    the rules, pure: values, events, the fold, the ladder, routing, the chain
discovery   a domain's security contacts, with evidence
openpgp     judging certificates and signatures, writing ciphertext
mail        composing, PGP/MIME, the relay
store       what lasts: ledger, outbox, deadlines, sealed content
casework    one module per actor or job; the only place where the others meet
web         Flask, one blueprint per audience
worker      the ticker; serve: parent of web and worker; cli and commands: the ``disclosure`` command
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from disclosure.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The one composition point. Without settings: those of DISCLOSURE_INSTANCE and the environment."""
    # While modules are loaded nothing becomes garbage; looking for it all the same is an eighth of the start.
    gc.disable()
    try:
        # Imported here: a test of the rules, or ``import disclosure.protocol``, must not load Flask and SQLAlchemy.
        from disclosure.web.factory import build  # noqa: PLC0415

        return build(settings)
    finally:
        gc.enable()
