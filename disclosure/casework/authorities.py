"""Authorities and their channels as the operator knows them: nothing is sendable before a person confirmed it (R38)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Row, delete, insert, select, update

from disclosure.casework.office import Office
from disclosure.casework.words import AUTHORITY_ROLES, CONFIDENCES, short, sworn
from disclosure.openpgp.sandbox import judge_safely
from disclosure.protocol.authorities import Authority, AuthorityChannel, channel_id, is_old, sendable
from disclosure.protocol.errors import InvalidInput, NotFound, Refused
from disclosure.protocol.values import Address, Channel, Language
from disclosure.store.tables import confirmed_channels, coordinators
