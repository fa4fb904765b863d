"""The coordinators' desk: one module per thing on it. A GET shows; a POST with its token acts, then redirects."""

from __future__ import annotations

from disclosure.web.desk import (
    acts,
    approvals,
    authorities,
    cases,
    certificates,
    contacts,
    inbox,
    incoming,
    mailbox,
    mails,
    notices,
    outgoing,
    policy,
    publications,
    reports,
    signin,
)
from disclosure.web.desk.frame import blueprint

__all__ = [
    "acts",
    "approvals",
    "authorities",
    "blueprint",
    "cases",
    "certificates",
    "contacts",
    "inbox",
    "incoming",
    "mailbox",
    "mails",
    "notices",
    "outgoing",
    "policy",
    "publications",
    "reports",
    "signin",
]
